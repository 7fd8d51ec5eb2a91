"""Opening sources: RGB frames in order with their times, and one message for each source without frames."""

import logging
import os
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.demo import FRAMES_PER_SECOND, N_FRAMES
from landmark_fer.live.sources.image_sources import FOLDER_RATE
from landmark_fer.live.sources.opening import is_still, open_source

N = 30
COLOUR = (200, 40, 90)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of 30 frames at 12.5 frames per second; frame n has a bar at 2 n pixels."""
    path = tmp_path_factory.mktemp("video") / "bars.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 12.5, (128, 96))
    for index in range(N):
        image = np.full((96, 128, 3), COLOUR, np.uint8)
        image[:, 2 * index : 2 * index + 8] = 255
        writer.write(image[..., ::-1].copy())
    writer.release()
    return path


def check_frames(frames):
    assert [frame.index for frame in frames] == list(range(len(frames)))
    times = [frame.time_s for frame in frames]
    assert times[0] == 0
    assert (np.diff(times) > 0).all()
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert frame.image.ndim == 3
        assert frame.image.shape[2] == 3


def test_video(video):
    with open_source(video) as source:
        assert source.name == str(video)
        assert source.frames_per_second == pytest.approx(12.5)
        assert not source.live
        frames = list(source)
    check_frames(frames)
    assert len(frames) == N
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(N) / 12.5, atol=1e-3)
    for frame in frames:
        assert frame.image[50, 2 * frame.index + 4].min() > 220
        assert np.abs(frame.image[50, 120].astype(int) - COLOUR).max() < 25


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated_video_is_read_and_reported(video, tmp_path, caplog, share):
    path = tmp_path / "short.avi"
    content = video.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with caplog.at_level(logging.WARNING), open_source(path) as source:
        frames = list(source)
    check_frames(frames)
    assert 0 < len(frames) < N
    assert f"ends after {len(frames)} of {N} frames" in caplog.text


def test_video_without_frames(tmp_path):
    path = tmp_path / "none.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48)).release()
    with pytest.raises(SourceError, match=r"no frame of the video track of \S+ can be decoded"):
        open_source(path)


@pytest.mark.parametrize(
    "name,content,sentence",
    [
        ("zero.mp4", b"", r"zero\.mp4 is empty \(0 bytes\)"),
        ("zero.png", b"", r"zero\.png is empty \(0 bytes\)"),
        ("words.mp4", b"these are words " * 100, "must be a video or an image"),
        ("words.jpg", b"these are words " * 100, "must be a video or an image"),
    ],
)
def test_files_without_images_are_refused(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=sentence):
        open_source(tmp_path / name)


def test_decoder_prints_nothing(tmp_path):
    """In a process of its own, because the decoder reads its log level only once."""
    (tmp_path / "words.mp4").write_bytes(b"these are words " * 100)
    code = (
        "import sys\n"
        "from landmark_fer.live.sources.opening import SourceError, open_source\n"
        "try:\n    open_source(sys.argv[1])\n"
        "except SourceError:\n    print('refused')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "words.mp4")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.stdout.strip(), ended.stderr) == ("refused", "")


def test_missing_file():
    with pytest.raises(SourceError, match=r"source missing\.mp4 does not exist"):
        open_source("missing.mp4")


def test_image(tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "face.png")
    with open_source(str(tmp_path / "face.png")) as source:
        (frame,) = source
    np.testing.assert_array_equal(frame.image, data.astronaut())
    check_frames([frame])


def test_folder_in_order_of_names_without_damaged_images(tmp_path, caplog):
    for shade, name in ((10, "b.png"), (20, "a.png"), (30, "d.bmp")):
        Image.fromarray(np.full((20, 30, 3), shade, np.uint8)).save(tmp_path / name)
    (tmp_path / "c.jpg").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("not read")
    with caplog.at_level(logging.WARNING), open_source(tmp_path) as source:
        frames = list(source)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [20, 10, 30]
    assert [frame.time_s for frame in frames] == [i / FOLDER_RATE for i in range(3)]
    check_frames(frames)
    assert "skipped" in caplog.text
    assert "c.jpg" in caplog.text
    assert "1 entry is not read: notes.txt" in caplog.text


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a/" * 3000, "a\0b"])
def test_impossible_file_names_do_not_exist(name):
    with pytest.raises(SourceError, match="does not exist"):
        open_source(name)
    assert not is_still(name)


def test_file_address_is_a_path(video, tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "a face.png")
    for path, n in ((video, N), (tmp_path / "a face.png", 1)):
        with open_source(path.as_uri()) as source:
            assert len(list(source)) == n


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_named_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="pipe is neither a file nor a folder"):
        open_source(tmp_path / "pipe")


def test_missing_camera(capfd):
    with pytest.raises(SourceError, match="camera 97 did not open; is another program using it"):
        open_source("97")
    assert capfd.readouterr().err == ""


def test_message_on_a_stream_that_does_not_open_hides_its_password():
    with pytest.raises(SourceError, match=r"stream http://127\.0\.0\.1:9/clip did not open") as caught:
        open_source("http://someone:secret@127.0.0.1:9/clip")
    assert "secret" not in str(caught.value)


def test_stream_with_a_stated_number_of_frames_is_a_video(video):
    """It ends and drops no frame."""
    with open_source("http://host/clip.avi", capture=lambda *_: cv2.VideoCapture(str(video))) as source:
        assert (source.name, source.live) == ("stream http://host/clip.avi", False)
        frames = list(source)
    check_frames(frames)
    assert len(frames) == N


def test_slow_consumer_gets_every_frame_of_a_file(video):
    with open_source(video) as source:
        frames = [frame for frame in source if not time.sleep(0.005)]
        assert (len(frames), source.dropped, source.ended, source.message) == (N, 0, True, None)


def test_take_returns_the_next_frame_and_none_at_the_end(video):
    with open_source(video) as source:
        assert [source.take(timeout_s=0.0).index for _ in range(N)] == list(range(N))
        assert not source.ended
        assert source.take() is None
        assert source.ended


def test_frames_have_the_time_of_reading(video):
    before = time.time()
    with open_source(video) as source:
        walls = [frame.wall_s for frame in source]
    assert walls == sorted(walls)
    assert before <= walls[0] <= walls[-1] <= time.time()


def test_demo():
    with open_source("demo") as source:
        assert (source.name, source.frames_per_second, source.live) == ("demo", FRAMES_PER_SECOND, False)
        frames = [next(source) for _ in range(3)]
    check_frames(frames)
    assert frames[2].time_s == pytest.approx(2 / FRAMES_PER_SECOND)
    assert N_FRAMES > 300
