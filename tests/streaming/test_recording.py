"""Logs and recordings: whole rows, whatever happens; no file touched before the first frame."""

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest

from landmark_fer.errors import InputError, SinkError
from landmark_fer.streaming.recording import COLUMNS, CsvLog, JsonlLog, VideoRecorder, open_log
from landmark_fer.streaming.sources import Frame, open_source

from .hand_made import CLASSES, make_recognition

PICTURE = np.zeros((48, 64, 3), np.uint8)


def frame(index=0, picture=PICTURE, rate=25):
    return Frame(picture, index / rate, index)


def write_some(log):
    with log:
        log.write(frame(0), [], [])
        log.write(frame(1), [make_recognition(), make_recognition("angry", x=300.0)], [1, 2])
        log.write(frame(2), [make_recognition("neutral", 0.5)], [1])


def test_csv_and_jsonl_hold_the_same_rows(tmp_path):
    write_some(open_log(tmp_path / "log.csv", CLASSES))
    write_some(open_log(tmp_path / "log.JSONL", CLASSES))
    rows = list(csv.DictReader((tmp_path / "log.csv").open(newline="")))
    objects = [json.loads(line) for line in (tmp_path / "log.JSONL").read_text().splitlines()]
    assert [{key: str(value) for key, value in entry.items()} for entry in objects] == rows
    assert tuple(rows[0]) == (*COLUMNS, *CLASSES)
    assert [(row["frame"], row["track_id"], row["expression"]) for row in rows] == [
        ("1", "1", "happy"), ("1", "2", "angry"), ("2", "1", "neutral"),
    ]  # fmt: skip
    assert objects[2] == {
        "frame": 2, "time_s": 0.08, "track_id": 1, "x": 100.0, "y": 80.0, "width": 120.0, "height": 120.0,
        "expression": "neutral", "confidence": 0.5, "angry": 0.25, "happy": 0.25, "neutral": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize("kind,lines", [(CsvLog, 1), (JsonlLog, 0)])
def test_frames_without_faces_leave_no_rows(tmp_path, kind, lines):
    with kind(tmp_path / "log", CLASSES) as log:
        log.write(frame(0), [], [])
    assert (tmp_path / "log").read_text().count("\n") == lines


def test_old_log_stays_until_the_first_frame(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old")
    with open_log(path, CLASSES) as log:
        assert path.read_text() == "old"
        log.write(frame(), [], [])
    assert path.read_text().startswith("frame,")


def test_rows_are_whole_after_a_kill(tmp_path):
    script = """
        import sys
        sys.path.insert(0, sys.argv[2])
        from hand_made import CLASSES, make_recognition
        from landmark_fer.streaming.recording import open_log
        from landmark_fer.streaming.sources import Frame
        with open_log(sys.argv[1], CLASSES) as log:
            for index in range(10**9):
                log.write(Frame(None, index / 25, index), [make_recognition(), make_recognition("angry")], [1, 2])
                if index == 20:
                    print("written", flush=True)
    """
    path = tmp_path / "log.csv"
    command = [sys.executable, "-c", textwrap.dedent(script), str(path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"written"
        process.send_signal(signal.SIGKILL)
    content = path.read_text()
    assert content.endswith("\n")
    rows = list(csv.reader(content.splitlines()))
    assert len(rows) > 40
    assert {len(row) for row in rows} == {len(COLUMNS) + len(CLASSES)}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full, a disk that is always full")
def test_full_disk_is_said(tmp_path):
    (tmp_path / "log.csv").symlink_to("/dev/full")
    with pytest.raises(SinkError, match=r"log\.csv cannot be written \(No space left on device\)"):
        write_some(open_log(tmp_path / "log.csv", CLASSES))


def test_rows_written_before_the_disk_was_full_stay_whole(tmp_path):
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of a file")
    path = tmp_path / "log.csv"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(SinkError), open_log(path, CLASSES) as log:
            for index in range(100):
                log.write(frame(index), [make_recognition()], [1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_text().endswith("\n")
    assert len(path.read_text().splitlines()) > 5


@pytest.mark.parametrize("name", ["log.txt", "log", "log.csv.gz"])
def test_unknown_suffix_of_a_log(name, tmp_path):
    with pytest.raises(InputError, match=r"--log must end in \.csv or \.jsonl"):
        open_log(tmp_path / name, CLASSES)


def test_unknown_suffix_of_a_recording(tmp_path):
    with pytest.raises(InputError, match=r"--record must end in \.mp4 or \.avi"):
        VideoRecorder(tmp_path / "video.webm", frames_per_second=25)


def test_impossible_places(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        open_log(tmp_path / "folder.csv", CLASSES)
    with pytest.raises(SinkError, match="there is no folder"):
        VideoRecorder(tmp_path / "missing" / "video.mp4", frames_per_second=25)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_video_comes_back_as_it_was(tmp_path, suffix):
    path = tmp_path / f"video{suffix}"
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[:, :64] = (200, 30, 30)
    with VideoRecorder(path, frames_per_second=20) as recorder:
        assert not path.exists()
        for index in range(10):
            recorder.write(frame(index, picture, rate=20))
    with open_source(path) as source:
        frames = list(source)
        assert source.frames_per_second == pytest.approx(20)
    assert len(frames) == 10
    assert frames[0].picture.shape == picture.shape
    assert np.abs(frames[5].picture[48, 20].astype(int) - (200, 30, 30)).max() < 30


def test_later_pictures_are_fitted_to_the_first(tmp_path):
    path = tmp_path / "video.mp4"
    shapes = [(96, 128, 3), (500, 100, 3), (1, 1, 3), (95, 127, 3)]
    with VideoRecorder(path, frames_per_second=25) as recorder:
        for index, shape in enumerate(shapes):
            recorder.write(frame(index, np.full(shape, 255, np.uint8)))
    with open_source(path) as source:
        pictures = [frame.picture for frame in source]
    assert [picture.shape for picture in pictures] == [(96, 128, 3)] * 4
    assert pictures[1][48, 64].min() > 200 > 60 > pictures[1][48, 5].max()


def test_frames_are_shown_at_their_times(tmp_path):
    path = tmp_path / "video.avi"
    with VideoRecorder(path, frames_per_second=10) as recorder:
        for index, time_s in enumerate((0.0, 0.02, 0.1, 0.5)):
            recorder.write(Frame(PICTURE, time_s, index))
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    capture.release()


def test_video_that_cannot_be_opened(tmp_path):
    recorder = VideoRecorder(tmp_path / "video.mp4", frames_per_second=25)
    (tmp_path / "video.mp4").mkdir()
    with pytest.raises(SinkError, match="cannot be written as a video"):
        recorder.write(frame())
