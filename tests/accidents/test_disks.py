"""A full disk or a read-only folder gives an error message and status 2, and earlier files stay."""

import pytest

from landmark_fer.artifact.artifact import load_artifact
from tests.accidents.children import LIVE, QUICK, fill, read_only, refusal, run, small_disk
from tests.selection import slow


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def command(tmp_path, session_cache):
    """Run a command in the folder of the test, with the cache of the test session."""
    return lambda *words, **options: run(*words, **({"cache": session_cache, "cwd": tmp_path} | options))


@pytest.mark.slow
def test_fit_reports_a_full_disk_for_the_model(command, lfw_csv, tmp_path):
    with small_disk(tmp_path / "disk", size_kb=3000) as disk:
        assert command("fit", "--data", lfw_csv, *QUICK, "--out", disk / "model").returncode == 0
        before = contents(disk / "model")
        fill(disk)
        sentence = refusal(command("fit", "--data", lfw_csv, *QUICK, "--seed", "5", "--out", disk / "model"))
        assert "could not be written (No space left on device)" in sentence and "earlier artifact" in sentence
        assert contents(disk / "model") == before and load_artifact(disk / "model").manifest["seed"] == 0
        assert sorted(path.name for path in disk.iterdir()) == ["filler", "model"]
        (disk / "filler").unlink()
        assert command("fit", "--data", lfw_csv, *QUICK, "--seed", "5", "--out", disk / "model").returncode == 0
        assert load_artifact(disk / "model").manifest["seed"] == 5


@pytest.mark.slow
def test_fit_reports_a_full_disk_for_the_cache(command, lfw_csv, tmp_path):
    with small_disk(tmp_path / "disk", size_kb=100) as disk:
        sentence = refusal(command("fit", "--data", lfw_csv, *QUICK, "--out", "model", cache=disk))
    assert "cannot be written (No space left on device)" in sentence and "LANDMARK_FER_CACHE" in sentence
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("option", [("--log", "log.csv"), *slow(("--log", "log.jsonl"), ("--summary", "page.html"))])
def test_live_reports_a_full_disk_for_logs_and_summaries(command, tmp_path, option):
    with small_disk(tmp_path / "disk", size_kb=64) as disk:
        if option[0] == "--summary":
            (disk / option[1]).write_text("what stood here\n")
        fill(disk)
        sentence = refusal(command(*LIVE, option[0], disk / option[1]))
        assert option[1] in sentence and "No space left on device" in sentence
        if option[0] == "--summary":
            assert (disk / option[1]).read_text() == "what stood here\n"


def test_live_reports_a_full_disk_for_the_recording(command, tmp_path):
    with small_disk(tmp_path / "disk", size_kb=64) as disk:
        fill(disk)
        assert "clip.avi" in refusal(command(*LIVE, "--record", disk / "clip.avi"))


@pytest.mark.parametrize("option", [("--json", "scores.json"), *slow(("--predictions", "faces.csv"))])
def test_evaluate_reports_a_full_disk(command, lfw_csv, lfw_model, tmp_path, option):
    with small_disk(tmp_path / "disk", size_kb=64) as disk:
        fill(disk)
        words = ("evaluate", "--model", lfw_model.path, "--data", lfw_csv, "--jobs", "1")
        sentence = refusal(command(*words, option[0], disk / option[1]))
    assert "could not be written (No space left on device)" in sentence


@pytest.mark.slow
def test_a_read_only_folder_is_reported(command, lfw_csv, tmp_path):
    with read_only(tmp_path / "fixed") as fixed:
        sentence = refusal(command("fit", "--data", "none.csv", *QUICK, "--out", fixed / "model"))
        assert "cannot be created" in sentence or "could not be written" in sentence
        assert "choose another --out" in sentence
        sentence = refusal(command("fit", "--data", lfw_csv, *QUICK, "--out", "model", cache=fixed / "cache"))
        assert "LANDMARK_FER_CACHE" in sentence
        for option, name in (("--log", "log.csv"), ("--record", "clip.avi"), ("--summary", "page.html")):
            assert name in refusal(command(*LIVE, option, fixed / name))
        sentence = refusal(command("evaluate", "--data", lfw_csv, "--json", fixed / "scores.json", "--jobs", "1"))
        assert "scores.json" in sentence
        assert list(fixed.iterdir()) == []
