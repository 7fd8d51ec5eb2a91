"""Every code block of a documentation page runs, unchanged or replaced by a row of the table below.

The blocks of a page run in order, in a folder with the files that the pages name: a photo, a folder of images per
expression, a small csv like FER2013's, the bundled models. Commands without a row run unchanged; blocks in an unknown
language fail.
"""

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import pytest
from PIL import Image

from tests.documents import PAGES, ROOT, blocks_of

WITH_CODE = [path for path in PAGES if blocks_of(path)]


class Row(NamedTuple):
    """A replacement for shell commands that match a pattern completely, and the reason."""

    pattern: str
    replacement: str
    why: str


REPLACEMENTS = (
    Row(r"(LIVE) \[.*\]", r"\1 --help", "it shows the syntax"),
    Row(r"LIVE --web(.*)", r"served --web 127.0.0.1:0\1", "it serves until Ctrl-C; another may have the port"),
    Row(r"(curl .*) http://127\.0\.0\.1:8000(\S+)", r"posted \1 \2", "the server of the block before has ended"),
    Row(r"(LIVE(?: (?!--source)\S+)*)", r"\1 --source demo --headless --max-frames 3", "no camera, no display"),
    Row(r"(LIVE .*--source demo.*)", r"\1 --headless --max-frames 3", "no display"),
    Row(r"(FIT(?: --out \S+)?)", r"\1 --models dummy --folds 2 --jobs 1", "all its models take two minutes"),
    Row(
        r"COLLECT (--out \S+ --subject \S+)",
        r"COLLECT \1 --source demo --spans video.csv --consent",
        "no camera, no display",
    ),
    Row(r"COLLECT --source video\.mp4 (.*)", r"COLLECT --source demo \1", "there is no such video"),
    Row(
        r"FIT --data my_faces --out (\S+)",
        r"FIT --data images --models dummy,ls_svm --folds 2 --jobs 1 --out \1",
        "three takes are too few",
    ),
    Row(r"FIT (.*--models dlib_resnet.*)", r"parsed \1", "needs Keras; tests/fit/test_fit_networks.py fits"),
    Row(r"FIT (.*--(?:members|ensemble) .*)", r"parsed \1", "needs Keras; tests/fit/test_fit_ensembles.py fits"),
    Row(r"FIT (.*--cluster tcp:.*)", r"parsed \1", "needs other machines"),
    Row(r"dask scheduler .*", "required -r requirements-cluster.txt", "needs other machines"),
    Row(
        r"(FIT --data \S+(?: --out \S+)?)",
        r"\1 --models dummy,ls_svm --folds 2 --jobs 1",
        "all its models take a minute",
    ),
    Row(r"(FIT --data .*)", r"\1 --folds 2 --jobs 1", "small data have few faces for a fold"),
    Row(r"(TABLE .*)", r"\1 --jobs 1 --out table.npz", "it would replace the bundled table"),
    Row(
        r"(python -m benchmarks\.baselines) --data \S+(.*)",
        r"\1 --quick\2",
        "small data lack expressions of the models",
    ),
    Row(r"python -m pip install (.*)", r"required \1", "needs the network"),
    Row(r"python3? -m venv (\S+)", r"shell python -m venv --without-pip \1", "pip in it would take half a minute"),
    Row(r"\. \S+/bin/activate", r"shell \g<0>", "an environment is the shell's"),
    Row(
        r"python -m pytest(?: -m \S+)?",
        "shell python -m pytest --collect-only HERE/tests/test_main.py",
        "this test is part of it",
    ),
    Row(
        r"LANDMARK_FER_FUZZ_DEPTH=\d+ python -m pytest -m \S+ tests/accidents",
        "shell python -m pytest --collect-only HERE/tests/accidents/test_supply.py",
        "it takes an hour",
    ),
    Row(r"python tools/(lock|licences)\.py", r"shell python HERE/tools/\1.py --check", "it would change files"),
    Row(
        r"python tools/audit\.py",
        "shell python -m py_compile HERE/tools/audit.py",
        "needs the network; test_supply runs it",
    ),
    Row(r"cyclonedx-py requirements .*", "folder tools", "needs cyclonedx-bom; .ci/run runs it"),
    Row(r"ruff (\w+) \.", r"shell python -m ruff \1 --diff HERE/tests/documents.py", "it would change files"),
    Row(
        r"(?:LANDMARK_FER_DATA=\S+ )?python -m jupyter lab (\S+)",
        r"folder \1",
        "it serves; test_notebooks.py runs them",
    ),
    Row(r"python -m sphinx .*", "folder docs", "tests/test_docs.py builds the site"),
)
"""The first row that matches a command replaces it."""

ABBREVIATIONS = {
    "LIVE": "python -m landmark_fer.live",
    "COLLECT": "python -m landmark_fer.collect",
    "FIT": "python -m landmark_fer.fit",
    "TABLE": "python -m landmark_fer.datasets.geometry_table",
    "HERE": str(ROOT),
}
"""Abbreviations in the table."""

NOT_CODE = ("image -> detector or follower -> 68 landmarks", "images/\n  happy/", "path,expression,subject")
"""First words of blocks that are not code."""


@pytest.fixture(scope="module")
def page_files(tmp_path_factory, astronaut, lfw_crops, lfw_csv):
    """A folder with the files that the pages name."""
    import gzip

    folder = tmp_path_factory.mktemp("page_files")
    # Without the badges, which look like faces.
    Image.fromarray(astronaut[:300]).save(folder / "photo.jpg", quality=95)
    (folder / "fer2013.csv.gz").write_bytes(gzip.compress(lfw_csv.read_bytes(), 1))
    for i, crop in enumerate(lfw_crops):
        place = folder / ("other-images" if i < 15 else "images") / ("happy", "neutral", "surprise")[i % 3]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(crop).save(place / f"{i}.png")
    shutil.copy(folder / "photo.jpg", folder / "neutral.jpg")
    people = [
        f"other-images/{name}/{3 * subject + at}.png,{name},{subject},{20 + subject},female"
        for subject in range(5)
        for at, name in enumerate(("happy", "neutral", "surprise"))
    ]
    (folder / "people.csv").write_text("\n".join(["path,expression,subject,age,gender", *people]))
    (folder / "video.csv").write_text(
        "start_s,end_s,expression,subject\n0.0,1.2,neutral,\n4.1,4.7,sad,\n5.3,6.1,happy,bob\n"
    )
    shutil.copytree(folder / "images", folder / "my_images")
    for name in ("photos", "photographs"):
        (folder / name).mkdir()
        shutil.copy(folder / "photo.jpg", folder / name)
    (folder / "videos").mkdir()
    clip = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, astronaut.shape[1::-1])
    for _ in range(6):
        clip.write(astronaut[..., ::-1].copy())
    clip.release()
    shutil.copy(folder / "clip.mp4", folder / "videos")
    for kind in ("tar", "gztar", "zip"):
        shutil.make_archive(folder / "my_images", kind, folder / "images")
    for name in ("default", "cnn", "ensemble"):
        shutil.copytree(ROOT / "artifacts" / name, folder / "artifacts" / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_of_the_page_runs(path, page_files, session_cache, tmp_path, monkeypatch):
    here = tmp_path / "here"
    shutil.copytree(page_files, here)
    monkeypatch.chdir(here)
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))
    for block in blocks_of(path):
        try:
            run_block(block, monkeypatch)
        except (Exception, SystemExit) as error:
            raise AssertionError(f"{block.page}:{block.line} does not run: {error}\n\n{block.text}") from error


def run_block(block, monkeypatch):
    if block.text.startswith(NOT_CODE):
        return
    if block.word == "python" and "ws://127.0.0.1:8000" in block.text:
        return  # tests/live/web/test_broadcast.py runs it with a server
    if block.word == "python":
        exec(compile(block.text, block.page, "exec"), {"__name__": "shown"})
    elif block.word == "json":
        check_description(block.text)
    elif block.text.startswith("start_s,end_s"):
        check_spans(block.text)
    elif block.text.startswith("time_s,label"):
        check_events(block.text)
    elif block.word in ("", "bash", "sh"):
        for command in re.split(r" && |\n", block.text):
            run_command(command, monkeypatch)
    else:
        raise AssertionError(f"no rule for a block in {block.word!r}; add one")


def run_command(command, monkeypatch):
    command = re.sub(r"(^|\s+)# .*", "", command).strip()
    if not command:
        return
    for row in REPLACEMENTS:
        if match := re.fullmatch(expand_abbreviations(row.pattern, re.escape), command):
            command = expand_abbreviations(match.expand(row.replacement), str)
            break
    first, *words = shlex.split(command)
    if first in RUNNERS:
        RUNNERS[first](words)
    else:
        assert [first, *words[:1]] == ["python", "-m"], f"no rule for the command {command!r}; add a row to the table"
        run_module(words[1], words[2:], monkeypatch)


def expand_abbreviations(text, quote):
    for word, meaning in ABBREVIATIONS.items():
        text = text.replace(word, quote(meaning))
    return text


def run_module(name, arguments, monkeypatch):
    """Run a module of this project as ``python -m`` does, in this process."""
    assert name.split(".")[0] in ("landmark_fer", "benchmarks"), f"no rule for python -m {name}; add a row to the table"
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    try:
        status = entry(name).main()
    except SystemExit as leaving:  # --help
        status = leaving.code
    assert status in (None, 0), f"python -m {name} {shlex.join(arguments)} ended with status {status}"


def entry(name):
    """Return the module that ``python -m`` runs; for a package, its ``__main__``."""
    package = importlib.import_module(name)
    return importlib.import_module(f"{name}.__main__") if hasattr(package, "__path__") else package


def run_in_shell(words):
    words = [sys.executable if word == "python" else word for word in words]
    command = ["/bin/sh", "-c", shlex.join(words)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_requirements(words):
    """Requirements files exist and parse; a file may include others."""
    from packaging.requirements import Requirement

    assert words[0] == "-r" and len(words) % 2 == 0
    for name in words[1::2]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert lines
        for line in lines:
            if line.startswith("-r"):
                check_requirements(line.split())
            elif line and not line.startswith("#"):
                assert Requirement(line).specifier, f"{name}: {line} has no range"


def check_folder(words):
    assert any((ROOT / words[0]).iterdir())


def check_options(words):
    from landmark_fer.fit.options import fit_parser

    fit_parser().parse_args(words)


def check_description(text):
    """The description of a network can be read."""
    from landmark_fer.models.networks.description import read_sidecar

    Path("network.json").write_text(text, encoding="utf-8")
    assert list(read_sidecar("network.onnx").classes) == json.loads(text)["classes"]


def check_events(text):
    """The csv of events can be read."""
    from landmark_fer.live.events import read_events

    Path("events.csv").write_text(text, encoding="utf-8")
    assert len(read_events("events.csv")) == len(text.strip().splitlines()) - 1


def check_spans(text):
    """The csv of spans can be read."""
    from landmark_fer.collect.spans import read_spans

    Path("spans.csv").write_text(text + "\n", encoding="utf-8")
    assert len(read_spans("spans.csv", subject="ann")) == text.count("\n")


def serving(options):
    """Start the server; return its process and address once it listens."""
    command = [sys.executable, "-m", "landmark_fer.live", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    for line in process.stdout:
        if match := re.search(r"open (http://\S+?)/? in a browser", line):
            return process, match[1]
    raise AssertionError(f"the server ended with status {process.wait(30)}")


def end(process):
    process.terminate()
    process.stdout.close()
    process.wait(60)


def request_the_page(options):
    from urllib.request import urlopen

    process, address = serving(options)
    try:
        with urlopen(address, timeout=60) as response:
            assert response.status == 200 and b"<html" in response.read()
    finally:
        end(process)


def post_to_the_server(words):
    """Send the request of a curl command."""
    from urllib.request import Request, urlopen

    (curl, option, file, header, kind), path = words[:-1], words[-1]
    assert (curl, option, header) == ("curl", "--data-binary", "-H")
    process, address = serving(["--web", "127.0.0.1:0"])
    try:
        name, _, value = kind.partition(": ")
        request = Request(address + path, data=Path(file.removeprefix("@")).read_bytes(), headers={name: value})
        with urlopen(request, timeout=60) as response:
            assert json.load(response)["faces"][0]["expression"]
    finally:
        end(process)


RUNNERS = {
    "shell": run_in_shell,
    "required": check_requirements,
    "folder": check_folder,
    "parsed": check_options,
    "served": request_the_page,
    "posted": post_to_the_server,
}
"""Commands of the table that are not modules."""


def test_blocks_without_a_rule_fail(monkeypatch):
    from tests.documents import Block

    for word, text in (
        ("", "rm -r everything"),
        ("", "python -m http.server"),
        ("julia", "1 + 1"),
        ("python", "1 / 0"),
    ):
        with pytest.raises((AssertionError, ZeroDivisionError)):
            run_block(Block("page", 1, word, text), monkeypatch)


def test_the_readme_and_the_guides_have_code():
    names = {path.relative_to(ROOT).as_posix() for path in WITH_CODE}
    assert {"README.md", "docs/quickstart.md", "docs/live.md", "docs/own_model.md", "data/README.md"} <= names


COMMANDS = {
    (match[1], path.relative_to(ROOT).as_posix(), match[0])
    for path in PAGES
    for match in re.finditer(
        r"python -m ((?:landmark_fer|benchmarks)\.[\w.]*\w)[^`|&]*?(?=`|\||&|\n|$)", path.read_text(encoding="utf-8")
    )
}


@pytest.mark.parametrize("module", sorted({module for module, _, _ in COMMANDS}))
def test_commands_in_the_text_have_these_options(module, monkeypatch, capsys):
    run_module(module, ["--help"], monkeypatch)
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    for _, page, command in sorted(one for one in COMMANDS if one[0] == module):
        named = set(re.findall(r"(?<!\S)--[a-z][a-z-]+", command))
        assert named <= options, f"{page}: {command!r} names {sorted(named - options)}"
