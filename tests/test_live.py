"""The live door: starts fast, says what is wrong, writes what it saw, ends cleanly."""

import csv
import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from landmark_fer import live
from landmark_fer.errors import ArtifactError, SinkError
from landmark_fer.face.expressions import UNCERTAIN
from landmark_fer.face.records import Recognition
from landmark_fer.live import LiveSummary, main, run_live
from landmark_fer.perception.extraction import FaceExtractor
from landmark_fer.streaming.demo import FRAMES_PER_SECOND, MOTIONS
from landmark_fer.streaming.sources import Frame, Source, open_source

CLASSES = ("happy", "surprise", "neutral")


class FakeRecognizer:
    """Finds faces as the real one does, and takes every one for neutral."""

    classes = CLASSES

    def __init__(self, extractor):
        self.extractor = extractor

    def recognize(self, picture):
        probabilities = dict(zip(CLASSES, (0.1, 0.2, 0.7), strict=True))
        return [Recognition(face, "neutral", 0.7, probabilities) for face in self.extractor.extract(picture)]


class BlindRecognizer:
    """Sees no face, quickly."""

    classes = CLASSES

    def recognize(self, picture):
        return []


@pytest.fixture(scope="module")
def recognizer():
    return FakeRecognizer(FaceExtractor())


@pytest.fixture
def door(recognizer, monkeypatch):
    """The door with the fake recognizer behind it, headless."""
    monkeypatch.setattr(live, "_recognizer", lambda options: recognizer)
    return lambda *arguments: main(["--headless", *map(str, arguments)])


class FakeWindow:
    """Hears a key at a frame, or is closed at it."""

    def __init__(self, *, key=None, at=3, close=False):
        self.key, self.at, self.close, self.closed, self.shown, self.waited = key, at, close, False, 0, 0

    def show(self, picture, *, wait_s=0.0):
        self.shown += 1
        self.closed = self.close and self.shown == self.at
        return self.key if self.shown == self.at else None

    def wait(self, wait_s):
        self.waited += 1
        return "q"


def pictures(n, *, live=False, error=None):
    def frames():
        for index in range(n):
            yield Frame(np.zeros((48, 64, 3), np.uint8), index / 1000, index)
        if error is not None:
            raise error

    return Source("pictures", frames(), frames_per_second=1000.0, live=live)


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_help_loads_nothing_heavy():
    ended = run_python(
        "import sys, landmark_fer.live\n"
        "try:\n    landmark_fer.live.main(['--help'])\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        "heavy = {'dlib', 'cv2', 'keras', 'matplotlib', 'tensorflow', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    assert ended.returncode == 0, ended.stderr
    for option in ("--source", "--model", "--headless", "--log", "--record", "--max-frames", "--detector"):
        assert option in ended.stdout


def test_demo_is_logged_and_recorded(door, tmp_path, capsys):
    log, video = tmp_path / "log.csv", tmp_path / "video.mp4"
    assert door("--source", "demo", "--log", log, "--record", video, "--max-frames", 50) == 0
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(50))
    assert {row["track_id"] for row in rows} == {"1"}
    assert {row["expression"] for row in rows} == {"neutral"}
    assert float(rows[49]["time_s"]) == pytest.approx(49 / FRAMES_PER_SECOND)
    assert all(float(row["width"]) > 90 for row in rows)
    with open_source(video) as source:
        frames = list(source)
    assert len(frames) == 50
    assert frames[0].picture.shape == (480, 640, 3)
    out = capsys.readouterr().out
    assert "not what the person feels" in out
    assert "excludes commercial use" in out
    assert "50 frames, 50 faces" in out
    assert "neutral 100%" in out


def test_recorded_video_is_annotated_and_the_log_is_not_needed(door, tmp_path):
    assert door("--source", "demo", "--record", tmp_path / "video.avi", "--max-frames", 1) == 0
    with open_source(tmp_path / "video.avi") as source, open_source("demo") as plain:
        difference = np.abs(next(source).picture.astype(int) - next(plain).picture)
    assert (difference.max(axis=2) > 80).mean() > 0.005


def test_tracks_of_the_second_face(recognizer):
    """Two faces, two numbers; the first keeps its own."""

    class Rows:
        takes_annotated = False
        ids = set()

        def write(self, frame, recognitions, track_ids):
            self.ids |= set(track_ids)

    second = next(motion for motion in MOTIONS if motion.faces == 2)
    begin, end = (round(time * FRAMES_PER_SECOND) for time in (second.begin - 0.2, second.end))
    with open_source("demo") as source:
        frames = (frame for frame in source if begin <= frame.index < end)
        rows = Rows()
        run_live(recognizer, Source("part", frames, frames_per_second=FRAMES_PER_SECOND), sinks=[rows])
    assert rows.ids == {1, 2}


def test_jsonl(door, tmp_path):
    assert door("--source", "demo", "--log", tmp_path / "log.jsonl", "--max-frames", 2) == 0
    objects = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["frame"] for entry in objects] == [0, 1]
    assert objects[0]["surprise"] == 0.2


@pytest.mark.parametrize(
    "arguments,sentence",
    [
        (["--source", "missing.mp4"], "source missing.mp4 does not exist"),
        (["--source", "97"], "camera 97 did not open"),
        (["--source", "demo", "--log", "log.txt"], "--log must end in .csv or .jsonl"),
        (["--source", "demo", "--record", "video.gif"], "--record must end in .mp4 or .avi"),
        (["--source", "demo", "--log", "nowhere/log.csv"], "there is no folder"),
    ],
)
def test_errors_are_a_sentence_and_status_2(door, capsys, arguments, sentence):
    assert door(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert sentence in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments,reject",
    [((), "fitted"), (("--always-answer",), None), (("--reject-below", "0.6"), 0.6), (("--reject-below", "0"), 0.0)],
)
def test_how_unsure_answers_are_treated_reaches_the_recognizer(monkeypatch, arguments, reject):
    asked = {}

    def refuse(artifact, **options):
        asked.update(options)
        raise ArtifactError("enough seen")

    monkeypatch.setattr("landmark_fer.recognition.artifact.load_artifact", lambda path: None)
    monkeypatch.setattr("landmark_fer.recognition.recognizer.Recognizer", refuse)
    assert main(["--headless", *arguments]) == 2
    assert asked["reject"] == reject


@pytest.mark.parametrize("value", ["-0.1", "1.1", "nan", "often"])
def test_reject_below_takes_a_probability(value, capsys):
    with pytest.raises(SystemExit) as ended:
        main([f"--reject-below={value}"])
    assert ended.value.code == 2
    assert "must be a probability from 0 to 1" in capsys.readouterr().err


def test_rejecting_and_always_answering_exclude_each_other(capsys):
    with pytest.raises(SystemExit):
        main(["--always-answer", "--reject-below", "0.5"])
    assert "not allowed with" in capsys.readouterr().err


def test_uncertain_answers_are_logged_and_counted_as_such(recognizer, door, monkeypatch, tmp_path, capsys):
    plain = recognizer.recognize

    def unsure(picture):
        return [replace(recognition, expression=UNCERTAIN) for recognition in plain(picture)]

    monkeypatch.setattr(recognizer, "recognize", unsure)
    log, video = tmp_path / "log.csv", tmp_path / "video.avi"
    assert door("--source", "demo", "--log", log, "--record", video, "--max-frames", 2) == 0
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["expression"], row["confidence"], row["neutral"]) for row in rows] == [("uncertain", "0.7", "0.7")] * 2
    assert "uncertain 100%" in capsys.readouterr().out


def test_missing_model_is_said(monkeypatch, capsys):
    def refuse(options):
        raise ArtifactError("artifact nowhere does not exist")

    monkeypatch.setattr(live, "_recognizer", refuse)
    assert main(["--headless", "--source", "demo"]) == 2
    assert capsys.readouterr().err == "error: artifact nowhere does not exist\n"


def test_failed_start_leaves_the_old_log(door, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("old")
    assert door("--source", "missing.mp4", "--log", log) == 2
    assert log.read_text() == "old"


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5"])
def test_max_frames_counts(count, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--max-frames", count])
    assert ended.value.code == 2
    assert "must be a whole number from 1" in capsys.readouterr().err


def test_every_frame_of_a_source_is_counted():
    summary = run_live(BlindRecognizer(), pictures(20))
    assert (summary.frames, summary.faces) == (20, 0)
    assert summary.seconds > 0


def test_max_frames_takes_no_frame_more():
    source = pictures(20)
    assert run_live(BlindRecognizer(), source, max_frames=5).frames == 5
    assert next(source).index == 5


@pytest.mark.parametrize("key", ["q", "Q", "escape"])
def test_quitting_keys(key):
    assert run_live(BlindRecognizer(), pictures(20), window=FakeWindow(key=key)).frames == 3


def test_other_keys_do_not_quit():
    assert run_live(BlindRecognizer(), pictures(20), window=FakeWindow(key="x")).frames == 20


def test_closing_the_window_ends():
    assert run_live(BlindRecognizer(), pictures(20), window=FakeWindow(close=True)).frames == 3


def test_single_picture_stays_until_a_key():
    window = FakeWindow()
    run_live(BlindRecognizer(), pictures(1), window=window)
    assert window.waited == 1
    run_live(BlindRecognizer(), pictures(2), window=window)
    assert window.waited == 1


def test_interrupt_ends_with_a_summary(door, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("landmark_fer.streaming.sources.open_source", lambda _: pictures(7, error=KeyboardInterrupt()))
    assert door("--log", tmp_path / "log.csv") == 0
    assert "7 frames" in capsys.readouterr().out
    assert (tmp_path / "log.csv").read_text().startswith("frame,")


def test_sink_that_fails_ends_with_a_sentence(door, monkeypatch, tmp_path, capsys):
    def fail(*_):
        raise SinkError("log.csv cannot be written (No space left on device)")

    monkeypatch.setattr("landmark_fer.streaming.recording.CsvLog.write", fail)
    assert door("--source", "demo", "--log", tmp_path / "log.csv") == 2
    assert "No space left" in capsys.readouterr().err


def test_summary_reads_well():
    summary = LiveSummary(frames=100, faces=4, seconds=4.0)
    summary.expressions.update(happy=3, neutral=1)
    assert str(summary) == "100 frames, 4 faces, 25.0 frames/s; most often happy 75%, neutral 25%"
    assert str(LiveSummary()) == "0 frames, 0 faces, 0.0 frames/s"


def test_picture_as_a_source(door, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((100, 100), 128, np.uint8))
    assert door("--source", tmp_path / "grey.png") == 0
    assert "1 frames, 0 faces" in capsys.readouterr().out
