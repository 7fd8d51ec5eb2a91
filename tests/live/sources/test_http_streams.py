"""HTTP streams: a file of unstated length ends, a broken live stream is opened again."""

import contextlib
import http.server
import itertools
import logging
import threading
import time

import cv2
import numpy as np
import pytest

from landmark_fer.live.sources.opening import open_source
from tests.live.sources.video_files import RATE, without_duration, write_video

N = 8
PATIENCE_S = 30.0  # until a test fails because something did not happen


@pytest.fixture
def served():
    """A function that serves a list of contents, one for each request, and returns the address.

    The last content repeats; None refuses. No length is stated, but ``chunked`` marks the end.
    """
    with contextlib.ExitStack() as stack:
        yield lambda contents, **options: stack.enter_context(serving(contents, **options))


@contextlib.contextmanager
def serving(contents, *, kind="video/x-matroska", chunked=False, pause_s=0.0):
    contents, requests = list(contents), itertools.count()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if chunked else "HTTP/1.0"

        def do_GET(self):
            content = contents[min(next(requests), len(contents) - 1)]
            if content is None:
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self._send(content)

        def _send(self, content):
            for part in content if isinstance(content, list) else [content]:
                time.sleep(pause_s)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_):
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/clip"
        finally:
            server.shutdown()


def clip(folder, name="clip.mkv", *, first=20):
    """The content of a video of N frames from a shade on, without a stated duration."""
    return without_duration(write_video(folder / name, shades=range(first, first + N))).read_bytes()


def motion_jpeg(shade):
    encoded = cv2.imencode(".jpg", np.full((48, 64, 3), shade, np.uint8))[1].tobytes()
    part = b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(encoded), encoded)
    return [part] * 10


def take_until(source, condition):
    """Return the first frame that meets a condition."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and not source.ended:
        frame = source.take(timeout_s=0.1)
        if frame is not None and condition(frame):
            return frame
    raise AssertionError("no frame met the condition")


@pytest.mark.parametrize("chunked", [False, True])
def test_file_of_unstated_length_ends_after_its_last_frame_without_loss(served, tmp_path, caplog, chunked):
    with caplog.at_level(logging.INFO), open_source(served([clip(tmp_path)], chunked=chunked)) as source:
        frames = list(source)
        assert (source.ended, source.dropped, source.message) == (True, 0, None)
    assert len(frames) == N
    assert frames[-1].time_s == pytest.approx((N - 1) / RATE, abs=0.4)  # sent at once, read at its own pace
    assert "waiting for" not in caplog.text


def test_another_file_at_the_address_is_shown_too(served, tmp_path):
    """The stream ends when the second file repeats."""
    first, second = clip(tmp_path), clip(tmp_path, "other.mkv", first=120)
    with open_source(served([first, second])) as source:
        frames = list(source)
    is_bright = [frame.image[0, 0, 0] > 80 for frame in frames]
    assert (is_bright.count(False), is_bright.count(True)) == (N, N)
    assert source.ended


def test_file_of_stated_length_is_a_video(served, tmp_path):
    content = write_video(tmp_path / "clip.mkv", n=N).read_bytes()
    with open_source(served([content])) as source:
        assert not source.live
        assert len(list(source)) == N


def test_broken_live_stream_is_opened_again(served, tmp_path, caplog):
    """It comes back later with other images."""
    before, after = clip(tmp_path), clip(tmp_path, "after.mkv", first=120)
    with open_source(served([before, None, None, after])) as source:
        frame = take_until(source, lambda frame: frame.image[0, 0, 0] > 80)
        assert not source.ended
    assert frame.index >= N
    assert "gives no more images; waiting for it" in caplog.text
    assert "is back after" in caplog.text


def test_motion_jpeg_is_opened_again_even_with_equal_images(served):
    address = served([motion_jpeg(40)], kind="multipart/x-mixed-replace;boundary=next", pause_s=0.01)
    with open_source(address) as source:
        take_until(source, lambda frame: frame.index >= 15)  # each connection gives ten
        assert not source.ended


def test_single_jpeg_is_a_file(served):
    content = cv2.imencode(".jpg", np.full((48, 64, 3), 40, np.uint8))[1].tobytes()
    with open_source(served([content], kind="image/jpeg")) as source:
        assert len(list(source)) == 1
        assert source.ended


def test_camera_with_one_image_per_request_is_opened_again(served):
    images = [cv2.imencode(".jpg", np.full((48, 64, 3), shade, np.uint8))[1].tobytes() for shade in range(40, 90)]
    with open_source(served(images, kind="image/jpeg")) as source:
        take_until(source, lambda frame: frame.index == 2)
        assert not source.ended


def test_stream_without_a_server_waits_for_it(served, tmp_path):
    with open_source(served([clip(tmp_path), None])) as source:
        take_until(source, lambda frame: frame.index == N - 1)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert source.take(timeout_s=0.1) is None
        assert source.message is not None and not source.ended
