"""The live command: options, messages, output files, and how a run ends."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.core.errors import ArtifactError, SinkError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.live import __main__ as live
from landmark_fer.live.__main__ import main
from landmark_fer.live.options import TOKEN_VARIABLE, make_parser
from landmark_fer.live.sources.demo import FRAMES_PER_SECOND
from landmark_fer.live.sources.frames import Frame, Source
from landmark_fer.live.sources.opening import open_source
from landmark_fer.recognition.baseline import Baseline
from landmark_fer.recognition.recognizer import Recognizer
from tests.live.hand_made import make_recognition
from tests.selection import slow

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's /dev/full and signals")
COMMAND = [sys.executable, "-m", "landmark_fer.live"]
PATIENCE_S = 300  # for a process on a busy machine


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer(load_artifact())


@pytest.fixture
def command(recognizer, monkeypatch):
    """The command without a window, with a loaded recognizer."""
    monkeypatch.setattr(live, "_recognizer", lambda options, model: recognizer)
    return lambda *arguments: main(["--headless", *map(str, arguments)])


@pytest.fixture
def start():
    """A function that starts the command as a process."""
    started = []

    def start(*arguments, **options):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([*COMMAND, *map(str, arguments)], **pipes, **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(condition, process):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def frames_of(path):
    with open_source(path) as source:
        return len(list(source))


def large(path, size=3000):
    return lambda: path.exists() and path.stat().st_size > size


def test_help_loads_nothing_heavy():
    code = (
        "import sys, landmark_fer.live.__main__ as live\n"
        "try:\n    live.main(['--help'])\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        "heavy = {'dlib', 'cv2', 'keras', 'matplotlib', 'tensorflow', 'sklearn', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 0, ended.stderr
    for action in make_parser()._actions:
        assert action.help
        assert action.option_strings[-1] in ended.stdout


def test_all_outputs_at_once(command, tmp_path, capsys):
    paths = {name: tmp_path / name for name in ("log.csv", "log.jsonl", "video.mp4", "summary.html")}
    logs = ["--log", paths["log.csv"], "--log", paths["log.jsonl"]]
    rest = ["--record", paths["video.mp4"], "--summary", paths["summary.html"], "--explain"]
    assert command("--source", "demo", *logs, *rest, "--max-frames", 12) == 0
    rows = rows_of(paths["log.csv"])
    assert [int(row["frame"]) for row in rows] == list(range(12))
    assert {row["track_id"] for row in rows} == {"1"}
    assert float(rows[11]["time_s"]) == pytest.approx(11 / FRAMES_PER_SECOND)
    assert all(float(row["width"]) > 90 for row in rows)
    header, *objects = [json.loads(line) for line in paths["log.jsonl"].read_text().splitlines()]
    assert header["header"]["model"]["sha256"] == load_artifact().manifest["model"]["sha256"]
    assert header["header"]["source"] == "demo"
    assert [entry["expression"] for entry in objects] == [row["expression"] for row in rows]
    explained = [entry["frame"] for entry in objects if "explanation" in entry]
    assert explained[0] == 0
    assert len(explained) <= 3  # in half a second
    assert frames_of(paths["video.mp4"]) == 12
    assert "<svg" in paths["summary.html"].read_text()
    out = capsys.readouterr().out
    assert "not what the person feels" in out
    assert "excludes commercial use" in out
    assert "12 frames, 12 faces" in out
    assert "  #1: 0.5 s; " in out


def test_images_are_recorded_in_the_size_of_a_window_whatever_the_first_one_is(command, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for index, size in enumerate(((40, 30), (600, 800))):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((*size, 3), 128, np.uint8))
    assert command("--source", folder, "--record", tmp_path / "video.avi") == 0
    with open_source(tmp_path / "video.avi") as source:
        assert [frame.image.shape for frame in source] == [(960, 1280, 3)] * 2


def test_recording_is_annotated(command, tmp_path):
    assert command("--source", "demo", "--record", tmp_path / "video.avi", "--max-frames", 1) == 0
    with open_source(tmp_path / "video.avi") as source, open_source("demo") as plain:
        difference = np.abs(next(source).image.astype(int) - next(plain).image)
    assert (difference.max(axis=2) > 80).mean() > 0.005


def test_blur_changes_what_is_written_and_not_what_is_measured(command, tmp_path):
    logs, images = [], []
    for name, options in (("plain", ()), ("blurred", ("--blur", "faces"))):
        log, video = tmp_path / f"{name}.csv", tmp_path / f"{name}.avi"
        arguments = ["--source", "demo", "--log", log, "--log-fields", "landmarks,measurements", "--record", video]
        assert command(*arguments, "--max-frames", 5, *options) == 0
        logs.append([{**row, "wall_time": ""} for row in rows_of(log)])
        with open_source(video) as source:
            images.append([frame.image.astype(int) for frame in source])
    assert logs[0] == logs[1] and len(logs[0]) == 5
    x, y, width, height = (round(float(logs[0][4][side])) for side in ("x", "y", "width", "height"))
    difference = np.abs(images[0][4] - images[1][4]).max(axis=2)
    assert (difference[y : y + height, x : x + width] > 10).mean() > 0.5 > 0.01 > (difference[:, :100] > 10).mean()


def test_mirrored_recording(command, tmp_path):
    assert command("--source", "demo", "--record", tmp_path / "video.avi", "--mirror", "--max-frames", 1) == 0
    with open_source(tmp_path / "video.avi") as source, open_source("demo") as plain:
        shown, image = next(source).image.astype(int), next(plain).image
    corners = np.s_[-60:, :200], np.s_[-60:, -200:]
    for corner in corners:
        assert np.abs(shown[corner] - image[:, ::-1][corner]).mean() < np.abs(shown[corner] - image[corner]).mean()


def test_two_models_side_by_side(recognizer, monkeypatch, tmp_path, lfw_model):
    models = {None: recognizer, str(lfw_model.path): Recognizer(load_artifact(lfw_model.path))}
    monkeypatch.setattr(live, "_recognizer", lambda options, model: models[model])
    logs = [tmp_path / "log.csv", tmp_path / "log.jsonl"]
    arguments = ["--log", logs[0], "--log", logs[1], "--versus", lfw_model.path, "--record", tmp_path / "video.avi"]
    assert main(list(map(str, ["--headless", "--source", "demo", *arguments, "--max-frames", 3]))) == 0
    header, *objects = [json.loads(line) for line in logs[1].read_text().splitlines()]
    hashes = [header["header"][name]["sha256"] for name in ("model", "versus")]
    assert hashes == [model.artifact.manifest["model"]["sha256"] for model in models.values()]
    assert {row["versus_expression"] for row in rows_of(logs[0])} <= {*models[str(lfw_model.path)].classes, UNCERTAIN}
    assert all(0 <= entry["versus_confidence"] <= 1 for entry in objects)


@pytest.mark.parametrize(
    "arguments,sentence",
    [
        (["--source", "missing.mp4"], "source missing.mp4 does not exist"),
        (["--source", "97"], "camera 97 did not open"),
        (["--source", "demo", "--log", "log.txt"], "--log must end in .csv or .jsonl"),
        (["--source", "demo", "--log", "fine.csv", "--log", "log.txt"], "--log must end in .csv or .jsonl"),
        (["--source", "demo", "--record", "video.gif"], "--record must end in .mp4 or .avi"),
        (["--source", "demo", "--summary", "page.pdf"], "--summary must end in .html"),
        (["--source", "demo", "--log", "nowhere/log.csv"], "there is no folder"),
    ],
)
def test_errors_are_one_line_and_status_2(command, capsys, arguments, sentence):
    assert command(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert sentence in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments,reject",
    [((), "fitted"), (("--never-reject",), None), (("--reject-below", "0.6"), 0.6), (("--reject-below", "0"), 0.0)],
)
def test_rejection_options_reach_the_recognizer(monkeypatch, arguments, reject):
    passed = {}

    def refuse(artifact, **options):
        passed.update(options)
        raise ArtifactError("stop here")

    monkeypatch.setattr("landmark_fer.artifact.artifact.load_artifact", lambda path: None)
    monkeypatch.setattr("landmark_fer.recognition.recognizer.Recognizer", refuse)
    assert main(["--headless", *arguments]) == 2
    assert passed["reject"] == reject


@pytest.mark.parametrize(
    "option,value,rule",
    [
        *(("--reject-below", value, "a number from 0 to 1") for value in ("-0.1", "1.1", "nan", "often")),
        *(("--smoothing", value, "a number from 0 to 1") for value in ("-1", "2", "inf", "much")),
        *(("--neutral", value, "seconds, over 0 and up to 600") for value in ("0", "-1", "601", "nan", "long")),
        *(("--max-frames", value, "a whole number from 1") for value in ("0", "-1", "many", "1.5")),
        *(("--every", value, "a whole number from 1") for value in ("0", "2.5")),
        *(("--smallest-face", value, "a whole number from 16 to 10,000") for value in ("0", "15", "40px", "10001")),
    ],
)
def test_numbers_outside_their_bounds_are_refused(option, value, rule, capsys):
    with pytest.raises(SystemExit) as ended:
        main([f"{option}={value}"])
    assert ended.value.code == 2
    assert f"must be {rule}, got" in capsys.readouterr().err


def test_never_reject_and_reject_below_exclude_each_other(capsys):
    with pytest.raises(SystemExit):
        main(["--never-reject", "--reject-below", "0.5"])
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize("still", [False, True])
def test_reader_depends_on_the_source(recognizer, tmp_path, still):
    cv2.imwrite(str(tmp_path / "one.png"), np.full((100, 100), 128, np.uint8))
    source = tmp_path if still else "demo"
    options = make_parser().parse_args(["--source", str(source), "--smoothing", "0.7", "--every", "3"])
    reader = live._make_reader(options, recognizer, None)
    assert reader.still == still
    reader.close()


def test_uncertain_predictions_are_logged_and_counted(recognizer, command, monkeypatch, tmp_path, capsys):
    plain = recognizer.recognize_faces

    def unsure(faces, **options):
        return [replace(recognition, expression=UNCERTAIN) for recognition in plain(faces, **options)]

    monkeypatch.setattr(recognizer, "recognize_faces", unsure)
    monkeypatch.setattr(recognizer, "threshold", 1.0)
    log, video = tmp_path / "log.csv", tmp_path / "video.avi"
    assert command("--source", "demo", "--log", log, "--record", video, "--max-frames", 2) == 0
    assert [row["expression"] for row in rows_of(log)] == ["uncertain"] * 2
    assert "uncertain 100%" in capsys.readouterr().out


def test_a_baseline_is_recorded_saved_and_given_to_another_run(command, tmp_path, capsys):
    mine, first, second = tmp_path / "mine.json", tmp_path / "first.csv", tmp_path / "second.csv"
    demo = ["--source", "demo", "--max-frames", 30, "--log-fields", "measurements"]
    assert command(*demo, "--neutral", 0.8, "--save-baseline", mine, "--log", first) == 0
    assert "baseline key from 0.8 s" in capsys.readouterr().out
    assert [row["baseline"] for row in rows_of(first)] == [""] * 20 + ["key"] * 10
    page = tmp_path / "page.html"
    assert command(*demo, "--baseline", mine, "--log", second, "--summary", page) == 0
    rows = rows_of(second)
    assert {row["baseline"] for row in rows} == {"file"}
    saved = Baseline.load(mine).measurements
    for row in (rows[0], rows[29]):
        shift = float(row["m_mouth_opening"]) - saved["mouth_opening"]
        assert float(row["m_mouth_opening_shift"]) == pytest.approx(shift, abs=1e-5)
    assert "neutral baseline file from 0:00.0" in page.read_text()
    facts = json.loads((tmp_path / "second.csv.meta.json").read_text())
    assert facts["baseline"]["n_images"] == Baseline.load(mine).n_images


def test_a_baseline_that_cannot_be_written_is_reported_after_the_log_is_whole(command, tmp_path, monkeypatch, capsys):
    log, mine = tmp_path / "log.csv", tmp_path / "me.json"

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("landmark_fer.recognition.baseline.atomic_write_text", full)
    assert command("--source", "demo", "--max-frames", 30, "--neutral", 0.8, "--save-baseline", mine, "--log", log) == 2
    assert f"error: the baseline {mine} could not be written (No space left" in capsys.readouterr().err
    assert len(rows_of(log)) == 30


@pytest.mark.parametrize(
    ("arguments", "has_column"),
    [
        ((), True),
        (("--baseline", "key"), False),
        (("--baseline", "key", "--neutral", "1"), True),
        (("--baseline", "off"), False),
    ],
)
def test_the_column_of_the_baseline_depends_on_options_only(command, tmp_path, arguments, has_column):
    log = tmp_path / "log.csv"
    assert command("--source", "demo", "--max-frames", 2, "--log", log, *arguments) == 0
    assert ("baseline" in rows_of(log)[0]) == has_column


def test_a_given_baseline_is_used_for_images_with_one_face(command, tmp_path, astronaut, capsys):
    mine, log = tmp_path / "mine.json", tmp_path / "log.csv"
    assert command("--source", "demo", "--max-frames", 30, "--neutral", 0.8, "--save-baseline", mine) == 0
    folder = tmp_path / "images"
    folder.mkdir()
    Image.fromarray(astronaut).save(folder / "1.png")
    Image.fromarray(np.hstack([astronaut, astronaut])).save(folder / "2.png")
    assert command("--source", folder, "--baseline", mine, "--log", log) == 0
    rows = rows_of(log)
    assert {row["baseline"] for row in rows if row["image"] == "1.png"} == {"file"}
    assert {row["baseline"] for row in rows if row["image"] == "2.png"} == {""}
    assert "1 image shows several faces, which are predicted without the baseline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--baseline", "off", "--neutral", "1"], "--neutral records a neutral baseline, and --baseline is off"),
        (["--save-baseline", "me.json"], "add --neutral SECONDS"),
        (["--baseline", "Auto"], "--baseline must be auto, key, off or a file that --save-baseline wrote, got Auto"),
    ],
)
def test_options_of_the_baseline_that_contradict_are_refused(command, capsys, arguments, sentence):
    assert command("--source", "demo", *arguments) == 2
    assert sentence in capsys.readouterr().err


def test_a_page_takes_no_baseline_of_one_person(capsys, tmp_path):
    file = tmp_path / "me.json"
    Baseline.from_recognitions([make_recognition()]).save(file)
    assert main(["--web", "--baseline", str(file)]) == 2
    assert "is of one person, and --web has visitors; give auto, key, off" in capsys.readouterr().err


def test_missing_model_is_reported(capsys):
    assert main(["--headless", "--source", "demo", "--model", "nowhere"]) == 2
    assert "artifact nowhere does not exist" in capsys.readouterr().err


def test_failed_start_keeps_an_older_log(command, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("old")
    assert command("--source", "missing.mp4", "--log", log) == 2
    assert log.read_text() == "old"


def test_interrupt_ends_with_a_summary(command, monkeypatch, tmp_path, capsys):
    def frames():
        yield from (Frame(np.zeros((48, 64, 3), np.uint8), index / 25, index) for index in range(7))
        raise KeyboardInterrupt

    interrupted = Source("interrupted", frames(), frames_per_second=25.0)
    monkeypatch.setattr("landmark_fer.live.sources.opening.open_source", lambda _: interrupted)
    assert command("--log", tmp_path / "log.csv", "--summary", tmp_path / "page.html") == 0
    assert "7 frames" in capsys.readouterr().out
    assert (tmp_path / "log.csv").read_text().startswith("frame,")
    assert (tmp_path / "page.html").exists()


def test_interrupt_before_the_first_frame_is_reported(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(live, "_recognizer", interrupted)
    assert main(["--headless"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_failing_sink_ends_the_run_and_other_files_are_complete(command, monkeypatch, tmp_path, capsys):
    plain = live.sys.modules["landmark_fer.live.sinks.logs"].CsvLog.write

    def fail(self, frame, *rest):
        if frame.index == 3:
            raise SinkError("log.csv cannot be written (No space left on device)")
        plain(self, frame, *rest)

    monkeypatch.setattr("landmark_fer.live.sinks.logs.CsvLog.write", fail)
    video, page = tmp_path / "video.mp4", tmp_path / "page.html"
    outputs = ["--record", video, "--log", tmp_path / "log.csv", "--summary", page]
    assert command("--source", "demo", *outputs, "--max-frames", 9) == 2
    assert capsys.readouterr().err == "error: log.csv cannot be written (No space left on device)\n"
    assert frames_of(video) in (3, 4)
    assert len(rows_of(tmp_path / "log.csv")) == 3
    assert page.exists()


def test_image_as_a_source(command, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((100, 100), 128, np.uint8))
    assert command("--source", tmp_path / "grey.png") == 0
    assert "1 frames, 0 faces" in capsys.readouterr().out


@pytest.fixture
def clips(demo_avi, tmp_path):
    """A folder of videos, with a damaged one and an image."""
    folder = tmp_path / "clips"
    (folder / "sub").mkdir(parents=True)
    content = demo_avi.read_bytes()
    for name in ("clip 2.avi", "clip 10.avi", "sub/clip 1.avi"):
        (folder / name).write_bytes(content)
    (folder / "cut.avi").write_bytes(content[: len(content) // 2])
    (folder / "none.mp4").write_bytes(b"no video")
    cv2.imwrite(str(folder / "photo.png"), np.full((100, 100), 128, np.uint8))
    return folder


def test_every_video_of_a_folder_has_a_log(command, clips, tmp_path, capsys, caplog):
    logs = tmp_path / "logs"
    assert command("--source", clips, "--log", f"{logs}/", "--log-fields", "pose", "--explain") == 0
    out = capsys.readouterr().out
    assert "5 videos: 4 have a log" in out and "1 cannot be read: none.mp4" in out and "damaged" in out
    assert "1 entry is not read: photo.png (an image)" in caplog.text
    rows, videos = rows_of(logs / "all.csv"), rows_of(logs / "videos.csv")
    assert [(row["video"], row["status"]) for row in videos] == [
        ("clip 2.avi", "ok"), ("clip 10.avi", "ok"), ("cut.avi", "ok"), ("none.mp4", "unreadable"),
        ("sub/clip 1.avi", "ok"),
    ]  # fmt: skip
    assert "ends after" in videos[2]["remark"] and "cannot be decoded" in videos[3]["remark"]
    assert command("--source", clips / "clip 2.avi", "--log", tmp_path / "one.csv", "--log-fields", "pose") == 0
    one = [row | {"wall_time": None} for row in rows_of(tmp_path / "one.csv")]
    for video in ("clip 2.avi", "sub/clip 1.avi"):  # equal to the log of a single video
        log = [row | {"wall_time": None} for row in rows if row["video"] == video]
        assert [{name: row[name] for name in one[0]} for row in log] == one
    assert command("--source", clips, "--log", logs, "--log-fields", "pose", "--explain") == 0
    assert "(4 from an earlier run)" in capsys.readouterr().out
    assert command("--source", clips, "--log", logs) == 2
    assert "explain yes (now no), log_fields pose (now none)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments,sentence",
    [
        (["--source", "clips"], "the folder clips holds no images but 2 videos; add --log DIR/ for a log of each"),
        (["--source", "clips", "--log", "log.csv"], "the folder clips holds no images but 2 videos; add --log DIR/"),
        (["--source", "clips", "--log", "x/", "--record", "a.avi"], "a folder of videos takes no --record"),
        (["--source", "clips", "--log", "x/", "--summary", "a.html"], "a folder of videos takes no --summary"),
        (["--source", "clips", "--log", "x/", "--blur", "eyes"], "--blur eyes changes recordings, snapshots and"),
        (
            ["--log-format", "jsonl", "--log", "x.csv"],
            "--log-format jsonl is for a folder of logs, --log DIR/",
        ),
        (["--log-format", "csv"], "is for a folder of logs, --log DIR/, got no --log"),
        (["--source", "clips", "--log", "x/", "--log", "a.csv"], "must be the only --log"),
        (["--source", "demo", "--log", "x/"], "--log x/ is a folder, for the logs of a folder of videos"),
        (["--source", "clips/a.mp4", "--log", "x/"], "--log x/ is a folder, for the logs of a folder of videos"),
        (["--log", "x/"], "--log x/ is a folder, for the logs of a folder of videos"),
        (["--source", "photos", "--log", "x/"], "folder photos holds no videos (1 entry is not read: b.png (an image)"),
        (["--source", "clips", "--log", "clips/"], "clips holds other files than the logs of an earlier run"),
        (["--source", "clips", "--log", "clips/a.mp4/"], "must be a folder, got a file"),
    ],
)
def test_wrong_options_with_a_folder_of_videos(command, capsys, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    for name in ("clips/a.mp4", "clips/sub/b.mp4", "photos/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    before = sorted(tmp_path.rglob("*"))
    assert command(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert sentence.removeprefix("the ") in error
    assert sorted(tmp_path.rglob("*")) == before


@linux_only
@pytest.mark.slow
def test_a_killed_run_over_videos_continues(start, clips, tmp_path):
    outputs = [tmp_path / "killed", tmp_path / "whole"]
    process = start("--source", clips, "--log", f"{outputs[0]}/")
    wait_for(lambda: list(outputs[0].glob("videos/*")) and list(outputs[0].glob(".unfinished/*")), process)
    process.kill()
    process.communicate()
    for folder in outputs:
        out, error = start("--source", clips, "--log", f"{folder}/").communicate(timeout=PATIENCE_S)
        assert "5 videos: 4 have a log" in out, error
    rows = [[row | {"wall_time": None} for row in rows_of(folder / "all.csv")] for folder in outputs]
    assert rows[0] == rows[1]
    assert rows_of(outputs[0] / "videos.csv") == rows_of(outputs[1] / "videos.csv")


def test_images_of_a_folder_are_not_tracked(command, astronaut, tmp_path, capsys):
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), cv2.cvtColor(astronaut, cv2.COLOR_RGB2BGR))
    assert command("--source", tmp_path, "--log", tmp_path / "log.csv") == 0
    first, second = rows_of(tmp_path / "log.csv")
    assert [row["track_id"] for row in (first, second)] == ["1", "2"]
    assert first["confidence"] == second["confidence"]
    assert len(capsys.readouterr().out.strip().splitlines()) == 2


def test_every_image_of_a_folder_has_a_row(command, astronaut, tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    face, landscape = cv2.cvtColor(astronaut, cv2.COLOR_RGB2BGR), np.full((200, 300, 3), (200, 160, 90), np.uint8)
    landscape[120:] = (60, 120, 70)
    cv2.imwrite(str(folder / "face 2.png"), face)
    cv2.imwrite(str(folder / "face 10.png"), face)
    cv2.imwrite(str(folder / "landscape.png"), landscape)
    for name in ("a damaged.png", "z damaged.png"):
        (folder / name).write_bytes((folder / "face 2.png").read_bytes()[:3000])
    (folder / "notes.txt").write_text("words")
    log, objects = tmp_path / "log.csv", tmp_path / "log.jsonl"
    assert command("--source", folder, "--log", log, "--log", objects, "--log-fields", "quality") == 0
    rows = rows_of(log)
    assert [(row["image"], row["status"]) for row in rows] == [
        ("a damaged.png", "unreadable"), ("face 2.png", "ok"), ("face 10.png", "ok"), ("landscape.png", "no face"),
        ("z damaged.png", "unreadable"),
    ]  # fmt: skip
    assert (
        [bool(row["expression"]) for row in rows]
        == [bool(row["x"]) for row in rows]
        == [False, True, True, False, False]
    )
    assert list(rows[0])[-3:] == ["inside", "image", "status"]
    header, *values = map(json.loads, objects.read_text().splitlines())
    assert header["header"]["columns"] == list(rows[0])
    assert [(row["image"], row["expression"] is None) for row in values] == [
        (row["image"], not row["expression"]) for row in rows
    ]


def test_image_without_a_face_has_a_row(command, tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((100, 100), 128, np.uint8))
    assert command("--source", tmp_path / "grey.png", "--log", tmp_path / "log.csv") == 0
    (row,) = rows_of(tmp_path / "log.csv")
    assert (row["image"], row["status"], row["track_id"]) == ("grey.png", "no face", "")


def test_damaged_images_alone_are_logged(command, tmp_path):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "a.jpg").write_bytes(b"no image")
    assert command("--source", tmp_path / "photographs", "--log", tmp_path / "log.csv") == 0
    assert [(row["image"], row["status"]) for row in rows_of(tmp_path / "log.csv")] == [("a.jpg", "unreadable")]


def test_frames_without_a_face_are_logged_on_request(command, tmp_path):
    frames = [Image.fromarray(np.full((48, 64), shade, np.uint8)) for shade in (50, 90, 130)]
    frames[0].save(tmp_path / "grey.gif", save_all=True, append_images=frames[1:])
    assert command("--source", tmp_path / "grey.gif", "--log", tmp_path / "log.csv") == 0
    assert rows_of(tmp_path / "log.csv") == []
    assert command("--source", tmp_path / "grey.gif", "--log", tmp_path / "log.csv", "--log-empty") == 0
    rows = rows_of(tmp_path / "log.csv")
    assert [(row["frame"], row["status"], row["expression"]) for row in rows] == [
        (str(index), "no face", "") for index in range(3)
    ]
    assert list(rows[0])[-5:] == ["wall_time", "label", "reason", "baseline", "status"]


def test_truncated_video_is_read_and_reported(command, tmp_path, caplog):
    whole, part = tmp_path / "whole.avi", tmp_path / "part.avi"
    assert command("--source", "demo", "--record", whole, "--max-frames", 12) == 0
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert command("--source", part, "--log", tmp_path / "log.csv") == 0
    assert 3 <= len(rows_of(tmp_path / "log.csv")) < 12
    assert "ends after" in caplog.text


def test_cameras_are_listed(monkeypatch, capsys):
    listed = "landmark_fer.live.sources.cameras.list_cameras"
    monkeypatch.setattr(listed, lambda: [(0, "HD Webcam"), (2, "Document Camera")])
    assert main(["--list-cameras"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["0: HD Webcam", "2: Document Camera"]
    monkeypatch.setattr(listed, list)
    assert main(["--list-cameras"]) == 0
    assert "no camera was found" in capsys.readouterr().out


@pytest.fixture
def served(recognizer, monkeypatch):
    """The arguments of `serve`, which is replaced."""
    arguments = {}
    monkeypatch.setattr(live, "_recognizer", lambda options, model: recognizer)
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.setattr(
        "landmark_fer.live.web.server.serve",
        lambda make_reader, **options: arguments.update(options, make_reader=make_reader),
    )
    return arguments


def test_web_serves_the_model_without_a_source(served, recognizer, capsys):
    assert main(["--web"]) == 0
    assert (served["address"], served["token"], served.get("source")) == ("127.0.0.1:8000", None, None)
    assert tuple(served["classes"]) == recognizer.classes
    readers = [served["make_reader"]() for _ in range(2)]
    assert readers[0] is not readers[1]
    served["on_ready"]("http://127.0.0.1:8000/")
    assert "http://127.0.0.1:8000/" in capsys.readouterr().out


def test_web_repeats_a_file(served):
    assert main(["--web", "127.0.0.1:9000", "--source", "demo"]) == 0
    assert served["source"].name == "demo"
    with served["reopen"]() as source:
        assert next(source).index == 0


def test_web_token_is_from_the_option_or_the_environment(served, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "from-the-environment")
    assert main(["--web", "0.0.0.0:9000"]) == 0
    assert served["token"] == "from-the-environment"
    assert main(["--web", "--web-token", "from-the-option"]) == 0
    assert served["token"] == "from-the-option"


@pytest.mark.parametrize(
    "arguments,sentence",
    [
        (["--web", "0.0.0.0:9000"], "needs --web-token"),
        (["--web", "here:there"], "must be HOST:PORT"),
        (["--web", "--log", "log.csv"], "takes no --log"),
        (["--web", "--web-token", ""], "--web-token must have 8 to 200 visible ASCII characters without spaces, got 0"),
        (["--web", "--versus", "nowhere", "--max-frames", "3"], "takes no --versus or --max-frames"),
    ],
)
def test_web_options_are_checked_before_the_model_is_loaded(served, monkeypatch, capsys, arguments, sentence):
    monkeypatch.setattr(live, "_recognizer", None)
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, *slow(signal.SIGTERM)])
def test_signal_ends_a_run_with_complete_files(start, tmp_path, number):
    names = [tmp_path / name for name in ("log.csv", "log.jsonl", "video.mp4", "page.html")]
    outputs = ["--log", names[0], "--log", names[1], "--record", names[2], "--summary", names[3]]
    process = start("--headless", "--source", "demo", *outputs)
    wait_for(large(names[0]), process)
    process.send_signal(number)
    out, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error
    rows = rows_of(names[0])
    assert f"{len(rows)} faces" in out
    assert [json.loads(line)["frame"] for line in names[1].read_text().splitlines()[1:]] == [
        int(row["frame"]) for row in rows
    ]
    assert frames_of(names[2]) == int(rows[-1]["frame"]) + 1
    assert "</html>" in names[3].read_text()


@linux_only
def test_killed_run_leaves_whole_rows(start, tmp_path):
    logs = tmp_path / "log.csv", tmp_path / "log.jsonl"
    process = start("--headless", "--source", "demo", "--log", logs[0], "--log", logs[1])
    wait_for(large(logs[1]), process)
    process.kill()
    process.communicate()
    text = logs[0].read_text()
    assert text.endswith("\n")
    assert len({len(line.split(",")) for line in text.splitlines()}) == 1
    assert all(json.loads(line) for line in logs[1].read_text().splitlines())


@linux_only
def test_full_disk_ends_with_one_message(command, tmp_path, capsys):
    (tmp_path / "full.csv").symlink_to("/dev/full")
    log, video = tmp_path / "log.jsonl", tmp_path / "video.avi"
    outputs = ["--log", log, "--record", video, "--log", tmp_path / "full.csv"]
    assert command("--source", "demo", *outputs, "--max-frames", 9) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "No space left on device" in error
    assert error.count("\n") == 1
    assert all(json.loads(line) for line in log.read_text().splitlines())


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, *slow(signal.SIGTERM)])
def test_web_serves_until_a_signal(start, number):
    pytest.importorskip("fastapi")
    process = start("--web", "127.0.0.1:0", "--source", "demo")
    line = next(line for line in process.stdout if "http://" in line)
    address = re.search(r"http://[\d.:]+/", line)[0]
    with urllib.request.urlopen(f"{address}v1/health", timeout=PATIENCE_S) as prediction:
        health = json.load(prediction)
    assert (health["status"], health["source"]) == ("ok", "demo")
    process.send_signal(number)
    out, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error
    assert out.strip() == "stopped"


@pytest.fixture(scope="module")
def display():
    """The environment of a virtual display."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "800x600x24", "-noreset"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as numbers:
            yield os.environ | {"DISPLAY": f":{numbers.readline().strip()}"}
        server.terminate()


# The message of a window manager when the user closes a window; the virtual display has no window manager.
CLOSE = """
import ctypes, sys

class ClientMessage(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong), ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 24),
    ]

x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype, x11.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
display, window = ctypes.c_void_p(x11.XOpenDisplay(None)), int(sys.argv[1])
protocols, delete = (x11.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
message = ClientMessage(type=33, window=window, message_type=protocols, format=32)
message.data[0] = delete
x11.XSendEvent(display, ctypes.c_ulong(window), 0, 0, ctypes.byref(message))
x11.XCloseDisplay(display)
"""


@pytest.fixture
def press(display):
    """A function that presses a key in the window of a process, or closes it, until a condition holds."""

    def press(key, process, condition):
        def attempt():
            find = ["xdotool", "search", "--name", f"^{live.TITLE}$"]
            number = subprocess.run(find, env=display, capture_output=True, text=True).stdout.split()
            if number:
                keys = ["xdotool", "key", "--window", number[-1], key]
                closing = [sys.executable, "-c", CLOSE, number[-1]]
                subprocess.run(closing if key == "close" else keys, env=display, capture_output=True)
            end = time.monotonic() + 3
            while time.monotonic() < end and not condition():
                time.sleep(0.05)
            return condition()

        wait_for(attempt, process)

    return press


needs_display = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")),
    reason="Xvfb and xdotool, a virtual display and its keys, are not on PATH",
)


@needs_display
def test_keys_in_a_real_window(start, display, press, tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((300, 400), 128, np.uint8))
    folder = tmp_path / "snapshots"
    process = start("--source", tmp_path / "grey.png", "--snapshots", folder, env=display)
    press("s", process, lambda: any(folder.glob("snapshot-*.png")))
    press("h", process, lambda: True)
    plain = len(list(folder.glob("*.png")))
    press("s", process, lambda: len(list(folder.glob("*.png"))) > plain)
    process.send_signal(signal.SIGINT)  # from the terminal, while the window waits for a key
    out, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error
    assert "1 frames, 0 faces" in out
    for path in folder.glob("*.json"):
        assert json.loads(path.read_text())["faces"] == []


@needs_display
@pytest.mark.parametrize("key", ["q", *slow("Escape", "close")])
def test_window_ends_the_run(start, display, press, tmp_path, key):
    log = tmp_path / "log.csv"
    process = start("--source", "demo", "--log", log, env=display)
    wait_for(large(log, 200), process)
    with pytest.raises(AssertionError):  # the process has ended
        press(key, process, lambda: False)
    out, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error
    assert f"{len(rows_of(log))} faces" in out


def test_a_log_has_the_fields_that_the_option_names(command, tmp_path):
    log = tmp_path / "log.csv"
    assert (
        command("--source", "demo", "--headless", "--max-frames", 2, "--log", log, "--log-fields", "pose,quality") == 0
    )
    header, *rows = log.read_text().splitlines()
    names = header.split(",")
    assert names[-8:] == ["yaw", "pitch", "roll", "detector_score", "size_px", "sharpness", "brightness", "inside"]
    row = dict(zip(names, rows[0].split(","), strict=True))
    assert abs(float(row["yaw"])) < 30 and float(row["size_px"]) > 40 and 0 < float(row["brightness"]) < 1


def test_unknown_log_fields_are_refused(command, capsys):
    with pytest.raises(SystemExit):
        command("--source", "demo", "--log-fields", "pose,mood")
    assert "must be among measurements, landmarks, pose, quality, got 'mood'" in capsys.readouterr().err


def test_faces_of_low_quality_are_left_out_and_counted(command, tmp_path, capsys):
    logs = [tmp_path / "log.csv", tmp_path / "log.jsonl"]
    arguments = ["--source", "demo", "--max-frames", 4, "--log", logs[0], "--log", logs[1], "--log-empty"]
    assert command(*arguments, "--min-quality", "size=5000") == 0
    assert "4 frames, 0 faces (4 more left out by --min-quality)" in capsys.readouterr().out
    assert [row["status"] for row in rows_of(logs[0])] == ["low quality"] * 4
    header = json.loads(logs[1].read_text().splitlines()[0])["header"]
    assert header["min_quality"] == {"size": 5000.0}
    assert command(*arguments, "--min-quality", "size=50,inside=0.9") == 0
    assert "4 frames, 4 faces, " in capsys.readouterr().out
    assert [row["status"] for row in rows_of(logs[0])] == ["ok"] * 4


def test_faces_of_low_quality_in_images_and_videos_of_a_folder(command, clips, tmp_path, capsys):
    log = tmp_path / "log.csv"
    assert command("--source", clips, "--log", log, "--min-quality", "size=5000") == 0
    assert [row["status"] for row in rows_of(log)] == ["no face"]
    capsys.readouterr()
    assert command("--source", clips / "sub", "--log", f"{tmp_path}/logs/", "--min-quality", "size=5000") == 0
    assert "1 has a log, 12 frames, 0 faces (12 more left out by --min-quality)" in capsys.readouterr().out
    (row,) = rows_of(tmp_path / "logs" / "videos.csv")
    assert (row["status"], row["faces"], row["left_out"]) == ("low quality", "0", "12")


def test_unknown_limits_of_quality_are_refused(command, capsys):
    with pytest.raises(SystemExit):
        command("--source", "demo", "--min-quality", "sise=40")
    assert "a minimum quality must be of score, size, sharpness, brightness, inside" in capsys.readouterr().err
