"""Commands in separate processes, and small or read-only disks."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.accidents.fuzzing import ROOT

PATIENCE_S = 900.0  # on a machine that does much else; nothing here takes longer than seconds
QUICK = ("--models", "ls_svm", "--features", "geometry", "--folds", "3", "--report", "none", "--jobs", "1")
LIVE = ("live", "--source", "demo", "--headless", "--max-frames", "3")

# Dies by itself, as by kill -9, when the n-th call of a function begins; {} in what follows are filled in.
DYING = """
import importlib, os, sys
place, number, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
module, _, path = place.partition(":")
*owners, name = path.split(".")
owner = importlib.import_module(module)
for each in owners:
    owner = getattr(owner, each)
original, calls = getattr(owner, name), []
def dying(*given, **named):
    calls.append(given)
    if len(calls) == number:
        os.kill(os.getpid(), 9)
    return original(*given, **named)
setattr(owner, name, dying)
if name == "rename":  # as on systems that cannot let two folders change places
    importlib.import_module("landmark_fer.core.files")._exchange = lambda *paths: False
from landmark_fer.fit.__main__ import main
sys.exit(main(arguments))
"""


def environment(cache, **changes):
    """Return the environment of a command; variables that are None are removed."""
    variables = os.environ | {"LANDMARK_FER_CACHE": str(cache), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    variables |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": None}
    return {name: value for name, value in (variables | changes).items() if value is not None}


def command(*words, code=None):
    """Return the arguments that run a command of the package, or `code` with arguments, in a new process."""
    first = [sys.executable, "-c", code] if code else [sys.executable, "-m", f"landmark_fer.{words[0]}"]
    return [*first, *map(str, words[0 if code else 1 :])]


def run(*words, cache, cwd, code=None, changes=None, **options):
    """Run a command and return its `subprocess.CompletedProcess`, with output as text."""
    options = {"stdin": subprocess.DEVNULL, "timeout": PATIENCE_S} | options
    if not {"stdout", "stderr"} & set(options):
        options |= {"capture_output": True}
    variables = environment(cache, **(changes or {}))
    words = command(*words, code=code)
    return subprocess.run(words, cwd=cwd, env=variables, text=True, errors="replace", check=False, **options)


def refusal(done):
    """Return the error message of a command; assert that it is one sentence and the status 2."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 2 and len(lines) == 1 and "Traceback" not in done.stderr, (done.returncode, done.stderr)
    return lines[0]


@contextlib.contextmanager
def small_disk(place, *, size_kb):
    """Mount a small in-memory disk at a folder; skip the test where that is impossible."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here ({mounted.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextlib.contextmanager
def read_only(place):
    """Make a read-only folder; for root, whom permissions do not stop, on a read-only disk."""
    if not hasattr(os, "geteuid"):
        pytest.skip("the system has no folders that cannot be written")
    if os.geteuid() == 0:
        with small_disk(place, size_kb=4096):
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
            yield place
    else:
        place.mkdir()
        place.chmod(0o555)
        try:
            yield place
        finally:
            place.chmod(0o755)


def fill(place):
    """Fill a disk completely."""
    with contextlib.suppress(OSError), open(Path(place) / "filler", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
