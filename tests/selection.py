"""Pytest hooks: selection of slow tests, number of processes, summary of the tests that did not run.

`tests/conftest.py` imports these hooks. ``pyproject.toml`` deselects tests marked ``slow``; a test named by its node id
still runs.
"""

import ast
import os
import re
import shlex
import textwrap
from pathlib import Path

import pytest

QUICK = "not slow or named"
MOST_WORKERS = 4
"""With more processes, all wait for the longest file."""

SLOW_FIXTURES = {"keras": "loads Keras", "browser": "runs Chromium"}
"""Fixtures whose tests are slow without a mark, and why."""

LEFT_OUT = pytest.StashKey[int]()


def slow(*values):
    """Return values of one parameter for `pytest.mark.parametrize`, marked slow."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def pytest_configure(config):
    """Limit numerical libraries to one thread per process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before workers load NumPy
    config.stash[LEFT_OUT] = 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Return how many processes ``-n auto`` starts: none for a single file or where output is not captured."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    files = {argument.partition("::")[0] for argument in config.args}
    if config.option.capture == "no" or (len(files) == 1 and Path(*files).is_file()):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores + 1, MOST_WORKERS)  # some tests wait for a window, a server or a process


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark tests with a slow fixture as slow, and tests whose node id is on the command line as named."""
    arguments = [argument.partition("::") for argument in config.args if "::" in argument]
    named = [((config.invocation_params.dir / path).resolve(), name) for path, _, name in arguments]
    for item in items:
        if not SLOW_FIXTURES.keys().isdisjoint(item.fixturenames):
            item.add_marker(pytest.mark.slow)
        if any(item.path == path and is_named(item, name) for path, name in named):
            item.add_marker(pytest.mark.named)


def is_named(item, name):
    """Return whether a name in a file is that of a test, its class or its parametrized tests."""
    own = item.nodeid.partition("::")[2]
    return own == name or own.startswith((f"{name}::", f"{name}["))


def pytest_deselected(items):
    """Count the slow tests that the default deselects."""
    if items and items[0].config.option.markexpr == QUICK:
        items[0].config.stash[LEFT_OUT] += sum(item.get_closest_marker("slow") is not None for item in items)


def pytest_sessionfinish(session):
    """Send the number of deselected slow tests to the main process."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Receive the number of deselected slow tests from a worker; all workers collect the same tests."""
    count = getattr(node, "workeroutput", {}).get("left_out", 0)
    node.config.stash[LEFT_OUT] = max(node.config.stash[LEFT_OUT], count)


def pytest_terminal_summary(terminalreporter, config):
    """List skipped tests by what is missing, and print the command that runs the deselected ones."""
    missing = tests_by_reason(terminalreporter.stats.get("skipped", ()), config.rootpath)
    if missing:
        terminalreporter.section("tests that were skipped, by what is missing")
    for reason, tests in sorted(missing.items()):
        count = sum(map(len, tests.values()))
        terminalreporter.line(f"{reason}: {count} test{'s' * (count > 1)}")
        for path, names in sorted(tests.items()):
            indents = {"initial_indent": "  ", "subsequent_indent": "    "}
            for line in textwrap.wrap(f"{path}: {', '.join(names)}", 120, **indents):
                terminalreporter.line(line)
    if config.stash[LEFT_OUT]:
        command = f'python -m pytest -m "" {shlex.join(map(str, config.invocation_params.args))}'.rstrip()
        terminalreporter.line(f"{config.stash[LEFT_OUT]} slow tests were left out; {command} runs them, too")


def tests_by_reason(reports, root):
    """Return the names of skipped tests by the reason and the path of their file.

    Parameters
    ----------
    reports : iterable of pytest.CollectReport or pytest.TestReport
    root : Path
        Root of the reports' paths, with the requirements files.

    Returns
    -------
    dict
        Maps a reason to a dict that maps a path to a list of names. A module that was skipped as a whole has the
        names of all its test functions.
    """
    skipped = {}
    for report in reports:
        tests = skipped.setdefault(reason_of(report, root), {})
        path, _, name = report.nodeid.partition("::")
        named = {path: [name.partition("[")[0]]} if name else names_below(path, root)
        for each, names in named.items():
            tests[each] = list(dict.fromkeys(tests.get(each, []) + names))
    return skipped


def reason_of(report, root):
    """Return why a test was skipped; for a missing package, its name and how to install it."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if missing := re.match(r"could not import '(\w+)", reason):
        package = missing[1]
        file = requirements_files(root).get(package)
        return f"package {package} (python -m pip install -r {file})" if file else f"package {package}"
    return reason


def requirements_files(root):
    """Return the shortest requirements file that lists each optional package, by the package's import name."""
    files = {}
    for path in sorted(root.glob("requirements-*.txt"), key=lambda path: path.stat().st_size):
        for name in re.findall(r"^\w[\w-]*", path.read_text(encoding="utf-8"), re.MULTILINE):
            files.setdefault(name.replace("-", "_"), path.name)
    return files


def names_below(path, root):
    """Return the names of the test functions in a file, or in each file of a folder, by the file's path."""
    files = sorted((root / path).rglob("test_*.py")) if (root / path).is_dir() else [root / path]
    return {file.relative_to(root).as_posix(): names_in(file) for file in files}


def names_in(path):
    """Return the names of the test functions in a file, those of classes as ``Class::name``, without importing it."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            names.append(node.name)
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            names += [
                f"{node.name}::{each.name}"
                for each in node.body
                if isinstance(each, ast.FunctionDef) and each.name.startswith("test")
            ]
    return names
