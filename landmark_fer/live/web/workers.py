"""Threads that read images: a fixed number, with a bounded line in front of them."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from landmark_fer.live.web.images import decode
from landmark_fer.live.web.limits import RefusedError
from landmark_fer.live.web.protocol import image_response


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
