"""Artifacts whose files are damaged, exchanged or removed give an error message or the same predictions."""

import pytest

from tests.accidents.artifacts import ORDER
from tests.accidents.fuzzing import fuzz, run_cases

CASES = {"joblib": 150, "skops": 120, "onnx": 120, "network": 100, "ensemble": 150}  # a case takes tens of milliseconds


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path / "cache"))


def test_ten_damaged_ensembles_give_the_same_predictions_or_an_error_message(few_artifacts, tmp_path):
    (tmp_path / "whole").symlink_to(few_artifacts, target_is_directory=True)
    (report,) = run_cases(["artifact-ensemble"], tmp_path, cases=10)
    assert report["n_wrong"] == 0 and report["sentences"] + report["results"] == 10, report["wrong"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ORDER)
def test_a_damaged_artifact_gives_the_same_predictions_or_an_error_message(kind, whole_artifacts, tmp_path):
    (tmp_path / "whole").symlink_to(whole_artifacts, target_is_directory=True)
    report = fuzz(f"artifact-{kind}", tmp_path, cases=CASES[kind])
    assert report["n_wrong"] == 0, "\n".join(f"case {each['case']}: {each['error']}" for each in report["wrong"])
    assert report["sentences"] > report["results"] > 0
