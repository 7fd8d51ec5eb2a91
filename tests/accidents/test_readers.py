"""A thousand damaged files per reader: each gives a result or an error message, never a traceback, hang or crash."""

import pytest

from tests.accidents.fuzzing import fuzz, run_cases

# Readers that take anything for a result (damage in EXIF is passed over), or whose every damage is found.
NO_SENTENCES, NO_RESULTS = {"exif"}, {"csv.gz"}

NAMES = (
    "jpeg", "png", "webp", "bmp", "tiff", "gif", "ppm", "tiff-packed", "progressive", "wide", "moving", "exif",
    "csv", "csv.gz", "zip", "npz", "npz-as-data", "sidecar", "votes", "tables", "spans", "manifest", "baseline",
    "onnx",
)  # fmt: skip


def test_every_reader_has_a_fuzzing_target():
    from tests.accidents.targets import ARTIFACT_TARGETS, TARGETS

    assert set(NAMES) == set(TARGETS) - set(ARTIFACT_TARGETS)


def test_thirty_damaged_files_give_results_or_error_messages(tmp_path):
    for report in run_cases(["jpeg", "csv", "manifest", "baseline"], tmp_path, cases=30):
        assert report["n_wrong"] == 0, "\n".join(f"case {each['case']}: {each['error']}" for each in report["wrong"])
        assert report["sentences"] and report["results"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_give_results_or_error_messages(name, tmp_path):
    report = fuzz(name, tmp_path)
    assert report["n_wrong"] == 0, "\n".join(f"case {each['case']}: {each['error']}" for each in report["wrong"])
    assert report["sentences"] or name in NO_SENTENCES
    assert report["results"] or name in NO_RESULTS
