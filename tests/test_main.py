"""The commands, listed and run by name."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from landmark_fer import __main__, __version__
from landmark_fer.__main__ import main
from landmark_fer.live.options import make_parser

ROOT = Path(__file__).parents[1]


def run(*words):
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)


def test_the_commands_are_listed():
    for words in ([], ["--help"]):
        done = run("landmark_fer", *words)
        assert __version__ in done.stdout and done.stderr == "" and done.returncode == 0
        for name, meaning in __main__.COMMANDS.items():
            assert f"landmark-fer {name} " in done.stdout and meaning in done.stdout


@pytest.mark.parametrize("name", __main__.COMMANDS)
def test_every_listed_command_has_help_under_both_names(name):
    done = run(f"landmark_fer.{name}", "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: python -m landmark_fer.{name}")
    assert "--version" in done.stdout
    assert run("landmark_fer", name, "--help").stdout == done.stdout


@pytest.mark.parametrize("words", [[], *([name] for name in __main__.COMMANDS)])
def test_every_command_states_the_version(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["landmark-fer", *words, "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0 and capsys.readouterr().out == f"landmark_fer {__version__}\n"


def test_a_command_gets_its_arguments_and_its_status_is_the_exit_status(tmp_path):
    done = run("landmark_fer", "live", "--source", str(tmp_path / "missing.mp4"), "--headless")
    assert done.returncode == 2 and "missing.mp4 does not exist" in done.stderr


def test_an_unknown_command_is_refused():
    done = run("landmark_fer", "paint")
    assert done.returncode == 2 and "invalid choice: 'paint'" in done.stderr and "live" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sorce", "demo"], "error: unrecognized arguments: --sorce demo; did you mean --source?"),
        (["--sorce=demo"], "error: unrecognized arguments: --sorce=demo; did you mean --source?"),
        (["--smoothing", "much"], "error: argument --smoothing: must be a number from 0 to 1, got 'much'; python -m"),
        (["--re"], "error: ambiguous option: --re could match --reject-below, --record; python -m landmark_fer.live"),
        (["face"], "error: unrecognized arguments: face; python -m landmark_fer.live --help lists the options"),
    ],
)
def test_a_wrong_option_is_one_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args(words)
    written = capsys.readouterr()
    assert ended.value.code == 2 and written.out == ""
    assert written.err.startswith(sentence) and written.err.count("\n") == 1


@pytest.fixture(autouse=True)
def interrupts_are_not_ignored():
    """Undo what a shell does to SIGINT of a job in the background, under which the tests may run."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


INTERRUPTED_IMPORT = """
import signal, sys

class Finder:
    def find_spec(name, path=None, target=None):
        if name == "argparse":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Finder)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
@pytest.mark.parametrize("name", ["", *(f".{name}" for name in __main__.COMMANDS), None])
def test_ctrl_c_during_the_imports_leaves_no_traceback(name, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED_IMPORT)
    script = tmp_path / "landmark-fer"  # as pip installs it
    script.write_text("from landmark_fer.__main__ import main\nmain()\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, *([script] if name is None else ["-m", f"landmark_fer{name}"]), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
def test_a_program_that_imports_the_package_has_its_own_interrupts(tmp_path):
    code = "import landmark_fer, signal; assert signal.getsignal(2) is signal.default_int_handler"
    assert subprocess.run([sys.executable, "-c", code, "landmark_fer"], cwd=ROOT).returncode == 0
    (tmp_path / "ours").mkdir()
    for name in ("__init__", "__main__"):
        (tmp_path / "ours" / f"{name}.py").write_text(code)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    assert subprocess.run([sys.executable, "-m", "ours"], env=os.environ | {"PYTHONPATH": path}).returncode == 0
