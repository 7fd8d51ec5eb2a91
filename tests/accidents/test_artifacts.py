"""Artifacts whose files are damaged, exchanged or taken away: a sentence, or the same answers as before."""

import pytest

from tests.accidents.artifacts import ORDER
from tests.accidents.fuzzing import fuzz

CASES = {"joblib": 150, "skops": 120, "onnx": 120, "network": 100}  # a case takes tens of milliseconds


@pytest.mark.slow
@pytest.mark.parametrize("kind", ORDER)
def test_a_damaged_artifact_gives_the_same_answers_or_a_sentence(kind, whole_artifacts, tmp_path, monkeypatch):
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "whole").symlink_to(whole_artifacts, target_is_directory=True)
    told = fuzz(f"artifact-{kind}", tmp_path, cases=CASES[kind])
    assert told["n_wrong"] == 0, "\n".join(f"case {each['case']}: {each['error']}" for each in told["wrong"])
    assert told["sentences"] > told["results"] > 0
