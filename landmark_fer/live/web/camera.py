"""The visitor's camera: frames from a browser, recognized in worker threads."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from landmark_fer.live.web.limits import Allowance, RefusedError
from landmark_fer.live.web.protocol import decode, image_response


class Workers:
    """Runs functions in threads; the line of those that wait is as long as the limits say.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits):
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="web reader")
        self._most, self._here = limits.waiting, 0

    async def run(self, function, *arguments):
        """Return what a function returns.

        Raises
        ------
        RefusedError
            With status 503 if too many wait already.
        """
        if self._here >= self._most:
            raise RefusedError(503, f"{self._most} images are being read already; try again in a second")
        self._here += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)
        finally:
            self._here -= 1

    def later(self, function):
        """Run a function some time, whoever waits for it."""
        self._pool.submit(function)

    def close(self):
        """Let the images that are being read end, and take no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Video:
    """One visitor's images and the reader that follows the faces in them; made when the first image comes.

    Parameters
    ----------
    make_reader : callable
        Returns an object with ``read(image, time_s=...)`` and ``close()``.
    most_pixels : int
    answer : callable, default=image_response
        From a image, what the reader returned for it and, as ``seconds``, how long it took, to plain values.
    """

    def __init__(self, make_reader, *, most_pixels, response=image_response):
        self._make_reader, self._most_pixels, self._response = make_reader, most_pixels, response
        self._reader, self._closed, self._lock = None, False, Lock()

    def read(self, content, came_s):
        """Return the answer to a image's bytes.

        Parameters
        ----------
        content : bytes
        came_s : float
            When it came, by `time.monotonic`.

        Raises
        ------
        RefusedError
            As from `decode`, and with status 503 once closed.
        """
        image = decode(content, most_pixels=self._most_pixels)
        with self._lock:  # a reader is closed between two images, never while it reads
            if self._closed:
                raise RefusedError(503, "the visit is over; come again")
            if self._reader is None:
                self._reader = self._make_reader()
            seen = self._reader.read(image, time_s=came_s)
        return self._response(image, seen, seconds=time.monotonic() - came_s)

    def close(self):
        """Close the reader."""
        with self._lock:
            self._closed = True
            if self._reader is not None:
                self._reader.close()
                self._reader = None


ENDED, TOO_FAST, TRY_LATER, GOING_AWAY = 1000, 1008, 1013, 1001  # why a WebSocket is closed (RFC 6455)

_LOG = logging.getLogger(__name__)


async def until_one_ends(*coroutines):
    """Run coroutines side by side until the first ends, then stop the others; raise what it raised."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class CameraVisit:
    """One visitor whose frames are read; the newest frame waits, older ones that were not begun are dropped.

    Each binary message is a frame, a JPEG or PNG file. Each answer is JSON and holds ``frame``, which counts the
    visitor's frames from 1, and a `image_response` or ``error``, a sentence. One that holds ``ended``, a sentence, too,
    is the last.

    Parameters
    ----------
    socket : fastapi.WebSocket
        Accepted.
    make_reader : callable
    workers : Workers
    limits : Limits
    answer : callable, default=image_response
        As for `Video`.
    hear : coroutine function, optional
        Takes text messages; without it they are wrong frames.
    """

    def __init__(self, socket, make_reader, *, workers, limits, response=image_response, hear=None):
        self._socket, self._workers, self._limits, self._hear = socket, workers, limits, hear
        self._video = Video(make_reader, most_pixels=limits.live_pixels, response=response)
        self._allowance = Allowance(limits.frames_per_second, limits.frames_at_once)
        self._newest, self._came = None, asyncio.Event()

    async def run(self):
        """Serve the visitor until one of both ends it."""
        try:
            await until_one_ends(self._receive(), self._response())
        finally:
            self._workers.later(self._video.close)

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
            if not self._allowance.take():
                most = self._limits.frames_per_second
                await self._socket.close(TOO_FAST, f"at most {most:g} frames a second; wait for each answer")
                return
            if self._hear is not None and message.get("text") is not None:
                await self._hear(message["text"])
                continue
            count += 1
            self._newest = count, message.get("bytes"), time.monotonic()
            self._came.set()

    async def _response(self):
        response = {}
        while "ended" not in response:
            await self._came.wait()
            self._came.clear()
            number, content, came_s = self._newest
            response = {"frame": number, **await self._read(content, came_s)}
            await self._socket.send_json(response)
        await self._socket.close(ENDED)

    async def _read(self, content, came_s):
        if content is None:
            return {"error": "a frame must be a binary message, a JPEG or PNG file; got text"}
        if len(content) > self._limits.frame_bytes:
            return {"error": f"a frame must have at most {self._limits.frame_bytes:,} bytes, got {len(content):,}"}
        try:
            return await self._workers.run(self._video.read, content, came_s)
        except RefusedError as error:
            return {"error": str(error)}
        except Exception:  # one visitor's frame must not end the visit, still less the server
            _LOG.exception("a visitor's frame could not be read")
            return {"error": "this frame could not be read; the server's log says why"}
