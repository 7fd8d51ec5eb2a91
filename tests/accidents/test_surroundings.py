"""Environments of a command: locales, file names, closed pipes, no home, a lost camera, a clock that is set."""

import csv
import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.core import files
from landmark_fer.live import __main__ as live
from landmark_fer.live.sources import live_source
from landmark_fer.live.sources.live_source import LiveSource
from tests.accidents.children import LIVE, QUICK, command, environment, refusal, run
from tests.selection import slow

AWKWARD = "dätä ördner ☃ (1)"
FITTING = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # nothing but ASCII, and no help of Python's
IN_LOCALE = """
import locale, runpy, sys
locale.setlocale(locale.LC_ALL, "")
sys.argv = sys.argv[1:]
runpy.run_module(f"landmark_fer.{sys.argv[0]}", run_name="__main__")
"""


def locales():
    """The locales of the system, by the names in its list (``de_DE.utf8``)."""
    if shutil.which("locale") is None:
        return set()
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    return {name.lower().replace("utf-8", "utf8") for name in listed.split()}


@pytest.fixture(scope="module")
def awkward(tmp_path_factory, lfw_csv):
    """A folder and a csv in it, whose names have a space, brackets, umlauts and a snowman."""
    folder = tmp_path_factory.mktemp("names") / AWKWARD
    folder.mkdir()
    shutil.copy(lfw_csv, folder / f"{AWKWARD}.csv")
    return folder


@pytest.mark.parametrize("name", ["C", *slow("de_DE.UTF-8", "tr_TR.UTF-8")])
def test_commands_run_under_any_locale(name, awkward, lfw_model, session_cache, tmp_path):
    if name.lower().replace("utf-8", "utf8") not in locales() | {"c"}:
        pytest.skip(f"the locale {name} is not installed")
    options = {"cache": session_cache, "cwd": awkward, "code": IN_LOCALE, "changes": FITTING | {"LC_ALL": name}}
    data, model, log = awkward / f"{AWKWARD}.csv", tmp_path / "mödel ☃", tmp_path / "lög ☃.csv"
    if name != "C":
        shutil.copytree(lfw_model.path, model)
    for words in (
        ("fit", "--data", data, *QUICK, "--out", model) if name == "C" else ("__main__",),
        ("evaluate", "--model", model, "--data", data, "--jobs", "1", "--predictions", tmp_path / "wörter.csv"),
        (*LIVE, "--model", model, "--log", log),
    ):
        done = run(*words, **options)
        assert done.returncode == 0 and "Traceback" not in done.stderr, (words[0], done.stderr)
    assert load_artifact(model).manifest["data"]["source"] == (data.name if name == "C" else "lfw.csv")
    rows = list(csv.DictReader(log.read_text(encoding="utf-8").splitlines()))
    assert rows and all(0 <= float(row["confidence"]) <= 1 for row in rows)
    scores = list(csv.DictReader((tmp_path / "wörter.csv").read_text(encoding="utf-8").splitlines()))
    assert len(scores) == 60


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
@pytest.mark.slow
def test_undecodable_file_names_are_supported(lfw_csv, session_cache, tmp_path):
    data, model = os.fsencode(tmp_path) + b"/caf\xe9.csv", os.fsencode(tmp_path) + b"/mod\xe8le"
    shutil.copy(lfw_csv, data)
    words = ("fit", "--data", os.fsdecode(data), *QUICK, "--out", os.fsdecode(model))
    done = run(*words, cache=session_cache, cwd=tmp_path)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    done = run(*LIVE, "--model", os.fsdecode(model), cache=session_cache, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "caf" in load_artifact(os.fsdecode(model)).manifest["data"]["source"]
    assert "caf" in refusal(run("fit", "--data", os.fsdecode(data) + "x", *QUICK, cache=session_cache, cwd=tmp_path))


class TestClosedOutput:
    @pytest.mark.parametrize(
        ("words", "unbuffered"),
        [
            (("__main__",), None),
            (("__main__",), "1"),
            (LIVE, None),
            pytest.param(("fit", *QUICK, "--data"), "1", marks=pytest.mark.slow),
        ],
    )
    def test_a_closed_pipe_ends_a_command_quietly(self, words, unbuffered, lfw_csv, session_cache, tmp_path):
        """As with ``| head``: status 141, which shells use for SIGPIPE."""
        words = (*words, lfw_csv) if words[-1] == "--data" else words
        reading, writing = os.pipe()
        os.close(reading)
        options = {"stdout": writing, "stderr": subprocess.PIPE, "changes": {"PYTHONUNBUFFERED": unbuffered}}
        done = run(*words, cache=session_cache, cwd=tmp_path, **options)
        os.close(writing)
        assert done.returncode == 141 and "Traceback" not in done.stderr and "Broken" not in done.stderr, done.stderr

    def test_a_reader_that_closes_early_ends_a_command_quietly(self, session_cache, tmp_path):
        begun = subprocess.Popen(
            command(*LIVE), env=environment(session_cache), cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert "expression" in begun.stdout.readline()
        begun.stdout.close()
        error = begun.stderr.read()
        assert begun.wait() == 141 and "Traceback" not in error and "Exception" not in error

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
    def test_a_full_disk_under_stdout_is_reported(self, session_cache, tmp_path):
        with open("/dev/full", "w") as full:
            done = run(*LIVE, cache=session_cache, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE)
        assert "stdout cannot be written (No space left on device)" in refusal(done)

    @pytest.mark.skipif(os.name != "posix", reason="closes file descriptors with a shell")
    @pytest.mark.parametrize("closed", [*slow("<&-", ">&-", "2>&-"), "<&- >&- 2>&-"])
    def test_closed_standard_streams_are_accepted(self, closed, session_cache, tmp_path):
        shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *command(*LIVE, "--log", "log.csv")]
        done = subprocess.run(shell, env=environment(session_cache), cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        assert (tmp_path / "log.csv").read_text().startswith("frame,")
        shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *command("live", "--source", "none", "--headless")]
        assert subprocess.run(shell, env=environment(session_cache), cwd=tmp_path, capture_output=True).returncode == 2


class TestNoHome:
    @pytest.mark.slow
    def test_a_missing_home_is_no_error(self, lfw_csv, session_cache, tmp_path):
        changes = {"HOME": str(tmp_path / "none"), "XDG_CACHE_HOME": None, "MPLCONFIGDIR": None}
        done = run(*LIVE, cache=session_cache, cwd=tmp_path, changes=changes)
        assert done.returncode == 0, done.stderr
        done = run("fit", "--data", lfw_csv, *QUICK, cache=session_cache, cwd=tmp_path, changes=changes)
        assert done.returncode == 0, done.stderr

    def test_an_unwritable_home_folder_is_reported(self, lfw_csv, tmp_path):
        """An installed package has its cache in the home folder."""
        (tmp_path / "file").touch()
        code = (
            "import sys; from landmark_fer.core import files; files.checkout_folder = lambda: None;"
            "from landmark_fer.fit.__main__ import main; sys.exit(main(sys.argv[1:]))"
        )
        changes = {"HOME": str(tmp_path / "file"), "LANDMARK_FER_CACHE": None}
        done = run("--data", lfw_csv, *QUICK, code=code, cache="", cwd=tmp_path, changes=changes)
        assert "LANDMARK_FER_CACHE" in refusal(done)

    def test_without_a_home_folder_the_message_names_the_cache_variable(self, monkeypatch):
        monkeypatch.delenv("LANDMARK_FER_CACHE", raising=False)
        monkeypatch.setattr(files, "checkout_folder", lambda: None)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
        with pytest.raises(files.SinkError, match="LANDMARK_FER_CACHE"):
            files.cache_folder()


class LostCamera:
    """A capture that returns its image a few times and then fails until it is reopened."""

    opened = 0

    def __init__(self, image, images=4):
        self.left, self.image = images, image
        LostCamera.opened += 1

    def isOpened(self):
        return True

    def get(self, _):
        return 0.0

    def read(self):
        self.left -= 1
        time.sleep(0.02)
        return self.left >= 0, self.image.copy() if self.left >= 0 else None

    def release(self):
        self.left = 0


def test_live_continues_after_a_lost_camera_and_a_clock_set_back(astronaut, lfw_model, tmp_path, monkeypatch):
    """The wall clock steps an hour back for each image, and every fifth read fails."""
    clock = SimpleNamespace(now=1.7e9)

    def back():
        clock.now -= 3600
        return clock.now

    monkeypatch.setattr(live_source, "time", SimpleNamespace(monotonic=time.monotonic, time=back))
    image = np.ascontiguousarray(astronaut[30:230, 120:320, ::-1])
    LostCamera.opened = 0
    monkeypatch.setattr(
        "landmark_fer.live.sources.opening.open_source",
        lambda _: LiveSource("camera 0", lambda: LostCamera(image), hint="", pauses_s=(0.01,)),
    )
    log = tmp_path / "log.csv"
    words = ["--headless", "--max-frames", "12", "--log", str(log), "--model", str(lfw_model.path), "--source", "0"]
    assert live.main(words) == 0 and LostCamera.opened >= 3
    rows = list(csv.DictReader(log.read_text().splitlines()))
    times = [float(row["time_s"]) for row in rows]
    walls = [row["wall_time"] for row in rows]
    assert len(rows) >= 10 and times == sorted(times) and walls == sorted(walls, reverse=True)
    assert {row["track_id"] for row in rows} == {"1"}
