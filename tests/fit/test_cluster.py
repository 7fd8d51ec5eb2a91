"""A Dask cluster of separate processes on loopback: same results as without, also when workers are lost."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import joblib
import numpy as np
import pytest

from landmark_fer.artifact.artifact import load_artifact, read_manifest
from landmark_fer.core.errors import DependencyError, InputError, LandmarkFerError
from landmark_fer.datasets.base import Item
from landmark_fer.datasets.extraction_cache import build_dataset
from landmark_fer.evaluation.cross_validation import cross_validate_candidates, make_folds
from landmark_fer.evaluation.search import search_candidates
from landmark_fer.fit import cluster
from landmark_fer.fit.__main__ import main
from landmark_fer.fit.cluster import computing_on
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_faces

pytest.importorskip("distributed")

ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")]),
    "OMP_NUM_THREADS": "1",
}
PACKED = 4  # times the faces, so that there is a middle to kill a worker in


def started(*words):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", *map(str, words)], env=ENVIRONMENT, **quiet)


def add_worker(address):
    options = ("--nthreads", 1, "--no-nanny", "--no-dashboard", "--death-timeout", 60)
    return started("distributed.cli.dask_worker", address, *options)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A scheduler and two workers."""
    file = tmp_path_factory.mktemp("cluster") / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    processes = [started("distributed.cli.dask_scheduler", *words)]
    while not file.is_file() or not file.read_text():
        assert processes[0].poll() is None
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]
    processes += [add_worker(address) for _ in range(2)]
    yield SimpleNamespace(address=address, processes=processes)
    for process in processes:
        process.kill()
        process.wait()


class Reader:
    """Crops with file names, as pixels."""

    cropped, name = True, "crops"

    def __init__(self, faces, fingerprint="crops"):
        self.faces, self._fingerprint = faces, fingerprint

    def fingerprint(self):
        return self._fingerprint

    def __len__(self):
        return len(self.faces)

    def items(self):
        for place, face in enumerate(self.faces):
            yield Item(f"face {place}", expression="happy", image=face)


def contents(dataset):
    names = ("records", "expressions", "names", "rows", "detector_scores")
    return [np.asarray(getattr(dataset, name)).tobytes() for name in names]


@contextlib.contextmanager
def one_killed_at_work(running):
    """Add a worker; inside, one of the old ones is killed as soon as it has a task."""
    from distributed import Client

    running.processes.append(add_worker(running.address))
    victim = running.processes.pop(1)
    with Client(running.address, set_as_default=False) as client:
        client.wait_for_workers(3, timeout=120)
        (address,) = [address for address, pid in client.run(os.getpid).items() if pid == victim.pid]

        def wait_and_kill():
            while not client.processing().get(address):
                time.sleep(0.005)
            os.kill(victim.pid, signal.SIGKILL)

        killer = threading.Thread(target=wait_and_kill)
        killer.start()
        yield
        killer.join()
    assert victim.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_extraction_gives_the_same_bytes_though_a_worker_is_killed(running, lfw_crops, tmp_path, monkeypatch):
    from landmark_fer.datasets import extraction

    monkeypatch.setattr(extraction, "CHUNK", 4)
    many = np.concatenate([lfw_crops] * PACKED)
    local = build_dataset(Reader(many), jobs=2, cache=tmp_path / "local", progress=False)
    with one_killed_at_work(running), computing_on(running.address) as jobs:
        there = build_dataset(Reader(many), jobs=jobs, cache=tmp_path / "cluster", progress=False)
    assert contents(there) == contents(local)
    assert there.problems == local.problems == []


@pytest.mark.slow
def test_files_are_sent_as_bytes_and_unreadable_ones_left_out(running, lfw_crops, tmp_path):
    from PIL import Image

    for place, face in enumerate(lfw_crops[:3]):
        Image.fromarray(face).save(tmp_path / f"{place}.png")

    class Files(Reader):
        def items(self):
            for name in ("0.png", "gone.png", "1.png", "2.png"):
                yield Item(name, expression="happy", image=tmp_path / name)

    local = build_dataset(Files(lfw_crops[:4]), jobs=1, cache=tmp_path / "local", progress=False)
    with computing_on(running.address) as jobs:
        there = build_dataset(Files(lfw_crops[:4]), jobs=jobs, cache=tmp_path / "cluster", progress=False)
    assert contents(there) == contents(local)
    assert there.rows.tolist() == [0, 2, 3] and len(there.problems) == 1 and "gone.png" in there.problems[0]


@pytest.mark.slow
def test_cross_validation_gives_the_same_predictions_though_a_worker_is_killed(running):
    records, expressions = made_up_faces(60)  # records of more than a megabyte, which are sent apart
    classes = ("happy", "sad", "surprise")
    candidates = make_candidates(["ls_svm", "sgd"], features="geometry")
    folds = make_folds(expressions, np.arange(len(expressions)), n_folds=5)
    options = {"random_state": 0, "bar": False}
    local = cross_validate_candidates(candidates, records, expressions, folds, classes, jobs=2, **options)
    with one_killed_at_work(running), computing_on(running.address) as jobs:
        there = cross_validate_candidates(candidates, records, expressions, folds, classes, jobs=jobs, **options)
    for name in candidates:
        np.testing.assert_array_equal(there[name].probabilities, local[name].probabilities)


@pytest.mark.slow
def test_a_search_gives_the_same_result(running):
    records, expressions = made_up_faces(20)
    candidates = make_candidates(["ls_svm"], features="geometry")
    faces = records, expressions, np.arange(len(records)), ("happy", "sad", "surprise")
    options = {"n_folds": 3, "n_settings": 3, "bar": False}
    local = search_candidates(candidates, *faces, jobs=2, **options)
    with computing_on(running.address) as jobs:
        there = search_candidates(candidates, *faces, jobs=jobs, **options)
    assert repr(there.best["ls_svm"].pipeline) == repr(local.best["ls_svm"].pipeline)
    assert [row["accuracy"] for row in there.rows] == [row["accuracy"] for row in local.rows]


@pytest.mark.slow
def test_the_command_fits_the_same_model(running, lfw_csv, tmp_path, monkeypatch):
    records, _ = made_up_faces(3)
    words = ["--data", str(lfw_csv), "--models", "dummy,ls_svm", "--features", "geometry", "--folds", "3"]
    for name, more in (("local", ["--jobs", "2"]), ("there", ["--cluster", running.address])):
        monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path / f"cache of {name}"))
        assert main([*words, *more, "--report", "none", "--out", str(tmp_path / name)]) == 0
    here, there = (load_artifact(tmp_path / name) for name in ("local", "there"))
    np.testing.assert_array_equal(there.predictor.predict_proba(records), here.predictor.predict_proba(records))
    scores = [read_manifest(tmp_path / name)["scores"] for name in ("local", "there")]
    assert scores[0] == scores[1]


@pytest.mark.slow
def test_errors_of_tasks_are_raised_unchanged(running):
    def fails(number):
        raise InputError(f"number must not be {number}")

    with computing_on(running.address) as jobs, pytest.raises(InputError, match="number must not be 3"):
        joblib.Parallel(n_jobs=jobs)(joblib.delayed(fails)(number) for number in (3, 3))


@pytest.mark.slow
def test_work_without_jobs_runs_in_this_process(running):
    with computing_on(running.address) as jobs:
        assert jobs >= 2
        assert set(joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(3))) == {os.getpid()}
        assert os.getpid() not in joblib.Parallel(n_jobs=jobs)(joblib.delayed(os.getpid)() for _ in range(3))


def test_large_arrays_are_sent_separately_from_any_container():
    from landmark_fer.fit.cluster_backend import packed, unpacked

    large = np.arange(2**18, dtype=np.float64)
    payload, arrays = packed([("f", (large, [large]), {"small": np.arange(3), "deep": {"x": large[::2]}})])
    assert [array is large for array in arrays] == [True, False] and len(payload) < 10_000
    ((_, (first, (second,)), options),) = unpacked(payload, arrays)
    assert first is second is large
    np.testing.assert_array_equal(options["deep"]["x"], large[::2])


@pytest.mark.slow
def test_a_worker_with_other_versions_is_named(running, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "0.0.1")
    sentence = r"got tcp://.* with landmark_fer .* instead of 0\.0\.1; install the same"
    with pytest.raises(DependencyError, match=sentence), computing_on(running.address):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "http://127.0.0.1:80", "tcp://somewhere", "here", ""])
def test_malformed_addresses_are_refused(address):
    sentence = "--cluster must be local or the address of a scheduler"
    with pytest.raises(InputError, match=sentence), computing_on(address):
        pass


def test_a_missing_scheduler_is_reported(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        assert main(["--cluster", address, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert f"error: no scheduler responds at {address}; start one with 'dask scheduler'" in error
    assert "Traceback" not in error


def test_missing_dask_is_reported_with_the_command_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    sentence = r"pip install -r requirements-cluster\.txt"
    with pytest.raises(DependencyError, match=sentence), computing_on("local"):
        pass


@pytest.mark.slow
def test_a_lost_scheduler_is_reported(tmp_path):
    file = tmp_path / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    scheduler = started("distributed.cli.dask_scheduler", *words)
    while not file.is_file() or not file.read_text():
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]
    worker = add_worker(address)
    try:
        with pytest.raises(LandmarkFerError, match=r"was lost .* start it again"), computing_on(address) as jobs:
            results = joblib.Parallel(n_jobs=jobs, return_as="generator")(
                joblib.delayed(time.sleep)(0.3) for _ in range(200)
            )
            next(results)
            scheduler.kill()
            list(results)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_local_cluster_starts_and_ends(lfw_crops, tmp_path):
    local = build_dataset(Reader(lfw_crops[:6]), jobs=1, cache=tmp_path / "local", progress=False)
    with computing_on("local", 2) as jobs:
        assert jobs == 2
        there = build_dataset(Reader(lfw_crops[:6]), jobs=jobs, cache=tmp_path / "cluster", progress=False)
        pids = set(joblib.Parallel(n_jobs=jobs)(joblib.delayed(os.getpid)() for _ in range(6)))
    assert contents(there) == contents(local)
    assert all(not os.path.exists(f"/proc/{pid}") for pid in pids)
