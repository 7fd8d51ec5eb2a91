"""The list of commands."""

import subprocess
import sys

from landmark_fer import __main__, __version__


def test_the_commands_are_listed():
    done = subprocess.run([sys.executable, "-m", "landmark_fer"], capture_output=True, text=True, check=True)
    assert __version__ in done.stdout and done.stderr == ""
    for name, meaning in __main__.COMMANDS.items():
        assert f"python -m landmark_fer.{name}" in done.stdout and meaning in done.stdout


def test_every_listed_command_has_help():
    for name in __main__.COMMANDS:
        done = subprocess.run([sys.executable, "-m", f"landmark_fer.{name}", "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.startswith(f"usage: python -m landmark_fer.{name}")
