"""Visitors' cameras: frames from a browser are recognized in worker threads."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from landmark_fer.live.pacing import RateLimit
from landmark_fer.live.web.limits import RefusedError
from landmark_fer.live.web.protocol import decode

NORMAL_CLOSURE, GOING_AWAY, POLICY_VIOLATION, TRY_AGAIN_LATER = 1000, 1001, 1008, 1013
"""Status codes with which WebSockets are closed (RFC 6455)."""

_LOG = logging.getLogger(__name__)


class Workers:
    """A thread pool with a limit on pending calls.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits):
        self._executor = ThreadPoolExecutor(limits.threads, thread_name_prefix="web reader")
        self._max_pending, self._n_pending = limits.pending_images, 0

    async def run(self, function, *arguments):
        """Call a function in a thread and return its result.

        Raises
        ------
        RefusedError
            With status 503 if too many calls are pending.
        """
        if self._n_pending >= self._max_pending:
            raise RefusedError(503, f"{self._max_pending} images are being read already; try again in a second")
        self._n_pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)
        finally:
            self._n_pending -= 1

    def submit(self, function):
        """Call a function in a thread without waiting for it."""
        self._executor.submit(function)

    def close(self):
        """Wait for the calls that are running, and cancel the others."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class FrameReader:
    """Decodes one visitor's images and reads them with a reader of their own, made for the first image.

    Parameters
    ----------
    make_reader : callable
        Returns an object with ``read(image, time_s=...)`` and ``close()``.
    max_pixels : int
    make_response : callable
        Takes an image, the reader's result and the time of arrival; returns JSON values.
    """

    def __init__(self, make_reader, *, max_pixels, make_response):
        self._make_reader, self._max_pixels, self._make_response = make_reader, max_pixels, make_response
        self._reader, self._closed, self._lock = None, False, Lock()

    def read(self, content, arrived_s):
        """Return the response for the bytes of an image.

        Parameters
        ----------
        content : bytes
        arrived_s : float
            Time of arrival by `time.monotonic`.

        Raises
        ------
        RefusedError
            As from `decode`, and with status 503 once closed.
        """
        image = decode(content, max_pixels=self._max_pixels)
        with self._lock:  # a reader is closed between two images, never while it reads
            if self._closed:
                raise RefusedError(503, "this session is over; start a new one")
            if self._reader is None:
                self._reader = self._make_reader()
            result = self._reader.read(image, time_s=arrived_s)
        return self._make_response(image, result, arrived_s)

    def close(self):
        """Close the reader."""
        with self._lock:
            self._closed = True
            if self._reader is not None:
                self._reader.close()
                self._reader = None


class CameraSession:
    """The WebSocket session of one visitor's camera. The newest frame is read next; older ones are dropped.

    Each binary message is a frame, a JPEG or PNG file. Each response is JSON. It holds ``frame``, the number of the
    frame (from 1), and either the values of `make_response` or ``error``, a sentence. A response with ``ended``, a
    sentence, is the last one.

    Parameters
    ----------
    socket : fastapi.WebSocket
        Accepted.
    make_reader : callable
    make_response : callable
        As for `FrameReader`.
    workers : Workers
    limits : Limits
    on_text : coroutine function
        Handles a text message, which has no response, and returns whether it could; other text is a wrong frame.
    """

    def __init__(self, socket, make_reader, *, make_response, workers, limits, on_text):
        self._socket, self._workers, self._limits, self._on_text = socket, workers, limits, on_text
        self._reader = FrameReader(make_reader, max_pixels=limits.frame_pixels, make_response=make_response)
        self._rate = RateLimit(limits.frames_per_second, limits.frame_burst)
        self._newest, self._arrival = None, asyncio.Event()

    async def run(self):
        """Serve the visitor until the visitor or the server ends the session."""
        try:
            await run_until_first_ends(self._receive(), self._respond())
        finally:
            self._workers.submit(self._reader.close)

    async def _receive(self):
        count = 0
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), self._limits.idle_s)
            except TimeoutError:
                await self._socket.close(GOING_AWAY, f"no frame came for {self._limits.idle_s:g} seconds")
                return
            if message["type"] == "websocket.disconnect":
                return
            if not self._rate.take():
                rate = self._limits.frames_per_second
                await self._socket.close(POLICY_VIOLATION, f"at most {rate:g} frames a second; wait for each response")
                return
            if message.get("text") is not None and await self._on_text(message["text"]):
                continue
            count += 1
            self._newest = count, message.get("bytes"), time.monotonic()
            self._arrival.set()

    async def _respond(self):
        response = {}
        while "ended" not in response:
            await self._arrival.wait()
            self._arrival.clear()
            number, content, arrived_s = self._newest
            response = {"frame": number, **await self._read(content, arrived_s)}
            await self._socket.send_json(response)
        await self._socket.close(NORMAL_CLOSURE)

    async def _read(self, content, arrived_s):
        if content is None:
            return {"error": "a frame must be a binary message, a JPEG or PNG file; got text"}
        if len(content) > self._limits.frame_bytes:
            return {"error": f"a frame must have at most {self._limits.frame_bytes:,} bytes, got {len(content):,}"}
        try:
            return await self._workers.run(self._reader.read, content, arrived_s)
        except RefusedError as error:
            return {"error": str(error)}
        except Exception:  # a frame that fails must end neither the session nor the server
            _LOG.exception("a visitor's frame could not be read")
            return {"error": "this frame could not be read; see the server's log"}


async def run_until_first_ends(*coroutines):
    """Run coroutines concurrently until the first ends, cancel the others, and raise the first one's exception."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
