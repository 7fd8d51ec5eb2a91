"""Selection of tests, number of processes and final summary of `python -m pytest`, tested on small samples."""

import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.selection import MOST_WORKERS, pytest_xdist_auto_num_workers

ROOT = Path(__file__).parents[1]
pytest_plugins = ["pytester"]

CONFTEST = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
HOOKS = re.search(r"from tests\.selection import \(.*?\)\n", CONFTEST, re.DOTALL)[0]
TESTS = """
import os, time
import pytest

def test_quick():
    assert os.environ["OMP_NUM_THREADS"] == "1"

@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_long(number):
    pass

def test_keras(keras):
    pass
"""


@pytest.fixture
def sample(pytester, monkeypatch):
    """Run pytest with this configuration and these hooks on its own folder of tests."""
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    lines = [f"addopts = '{configured['addopts']} -p xdist'", f"markers = {configured['markers']!r}"]
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\n" + "\n".join(lines))
    pytester.makeconftest(
        f"import pytest\n{HOOKS}\n@pytest.fixture\ndef keras():\n    return pytest.importorskip('no_keras')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "0")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(*arguments, files=None):
        for path, content in (files or {"test_sample": TESTS}).items():
            place = pytester.path / f"{path}.py"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)
        return pytester.runpytest_subprocess(*arguments)

    return run


class TestSelected:
    @pytest.mark.parametrize("processes", ["auto", "0", "2"])
    def test_slow_tests_are_left_out_and_counted(self, sample, processes):
        done = sample("-n", processes)
        done.assert_outcomes(passed=1)
        command = f'python -m pytest -m "" *-n {processes}'
        done.stdout.fnmatch_lines([f"4 slow tests were left out; {command} runs them, too"])

    def test_an_empty_mark_runs_all_tests(self, sample):
        done = sample("-m", "")
        done.assert_outcomes(passed=4, skipped=1)
        done.stdout.no_fnmatch_line("*left out*")

    def test_every_test_is_quick_or_slow(self, sample):
        sample("-m", "slow").assert_outcomes(passed=3, skipped=1)

    @pytest.mark.parametrize("processes", ["0", "2"])
    @pytest.mark.parametrize(
        "names, count", [(["test_sample.py::test_long"], 3), (["test_sample.py::test_long[1]", "test_more.py"], 2)]
    )
    def test_named_tests_run(self, sample, names, count, processes):
        done = sample("-n", processes, *names, files={"test_sample": TESTS, "test_more": TESTS})
        done.assert_outcomes(passed=count)

    def test_quick_tests_of_a_named_file_run(self, sample):
        done = sample("test_sample.py")
        done.assert_outcomes(passed=1)
        done.stdout.fnmatch_lines(['*; python -m pytest -m "" * test_sample.py runs them, too'])

    def test_a_file_of_slow_tests_runs_none(self, sample):
        done = sample("test_slow.py", files={"test_slow": "import pytest\npytestmark = pytest.mark.slow\n" + TESTS})
        assert done.ret == pytest.ExitCode.NO_TESTS_COLLECTED
        done.stdout.fnmatch_lines(['5 slow tests were left out; python -m pytest -m "" * test_slow.py runs them, too'])

    def test_the_users_number_of_threads_is_not_changed(self, sample, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        sample("-n", "2").assert_outcomes(failed=1)


class TestProcesses:
    def config(self, *arguments, capture="fd"):
        return SimpleNamespace(args=list(arguments), option=SimpleNamespace(capture=capture))

    def test_many_files_use_one_process_more_than_cores_up_to_a_limit(self, monkeypatch):
        monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
        for cores, expected in ((1, 2), (2, 3), (64, MOST_WORKERS)):
            monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False)
            assert pytest_xdist_auto_num_workers(self.config("tests")) == expected
            assert pytest_xdist_auto_num_workers(self.config(__file__, "tests/test_main.py")) == expected

    def test_one_file_or_uncaptured_output_uses_no_extra_process(self, monkeypatch):
        monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
        assert pytest_xdist_auto_num_workers(self.config(__file__)) == 0
        assert pytest_xdist_auto_num_workers(self.config(f"{__file__}::a", f"{__file__}::b")) == 0
        assert pytest_xdist_auto_num_workers(self.config("tests", capture="no")) == 0

    def test_the_users_number_of_processes_is_not_changed(self, monkeypatch):
        monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "7")
        assert pytest_xdist_auto_num_workers(self.config("tests")) is None


MISSING = {
    "test_module": """
import pytest
pytest.importorskip("no_module.inner")
def test_one(): pass
class TestMore:
    def test_two(self): pass
    def helper(self): pass
""",
    "test_fixture": """
import pytest
@pytest.fixture
def thing():
    return pytest.importorskip("no_thing")
@pytest.mark.parametrize("number", range(3))
def test_three(thing, number): pass
@pytest.mark.skipif(True, reason="no Chromium is installed")
def test_four(): pass
def test_five(): pass
""",
    "inside/conftest": """
import pytest
def pytest_pycollect_makemodule(module_path):
    if module_path.parent.name == "inside":
        pytest.importorskip("no_folder")
""",
    "inside/test_folder": "import no_folder\ndef test_six(): pass\n",
}


@pytest.mark.parametrize("processes", ["0", "2"])
def test_skipped_tests_are_listed_by_missing_package(sample, pytester, processes):
    (pytester.path / "requirements-a.txt").write_text("no-module>=1\nno_folder>=1\nother>=1\n")
    (pytester.path / "requirements-b.txt").write_text("-r requirements.txt\nno_module==1\n")
    done = sample("-n", processes, files=MISSING)
    done.assert_outcomes(passed=1, skipped=6)
    shown = done.stdout.str().partition("tests that were skipped, by what is missing")[2]
    assert [line.rstrip() for line in shown.splitlines()[1:9]] == [
        "no Chromium is installed: 1 test",
        "  test_fixture.py: test_four",
        "package no_folder (python -m pip install -r requirements-a.txt): 1 test",
        "  inside/test_folder.py: test_six",
        "package no_module (python -m pip install -r requirements-b.txt): 2 tests",
        "  test_module.py: test_one, TestMore::test_two",
        "package no_thing: 1 test",
        "  test_fixture.py: test_three",
    ]


def test_without_skipped_tests_there_is_no_list(sample):
    sample().stdout.no_fnmatch_line("*what is missing*")


HEAVY = {
    "chromium": "runs Chromium; use the fixture browser",
    "import_keras": "loads Keras; use the fixture keras",
    "keras": "loads Keras; use the fixture keras",
    "NotebookClient": "runs a notebook",
    "sphinx": "builds the site",
    "add_worker": "starts a cluster",
    "fuzz": "tries hundreds of damaged files; use run_cases for a few",
}
"""Names that only slow tests may reach, and what they do."""


def names_reached(function, visited=None):
    """Return the names in the code of a function and of all functions of the tests that it can reach."""
    visited = set() if visited is None else visited
    names, codes = set(), [function.__code__]
    for code in codes:  # grows meanwhile
        codes += [constant for constant in code.co_consts if hasattr(constant, "co_names")]
        names.update(code.co_names)
        names.update(constant for constant in code.co_consts if isinstance(constant, str))
    for name in names & function.__globals__.keys():
        other = inspect.unwrap(function.__globals__[name])
        is_ours = getattr(other, "__module__", "").startswith(("tests.", "test_")) and hasattr(other, "__code__")
        if is_ours and other not in visited:
            visited.add(other)
            names |= names_reached(other, visited)
    return names


def functions_of(item):
    """Return a test's function and those of all its fixtures."""
    fixtures = item.session._fixturemanager
    definitions = [each for name in item.fixturenames for each in fixtures.getfixturedefs(name, item) or ()]
    return [item.function, *(each.func for each in definitions)]


def test_names_in_called_functions_are_found():
    def example():
        return [pytest.importorskip("something") for _ in range(2)]

    assert {"importorskip", "something"} <= names_reached(example)
    assert {"names_reached", "co_consts", "__code__"} <= names_reached(test_no_quick_test_uses_slow_things)


def test_no_quick_test_uses_slow_things(request):
    """Checks the tests of this run only."""
    reached, wrong = {}, []
    for item in request.session.items:
        if item.get_closest_marker("slow") is None:
            for function in functions_of(item):
                if function not in reached:
                    reached[function] = names_reached(function) & HEAVY.keys()
                wrong += [f"{item.nodeid} {HEAVY[name]}" for name in reached[function]]
    assert wrong == [], "mark these slow"


ALL_SLOW = {
    "models/networks/test_architectures.py": "Keras",
    "models/networks/test_onnx_export.py": "Keras",
    "models/networks/test_network_training.py": "Keras",
    "collect/web/test_page.py": "Chromium",
    "test_docs.py": "Sphinx",
    "fit/test_fit_networks.py": "Keras",
}
"""Files without a quick test, and what they need."""


@pytest.mark.slow
def test_every_other_file_has_quick_tests():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    quick = set(re.findall(r"^tests/(.+): \d+$", output, re.MULTILINE))
    files = {path.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    assert files - quick == set(ALL_SLOW)
