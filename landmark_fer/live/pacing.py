"""Pacing of frames and interrupts by signals."""

import contextlib
import signal
import time
from collections import deque

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns Ctrl-C and ``kill``, which is how containers are stopped, into KeyboardInterrupt; a context manager.

    While interrupts are held back, the first waits until they are not; a second comes through, in case that a disk or
    a driver hangs. Where it was not entered, or not in the main thread, which alone hears signals, it changes nothing.
    """

    def __init__(self):
        self._held = self._waiting = False
        self._before = {}

    def __enter__(self):
        with contextlib.suppress(ValueError):  # not the main thread
            self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def held_back(self):
        """Let what is inside come to its end first."""
        self.hold_back()
        try:
            yield
        finally:
            self._held = False
        if self._waiting:
            self._waiting = False
            raise KeyboardInterrupt

    def hold_back(self):
        """Hold interrupts back from now on."""
        self._held, self._waiting = True, False

    def _hear(self, *_):
        if self._held and not self._waiting:
            self._waiting = True
        else:
            raise KeyboardInterrupt


LATEST_S = 0.25  # a video that is later than this goes on from where it is, instead of running after its time


class Rate:
    """Frames per second over the last second, by the clock."""

    def __init__(self):
        self._ticks = deque()

    def tick(self):
        """Count a frame; return the rate, or None before there are two."""
        now = time.perf_counter()
        self._ticks.append(now)
        while len(self._ticks) > 2 and now - self._ticks[0] > 1.0:
            self._ticks.popleft()
        elapsed = now - self._ticks[0]
        return (len(self._ticks) - 1) / elapsed if elapsed > 0 else None


class Pace:
    """Shows a video at its own pace: a slow computer, or a pause, moves what is left of it, and skips nothing."""

    def __init__(self):
        self._begin = None

    def wait_s(self, time_s):
        """Return for how many seconds the frame of a time in the video has to wait for its turn."""
        now = time.perf_counter()
        if self._begin is None or now - self._begin - time_s > LATEST_S:
            self._begin = now - time_s
        return max(0.0, self._begin + time_s - now)
