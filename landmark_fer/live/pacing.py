"""Pacing: how fast frames come, and when a video's next frame is due on the screen."""

import time
from collections import deque

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
