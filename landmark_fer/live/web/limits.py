"""Limits of the web server: how much each visitor may use, and the counters that enforce it."""

import time
from dataclasses import dataclass

from landmark_fer.core.errors import LandmarkFerError
from landmark_fer.live.observers import EXPLANATION_LOAD
from landmark_fer.live.pacing import RateLimit


@dataclass(frozen=True)
class Limits:
    """Every limit of the server.

    Attributes
    ----------
    frame_bytes : int
        Size of an encoded frame or image.
    frame_pixels, image_pixels : int
        Size of a camera's frame and of an image in a single request, read from the file's header.
    frames_per_second, frame_burst : float
        Frames of one visitor's camera: average rate, and how many at once.
    images_per_second, image_burst : float
        Single images of one network address: average rate, and how many at once.
    explanation_load : float
        Seconds in a second for explanations, for the cameras and single images of one network address, and as many
        for the server's source. The last one may exceed them; the next then waits.
    attempts_per_second, attempt_burst : float
        Wrong tokens from one network address: average rate, and how many at once.
    visitors : int
        Open cameras and watchers together.
    pending_images : int
        Images of all visitors that are being read or wait for a thread.
    threads : int
        Threads that read images.
    body_s : float
        Seconds in which the body of a request must arrive.
    idle_s : float
        Seconds without a frame, or without a watcher's request, after which a visitor is disconnected.
    """

    frame_bytes: int = 4_000_000
    frame_pixels: int = 2_100_000
    image_pixels: int = 16_000_000
    frames_per_second: float = 60.0
    frame_burst: float = 60.0
    images_per_second: float = 30.0
    image_burst: float = 60.0
    explanation_load: float = EXPLANATION_LOAD
    attempts_per_second: float = 0.5
    attempt_burst: float = 10.0
    visitors: int = 64
    pending_images: int = 128
    threads: int = 4
    body_s: float = 20.0
    idle_s: float = 120.0


class RefusedError(LandmarkFerError):
    """A request that the server refuses.

    Attributes
    ----------
    status : int
        HTTP status code of the response.
    """

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class AddressLimits:
    """One `RateLimit` per network address; full ones are dropped when there are too many.

    Parameters
    ----------
    per_second, burst : float
        As for `RateLimit`.
    clock : callable, default=time.monotonic
    """

    _MAX_ADDRESSES = 4096

    def __init__(self, per_second, burst, *, clock=time.monotonic):
        self._rate, self._clock = (per_second, burst), clock
        self._limits, self._pruned_s = {}, clock()

    def of(self, address):
        """Return the rate limit of an address."""
        if len(self._limits) >= self._MAX_ADDRESSES and address not in self._limits:
            self._prune()
            if len(self._limits) >= self._MAX_ADDRESSES:
                address = "others"
        return self._limits.setdefault(address, RateLimit(*self._rate, clock=self._clock))

    def _prune(self):
        """Drop the limits that are full again; at most once a second, because it visits all of them."""
        if self._clock() - self._pruned_s >= 1:
            self._pruned_s = self._clock()
            self._limits = {address: limit for address, limit in self._limits.items() if not limit.full}


class Visitors:
    """Count of the visitors that are connected.

    Parameters
    ----------
    maximum : int
    """

    def __init__(self, maximum):
        self.maximum, self.count = maximum, 0

    def enter(self):
        """Count one more visitor if there is room, and return whether there is."""
        if self.count >= self.maximum:
            return False
        self.count += 1
        return True

    def leave(self):
        """Count one visitor fewer."""
        self.count -= 1
