"""Read mutated files in a child process: each must give a result or an error message.

    python -m tests.accidents.fuzzing TARGET CASES SEED FOLDER

The child limits its memory, and its processor time for each case; where it crashes, hangs or is killed, the parent
knows the case that it was at. A case is drawn from (target, seed, number) alone, so a failing one is had again.
"""

import contextlib
import faulthandler
import json
import os
import random
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from tests.accidents.depth import depth

ROOT = Path(__file__).resolve().parents[2]
CASE_S = 20  # of processor time that one case may take; a thousand take about as many seconds together
MEMORY = 3 * 2**30  # bytes that the child may have besides what it has at its start
MOST_WRONG = 5  # cases that are reported


def fuzz(target, folder, *, cases=1000, seed=7):
    """Run `run_cases` with the number of cases multiplied by `depth`; only for slow tests."""
    (report,) = run_cases([target], folder, cases=round(cases * depth()), seed=seed)
    return report


def run_cases(targets, folder, *, cases, seed=7):
    """Run the cases of targets in one child process and return their reports; fail if the process does not finish.

    Returns
    -------
    list of dict
        ``results`` and ``sentences``: how many cases ended in either; ``wrong``: those that ended otherwise.
    """
    target = ",".join(targets)
    command = [sys.executable, "-m", "tests.accidents.fuzzing", target, str(cases), str(seed), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300 + cases, check=False
        )
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{target}: case {_reached(folder)} hangs ({' '.join(command)})") from None
    message = f"{target}: case {_reached(folder)} of seed {seed} ended the interpreter ({done.returncode})\n"
    assert done.returncode == 0, message + done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()[-len(targets) :]]


def _reached(folder):
    progress = Path(folder) / "progress"
    return progress.read_text() if progress.exists() else "none"


def case_generator(target, seed, number):
    """Return the generator that draws a case."""
    return random.Random(f"{target} {seed} {number}")


def limit_memory():
    """Limit the memory of this process to `MEMORY` bytes more than now, on Linux: damaged sizes request any amount."""
    if not Path("/proc/self/statm").exists():
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


@contextlib.contextmanager
def limited_time(seconds):
    """End this process by a signal after some processor time, where the system can; C code ignores anything else."""
    timed = hasattr(signal, "setitimer")
    if timed:
        signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_PROF, 0)


def is_sentence(text):
    """Return whether a message is a single line without a traceback."""
    return bool(text.strip()) and len(text.splitlines()) == 1 and "Traceback" not in text


def main(names, cases, seed, folder):
    """Run the cases of targets, separated by commas, and print a line of results as JSON for each."""
    from tests.accidents.targets import TARGETS

    faulthandler.enable()
    targets = {name: TARGETS[name](folder) for name in names.split(",")}
    limit_memory()
    with open(folder / "progress", "w") as progress, open(os.devnull, "w") as nowhere:
        for name, target in targets.items():
            print(json.dumps(_report(name, target, cases, seed, progress, nowhere)))


def _report(name, target, cases, seed, progress, nowhere):
    """Run the cases of a target and return their results."""
    from landmark_fer.core.errors import LandmarkFerError

    report, wrong = {"results": 0, "sentences": 0}, []
    for number in range(cases):
        progress.seek(0)
        progress.write(f"{name} {number} ")
        progress.flush()
        case = target.case(case_generator(name, seed, number))
        try:
            with limited_time(CASE_S), contextlib.redirect_stderr(nowhere):
                target.read(case)
            report["results"] += 1
        except LandmarkFerError as error:
            report["sentences"] += 1
            if not is_sentence(str(error)):
                wrong.append({"case": number, "error": f"no sentence: {str(error)[:500]!r}"})
        except BaseException:
            wrong.append({"case": number, "error": traceback.format_exc()[-2500:]})
    return report | {"n_wrong": len(wrong), "wrong": wrong[:MOST_WRONG]}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
