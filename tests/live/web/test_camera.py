"""Visitors with a camera over real WebSockets: the polite, the rude, the broken, and fifty at once."""

import asyncio
import json
import socket as sockets
import threading
import time

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from landmark_fer.live.web.camera import CameraVisit, Workers
from landmark_fer.live.web.limits import Limits
from tests.live.web.asking import PlainReader, as_file, running
from tests.live.web.test_recognize import png_bomb

WRONG = {
    "empty": b"",
    "noise": bytes(range(256)) * 20,
    "bomb": png_bomb(30_000, 30_000, rows=4),
    "too large for a frame": as_file(np.zeros((1500, 1500, 3), np.uint8)),
    "text": "a word",
    "json": '{"frame": 1}',
}


def told(socket):
    return json.loads(socket.recv(timeout=120))


def test_frames_are_answered_in_turn_with_the_recognizers_own_response(server, jpeg, nobody):
    single = server.recognize(jpeg).json
    with server.visit() as socket:
        for number, frame in enumerate((jpeg, nobody, jpeg), 1):
            socket.send(frame)
            response = told(socket)
            assert response["frame"] == number
            assert response["faces"] == ([] if frame is nobody else single["faces"])
            assert (response["width"], response["height"]) == ((64, 48) if frame is nobody else (512, 300))


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_frame_is_a_sentence_and_the_next_is_read(server, wrong, jpeg):
    with server.visit() as socket:
        socket.send(wrong)
        response = told(socket)
        assert response["frame"] == 1 and response["error"] and "faces" not in response
        socket.send(jpeg[: len(jpeg) // 2])
        assert "damaged" in told(socket)["error"]
        socket.send(jpeg)
        assert len(told(socket)["faces"]) == 1


def test_a_frame_with_too_many_bytes_ends_the_visit_alone(server, nobody):
    with server.visit() as other:
        with server.visit() as socket, pytest.raises(ConnectionClosed) as closed:
            socket.send(bytes(Limits().frame_bytes + 5000))
            while True:
                socket.recv(timeout=60)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
        other.send(nobody)
        assert told(other)["faces"] == []


class SlowReader:
    """Reads each image when it is let, and remembers their widths."""

    def __init__(self):
        self.begun, self.let, self.widths = threading.Event(), threading.Semaphore(0), []

    def read(self, image, *, time_s):
        self.begun.set()
        self.let.acquire()
        self.widths.append(image.shape[1])
        return []

    def close(self):
        pass


class TrickledSocket:
    """Stands for a visitor's WebSocket: gives messages when the test says so, keeps what is answered."""

    def __init__(self):
        self.messages, self.responses = asyncio.Queue(), asyncio.Queue()
        self.receive, self.send_json = self.messages.get, self.responses.put

    def frame(self, width):
        content = as_file(np.zeros((8, width, 3), np.uint8))
        self.messages.put_nowait({"type": "websocket.receive", "bytes": content})


def test_the_newest_frame_wins_and_no_line_grows():
    reader = SlowReader()

    async def visit():
        socket, workers = TrickledSocket(), Workers(Limits())
        visiting = asyncio.ensure_future(CameraVisit(socket, lambda: reader, workers=workers, limits=Limits()).run())
        socket.frame(8)
        await asyncio.to_thread(reader.begun.wait)
        for width in range(9, 40):
            socket.frame(width)
        while not socket.messages.empty():
            await asyncio.sleep(0)
        reader.let.release(2)
        responses = [await socket.responses.get() for _ in range(2)]
        socket.messages.put_nowait({"type": "websocket.disconnect"})
        await visiting
        workers.close()
        return responses

    responses = asyncio.run(visit())
    assert [(response["frame"], response["width"]) for response in responses] == [(1, 8), (32, 39)]
    assert reader.widths == [8, 39]


def test_who_sends_without_end_is_let_go_and_the_others_are_served(make_reader, nobody):
    limits = Limits(frames_per_second=1e-6, frames_at_once=20)
    with running(make_reader, limits=limits) as visitor, visitor.visit() as polite:
        with visitor.visit() as rude, pytest.raises(ConnectionClosed) as closed:
            for _ in range(200):
                rude.send(nobody)
            while True:
                rude.recv(timeout=60)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1008
        polite.send(nobody)
        assert told(polite)["faces"] == []


def test_who_sends_nothing_is_let_go(make_reader):
    with running(make_reader, limits=Limits(idle_s=0.2)) as visitor, visitor.visit() as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=60)
        assert closed.value.rcvd.code == 1001 and "no frame came" in closed.value.rcvd.reason


def test_one_visitor_too_many_is_told_so(make_reader, nobody):
    with running(make_reader, limits=Limits(visitors=2)) as visitor:
        with visitor.visit() as one, visitor.visit() as other:
            for socket in (one, other):
                socket.send(nobody)
                assert told(socket)["faces"] == []
            with visitor.visit() as third, pytest.raises(ConnectionClosed) as closed:
                third.recv(timeout=60)
            assert closed.value.rcvd.code == 1013
            assert closed.value.rcvd.reason == "2 visitors are here already; come back later"
        wait_for_nobody(visitor)
        with visitor.visit() as socket:
            socket.send(nobody)
            assert told(socket)["faces"] == []


def wait_for_nobody(visitor):
    deadline = time.monotonic() + 60
    while visitor.ask("/v1/health").json["visitors"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_abrupt_end_frees_the_place_and_closes_the_reader(make_reader, jpeg):
    with running(make_reader) as visitor:
        for how in ("while a frame is read", "in the middle of a frame", "before anything"):
            socket = visitor.visit().__enter__()
            if how == "while a frame is read":
                socket.send(jpeg)
            raw = socket.socket
            if how == "in the middle of a frame":
                raw.sendall(b"\x82\xfe\x10\x00\x00\x00\x00\x00only the beginning")
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
            raw.shutdown(sockets.SHUT_RDWR)
            raw.close()
        wait_for_nobody(visitor)
        with visitor.visit() as socket:
            socket.send(jpeg)
            assert len(told(socket)["faces"]) == 1
    assert PlainReader.closed == PlainReader.opened


@pytest.mark.parametrize(
    "nonsense", [b"\x00" * 500, b"GET /v1/camera HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"\x16\x03\x01"]
)
def test_what_is_no_http_is_turned_away(server, nonsense):
    host, port = server.place.split(":")
    with sockets.create_connection((host, int(port)), timeout=60) as raw:
        raw.sendall(nonsense)
        raw.shutdown(sockets.SHUT_WR)
        while raw.recv(4096):
            pass
    assert server.ask("/v1/health").status == 200


class FailingReader:
    """Fails on every other image, as no reader should."""

    def __init__(self):
        self.count = 0

    def read(self, image, *, time_s):
        self.count += 1
        if self.count % 2:
            raise ZeroDivisionError
        return []

    def close(self):
        pass


def test_a_reader_that_fails_is_a_sentence_and_the_visit_goes_on(nobody):
    with running(FailingReader) as visitor, visitor.visit() as socket:
        response = visitor.recognize(nobody)  # each image has a new reader
        assert response.status == 500 and "log says why" in response.json["detail"]
        for accepted in (False, True, False, True):
            socket.send(nobody)
            assert ("faces" in told(socket)) is accepted


def test_fifty_visitors_at_once_are_all_answered_rightly(server, jpeg, nobody):
    """Some of them rude; each of the others gets the answers to its own frames."""
    expected = server.recognize(jpeg).json["faces"]
    wrong, barrier = [], threading.Barrier(50)

    def visit(number):
        try:
            with server.visit() as socket:
                barrier.wait(120)
                for round_number in range(1, 4):
                    kind = (number + round_number) % 3
                    socket.send((jpeg, nobody, b"rubbish")[kind])
                    response = told(socket)
                    right = "error" in response if kind == 2 else response["faces"] == (expected, [])[kind]
                    if not right or response["frame"] != round_number:
                        wrong.append((number, response))
                if number % 5 == 0:
                    socket.socket.shutdown(sockets.SHUT_RDWR)
        except Exception as error:
            wrong.append((number, repr(error)))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert wrong == []
    wait_for_nobody(server)


def test_compression_is_not_spoken(server):
    with connect(f"ws://{server.place}/v1/camera", compression="deflate") as socket:
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
