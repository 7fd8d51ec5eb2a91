"""Recordings: frames at their times, sizes, full disks, and killed runs."""

import re
import shutil
import subprocess
import sys
import textwrap
from collections import namedtuple

import cv2
import numpy as np
import pytest

from landmark_fer.core.errors import InputError, SinkError
from landmark_fer.live.sinks.video import MAX_STILL_S, VideoRecorder
from landmark_fer.live.sources.frames import Frame
from landmark_fer.live.sources.opening import open_source

IMAGE = np.zeros((48, 64, 3), np.uint8)


def frame(index=0, image=IMAGE, rate=25):
    return Frame(image, index / rate, index)


def test_unknown_suffix_of_a_recording(tmp_path):
    with pytest.raises(InputError, match=r"--record must end in \.mp4 or \.avi"):
        VideoRecorder(tmp_path / "video.webm", frames_per_second=25)


def test_missing_folder(tmp_path):
    with pytest.raises(SinkError, match="there is no folder"):
        VideoRecorder(tmp_path / "missing" / "video.mp4", frames_per_second=25)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_recorded_video_is_readable(tmp_path, suffix):
    path = tmp_path / f"video{suffix}"
    image = np.zeros((96, 128, 3), np.uint8)
    image[:, :64] = (200, 30, 30)
    with VideoRecorder(path, frames_per_second=20) as recorder:
        assert not path.exists()
        for index in range(10):
            recorder.write(frame(index, image, rate=20))
    with open_source(path) as source:
        frames = list(source)
        assert source.frames_per_second == pytest.approx(20)
    assert len(frames) == 10
    assert frames[0].image.shape == image.shape
    assert np.abs(frames[5].image[48, 20].astype(int) - (200, 30, 30)).max() < 30


def test_later_images_are_fitted_into_the_size_of_the_first(tmp_path):
    path = tmp_path / "video.mp4"
    shapes = [(96, 128, 3), (500, 100, 3), (1, 1, 3), (95, 127, 3)]
    with VideoRecorder(path, frames_per_second=25) as recorder:
        for index, shape in enumerate(shapes):
            recorder.write(frame(index, np.full(shape, 255, np.uint8)))
    with open_source(path) as source:
        images = [frame.image for frame in source]
    assert [image.shape for image in images] == [(96, 128, 3)] * 4
    assert images[1][48, 64].min() > 200 > 60 > images[1][48, 5].max()


def test_images_are_fitted_into_a_size(tmp_path):
    path = tmp_path / "video.avi"
    with VideoRecorder(path, frames_per_second=10, size=(128, 96)) as recorder:
        recorder.write(Frame(np.full((20, 20, 3), 220, np.uint8), 0.0, 0))
    with open_source(path) as source:
        (image,) = [frame.image for frame in source]
    assert image.shape == (96, 128, 3)
    assert image[5:-5, 25:-25].min() > 200 and image[:, :10].max() < 60


def test_frames_are_shown_at_their_times(tmp_path):
    path = tmp_path / "video.avi"
    with VideoRecorder(path, frames_per_second=10) as recorder:
        for index, time_s in enumerate((0.0, 0.02, 0.1, 0.5)):
            recorder.write(Frame(IMAGE, time_s, index))
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    capture.release()


def frames_in(path):
    capture = cv2.VideoCapture(str(path))
    frames = 0
    while capture.read()[0]:
        frames += 1
    return frames


def test_late_starts_and_long_pauses_are_shortened(tmp_path):
    path = tmp_path / "video.avi"
    with VideoRecorder(path, frames_per_second=10) as recorder:
        for index, time_s in enumerate((3600.0, 3600.1, 7200.0, 7200.1)):
            recorder.write(Frame(IMAGE, time_s, index))
    assert frames_in(path) == 1 + 1 + round(10 * MAX_STILL_S) + 1


@pytest.mark.parametrize("rate", [0.5, 7.5, 12.5, 29.97, 30.00003, 60.0, 1000.0])
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_videos_of_any_rate_are_complete(tmp_path, suffix, rate):
    path = tmp_path / f"video{suffix}"
    with VideoRecorder(path, frames_per_second=rate) as recorder:
        for index in range(7):
            recorder.write(frame(index, rate=rate))
    assert frames_in(path) == 7


@pytest.mark.parametrize("suffix,actual", [(".mp4", "cannot be read"), (".avi", "holds|cannot be read")])
def test_full_disk_is_detected_at_the_end(tmp_path, suffix, actual):
    """OpenCV reports no error; a limit on the file size replaces the full disk."""
    script = """
        import resource, signal, sys
        import numpy as np
        from landmark_fer.live.sinks.video import VideoRecorder
        from landmark_fer.live.sources.frames import Frame
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))
        noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
        with VideoRecorder(sys.argv[1], frames_per_second=25) as recorder:
            for index in range(60):
                recorder.write(Frame(np.roll(noise, index), index / 25, index))
    """
    pytest.importorskip("resource", reason="Windows has no limit on the size of a file")
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / f"video{suffix}")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert re.search(rf"SinkError: \S+ must hold 60 frames and (?:{actual}).*, as on a full disk", ended.stderr)


def test_recording_stops_before_the_disk_is_full(tmp_path, monkeypatch):
    path, free = tmp_path / "video.mp4", [10**12] * 5 + [10**6]
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free.pop(0)))
    full = pytest.raises(SinkError, match=r"the disk has 1\.0 MiB left and must keep 32")
    with full, VideoRecorder(path, frames_per_second=25) as recorder:
        for index in range(10):
            recorder.write(frame(index))
    assert frames_in(path) == 5


def test_recording_on_a_full_disk_keeps_an_older_file(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_text("old")
    with (
        pytest.raises(SinkError, match="free space"),
        VideoRecorder(path, frames_per_second=25, reserve_bytes=2**62) as recorder,
    ):
        recorder.write(frame())
    assert path.read_text() == "old"


def test_a_full_disk_is_reported_once_where_frames_wait(tmp_path, caplog):
    recorder = VideoRecorder(tmp_path / "video.mp4", frames_per_second=25, look_back=True, reserve_bytes=2**62)
    with pytest.raises(SinkError, match="free space"), recorder:
        for index in range(60):
            recorder.write(frame(index))
    assert caplog.text == ""


def test_incomplete_video_does_not_hide_another_error(tmp_path, caplog):
    path = tmp_path / "video.mp4"
    with pytest.raises(KeyError, match="mine"), VideoRecorder(path, frames_per_second=25) as recorder:
        recorder.write(frame())
        recorder._written += 1
        raise KeyError("mine")
    assert "must hold 2 frames and holds 1" in caplog.text


def test_avi_of_a_killed_run_is_readable(tmp_path):
    script = """
        import sys, time
        import numpy as np
        from landmark_fer.live.sinks.video import VideoRecorder
        from landmark_fer.live.sources.frames import Frame
        noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
        with VideoRecorder(sys.argv[1], frames_per_second=25) as recorder:
            for index in range(10**9):
                recorder.write(Frame(noise, index / 25, index))
                if index == 100:
                    print("written", flush=True)
    """
    path = tmp_path / "video.avi"
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"written"
        process.kill()
    assert frames_in(path) > 50


def test_video_that_cannot_be_opened(tmp_path):
    recorder = VideoRecorder(tmp_path / "video.mp4", frames_per_second=25)
    (tmp_path / "video.mp4").mkdir()
    with pytest.raises(SinkError, match="cannot be written as a video"):
        recorder.write(frame())
