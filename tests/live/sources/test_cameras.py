"""Cameras and live streams: newest image, reconnection, closing, numbers and names."""

import contextlib
import http.server
import itertools
import logging
import os
import threading
import time
import weakref

import cv2
import numpy as np
import pytest
from PIL import Image

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources import live_source
from landmark_fer.live.sources.cameras import camera_number, list_cameras, named_cameras, open_camera
from landmark_fer.live.sources.frames import DEFAULT_RATE
from landmark_fer.live.sources.live_source import LiveSource
from landmark_fer.live.sources.opening import open_source
from landmark_fer.perception.quiet import LOGGING, SILENT, quiet_opencv

PATIENCE_S = 20.0  # until a test fails because something did not happen


class FakeCapture:
    """A capture of the images of a `Camera`."""

    def __init__(self, camera, opens=True):
        self.camera, self.opens, self.released = camera, opens, False

    def isOpened(self):
        return self.opens and not self.released

    def get(self, _):
        return 0.0

    def set(self, *_):
        return False

    def read(self):
        image = self.camera.next_image()
        return image is not None, image

    def release(self):
        self.released = True


class Camera:
    """A camera with a script for its reads: a number fills an image, None fails, an event is awaited."""

    def __init__(self, script, *, refusals=0):
        self.events = [step for step in script if isinstance(step, threading.Event)]
        self.script, self.refusals, self.captures, self.lock = iter(script), refusals, [], threading.Lock()
        self.numbers, self.made = [], []

    def __call__(self, *number):
        self.numbers += number
        with self.lock:
            refused = self.captures and self.refusals > 0
            self.refusals -= bool(refused)
            self.captures.append(FakeCapture(self, opens=not refused))
            return self.captures[-1]

    def next_image(self):
        step = next(self.script, None)
        if isinstance(step, threading.Event):
            assert step.wait(PATIENCE_S)
            return self.next_image()
        image = None if step is None else np.full((4, 6, 3), (step, 0, 100), np.uint8)
        self.made += [] if step is None else [weakref.ref(image)]
        return image

    def finish(self):
        """End the script and all waiting."""
        self.script = iter(())
        for event in self.events:
            event.set()


@contextlib.contextmanager
def opened(camera):
    """The source of a camera, whose script ends with the source."""
    with LiveSource("camera 0", camera, hint="plug it in", pauses_s=(0.01,)) as source:
        try:
            yield source
        finally:
            camera.finish()


def wait_until(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def number(frame):
    return int(frame.image[0, 0, 2])


def test_frames_are_rgb_with_times_and_indices():
    steps = [threading.Event() for _ in range(3)]
    camera = Camera([1, steps[0], 2, steps[1], 3, steps[2]])
    before = time.time()
    with opened(camera) as source:
        assert (source.name, source.live, source.frames_per_second) == ("camera 0", True, DEFAULT_RATE)
        frames = []
        for step in steps:
            frames.append(next(source))
            step.set()
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[0].time_s == 0
    assert all(a.time_s <= b.time_s and a.wall_s <= b.wall_s for a, b in itertools.pairwise(frames))
    assert before <= frames[0].wall_s <= time.time()
    assert [frame.image[0, 0].tolist() for frame in frames] == [[100, 0, n] for n in (1, 2, 3)]
    assert frames[0].image.flags.c_contiguous
    assert source.dropped == 0


def test_slow_consumer_gets_the_newest_image_and_dropped_ones_are_counted():
    first, rest = threading.Event(), threading.Event()
    with opened(Camera([0, first, *range(1, 101), rest])) as source:
        assert number(next(source)) == 0
        first.set()
        wait_until(lambda: source.dropped == 99)
        newest = next(source)
        assert (number(newest), newest.index) == (100, 100)
        assert source.take(timeout_s=0.01) is None
        assert not source.ended


def test_no_queue_grows_behind_a_slow_consumer():
    rest = threading.Event()
    camera = Camera([*range(200), rest])
    with opened(camera) as source:
        wait_until(lambda: source.dropped == 199)
        assert sum(made() is not None for made in camera.made) <= 2


def test_camera_that_goes_away_is_opened_again(caplog):
    gone, back, rest = (threading.Event() for _ in range(3))
    camera = Camera([1, gone, None, None, None, back, 7, rest], refusals=3)
    with caplog.at_level(logging.WARNING), opened(camera) as source:
        assert number(next(source)) == 1
        gone.set()
        wait_until(lambda: source.take(timeout_s=0.02) is None and source.message)
        assert source.message == "waiting for camera 0"
        wait_until(lambda: len(camera.captures) == 5)  # three attempts failed, the fourth holds
        back.set()
        frame = next(source)
        assert (number(frame), frame.index, source.message) == (7, 1, None)
    wait_until(lambda: all(capture.released for capture in camera.captures))
    assert caplog.text.count("camera 0 gives no more images") == 1
    assert caplog.text.count("camera 0 is back after") == 1


def test_a_few_damaged_images_are_skipped(caplog):
    step, rest = threading.Event(), threading.Event()
    camera = Camera([1, step, None, None, 2, rest])
    with opened(camera) as source:
        assert number(next(source)) == 1
        step.set()
        assert number(next(source)) == 2
        assert len(camera.captures) == 1
    assert "no more images" not in caplog.text


def test_stalled_camera_is_reported(monkeypatch, caplog):
    monkeypatch.setattr(live_source, "SILENT_S", 0.0)
    stall, rest = threading.Event(), threading.Event()
    with opened(Camera([1, stall, 2, rest])) as source:
        next(source)
        assert source.take(timeout_s=0.05) is None
        assert source.take(timeout_s=0.05) is None
        assert source.message == "waiting for camera 0"
        stall.set()
        assert number(next(source)) == 2
    assert caplog.text.count("gives no more images") == 1


def test_closing_does_not_wait_for_a_hanging_driver():
    hang = threading.Event()
    camera = Camera([1, hang])
    with LiveSource("camera 0", camera, hint="plug it in") as source:
        next(source)
    assert not camera.captures[0].released  # from another thread that would be unsafe
    assert source.ended
    assert list(source) == []
    hang.set()
    wait_until(lambda: camera.captures[0].released)
    assert source.take() is None


def test_closing_ends_an_iteration_in_another_thread():
    camera = Camera([1, threading.Event()])
    source = LiveSource("camera 0", camera, hint="plug it in")
    taken = []
    reader = threading.Thread(target=lambda: taken.extend(source))
    reader.start()
    wait_until(lambda: taken)
    camera.finish()
    source.__exit__()
    reader.join(PATIENCE_S)
    assert not reader.is_alive()
    assert len(taken) == 1


def test_closing_while_the_camera_is_away():
    camera = Camera([1], refusals=10**9)
    with opened(camera) as source:
        next(source)
        wait_until(lambda: len(camera.captures) > 2)
    wait_until(lambda: all(capture.released for capture in camera.captures))
    assert not source._thread.is_alive()


def test_exception_in_the_thread_is_raised_by_take():
    camera = Camera([1])

    def opener():
        if camera.captures:
            raise ZeroDivisionError("a bug")
        return camera()

    source = LiveSource("camera 0", opener, hint="plug it in", pauses_s=(0.01,))
    with source, pytest.raises(SourceError, match=r"cannot be read any more \(a bug\)"):
        for _ in source:
            pass


def test_camera_that_does_not_open():
    with pytest.raises(SourceError, match="camera 3 did not open; is another program using it"):
        open_source("3", capture=lambda _: FakeCapture(None, opens=False))


@pytest.mark.parametrize("silent", [False, True])
def test_camera_that_opens_without_images(monkeypatch, silent):
    monkeypatch.setattr(live_source, "FIRST_IMAGE_S", 0.05 if silent else PATIENCE_S)
    hang = threading.Event()
    camera = Camera([hang] if silent else [])
    with pytest.raises(SourceError, match="camera 3 opened, but gave no image"):
        open_source("3", capture=camera)
    hang.set()
    assert camera.numbers == [3]
    wait_until(lambda: camera.captures[0].released)


def test_number_is_a_camera_unless_a_file_or_folder_has_that_name(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)

    def is_camera(spec):
        camera = Camera([1, threading.Event()])
        with open_source(spec, capture=camera) as source:
            camera.finish()
            return source.live and camera.numbers == [2024]

    assert is_camera("2024")
    (tmp_path / "2024").mkdir()
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "2024" / "a.png")
    with open_source("2024") as source:
        assert len(list(source)) == 1
    assert "2024 is read as a file or folder" in caplog.text
    assert is_camera(2024)
    (tmp_path / "demo").write_bytes(b"")
    with pytest.raises(SourceError, match="demo is empty"):
        open_source("demo")


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="Windows has no device files of cameras")
def test_camera_by_its_device_file(monkeypatch):
    monkeypatch.setattr("landmark_fer.live.sources.opening.os.path.realpath", lambda _: "/dev/video3")
    camera = Camera([1, threading.Event()])
    with open_source("/dev/null", capture=camera) as source:
        assert source.live
        camera.finish()
    assert camera.numbers == [3]


@pytest.mark.parametrize("spec", ["97", "Other camera", "rtsp://127.0.0.1:9/live", "clip.mp4", "folder", "song.mp4"])
def test_advice_never_repeats_the_source(tmp_path, monkeypatch, spec):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_text("these are words")
    (tmp_path / "song.mp4").write_bytes(b"ID3" + bytes(500))
    (tmp_path / "folder").mkdir()
    with pytest.raises(SourceError) as caught:
        open_source(spec, cameras=list)
    advice = str(caught.value).rpartition(";")[2]
    assert advice.strip()
    assert not any(word in advice for word in (spec, "--source", "MP4"))


def test_broken_stream_is_opened_again_and_messages_hide_its_password(caplog):
    gone = threading.Event()
    camera = Camera([1, gone, None, None, None, 2, threading.Event()])
    source = open_source("rtsp://someone:secret@host/live", capture=camera)
    assert (source.name, source.live, number(next(source))) == ("stream rtsp://host/live", True, 1)
    gone.set()
    assert number(next(source)) == 2
    camera.finish()
    source.__exit__()
    assert camera.numbers[0] == "rtsp://someone:secret@host/live"
    assert "secret" not in caplog.text


@pytest.fixture
def broadcast():
    """The address of an HTTP stream that breaks after ten images; those of the n-th connection have brightness 40 n."""
    times = itertools.count(1)

    class Broadcast(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
            self.end_headers()
            encoded = cv2.imencode(".jpg", np.full((48, 64, 3), 40 * min(next(times), 5), np.uint8))[1].tobytes()
            with contextlib.suppress(ConnectionError):
                for _ in range(10):
                    self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\n")
                    self.wfile.write(b"Content-Length: %d\r\n\r\n%s\r\n" % (len(encoded), encoded))

        def log_message(self, *_):
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broadcast) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://someone:secret@127.0.0.1:{server.server_port}/live"
        server.shutdown()


def test_broken_http_stream_is_opened_again(broadcast, caplog):
    with open_source(broadcast) as source:
        assert source.live
        first, again = next(source), next(frame for frame in source if frame.image.mean() > 75)
    assert first.image.mean() == pytest.approx(40, abs=5)
    assert again.index > first.index
    assert "is back after" in caplog.text
    assert "secret" not in caplog.text


class TestStreamThatMayBeAFile:
    """A stream that may be a file ends if it starts with the same image again, and only then."""

    @staticmethod
    def opened(camera, **options):
        return LiveSource("stream x", camera, hint="look", pauses_s=(0.01,), **options)

    def test_same_start_is_the_end(self, caplog):
        step = threading.Event()
        camera = Camera([1, step, 2, None, None, None, 1, 2, 2, 2])
        with self.opened(camera, may_end=True) as source:
            assert number(next(source)) == 1
            step.set()
            assert number(next(source)) == 2
            assert list(source) == []
            assert source.ended
            assert source.message is None
        wait_until(lambda: all(capture.released for capture in camera.captures))
        assert len(camera.captures) == 2
        assert "waiting for" not in caplog.text

    def test_other_start_goes_on(self):
        steps = [threading.Event() for _ in range(2)]
        camera = Camera([1, steps[0], None, None, None, 7, steps[1], 8, threading.Event()])
        with self.opened(camera, may_end=True) as source:
            taken = [number(next(source))]
            for step in steps:
                step.set()
                taken.append(number(next(source)))
            camera.finish()
        assert taken == [1, 7, 8]
        assert len(camera.captures) == 2

    def test_camera_never_ends(self):
        camera = Camera([1, None, None, None, 1, None, None, None, 1, threading.Event()])
        with self.opened(camera) as source:
            wait_until(lambda: len(camera.captures) == 3)
            assert not source.ended
            camera.finish()


@pytest.fixture
def system_list(tmp_path):
    """The system's list of two cameras; the first has a second entry."""
    for entry, name, index in (
        (0, "HD Webcam: HD Webcam", 0),
        (1, "HD Webcam: HD Webcam", 1),
        (10, "Logitech BRIO", 0),
    ):
        folder = tmp_path / f"video{entry}"
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "index").write_text(f"{index}\n")
    (tmp_path / "video11").mkdir()  # unplugged while it was listed
    return tmp_path


def test_cameras_are_read_from_the_systems_list(system_list):
    assert named_cameras(system_list) == [(0, "HD Webcam: HD Webcam"), (10, "Logitech BRIO")]
    assert list_cameras(named=named_cameras(system_list)) == named_cameras(system_list)
    assert named_cameras(system_list / "missing") == []


def test_without_a_list_camera_numbers_are_tried():
    captures = {n: FakeCapture(None, opens=n in (0, 2)) for n in range(10)}
    assert list_cameras(named=[], capture=captures.get) == [(0, "camera 0"), (2, "camera 2")]
    assert all(capture.released for capture in captures.values())


@pytest.mark.parametrize(
    "name,expected",
    [("HD Webcam", 0), ("hd webcam", 0), ("brio", 10), ("Logitech BRIO", 10), ("bri", None), ("a", None), ("", None)],
)
def test_names_match_whole_words(system_list, name, expected):
    assert camera_number(name, named_cameras(system_list)) == expected


def test_ambiguous_name_is_refused():
    with pytest.raises(SourceError, match="'webcam' could be camera 0 or 2; give the number"):
        camera_number("webcam", [(0, "HD Webcam"), (1, "Capture card"), (2, "Webcam")])


def test_camera_by_name_is_looked_up_again_when_it_comes_back():
    """A camera that was plugged in again may have another number."""
    gone, cameras = threading.Event(), [(0, "HD Webcam")]
    camera = Camera([1, gone, None, None, None, 2, threading.Event()])
    source = open_camera("HD Webcam", capture=camera, cameras=lambda: cameras, pauses_s=(0.01,))
    assert (source.name, number(next(source))) == ("camera HD Webcam", 1)
    cameras[:] = [(4, "HD Webcam")]
    gone.set()
    assert number(next(source)) == 2
    assert camera.numbers == [0, 4]
    camera.finish()
    source.__exit__()


def test_name_is_a_camera_unless_a_file_has_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    camera = Camera([1, threading.Event()])
    with open_source("HD Webcam", capture=camera, cameras=lambda: [(2, "HD Webcam")]) as source:
        assert source.live
        camera.finish()
    assert camera.numbers == [2]
    (tmp_path / "HD Webcam").write_text("no video " * 99)
    with pytest.raises(SourceError, match="HD Webcam must be a video or an image"):
        open_source("HD Webcam", cameras=lambda: [(2, "HD Webcam")])
    with pytest.raises(SourceError, match="source Other does not exist; give a camera's number or name"):
        open_source("Other", cameras=lambda: [(2, "HD Webcam")])


def test_quiet_opencv_in_two_threads_restores_the_log_level():
    level = LOGGING.getLogLevel()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with quiet_opencv():
            inside.set()
            leave.wait(PATIENCE_S)

    with quiet_opencv():
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(PATIENCE_S)
    assert LOGGING.getLogLevel() == SILENT
    leave.set()
    thread.join()
    assert LOGGING.getLogLevel() == level
