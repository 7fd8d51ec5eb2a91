"""Interrupts by signals, the pace of frames, and limits of rates."""

import contextlib
import signal
import time
from collections import deque
from threading import Lock

SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


class Interrupts:
    """Turns Ctrl-C, ``kill`` and the end of the terminal into KeyboardInterrupt; a context manager.

    While interrupts are held back, the first one waits; a second one is raised at once, in case a disk or a driver
    hangs. Without entering, or outside the main thread, which alone receives signals, it changes nothing.
    """

    def __init__(self):
        self._held_back = self._pending = False
        self._previous_handlers = {}

    def __enter__(self):
        with contextlib.suppress(ValueError):  # not the main thread
            for number in SIGNALS:
                if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                    self._previous_handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_):
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def held_back(self):
        """Hold interrupts back during the block, and raise a pending one after it."""
        self.hold_back()
        try:
            yield
        finally:
            self._held_back = False
        self.release()

    def hold_back(self):
        """Hold interrupts back from now on."""
        self._held_back, self._pending = True, False

    def release(self):
        """Hold interrupts back no longer, and raise a pending one."""
        self._held_back = False
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    def _handle(self, *_):
        if self._held_back and not self._pending:
            self._pending = True
        else:
            raise KeyboardInterrupt


MAX_DELAY_S = 0.25  # a video that is later goes on from there, without catching up


class Rate:
    """Frames per second over the last second, by the clock."""

    def __init__(self):
        self._ticks = deque()

    def tick(self):
        """Count a frame; return the rate, or None for the first frame."""
        now = time.perf_counter()
        self._ticks.append(now)
        while len(self._ticks) > 2 and now - self._ticks[0] > 1.0:
            self._ticks.popleft()
        elapsed = now - self._ticks[0]
        return (len(self._ticks) - 1) / elapsed if elapsed > 0 else None


class Pace:
    """The pace of a video: a slow computer or a pause delays the rest and skips no frame."""

    def __init__(self):
        self._begin = None

    def wait_s(self, time_s):
        """Return how many seconds to wait before showing the frame of a time of the video."""
        now = time.perf_counter()
        if self._begin is None or now - self._begin - time_s > MAX_DELAY_S:
            self._begin = now - time_s
        return max(0.0, self._begin + time_s - now)


class RateLimit:
    """A token bucket: allows a burst of events, then a steady rate. Threads may share it.

    Parameters
    ----------
    per_second : float
        Steady rate.
    burst : float
        Events that are allowed at once.
    clock : callable, default=time.monotonic
        Returns seconds.
    """

    def __init__(self, per_second, burst, *, clock=time.monotonic):
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._available, self._updated_s, self._lock = burst, clock(), Lock()

    @property
    def available(self):
        """Number of events that are allowed now."""
        now = self._clock()
        self._available = min(self._burst, self._available + (now - self._updated_s) * self._per_second)
        self._updated_s = now
        return self._available

    @property
    def full(self):
        """Whether the whole burst is available again."""
        return self.available >= self._burst

    def take(self):
        """Count an event if it is allowed, and return whether it is."""
        with self._lock:
            if self.available < 1:
                return False
            self._available -= 1
            return True

    def spend(self, amount):
        """Count an amount, whether it is available or not."""
        with self._lock:
            self._available = self.available - amount
