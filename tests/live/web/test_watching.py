"""The server's own source: everyone sees it, nothing is read while nobody looks, files play at their own pace."""

import io
import json
import threading
import time

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.opening import open_source
from tests.live.web.asking import as_file, running


class NumberReader:
    """Sees no face; remembers the grey of each image."""

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


def test_a_file_is_shown_from_its_beginning_to_its_end_and_then_says_so(folder):
    reader = NumberReader()
    with open_source(folder) as source, running(lambda: reader, source=source) as visitor:
        assert visitor.ask("/page/facts.json").json["source"] == str(folder)
        time.sleep(0.5)
        assert reader.greys == []  # nobody looks
        with visitor.visit("/v1/watch") as socket:
            responses = [next_frame(socket)]
            while "ended" not in responses[-1][0]:
                responses.append(next_frame(socket))
        assert reader.greys == [10, 20, 30, 40, 50, 60]
        assert responses[-1][0]["ended"] == "the source has ended"
        last = np.asarray(Image.open(io.BytesIO(responses[-1][1])))
        assert last.shape == (30, 40, 3) and abs(int(last[0, 0, 0]) - 60) <= 2
        with visitor.visit("/v1/watch") as socket:  # who comes later still sees how it ended
            assert next_frame(socket)[0]["ended"]
    assert reader.closed


def test_several_watchers_see_the_same_and_one_who_stops_holds_nobody_up(folder):
    with (
        open_source(folder) as source,
        running(NumberReader, source=source) as visitor,
        visitor.visit("/v1/watch") as one,
        visitor.visit("/v1/watch") as other,
    ):
        one.send("next")  # and never looks again
        responses = [{}]
        while "ended" not in responses[-1]:
            response, image = next_frame(other)
            responses.append(response)
            assert image[:2] == b"\xff\xd8"
        numbers = [response["frame"] for response in responses[1:]]
        assert numbers == sorted(set(numbers))


def test_a_file_can_be_shown_again_and_again(folder):
    for path in sorted(folder.iterdir())[2:]:
        path.unlink()
    readers = []

    def make_reader():
        readers.append(NumberReader())
        return readers[-1]

    with (
        open_source(folder) as source,
        running(make_reader, source=source, again=lambda: open_source(folder)) as visitor,
        visitor.visit("/v1/watch") as socket,
    ):
        while len(readers) < 3:
            assert "ended" not in next_frame(socket)[0]
    assert readers[0].greys == readers[1].greys == [10, 20]


class Breaking:
    """A source that breaks after one frame."""

    name, live, frames_per_second = "breaking", True, 25.0

    def __init__(self, error):
        self.error, self.looked_at = error, threading.Event()

    def __iter__(self):
        from landmark_fer.live.sources.opening import Frame

        with open_source("demo") as source:
            first = next(iter(source))
        assert isinstance(first, Frame)
        self.looked_at.wait(60)
        yield first
        raise self.error


@pytest.mark.parametrize(
    "error, sentence",
    [
        (SourceError("camera 0 went away; plug it in"), "camera 0 went away; plug it in"),
        (KeyError("x"), "log says why"),
    ],
)
def test_a_source_that_breaks_is_said_and_the_server_stays(error, sentence, jpeg, make_reader):
    source = Breaking(error)
    with running(make_reader, source=source) as visitor:
        with visitor.visit("/v1/watch") as socket:
            socket.send("next")
            while visitor.ask("/v1/health").json["visitors"] < 1:
                time.sleep(0.05)
            source.looked_at.set()
            response, image = json.loads(socket.recv(timeout=120)), socket.recv(timeout=120)
            if "ended" not in response:
                assert len(response["faces"]) == 1
                response, image = next_frame(socket)
            assert sentence in response["ended"]
            assert image[:2] == b"\xff\xd8"  # the last image stays
        assert visitor.recognize(jpeg).status == 200


def test_without_a_source_there_is_nothing_to_watch(server):
    assert server.ask("/page/facts.json").json["source"] is None
    with server.visit("/v1/watch") as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=60)
    assert closed.value.rcvd.reason == "this server has no source to watch"


def test_ending_the_server_does_not_wait_for_a_source_that_stands_still():
    goes_on = threading.Event()

    class Still:
        name, live, frames_per_second = "still", True, 25.0

        def __iter__(self):
            goes_on.wait(300)
            return iter(())

    with running(NumberReader, source=Still()) as visitor:
        assert visitor.ask("/v1/health").json["source"] == "still"
    goes_on.set()
