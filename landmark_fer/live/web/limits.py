"""What one visitor may ask of the server, so that all are served: a table, and what holds people to it."""

import time
from dataclasses import dataclass

from landmark_fer.core.errors import LandmarkFerError


@dataclass(frozen=True)
class Limits:
    """Every bound of the server.

    Attributes
    ----------
    frame_bytes : int
        Of a frame or image as it is sent.
    live_pixels, image_pixels : int
        Of a frame of a camera, and of a image that is asked about by itself; found in the header.
    frames_per_second, frames_at_once : float
        Of one visitor's camera: in the long run, and in a burst.
    images_per_second, images_at_once : float
        Of all programs at one network address.
    tries_per_second, tries_at_once : float
        Of wrong tokens from one network address.
    visitors : int
        Cameras and watchers together.
    waiting : int
        Images being read or waiting for it, of all visitors and programs.
    threads : int
        That read images.
    body_s, idle_s : float
        Seconds in which a image must have come, and after which a visitor who sends nothing is let go.
    """

    frame_bytes: int = 4_000_000
    live_pixels: int = 2_100_000
    image_pixels: int = 16_000_000
    frames_per_second: float = 60.0
    frames_at_once: float = 60.0
    images_per_second: float = 30.0
    images_at_once: float = 60.0
    tries_per_second: float = 0.5
    tries_at_once: float = 10.0
    visitors: int = 64
    waiting: int = 128
    threads: int = 4
    body_s: float = 20.0
    idle_s: float = 120.0


class RefusedError(LandmarkFerError):
    """A request that is answered with a sentence instead of faces.

    Attributes
    ----------
    status : int
        Of HTTP.
    """

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Allowance:
    """How often something may happen: `at_once` times, and again as time goes by.

    Parameters
    ----------
    per_second, at_once : float
    clock : callable, default=time.monotonic
        Gives seconds.
    """

    def __init__(self, per_second, at_once, *, clock=time.monotonic):
        self._per_second, self._at_once, self._clock = per_second, at_once, clock
        self._left, self._counted_s = at_once, clock()

    @property
    def left(self):
        """How often it may happen now."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._counted_s) * self._per_second)
        self._counted_s = now
        return self._left

    @property
    def full(self):
        """Whether nothing that happened counts any more."""
        return self.left >= self._at_once

    def take(self):
        """Return whether it may happen, and count it if so."""
        if self.left < 1:
            return False
        self._left -= 1
        return True


class AddressBook:
    """An `Allowance` for each network address; those that are full again are forgotten.

    Parameters
    ----------
    per_second, at_once : float
    clock : callable, default=time.monotonic
    """

    _MOST = 4096  # addresses before the full ones are looked for

    def __init__(self, per_second, at_once, *, clock=time.monotonic):
        self._rule, self._clock = (per_second, at_once), clock
        self._allowances, self._sorted_s = {}, clock()

    def of(self, address):
        """Return the allowance of an address."""
        if len(self._allowances) >= self._MOST and address not in self._allowances:
            self._forget()
            if len(self._allowances) >= self._MOST:
                address = "others"
        return self._allowances.setdefault(address, Allowance(*self._rule, clock=self._clock))

    def _forget(self):
        """Forget the addresses that may do anything again; at most once a second, since it takes a while."""
        if self._clock() - self._sorted_s >= 1:
            self._sorted_s = self._clock()
            self._allowances = {name: one for name, one in self._allowances.items() if not one.full}


class Visitors:
    """Counts who is here.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most):
        self.most, self.count = most, 0

    def enter(self):
        """Return whether there is room for one more, who is then counted until `leave`."""
        if self.count >= self.most:
            return False
        self.count += 1
        return True

    def leave(self):
        """Count one fewer."""
        self.count -= 1
