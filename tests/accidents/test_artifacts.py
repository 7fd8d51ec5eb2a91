"""Artifacts whose files are damaged, exchanged or removed give an error message or the same predictions."""

import pytest

from tests.accidents.artifacts import ORDER
from tests.accidents.fuzzing import fuzz, run_cases

CASES = {"joblib": 150, "skops": 120, "onnx": 120, "network": 100}  # a case takes tens of milliseconds


@pytest.fixture
def folder(whole_artifacts, tmp_path, monkeypatch):
    """A folder with the valid artifacts, into which the cases are written."""
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "whole").symlink_to(whole_artifacts, target_is_directory=True)
    return tmp_path


def test_ten_damaged_artifacts_give_the_same_predictions_or_an_error_message(folder):
    report = run_cases("artifact-joblib", folder, cases=10)
    assert report["n_wrong"] == 0 and report["sentences"] + report["results"] == 10, report["wrong"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ORDER)
def test_a_damaged_artifact_gives_the_same_predictions_or_an_error_message(kind, folder):
    report = fuzz(f"artifact-{kind}", folder, cases=CASES[kind])
    assert report["n_wrong"] == 0, "\n".join(f"case {each['case']}: {each['error']}" for each in report["wrong"])
    assert report["sentences"] > report["results"] > 0
