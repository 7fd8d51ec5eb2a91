"""The server's own source for those who watch: read once, however many watch, and only while somebody does."""

import asyncio
import logging
import threading
import time
from dataclasses import dataclass

from landmark_fer.core.errors import LandmarkFerError
from landmark_fer.live.web.camera import until_one_ends
from landmark_fer.live.web.protocol import encode, image_response

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """A frame as watchers get it: a number from 1, JSON values, and a JPEG (empty where there is no image)."""

    number: int
    response: dict
    content: bytes


class Broadcast:
    """Reads a source in a thread of its own and keeps the newest frame for every watcher.

    A camera is read on while nobody watches, without being recognized; a file waits.

    Parameters
    ----------
    source : Source
        Opened; it is not closed here.
    make_reader : callable
    again : callable, optional
        Opens the source anew when a file has ended; then it is shown in a loop.
    """

    def __init__(self, source, make_reader, *, again=None):
        self._source, self._make_reader, self._again = source, make_reader, again
        self._watchers, self._validation, self._ended = 0, threading.Event(), threading.Event()
        self._newest, self._came, self._loop = Shown(0, {}, b""), None, None
        self._thread = threading.Thread(target=self._run, name="web source", daemon=True)

    def begin(self):
        """Begin to read; from within the event loop that the watchers run in."""
        self._loop, self._came = asyncio.get_running_loop(), asyncio.Event()
        self._thread.start()

    def close(self):
        """Stop reading."""
        self._ended.set()
        self._validation.set()
        self._thread.join(timeout=5.0)

    async def watch(self, socket):
        """Send the newest frame as JSON and JPEG each time that a watcher asks for one, until the watcher goes."""
        self._watchers += 1
        self._validation.set()
        asked = asyncio.Event()
        try:
            await until_one_ends(_listen(socket, asked), self._send(socket, asked))
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._validation.clear()

    async def _send(self, socket, asked):
        number = 0
        while True:
            await asked.wait()
            asked.clear()
            while self._newest.number == number:
                await self._came.wait()
            shown = self._newest
            number = shown.number
            await socket.send_json({"frame": number, **shown.response})
            await socket.send_bytes(shown.content)

    def _run(self):
        reader = self._make_reader()
        try:
            self._play(self._source, reader)
            while self._again is not None and not self._ended.is_set():
                reader.close()
                reader = self._make_reader()
                with self._again() as source:
                    self._play(source, reader)
            self._end("the source has ended")
        except LandmarkFerError as error:
            _LOG.warning("%s", error)
            self._end(str(error))
        except Exception:
            _LOG.exception("the source could not be read on")
            self._end("the source could not be read on; the server's log says why")
        finally:
            reader.close()

    def _play(self, source, reader):
        """Read the frames of a source to its end: a camera's as they come, a file's at their own pace."""
        begin = None
        for frame in source:
            if not source.live and not self._validation.is_set():
                self._validation.wait()
                begin = None
            if self._ended.is_set():
                return
            now = time.monotonic()
            if begin is None or now - begin - frame.time_s > 1.0:  # the first frame, or one that cannot catch up
                begin = now - frame.time_s
            if not source.live and self._ended.wait(max(0.0, begin + frame.time_s - now)):
                return
            if self._validation.is_set():
                self._read(frame, reader)

    def _read(self, frame, reader):
        begin = time.monotonic()
        seen = reader.read(frame.image, time_s=frame.time_s)
        response = image_response(frame.image, seen, seconds=time.monotonic() - begin)
        self._show({"time_s": round(frame.time_s, 3), **response}, encode(frame.image))

    def _end(self, sentence):
        """Leave the last image, with a sentence that says why no other comes."""
        self._show({**self._newest.response, "ended": sentence}, self._newest.content)

    def _show(self, response, content):
        """Make something the newest, from the thread."""
        self._newest = Shown(self._newest.number + 1, response, content)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self):
        self._came.set()
        self._came = asyncio.Event()


async def _listen(socket, asked):
    """Take whatever a watcher sends as the wish for the next frame."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        asked.set()
