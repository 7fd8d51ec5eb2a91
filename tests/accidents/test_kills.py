"""After a killed fit, or two fits into one folder, the old or the new artifact is intact and the next run works."""

import os
import signal
import subprocess
import threading
import time

import numpy as np
import pytest

from landmark_fer.artifact.artifact import load_artifact, save_artifact
from landmark_fer.core import files
from landmark_fer.core.files import LEFTOVER_S
from landmark_fer.fit.__main__ import main
from tests.accidents.children import DYING, PATIENCE_S, QUICK, command, environment, run
from tests.conftest import made_up_faces
from tests.selection import slow

# The call at whose beginning the process dies, which call it is, and the seed of the artifact that stands there then.
STAGES = {
    "extraction": ("landmark_fer.perception.extraction:FaceExtractor.extract_crop", 30, 1),
    "second fold": ("landmark_fer.models.ls_svm:LeastSquaresSVM.fit", 2, 1),
    "last fit": ("landmark_fer.models.ls_svm:LeastSquaresSVM.fit", 4, 1),
    "before the model is written": ("joblib:dump", 1, 1),
    "after the model is written": ("landmark_fer.artifact.artifact:probe_predictions", 1, 1),
    "before the exchange": ("landmark_fer.core.files:_exchange", 1, 1),
    "before the measured faces are moved": ("pathlib:Path.rename", 1, 1),
    "before the first rename": ("pathlib:Path.rename", 2, 1),
    "between the renames": ("pathlib:Path.rename", 3, 1),
    "after the renames": ("landmark_fer.fit.__main__:_write_report", 1, 2),
}


@pytest.fixture(scope="module")
def predictions(tmp_path_factory, session_cache, lfw_csv):
    """Return the predictions of the models of two seeds for the same faces, by seed, and the folder of the first."""
    records, found, folder = made_up_faces(4)[0], {}, tmp_path_factory.mktemp("seeds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDMARK_FER_CACHE", str(session_cache))
        for seed in (1, 2):
            out = folder / str(seed)
            assert main(["--data", str(lfw_csv), *QUICK, "--seed", str(seed), "--out", str(out)]) == 0
            found[seed] = load_artifact(out).predictor.predict_proba(records)
    return records, found, folder / "1"


def check(path, predictions, seeds):
    """Assert that an artifact is complete and of one of these seeds; return the seed."""
    artifact = load_artifact(path)
    seed = artifact.manifest["seed"]
    np.testing.assert_allclose(artifact.predictor.predict_proba(predictions[0]), predictions[1][seed], atol=1e-6)
    assert seed in seeds
    return seed


def first_artifact(path, predictions):
    folder = predictions[2]
    old = load_artifact(folder)
    facts = {name: value for name, value in old.manifest.items() if name not in ("versions", "model", "probe")}
    save_artifact(path, old.predictor, facts)


@pytest.mark.parametrize("stage", ["last fit", *slow(*(stage for stage in STAGES if stage != "last fit"))])
def test_a_killed_fit_leaves_a_valid_artifact_and_the_next_run_works(
    stage, predictions, lfw_csv, tmp_path, monkeypatch
):
    place, number, seed = STAGES[stage]
    first_artifact(tmp_path / "model", predictions)
    words = ["--data", str(lfw_csv), *QUICK, "--seed", "2", "--out", str(tmp_path / "model")]
    done = run(place, number, *words, code=DYING, cache=tmp_path / "cache", cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL, (stage, done.returncode, done.stderr)
    assert check(tmp_path / "model", predictions, {1, 2}) == seed
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path / "cache"))
    assert main(words) == 0
    assert check(tmp_path / "model", predictions, {2}) == 2


def test_leftovers_of_killed_runs_are_removed_after_a_day(predictions, tmp_path):
    ages_s = {".new-00000001-model": LEFTOVER_S + 60, ".new-00000002-model": 60, ".new-00000003-other": 2e6}
    for name, age_s in ages_s.items():
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    first_artifact(tmp_path / "model", predictions)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new-00000002-model", ".new-00000003-other", "model"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="the system has no process groups")
def test_a_kill_at_any_moment_leaves_no_process_behind(predictions, lfw_csv, tmp_path):
    words = [*QUICK[:-1], "2", "--seed", "2", "--out", tmp_path / "model", "--data", lfw_csv]
    first_artifact(tmp_path / "model", predictions)
    for seconds in (1.0, 4.0):
        begun = subprocess.Popen(
            command("fit", *words), env=environment(tmp_path / "cache"), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(seconds)
        begun.kill()
        begun.wait()
        check(tmp_path / "model", predictions, {1, 2})
        end = time.monotonic() + PATIENCE_S
        while group_lives(begun.pid):
            assert time.monotonic() < end, "workers of a killed fit live on"
            time.sleep(0.2)


def group_lives(number):
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_concurrent_fits_share_one_output_folder(predictions, lfw_csv, tmp_path):
    """Both succeed with one cache, and the folder holds the model of one of them."""
    running = [
        subprocess.Popen(
            command("fit", "--data", lfw_csv, *QUICK, "--seed", seed, "--out", tmp_path / "model"),
            env=environment(tmp_path / "cache"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for seed in (1, 2)
    ]  # fmt: skip
    for each in running:
        _, error = each.communicate(timeout=PATIENCE_S)
        assert each.returncode == 0, error
    check(tmp_path / "model", predictions, {1, 2})
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("in_one_step", [True, False], ids=["exchanged", "renamed twice"])
def test_concurrent_writers_and_a_reader_share_one_folder(in_one_step, predictions, tmp_path, monkeypatch):
    """Also on systems that cannot exchange two folders atomically."""
    if not in_one_step:
        monkeypatch.setattr(files, "_exchange", lambda *paths: False)
    failures, ended = [], threading.Event()

    def write():
        try:
            for _ in range(12):
                first_artifact(tmp_path / "model", predictions)
        except Exception as error:
            failures.append(error)

    def read():
        while not ended.is_set():
            try:
                check(tmp_path / "model", predictions, {1})
            except Exception as error:
                failures.append(error)

    first_artifact(tmp_path / "model", predictions)
    writers, reader = [threading.Thread(target=write) for _ in range(3)], threading.Thread(target=read)
    for each in (*writers, reader):
        each.start()
    for each in writers:
        each.join()
    ended.set()
    reader.join()
    assert failures == []
    check(tmp_path / "model", predictions, {1})
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
