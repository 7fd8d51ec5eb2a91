"""Broadcast of the server's source: each frame is read once for all watchers, and only while somebody watches."""

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import PurePath

from landmark_fer.core.errors import LandmarkFerError
from landmark_fer.drawing.blur import FaceBlur
from landmark_fer.live.pacing import RateLimit
from landmark_fer.live.web.camera import GOING_AWAY, NORMAL_CLOSURE, POLICY_VIOLATION, run_until_first_ends
from landmark_fer.live.web.protocol import EXTRAS, encode, parse_extras, without_extras
from landmark_fer.live.web.responder import Responder

REQUESTS = ("next", "json")
"""First words of a watcher's messages: the next frame as JSON and JPEG, or as JSON only. `EXTRAS` may follow."""

_LOG = logging.getLogger(__name__)
_NO_FRAME = {"time_s": 0.0, "width": 0, "height": 0, "milliseconds": 0.0, "faces": []}


@dataclass(frozen=True)
class BroadcastFrame:
    """A frame for watchers: its number (from 1), JSON values, and a JPEG (empty if there is no image)."""

    number: int
    response: dict
    jpeg: bytes


def public_name(source):
    """Return the name of a source for visitors: of a file without its folder, of a stream without its address."""
    return "stream" if "://" in source.name else PurePath(source.name).name or source.name


class Broadcast:
    """Reads a source in a thread and keeps the newest frame for all watchers.

    While nobody watches, a camera's frames are dropped and a file is paused.

    Parameters
    ----------
    source : Source
        Opened; it is not closed here.
    make_reader : callable
    reopen : callable, optional
        Opens the source again when a file has ended, so that it plays in a loop.
    blur : {"faces", "eyes"}, optional
        What is blurred in the images that watchers get, as by `FaceBlur`.
    limits : Limits
        A watcher that requests nothing for `idle_s` is disconnected; one that waits for a frame is not.
    """

    def __init__(self, source, make_reader, *, reopen=None, blur=None, limits):
        self._blur, self._idle_s = blur and FaceBlur(blur), limits.idle_s
        self._source, self._make_reader, self._reopen = source, make_reader, reopen
        self._extras, self._watched, self._closing = {}, threading.Event(), threading.Event()
        limit = RateLimit(limits.explanation_load, limits.explanation_load)
        self._responder = Responder(limit, blurred=bool(blur))
        self._newest, self._arrival, self._loop = BroadcastFrame(0, _NO_FRAME, b""), None, None
        self._thread = threading.Thread(target=self._run, name="web source", daemon=True)

    def start(self):
        """Start reading. Call it in the event loop that serves the watchers."""
        self._loop, self._arrival = asyncio.get_running_loop(), asyncio.Event()
        self._thread.start()

    def close(self):
        """Stop reading."""
        self._closing.set()
        self._watched.set()
        self._thread.join(timeout=5.0)

    async def watch(self, socket):
        """Send the newest frame for each of a watcher's `REQUESTS`, until the watcher leaves or the source ends.

        A watcher never gets a frame twice, and waits for one if it has the newest already. Requests that arrive while
        another is waiting replace it, so nothing queues up for a slow watcher: it misses frames.
        """
        self._set_extras(socket, frozenset())
        self._watched.set()
        requests = asyncio.Queue()
        try:
            await run_until_first_ends(self._receive_requests(socket, requests), self._send_frames(socket, requests))
        finally:
            self._set_extras(socket, None)
            if not self._extras:
                self._watched.clear()

    def _set_extras(self, socket, extras):
        """Store what a watcher asks for, None if it leaves; what nobody asks for is not made."""
        self._extras[socket] = extras
        if extras is None:
            del self._extras[socket]
        self._responder.extras = frozenset().union(*self._extras.values())

    async def _receive_requests(self, socket, requests):
        """Put the newest request of a watcher into a queue, until the watcher leaves or sends anything else."""
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            request, *words = (message.get("text") or "").split(" ")
            extras = parse_extras(words)
            if request not in REQUESTS or extras is None:
                words = f"the text {' or '.join(REQUESTS)}, then {' or '.join(EXTRAS)} or both"
                await socket.close(POLICY_VIOLATION, f"a request must be {words}")
                return
            self._set_extras(socket, extras)
            while not requests.empty():
                requests.get_nowait()
            requests.put_nowait((request, extras))

    async def _send_frames(self, socket, requests):
        number = 0
        while True:
            try:
                request, extras = await asyncio.wait_for(requests.get(), self._idle_s)
            except TimeoutError:
                await socket.close(GOING_AWAY, f"no request came for {self._idle_s:g} seconds")
                return
            while self._newest.number == number:
                await self._arrival.wait()
            frame = self._newest
            number = frame.number
            await socket.send_json({"frame": number, **without_extras(frame.response, extras)})
            if request == "next":
                await socket.send_bytes(frame.jpeg)
            if "ended" in frame.response:
                await socket.close(NORMAL_CLOSURE)
                return

    def _run(self):
        reader = self._make_reader()
        try:
            self._play(self._source, reader)
            while self._reopen is not None and not self._closing.is_set():
                reader.close()
                reader = self._make_reader()
                with self._reopen() as source:
                    self._play(source, reader)
            self._publish_end("the source has ended")
        except LandmarkFerError as error:
            _LOG.warning("%s", error)
            self._publish_end(str(error).replace(self._source.name, public_name(self._source)))
        except Exception:
            _LOG.exception("the source could not be read further")
            self._publish_end("the source could not be read further; see the server's log")
        finally:
            reader.close()

    def _play(self, source, reader):
        """Read a source to its end: a camera as frames arrive, a file at its own frame rate."""
        start = None
        for frame in source:
            if not source.live and not self._watched.is_set():
                self._watched.wait()
                start = None
            if self._closing.is_set():
                return
            now = time.monotonic()
            if start is None or now - start - frame.time_s > 1.0:  # the first frame, or one that is too late
                start = now - frame.time_s
            if not source.live and self._closing.wait(max(0.0, start + frame.time_s - now)):
                return
            if self._watched.is_set():
                self._read(frame, reader)

    def _read(self, frame, reader):
        start = time.monotonic()
        faces = reader.read(frame.image, time_s=frame.time_s)
        response = self._responder.respond(frame.image, faces, start, frame.time_s)
        image = frame.image
        if self._blur is not None:
            self._blur.update(frame.time_s, reader.located)
            image = self._blur.apply(image)
        self._publish({"time_s": round(frame.time_s, 3), **response}, encode(image))

    def _publish_end(self, message):
        """Publish the last image again, with a message that explains why no other follows."""
        self._publish({**self._newest.response, "ended": message}, self._newest.jpeg)

    def _publish(self, response, jpeg):
        """Replace the newest frame and wake the watchers; called in the thread."""
        self._newest = BroadcastFrame(self._newest.number + 1, response, jpeg)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_watchers)

    def _wake_watchers(self):
        self._arrival.set()
        self._arrival = asyncio.Event()
