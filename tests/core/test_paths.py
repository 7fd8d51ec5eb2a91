"""Path options of all commands: no output replaces an input, and invalid names are reported."""

import argparse
import errno
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image

from landmark_fer.__main__ import COMMANDS
from landmark_fer.artifact.manifest import DEFAULT_ARTIFACT
from landmark_fer.core import paths as file_identity
from landmark_fer.core.errors import InputError, SinkError
from landmark_fer.core.paths import Input, Output, check_paths, same_file
from landmark_fer.perception.predictor_file import PREDICTOR_VARIABLE

PACKAGE = Path(__file__).parents[2] / "landmark_fer"
TEXTS = {  # options that take any text, and no path
    "fit": {"data_weights", "models", "choose", "expressions", "dataset", "cluster"},
    "evaluate": {"split", "dataset", "by"},
    "live": {"web", "web_token"},
    "collect": {"subject", "expressions", "web", "web_token", "delete"},
}
BAD_NAMES = {
    "long": "x" * 300,
    "very long": "x" * 5000,
    "deep": "x/" * 3000 + "x",
    "NUL": "a\0b",
    "empty": "",
    "below a file": "note.txt/inner",
    "of a circle": "circle/inner",
    "not allowed": "locked/inner",
}


def main_of(command):
    module = importlib.import_module(f"landmark_fer.{command}")
    return module.main if hasattr(module, "main") else importlib.import_module(f"{module.__name__}.__main__").main


def parser_of(command):
    """The parser that a command's `main` uses."""

    class Caught(Exception):
        pass

    def catch(parser, *_):
        raise Caught(parser)

    with patch.object(argparse.ArgumentParser, "parse_args", catch), pytest.raises(Caught) as caught:
        main_of(command)([])
    return caught.value.args[0]


PARSERS = {command: parser_of(command) for command in COMMANDS}


def declared(role):
    """Return (command, action) of every option with a role."""
    return [
        (command, action)
        for command, parser in PARSERS.items()
        for action in parser._actions
        if isinstance(action.type, role)
    ]


def name_of(action):
    return (action.option_strings or [action.metavar])[-1]


def words(*pairs):
    """Return command-line arguments that set options to texts."""
    return [word for action, text in pairs for word in (*action.option_strings[-1:], str(text))]


def with_what_is_required(command, arguments, *pairs):
    actions = [action for action, _ in arguments]
    required = [(action, "none") for action in PARSERS[command]._actions if action.required and action not in actions]
    return words(*arguments, *required, *pairs)


def ids(value):
    return name_of(value) if isinstance(value, argparse.Action) else None


INPUTS, OUTPUTS = declared(Input), declared(Output)
IN_OUT = [(command, read, written) for command, read in INPUTS for other, written in OUTPUTS if other == command]
OUT_OUT = [
    (command, first, second)
    for i, (command, first) in enumerate(OUTPUTS)
    for other, second in OUTPUTS[i + isinstance(first, argparse._StoreAction) :]
    if other == command and first.type.kind == second.type.kind == "file"
]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(PREDICTOR_VARIABLE, raising=False)


@pytest.fixture
def refuse(capsys):
    """Run a command; return its error message, and assert that no file changed."""

    def run(command, *arguments):
        before = everything_in(Path())
        assert main_of(command)(list(map(str, arguments))) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), lines
        assert everything_in(Path()) == before
        return lines[0]

    return run


def everything_in(folder):
    return {
        str(path): path.read_bytes() if path.is_file() else os.readlink(path) if path.is_symlink() else None
        for path in folder.rglob("*")
    }


def check(command, *arguments):
    parser = PARSERS[command]
    check_paths(parser, parser.parse_args(list(map(str, arguments))))


def refusal(command, *arguments):
    with pytest.raises((InputError, SinkError)) as raised:
        check(command, *arguments)
    return str(raised.value)


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8)).save(path, "PNG")
    return path


def artifact(path, **more):
    path.mkdir(parents=True)
    manifest = {"format": "landmark_fer artifact", "model": {"file": "model.joblib"}, "files": {"history.csv": {}}}
    (path / "manifest.json").write_text(json.dumps(manifest | more))
    for name in ("model.joblib", "card.md", "history.csv", "report.html"):
        (path / name).write_text(name)
    return path


class TestDeclarations:
    def test_every_main_module_is_a_listed_command(self):
        texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
        programs = {
            ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__main__")
            for path, text in texts.items()
            if '__name__ == "__main__"' in text and "run_command(" in text
        }
        assert programs == {*COMMANDS, "__main__"}

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_text_option_declares_whether_it_is_a_path(self, command):
        free = set()
        for action in PARSERS[command]._actions:
            if action.nargs == 0 or action.choices or isinstance(action.type, Input | Output):
                continue
            try:
                (action.type or str)("folder/name.csv")
            except (ValueError, argparse.ArgumentTypeError):
                continue
            free.add(action.dest)
        assert free == TEXTS.get(command, set())

    def test_inputs_and_outputs_are_declared(self):
        assert len(IN_OUT) > 30 and len(OUT_OUT) > 5
        assert {command for command, *_ in IN_OUT} == set(COMMANDS)


@pytest.mark.parametrize("link", ["same", "detour", "symlink", "hard link"])
@pytest.mark.parametrize(("command", "read", "written"), IN_OUT, ids=ids)
def test_no_output_replaces_an_input(refuse, command, read, written, link):
    original = Path("folder") / "f.mp4"
    original.parent.mkdir()
    original.write_bytes(b"worth keeping")
    output = {"same": original, "detour": Path("folder/../folder/f.mp4")}.get(link, Path("other.mp4"))
    if link == "symlink":
        output.symlink_to(original)
    elif link == "hard link":
        os.link(original, output)
    arguments = (read, original), (written, output)
    sentence = refuse(command, *with_what_is_required(command, arguments))
    if written.type.kind != "file":
        assert f"{name_of(written)} {output} must be a folder, got a file" in sentence
    else:
        assert f"{name_of(written)} {output} would replace {original}" in sentence
        assert f"({name_of(read)} {original})" in sentence


@pytest.mark.parametrize("link", ["same", "parent", "symlink", "input by a symlink"])
@pytest.mark.parametrize(
    ("command", "read", "written"), [each for each in IN_OUT if each[2].type.kind == "folder"], ids=ids
)
def test_no_folder_around_an_input_is_replaced(refuse, command, read, written, link):
    file = artifact(Path("outer/inner")) / "model.joblib"
    output = Path("outer") if link == "parent" else Path("outer/inner")
    if link == "symlink":
        Path("link").symlink_to(output)
        output = Path("link")
    elif link == "input by a symlink":
        Path("link.csv").symlink_to(file)
        file = Path("link.csv")
    sentence = refuse(command, *words((read, file), (written, output)))
    assert f"{name_of(written)} {output} would replace {file}, an input" in sentence


@pytest.mark.parametrize("link", ["same", "detour", "symlink", "hard link"])
@pytest.mark.parametrize(("command", "first", "second"), OUT_OUT, ids=ids)
def test_no_output_replaces_another(refuse, command, first, second, link):
    one = other = Path("out.csv")
    if link == "detour":
        other = Path("../") / Path.cwd().name / "new/.." / one
    elif link == "symlink":
        other = Path("link.csv")
        other.symlink_to(one)
    elif link == "hard link":
        one.write_text("old")
        other = Path("other.csv")
        os.link(one, other)
    sentence = refuse(command, *with_what_is_required(command, [(first, one), (second, other)]))
    assert "are the same path" in sentence
    assert f"{name_of(first)} {one}" in sentence and f"{name_of(second)} {other}" in sentence


@pytest.mark.parametrize("kind", BAD_NAMES)
@pytest.mark.parametrize(("command", "action"), [*INPUTS, *OUTPUTS], ids=ids)
def test_invalid_paths_are_refused(refuse, monkeypatch, command, action, kind):
    Path("note.txt").write_text("a file")
    Path("circle").symlink_to("circle")
    Path("locked").mkdir()
    if isinstance(action.type, Input):
        Path("locked/inner").write_text("a secret")
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, *mode: "locked" not in str(path) and allowed(path, *mode))
    sentence = refuse(command, *with_what_is_required(command, [(action, BAD_NAMES[kind])]))
    assert name_of(action) in sentence
    assert len(sentence) < 600 and sentence.isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize(("command", "action"), INPUTS, ids=ids)
def test_a_pipe_is_refused_without_blocking(refuse, command, action):
    if action.type.takes_devices:
        return  # a camera is one; what reads it tells cameras and pipes apart
    os.mkfifo("pipe.csv")
    sentence = refuse(command, *with_what_is_required(command, [(action, "pipe.csv")]))
    assert f"{name_of(action)} pipe.csv is a pipe or a device" in sentence


@pytest.mark.parametrize(("command", "action"), OUTPUTS, ids=ids)
def test_names_too_long_for_a_temporary_file_are_refused(refuse, command, action):
    sentence = refuse(command, *with_what_is_required(command, [(action, "x" * 250)]))
    assert "the name is too long" in sentence


@pytest.mark.parametrize("command", [command for command, action in INPUTS if name_of(action) == "--predictor"])
def test_the_predictor_named_by_the_environment_is_an_input(refuse, monkeypatch, command):
    output = next(action for owner, action in OUTPUTS if owner == command)
    Path("own.dat").write_text("a predictor")
    monkeypatch.setenv(PREDICTOR_VARIABLE, "own.dat")
    sentence = refuse(command, *with_what_is_required(command, [(output, "own.dat")]))
    assert PREDICTOR_VARIABLE in sentence or "must be a folder" in sentence
    monkeypatch.setenv(PREDICTOR_VARIABLE, "x" * 300)
    assert f"{PREDICTOR_VARIABLE} cannot be reached" in refuse(command, *with_what_is_required(command, []))


class TestData:
    def test_outputs_may_be_new_files_in_an_input_folder(self):
        face = image(Path("faces/happy/1.png"))
        Path("faces/labels.csv").write_text("file,expression")
        os.link(face, "same.png")
        Path("link").symlink_to("faces")
        for output in ("faces/happy/1.png", "faces/labels.csv", "same.png", "link/happy/1.png"):
            assert "would replace a file of faces" in refusal("evaluate", "--data", "faces", "--json", output)
        check("evaluate", "--data", "faces", "--json", "faces/scores.json", "--report", "other.html")
        Path("scores.json").write_text("{}")
        check("evaluate", "--data", "faces", "--json", "scores.json")

    def test_linked_files_of_an_input_folder_are_not_replaced(self):
        face = image(Path("elsewhere/1.png"))
        Path("faces/happy").mkdir(parents=True)
        Path("faces/happy/1.png").symlink_to(face.resolve())
        Path("faces/round").symlink_to(Path("faces").resolve())
        assert "a file of faces" in refusal("evaluate", "--data", "faces", "--json", face)

    def test_the_votes_file_of_a_csv_is_not_replaced(self):
        for name in ("fer2013.csv", "fer2013new.csv"):
            Path(name).write_text("a,b")
        sentence = refusal("fit", "--data", "fer2013.csv", "--label-errors", "fer2013new.csv")
        assert "would replace fer2013new.csv, an input (--data fer2013.csv)" in sentence

    def test_images_next_to_a_table_are_not_replaced_but_results_are(self):
        Path("table.csv").write_text("path,expression\na.dat,happy\n")
        image(Path("a.dat"))
        Path("old.csv").write_text("row,name")
        assert "would replace" in refusal("evaluate", "--data", "table.csv", "--predictions", "a.dat")
        check("evaluate", "--data", "table.csv", "--predictions", "old.csv")

    def test_each_of_several_inputs_is_checked(self):
        for name in ("a.csv", "b.csv"):
            Path(name).write_text("a,b")
        assert "(--data b.csv)" in refusal("fit", "--data", "a.csv", "--data", "b.csv", "--label-errors", "b.csv")

    def test_the_bundled_table_is_the_default_input(self):
        table = PACKAGE.parent / "data" / "fer2013_geometry.npz"
        assert "the bundled table" in refusal("fit", "--label-errors", table)
        assert "would replace" in refusal("datasets.geometry_table", "--data", table)

    def test_a_table_may_be_written_into_a_new_folder(self):
        check("datasets.geometry_table", "--data", "none.csv", "--out", "new/folder/table.npz", "--cache", "c")
        Path("folder").mkdir()
        assert "is a folder" in refusal("datasets.geometry_table", "--data", "none.csv", "--out", "folder")


class TestModel:
    @pytest.mark.parametrize("name", ["model.joblib", "manifest.json", "card.md", "history.csv"])
    def test_model_files_are_not_replaced(self, name):
        folder = artifact(Path("model"))
        arguments = "--data", "none.csv", "--model", folder
        assert f"would replace model/{name}" in refusal("evaluate", *arguments, "--json", folder / name)
        assert f"would replace model/{name}" in refusal("report", folder, "--out", folder / name)
        os.link(folder / name, "link")
        assert f"would replace model/{name}" in refusal("evaluate", *arguments, "--predictions", "link")

    def test_results_in_the_model_folder_may_be_replaced(self):
        folder = artifact(Path("model"))
        (folder / "scores.json").write_text("{}")
        check("evaluate", "--data", "none.csv", "--model", folder, "--json", folder / "scores.json")
        check("report", folder)
        check("report", folder, "--out", folder / "report.html")
        check("fit", "--data", "none.csv", "--out", folder)

    def test_initial_weights_are_not_replaced(self):
        folder = artifact(Path("model"))
        for output in ("model", "model/../model", folder.resolve()):
            assert "an input (--start model)" in refusal("fit", "--start", folder, "--out", output)
        check("fit", "--start", folder, "--out", "model2")

    def test_the_export_folder_is_an_output(self):
        folder = artifact(Path("model-onnx"))
        (folder / "x.csv").write_text("a,b")
        arguments = "fit", "--data", folder / "x.csv", "--out", "model"
        check(*arguments)
        assert "model-onnx of --out model would replace" in refusal(*arguments, "--export", "onnx")

    def test_the_sidecar_of_a_network_is_not_replaced(self):
        for name in ("net.onnx", "net.json"):
            Path(name).write_text("a network")
        arguments = "evaluate", "--data", "none.csv", "--model", "net.onnx", "--json"
        assert "would replace net.json" in refusal(*arguments, "net.json")
        assert "would replace net.onnx" in refusal(*arguments, "net.onnx")

    def test_the_bundled_model_is_the_default_input(self):
        output = DEFAULT_ARTIFACT / "model.joblib"
        assert "(the bundled model)" in refusal("evaluate", "--data", "none.csv", "--json", output)
        assert "(the bundled model)" in refusal("live", "--record", output)
        assert "(the bundled model)" in refusal("report", "--out", output)

    def test_a_folder_with_a_foreign_manifest_is_not_replaced(self, refuse):
        Path("site").mkdir()
        Path("site/manifest.json").write_text('{"name": "a web page"}')
        assert "must be empty or hold an artifact" in refuse("fit", "--data", "none.csv", "--out", "site")


class TestSource:
    def test_images_of_a_source_folder_are_not_replaced_but_logs_are(self):
        image(Path("shots/1.png"))
        image(Path("shots/really_an_image.csv"))
        image(Path("shots/deeper/2.csv"))
        Path("shots/log.csv").write_text("frame,time_s")
        arguments = "live", "--source", "shots", "--log"
        for name in ("really_an_image.csv", "deeper/2.csv"):
            assert "would replace a file of shots" in refusal(*arguments, f"shots/{name}")
        check(*arguments, "shots/log.csv", "--snapshots", "shots")
        check(*arguments, "shots/new.jsonl")
        check(*arguments, "shots/deeper/log.csv")

    @pytest.mark.parametrize(
        "address", ["file://{}", "file:{}", "concat:file://other|file://{}", "subfile,,start,0,,://{}"]
    )
    def test_files_in_file_addresses_are_not_replaced(self, address):
        Path("f.mp4").write_text("a video")
        source = address.format(Path("f.mp4").resolve())
        assert "would replace" in refusal("live", "--source", source, "--record", "f.mp4")
        check("live", "--source", source, "--record", "g.mp4")

    def test_existing_names_are_files(self):
        for name in ("demo", "2024", "a b.mp4"):
            Path(name).write_text("a video")
            Path("link.mp4").unlink(missing_ok=True)
            Path("link.mp4").symlink_to(name)
            assert "would replace" in refusal("live", "--source", name, "--record", "link.mp4")
        source = (Path.cwd() / "a b.mp4").as_uri()
        assert "%20" in source
        assert "would replace" in refusal("live", "--source", source, "--record", "a b.mp4")

    @pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:2.0,\nf.mp4\n", "ffconcat version 1.0\nfile 'f.mp4'\n"])
    def test_files_of_a_playlist_are_not_replaced(self, text):
        Path("f.mp4").write_text("a video")
        Path("list").write_text(text)
        assert "would replace f.mp4" in refusal("live", "--source", "list", "--record", "f.mp4")
        check("live", "--source", "list", "--record", "g.mp4")

    @pytest.mark.parametrize("source", ["demo", "0", "rtsp://host/" + "x" * 300, "file:" + "x" * 5000, "Camera: 1"])
    def test_sources_that_are_not_files_are_accepted(self, source):
        check("live", "--source", source, "--record", "f.mp4")


class TestOutputs:
    def test_the_metadata_of_a_log_is_an_output(self):
        Path("a.csv.meta.json").write_text("a predictor")
        arguments = "--log", "a.csv", "--predictor", "a.csv.meta.json"
        assert "a.csv.meta.json of --log a.csv would replace" in refusal("live", *arguments)

    def test_outputs_in_a_replaced_folder_are_refused(self):
        assert "are the same path" in refusal("fit", "--out", "new", "--label-errors", "new/../new")
        artifact(Path("model"))
        arguments = "fit", "--data", "none.csv", "--out", "model", "--label-errors"
        assert "--label-errors model/s.csv lies in --out model" in refusal(*arguments, "model/s.csv")
        check(*arguments, "s.csv")

    def test_devices_may_be_written_twice(self):
        check("evaluate", "--data", "none.csv", "--json", os.devnull, "--predictions", os.devnull)

    def test_letter_case_follows_the_file_system(self, monkeypatch):
        assert not same_file("new/A.csv", "New/a.csv")
        monkeypatch.setattr(file_identity, "_folds_case", lambda folder: True)
        assert same_file("new/A.csv", "New/a.csv")
        assert "are the same path" in refusal("live", "--log", "a.csv", "--log", "A.csv")

    def test_unwritable_outputs_are_refused_before_the_work(self):
        Path("folder").mkdir()
        for name, reason in (("folder", "is a folder"), ("missing/x.csv", "there is no folder missing")):
            assert reason in refusal("fit", "--data", "none.csv", "--label-errors", name)

    def test_a_collection_may_be_continued_in_its_folder(self):
        Path("faces").mkdir()
        for name in ("collection.json", "spans.csv"):
            Path("faces", name).write_text("{}")
        check("collect", "--out", "faces", "--source", "demo", "--spans", "faces/spans.csv")
        arguments = "--out", "faces", "--source", "demo", "--spans", "faces/collection.json"
        assert "would replace faces/collection.json" in refusal("collect", *arguments)

    @pytest.mark.parametrize("name", ["x" * 300, "locked", "a\0b", ""])
    def test_listing_refuses_bad_names_too(self, refuse, monkeypatch, name):
        Path("locked").mkdir()
        allowed = os.access
        monkeypatch.setattr(os, "access", lambda path, *mode: "locked" not in str(path) and allowed(path, *mode))
        assert "--out" in refuse("collect", "--list", "--out", name)

    def test_listing_writes_nothing(self, monkeypatch):
        Path("faces").mkdir()
        monkeypatch.setattr(os, "access", lambda path, mode: mode == os.R_OK)
        check("collect", "--out", "faces", "--list")
        assert "no permission" in refusal("collect", "--out", "faces")


def test_system_errors_are_reported(monkeypatch):
    def fail(path, *_):
        raise OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr("landmark_fer.core.paths._exists", fail)
    assert "cannot be reached (Input/output error)" in refusal("evaluate", "--data", "a.csv")


def test_a_video_is_not_recorded_over_itself(tmp_path):
    """The complete command in a separate process."""
    video = tmp_path / "f.mp4"
    shutil.copy(make_video(tmp_path / "made.mp4"), video)
    (tmp_path / "link.mp4").symlink_to(video)
    before = video.read_bytes()
    for output in (video, tmp_path / "link.mp4"):
        ended = run_live("--source", video, "--record", output)
        assert ended.returncode == 2 and "would replace" in ended.stderr
        assert video.read_bytes() == before
    ended = run_live("--source", video, "--record", tmp_path / "new.mp4")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "new.mp4").stat().st_size > 1000 and video.read_bytes() == before


def make_video(path):
    import cv2
    import numpy as np

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, (160, 120))
    for shade in range(3):
        writer.write(np.full((120, 160, 3), 80 * shade, np.uint8))
    writer.release()
    return path


def run_live(*arguments):
    words = [sys.executable, "-m", "landmark_fer.live", "--headless", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=PACKAGE.parent)
