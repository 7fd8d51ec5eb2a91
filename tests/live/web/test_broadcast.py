"""The server's source: all watchers get it, nothing is read while nobody watches, files play at their own rate."""

import io
import json
import re
import threading
import time

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.opening import open_source
from landmark_fer.live.web.limits import Limits
from landmark_fer.live.web.protocol import BoxResponse, FaceResponse, WatchResponse
from tests.documents import ROOT, blocks_of
from tests.live.web.client import TOKEN, as_file, live_server


class NumberReader:
    """Detects no face; stores the grey of each image."""

    def __init__(self):
        self.greys = []

    def read(self, image, *, time_s):
        self.greys.append(int(image[0, 0, 0]))
        return []

    def close(self):
        self.closed = True


@pytest.fixture
def folder(tmp_path):
    """Six images, each of its own grey: 10, 20, ... 60; two a second."""
    for number in range(1, 7):
        (tmp_path / f"{number}.png").write_bytes(as_file(np.full((30, 40, 3), 10 * number, np.uint8), "PNG"))
    return tmp_path


def next_frame(socket):
    socket.send("next")
    return json.loads(socket.recv(timeout=120)), socket.recv(timeout=120)


def test_a_file_plays_once_and_its_end_is_reported(folder):
    reader = NumberReader()
    with open_source(folder) as source, live_server(lambda: reader, source=source) as client:
        assert client.request("/page/facts.json").json["source"] == folder.name  # and not where it is
        time.sleep(0.5)
        assert reader.greys == []  # nobody watches
        with client.connect("/v1/watch") as socket:
            responses = [next_frame(socket)]
            while "ended" not in responses[-1][0]:
                responses.append(next_frame(socket))
        assert reader.greys == [10, 20, 30, 40, 50, 60]
        assert responses[-1][0]["ended"] == "the source has ended"
        last = np.asarray(Image.open(io.BytesIO(responses[-1][1])))
        assert last.shape == (30, 40, 3) and abs(int(last[0, 0, 0]) - 60) <= 2
        with client.connect("/v1/watch") as socket:  # later watchers get the end as well
            assert next_frame(socket)[0]["ended"]
    assert reader.closed


def test_a_watcher_that_stops_does_not_block_the_others(folder):
    with (
        open_source(folder) as source,
        live_server(NumberReader, source=source) as client,
        client.connect("/v1/watch") as one,
        client.connect("/v1/watch") as other,
    ):
        one.send("next")  # and never reads
        responses = [{}]
        while "ended" not in responses[-1]:
            response, image = next_frame(other)
            responses.append(response)
            assert image[:2] == b"\xff\xd8"
        numbers = [response["frame"] for response in responses[1:]]
        assert numbers == sorted(set(numbers))


def test_a_file_can_play_in_a_loop(folder):
    for path in sorted(folder.iterdir())[2:]:
        path.unlink()
    readers = []

    def make_reader():
        readers.append(NumberReader())
        return readers[-1]

    with (
        open_source(folder) as source,
        live_server(make_reader, source=source, reopen=lambda: open_source(folder)) as client,
        client.connect("/v1/watch") as socket,
    ):
        while len(readers) < 3:
            assert "ended" not in next_frame(socket)[0]
    assert readers[0].greys == readers[1].greys == [10, 20]


class FailingSource:
    """A source that fails after one frame."""

    name, live, frames_per_second = "failing", True, 25.0

    def __init__(self, error):
        self.error, self.watched = error, threading.Event()

    def __iter__(self):
        from landmark_fer.live.sources.frames import Frame

        with open_source("demo") as source:
            first = next(iter(source))
        assert isinstance(first, Frame)
        self.watched.wait(60)
        yield first
        raise self.error


@pytest.mark.parametrize(
    "error, message",
    [
        (SourceError("camera 0 went away; plug it in"), "camera 0 went away; plug it in"),
        (KeyError("x"), "see the server's log"),
    ],
)
def test_a_failing_source_is_reported_and_the_server_stays_up(error, message, jpeg, make_reader):
    source = FailingSource(error)
    with live_server(make_reader, source=source) as client:
        with client.connect("/v1/watch") as socket:
            socket.send("next")
            while client.request("/v1/health").json["visitors"] < 1:
                time.sleep(0.05)
            source.watched.set()
            response, image = json.loads(socket.recv(timeout=120)), socket.recv(timeout=120)
            if "ended" not in response:
                assert len(response["faces"]) == 1
                response, image = next_frame(socket)
            assert message in response["ended"]
            assert image[:2] == b"\xff\xd8"  # the last image stays
        assert client.recognize(jpeg).status == 200


def test_a_source_that_fails_before_its_first_frame_is_reported():
    def fail():
        raise SourceError("camera 0 went away; plug it in")
        yield

    class NoFrames:
        name, live, frames_per_second = "empty", True, 25.0
        __iter__ = staticmethod(fail)

    with live_server(NumberReader, source=NoFrames()) as client, client.connect("/v1/watch") as socket:
        response, image = next_frame(socket)
    assert set(WatchResponse.model_fields) == set(response)
    assert response["width"] == 0 and response["faces"] == [] and image == b""


def test_json_is_sent_without_the_image(folder):
    with (
        open_source(folder) as source,
        live_server(NumberReader, source=source) as client,
        client.connect("/v1/watch") as socket,
    ):
        frames = []
        while not frames or "ended" not in frames[-1]:
            socket.send("json")
            frames.append(json.loads(socket.recv(timeout=120)))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=60)
    assert closed.value.rcvd.code == 1000
    assert [frame["frame"] for frame in frames] == sorted({frame["frame"] for frame in frames})
    assert all((frame["width"], frame["height"]) == (40, 30) for frame in frames)


@pytest.mark.parametrize("request_", ["", "NEXT", "{}", "next all", "next  explain", "explain", b"json"])
def test_other_requests_close_the_connection(folder, request_):
    with (
        open_source(folder) as source,
        live_server(NumberReader, source=source) as client,
        client.connect("/v1/watch") as socket,
    ):
        socket.send(request_)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=60)
    reason = "a request must be the text next or json, then details or explain or both"
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, reason)


def test_a_request_without_websocket_is_told_so(server):
    response = server.request("/v1/watch")
    assert response.status == 426 and "ws://" in response.json["detail"]


def client_of_the_docs():
    return next(block.text for block in blocks_of(ROOT / "docs" / "live.md") if "/v1/watch" in block.text)


@pytest.mark.parametrize("token", [None, TOKEN])
def test_the_client_in_the_docs_prints_every_face(tmp_path, astronaut, make_reader, capsys, monkeypatch, token):
    code = client_of_the_docs()
    assert len(code.splitlines()) <= 20
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(as_file(astronaut, "PNG"))
    monkeypatch.delenv("LANDMARK_FER_WEB_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("LANDMARK_FER_WEB_TOKEN", token)
    with open_source(tmp_path) as source, live_server(make_reader, source=source, token=token) as client:
        exec(code.replace("127.0.0.1:8000", client.host), {})
    *faces, end = capsys.readouterr().out.splitlines()
    assert faces and all(re.fullmatch(r"\d\.\d\d s: #1 at \d+, \d+: (happy|uncertain)", face) for face in faces)
    assert end == "the source has ended"


def test_the_docs_list_every_field_of_a_message():
    text = (ROOT / "docs" / "live.md").read_text(encoding="utf-8").split("## For other programs")[1]
    rows = {name for row in text.splitlines() if row.startswith("|") for name in re.findall(r"`(\w+)`", row)}
    for model in (WatchResponse, FaceResponse, BoxResponse):
        assert set(model.model_fields) <= rows


def test_watching_without_a_source_is_refused(server):
    assert server.request("/page/facts.json").json["source"] is None
    with server.connect("/v1/watch") as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=60)
    assert closed.value.rcvd.reason == "this server has no source to watch"


@pytest.mark.parametrize(
    "name, shown",
    [
        ("/videos/private/clip.mp4", "clip.mp4"),
        ("clip.mp4", "clip.mp4"),
        (".", "."),
        ("stream rtsp://camera.example/live?key=1", "stream"),
        ("camera 0", "camera 0"),
    ],
)
def test_visitors_see_no_folder_and_no_address(name, shown):
    source = FailingSource(SourceError(f"{name} went away"))
    source.name = name
    source.watched.set()
    with live_server(NumberReader, source=source) as client, client.connect("/v1/watch") as socket:
        assert client.request("/v1/health").json["source"] == shown
        response = {}
        while "ended" not in response:
            response, _ = next_frame(socket)
    assert response["ended"] == f"{shown} went away"


def test_a_watcher_that_requests_nothing_is_disconnected(folder):
    with (
        open_source(folder) as source,
        live_server(NumberReader, source=source, limits=Limits(idle_s=0.2)) as client,
        client.connect("/v1/watch") as idle,
        pytest.raises(ConnectionClosed) as closed,
    ):
        idle.recv(timeout=60)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "no request came for 0.2 seconds")


def test_a_watcher_that_waits_for_a_frame_stays_connected():
    source = FailingSource(SourceError("failing went away"))
    limits = Limits(idle_s=0.2)
    with live_server(NumberReader, source=source, limits=limits) as client, client.connect("/v1/watch") as socket:
        socket.send("json")
        time.sleep(0.6)
        source.watched.set()
        assert "frame" in json.loads(socket.recv(timeout=60))


def test_stopping_the_server_does_not_wait_for_a_blocked_source():
    unblocked = threading.Event()

    class BlockedSource:
        name, live, frames_per_second = "blocked", True, 25.0

        def __iter__(self):
            unblocked.wait(300)
            return iter(())

    with live_server(NumberReader, source=BlockedSource()) as client:
        assert client.request("/v1/health").json["source"] == "blocked"
    unblocked.set()
