"""What the README shows is true: its Python runs, its commands and files exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
LINKS = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
COMMANDS = sorted(set(re.findall(r"python -m (landmark_fer\.\w+)", README)))


@pytest.mark.parametrize("block", PYTHON_BLOCKS)
def test_python_of_the_readme_runs(block, astronaut, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut).save("photo.jpg", quality=95)
    exec(compile(block, "README.md", "exec"), {})
    assert "Box(" in capsys.readouterr().out


@pytest.mark.parametrize("link", LINKS)
def test_links_of_the_readme_have_targets(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_readme_have_the_options_that_it_names(command):
    prediction = subprocess.run([sys.executable, "-m", command, "--help"], capture_output=True, text=True, cwd=ROOT)
    assert prediction.returncode == 0
    rows = [line for line in README.splitlines() if f"python -m {command} " in line]
    for option in re.findall(r"--[a-z][a-z-]+", " ".join(rows)):
        assert option in prediction.stdout


def test_ci_begins_with_the_test_command_of_the_readme():
    """It takes the line from the README by a pattern, which must find that line alone."""
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -m 1 '([^']+)' README\.md", run)[1]
    found = re.findall(pattern, README, re.MULTILINE)
    assert found == ["    python -m pip install -r requirements-dev.txt && python -m pytest"]
    assert run.index(pattern) < run.index("-m pip install")
    assert run.rstrip().endswith("\npython -m pytest -m slow")


def test_readme_has_its_python_links_and_commands():
    assert PYTHON_BLOCKS and LINKS and len(COMMANDS) >= 3
