"""From a camera to the screen: how late what is shown is, at the camera's own pace.

    python -m benchmarks.camera            a camera of 30 frames a second for a minute
    python -m benchmarks.camera --quick    two seconds: does it run?

The camera is the demo clip behind OpenCV's interface for captures, forwards and backwards in turn since a camera has no
cuts, paced by the clock as a camera's driver is; all that follows is live's own: the thread that keeps the newest
image, following, recognition, smoothing, drawing. Showing the drawn image on a screen is left out. A frame is so
many frames late as the camera has given newer ones by the time it is drawn. The first, for which the whole image is
searched before anything is drawn, stands apart. On a virtual machine on Linux it is noted, too, how long the host gave
the cores to others (steal in /proc/stat, proc(5)), and which late frames fell into such a time.
"""

import argparse
import collections
import os
import threading
import time
from datetime import UTC, datetime

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from landmark_fer import Recognizer, load_artifact
from landmark_fer.artifact.card import markdown_table
from landmark_fer.live.reader import LiveReader
from landmark_fer.live.session import Session
from landmark_fer.live.sinks.base import Sink
from landmark_fer.live.sources.demo import DemoClip
from landmark_fer.live.sources.live_source import LiveSource

RATE = 30.0
N_IMAGES = 230  # of the demo, those with one face


class PacedCapture:
    """The demo's images as an OpenCV capture that blocks until the next one is due, as a camera does."""

    def __init__(self):
        clip = DemoClip()
        images = [cv2.cvtColor(clip.image(index), cv2.COLOR_RGB2BGR) for index in range(N_IMAGES)]
        self._images = images + images[-2:0:-1]
        self.given, self._begin = 0, time.monotonic()

    def isOpened(self):
        """Return that it is open."""
        return True

    def get(self, _):
        """Return the rate, the one thing that is asked."""
        return RATE

    def read(self):
        """Return the next image, BGR, when it is due."""
        wait = self._begin + self.given / RATE - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self.given += 1
        return True, self._images[self.given % len(self._images)].copy()

    def release(self):
        """Do nothing."""


class Screen(Sink):
    """A sink that notes of each drawn frame how old it is, in seconds and in frames of the camera."""

    takes_annotated = True

    def __init__(self, capture):
        self.capture, self.late, self.age_s = capture, [], []
        self.stolen_s, self.wall_s = [], []

    def write(self, frame, faces=(), explanations=None):
        """Note the frame."""
        self.late.append(self.capture.given - 1 - frame.index)
        self.age_s.append(time.time() - frame.wall_s)
        self.stolen_s.append(stolen_s())
        self.wall_s.append(frame.wall_s)


def stolen_s():
    """Return for how many seconds, of all cores, the host gave them to others since it started; NaN if unknown."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return float("nan")


def main():
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="artifact (default: the bundled one)")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    seconds = 2.0 if options.quick else options.seconds
    recognizer, capture = Recognizer(load_artifact(options.model)), PacedCapture()
    reader = LiveReader(recognizer)  # as the live command, which makes it before the camera is opened
    screen = Screen(capture)
    with threadpool_limits(1, user_api="blas"):  # as the live command has it, before the camera is opened
        capture.given, capture._begin = 0, time.monotonic()
        with LiveSource("demo camera", lambda: capture, hint="it is made here", first=capture) as source:
            session = Session(source, reader, sinks=[screen])
            threading.Timer(seconds, session.quit).start()
            session.run()
    print(f"{datetime.now(UTC).date()}, 640x480, {RATE:g} frames a second, {seconds:g} s\n")
    print(markdown_table(("what", "value"), rows(capture, source, screen)))


def rows(capture, source, screen):
    """Return rows on how many frames were shown and how late."""
    (first_late, *late), (first_s, *age_s) = screen.late, screen.age_s
    # A late frame's time and that of the two before, which it may have waited for.
    stolen = np.array(screen.stolen_s)
    near = [stolen[index] - stolen[max(0, index - 3)] for index in range(1, len(stolen))]
    own = [count for count, taken in zip(late, near, strict=True) if count and not taken > 0]
    shares = [
        f"{number} late: {100 * count / len(late):.1f} %" for number, count in sorted(collections.Counter(late).items())
    ]
    ages = 1000 * np.percentile(age_s, [50, 95, 100])
    return [
        ("frames given, drawn, dropped", f"{capture.given}, {len(screen.late)}, {source.dropped}"),
        ("the first frame when drawn", f"{first_late} late, {1000 * first_s:.0f} ms old"),
        ("the others", ", ".join(shares)),
        ("late though the host took no time", ", ".join(map(str, sorted(own, reverse=True))) or "none"),
        ("time taken by the host, of one core", f"{(stolen[-1] - stolen[0]) / sum(np.diff(screen.wall_s)):.1%}"),
        ("their age, ms: median, 95th percentile, most", ", ".join(f"{value:.0f}" for value in ages)),
    ]


if __name__ == "__main__":
    main()
