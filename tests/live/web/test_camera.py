"""Camera sessions over real WebSockets: valid and wrong frames, limits, aborted connections, fifty visitors."""

import asyncio
import socket as sockets
import threading
import time

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from landmark_fer.live.observers import NEUTRAL_S
from landmark_fer.live.reader import LiveReader
from landmark_fer.live.web.camera import CameraSession, Workers
from landmark_fer.live.web.limits import Limits
from tests.live.web.client import PlainReader, as_file, live_server, receive
from tests.live.web.test_recognize import png_bomb

WRONG = {
    "empty": b"",
    "noise": bytes(range(256)) * 20,
    "bomb": png_bomb(30_000, 30_000, rows=4),
    "too large for a frame": as_file(np.zeros((1500, 1500, 3), np.uint8)),
    "text": "a word",
    "json": '{"frame": 1}',
}


def test_frames_get_the_recognizers_predictions_in_order(server, jpeg, nobody):
    single = server.recognize(jpeg).json
    with server.connect() as socket:
        for number, frame in enumerate((jpeg, nobody, jpeg), 1):
            socket.send(frame)
            response = receive(socket)
            assert response["frame"] == number
            assert response["faces"] == ([] if frame is nobody else single["faces"])
            assert (response["width"], response["height"]) == ((64, 48) if frame is nobody else (512, 300))


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_frame_is_reported_and_the_next_is_read(server, wrong, jpeg):
    with server.connect() as socket:
        socket.send(wrong)
        response = receive(socket)
        assert response["frame"] == 1 and response["error"] and "faces" not in response
        socket.send(jpeg[: len(jpeg) // 2])
        assert "damaged" in receive(socket)["error"]
        socket.send(jpeg)
        assert len(receive(socket)["faces"]) == 1


def test_a_visitor_records_a_baseline(recognizer, jpeg):
    with live_server(lambda: LiveReader(recognizer, baseline="key"), classes=recognizer.classes) as client:
        with client.connect() as socket:
            socket.send(jpeg)
            assert receive(socket)["faces"][0]["baseline"] is None
            socket.send("neutral")
            begin = time.monotonic()
            origins = []
            while "key" not in origins and time.monotonic() - begin < 60:
                time.sleep(0.2)
                socket.send(jpeg)
                origins.append(receive(socket)["faces"][0]["baseline"])
            assert origins[-1] == "key" and time.monotonic() - begin >= NEUTRAL_S
        with client.connect() as socket:
            socket.send(jpeg)
            assert receive(socket)["faces"][0]["baseline"] is None


def test_a_frame_with_too_many_bytes_ends_only_its_session(server, nobody):
    with server.connect() as other:
        with server.connect() as socket, pytest.raises(ConnectionClosed) as closed:
            socket.send(bytes(Limits().frame_bytes + 5000))
            while True:
                socket.recv(timeout=60)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
        other.send(nobody)
        assert receive(other)["faces"] == []


class SlowReader:
    """Reads an image for each release of `permits`, and stores the widths."""

    def __init__(self):
        self.started, self.permits, self.widths = threading.Event(), threading.Semaphore(0), []

    def read(self, image, *, time_s):
        self.started.set()
        self.permits.acquire()
        self.widths.append(image.shape[1])
        return []

    def close(self):
        pass


class QueueSocket:
    """A WebSocket whose messages come from the test, and whose responses the test reads."""

    def __init__(self):
        self.messages, self.responses = asyncio.Queue(), asyncio.Queue()
        self.receive, self.send_json = self.messages.get, self.responses.put

    def frame(self, width):
        content = as_file(np.zeros((8, width, 3), np.uint8))
        self.messages.put_nowait({"type": "websocket.receive", "bytes": content})


def test_the_newest_frame_is_read_and_older_ones_are_dropped():
    reader = SlowReader()

    async def run_session():
        socket, workers = QueueSocket(), Workers(Limits())
        session = CameraSession(
            socket,
            lambda: reader,
            make_response=lambda image, faces, arrived_s: {"width": image.shape[1]},
            workers=workers,
            limits=Limits(),
            on_text=None,
        )
        session = asyncio.ensure_future(session.run())
        socket.frame(8)
        await asyncio.to_thread(reader.started.wait)
        for width in range(9, 40):
            socket.frame(width)
        while not socket.messages.empty():
            await asyncio.sleep(0)
        reader.permits.release(2)
        responses = [await socket.responses.get() for _ in range(2)]
        socket.messages.put_nowait({"type": "websocket.disconnect"})
        await session
        workers.close()
        return responses

    responses = asyncio.run(run_session())
    assert [(response["frame"], response["width"]) for response in responses] == [(1, 8), (32, 39)]
    assert reader.widths == [8, 39]


def test_a_flood_of_frames_ends_only_its_session(make_reader, nobody):
    limits = Limits(frames_per_second=1e-6, frame_burst=20)
    with live_server(make_reader, limits=limits) as client, client.connect() as polite:
        with client.connect() as rude, pytest.raises(ConnectionClosed) as closed:
            for _ in range(200):
                rude.send(nobody)
            while True:
                rude.recv(timeout=60)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1008
        polite.send(nobody)
        assert receive(polite)["faces"] == []


def test_idle_sessions_are_closed(make_reader):
    with live_server(make_reader, limits=Limits(idle_s=0.2)) as client, client.connect() as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=60)
        assert closed.value.rcvd.code == 1001 and "no frame came" in closed.value.rcvd.reason


def test_a_visitor_too_many_is_refused(make_reader, nobody):
    with live_server(make_reader, limits=Limits(visitors=2)) as client:
        with client.connect() as one, client.connect() as other:
            for socket in (one, other):
                socket.send(nobody)
                assert receive(socket)["faces"] == []
            with client.connect() as third, pytest.raises(ConnectionClosed) as closed:
                third.recv(timeout=60)
            assert closed.value.rcvd.code == 1013
            assert closed.value.rcvd.reason == "2 visitors are here already; come back later"
        wait_for_no_visitors(client)
        with client.connect() as socket:
            socket.send(nobody)
            assert receive(socket)["faces"] == []


def wait_for_no_visitors(client):
    deadline = time.monotonic() + 60
    while client.request("/v1/health").json["visitors"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_aborted_connection_frees_the_place_and_closes_the_reader(make_reader, jpeg):
    with live_server(make_reader) as client:
        for moment in ("while a frame is read", "in the middle of a frame", "before the first frame"):
            socket = client.connect().__enter__()
            if moment == "while a frame is read":
                socket.send(jpeg)
            raw = socket.socket
            if moment == "in the middle of a frame":
                raw.sendall(b"\x82\xfe\x10\x00\x00\x00\x00\x00only the beginning")
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
            raw.shutdown(sockets.SHUT_RDWR)
            raw.close()
        wait_for_no_visitors(client)
        with client.connect() as socket:
            socket.send(jpeg)
            assert len(receive(socket)["faces"]) == 1
    assert PlainReader.closed == PlainReader.opened


@pytest.mark.parametrize(
    "nonsense", [b"\x00" * 500, b"GET /v1/camera HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"\x16\x03\x01"]
)
def test_other_protocols_are_refused(server, nonsense):
    host, port = server.host.split(":")
    with sockets.create_connection((host, int(port)), timeout=60) as raw:
        raw.sendall(nonsense)
        raw.shutdown(sockets.SHUT_WR)
        while raw.recv(4096):
            pass
    assert server.request("/v1/health").status == 200


class FailingReader:
    """Fails on every other image."""

    def __init__(self):
        self.count = 0

    def read(self, image, *, time_s):
        self.count += 1
        if self.count % 2:
            raise ZeroDivisionError
        return []

    def close(self):
        pass


def test_a_failing_reader_is_reported_and_the_session_continues(nobody):
    with live_server(FailingReader) as client, client.connect() as socket:
        response = client.recognize(nobody)  # each image has a new reader
        assert response.status == 500 and "see the server's log" in response.json["detail"]
        for accepted in (False, True, False, True):
            socket.send(nobody)
            assert ("faces" in receive(socket)) is accepted


def test_fifty_visitors_get_their_own_predictions(server, jpeg, nobody):
    """Some send rubbish or abort; each of the others gets the predictions for its own frames."""
    expected = server.recognize(jpeg).json["faces"]
    wrong, barrier = [], threading.Barrier(50)

    def run_session(number):
        try:
            with server.connect() as socket:
                barrier.wait(120)
                for round_number in range(1, 4):
                    kind = (number + round_number) % 3
                    socket.send((jpeg, nobody, b"rubbish")[kind])
                    response = receive(socket)
                    correct = "error" in response if kind == 2 else response["faces"] == (expected, [])[kind]
                    if not correct or response["frame"] != round_number:
                        wrong.append((number, response))
                if number % 5 == 0:
                    socket.socket.shutdown(sockets.SHUT_RDWR)
        except Exception as error:
            wrong.append((number, repr(error)))

    threads = [threading.Thread(target=run_session, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert wrong == []
    wait_for_no_visitors(server)


def test_compression_is_refused(server):
    with connect(f"ws://{server.host}/v1/camera", compression="deflate") as socket:
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
