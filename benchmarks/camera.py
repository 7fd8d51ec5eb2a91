"""Latency of live from the camera to the drawn frame, at the frame rate of a camera.

    python -m benchmarks.camera            a 30 fps camera for one minute
    python -m benchmarks.camera --quick    smoke test, two seconds

The camera is the demo clip behind OpenCV's capture interface, played forwards and backwards since a camera has no cuts,
and paced by the clock. The rest is live itself: the thread that keeps the newest frame, tracking, recognition,
smoothing and drawing, without showing the frame on a screen. The lateness of a frame is the number of newer frames that
the camera has delivered when it is drawn. The first frame is reported separately, since the whole image is searched for
faces before it is drawn. On Linux virtual machines, the time that the host took from this machine (steal in /proc/stat,
proc(5)) and the late frames within it are reported too.
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
    """OpenCV capture of the demo's images that blocks until the next image is due, like a camera."""

    def __init__(self):
        clip = DemoClip()
        images = [cv2.cvtColor(clip.image(index), cv2.COLOR_RGB2BGR) for index in range(N_IMAGES)]
        self._images = images + images[-2:0:-1]
        self.delivered, self._start = 0, time.monotonic()

    def isOpened(self):
        """Return True: it is always open."""
        return True

    def get(self, _):
        """Return the frame rate, the only property that live reads."""
        return RATE

    def read(self):
        """Return the next image, BGR, when it is due."""
        wait = self._start + self.delivered / RATE - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self.delivered += 1
        return True, self._images[self.delivered % len(self._images)].copy()

    def release(self):
        """Do nothing."""


class Screen(Sink):
    """Sink that records the age of each drawn frame, in seconds and in frames of the camera."""

    takes_annotated = True

    def __init__(self, capture):
        self.capture, self.late, self.age_s = capture, [], []
        self.stolen_s, self.wall_s = [], []

    def write(self, frame, faces=(), explanations=None):
        """Record the age of the frame."""
        self.late.append(self.capture.delivered - 1 - frame.index)
        self.age_s.append(time.time() - frame.wall_s)
        self.stolen_s.append(stolen_s())
        self.wall_s.append(frame.wall_s)


def stolen_s():
    """Return the seconds of all cores that the host has given to other machines since it started; NaN if unknown."""
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
    reader = LiveReader(recognizer)  # made before the camera is opened, like in the command live
    reader.in_turns = True
    screen = Screen(capture)
    with threadpool_limits(1, user_api="blas"):  # like in the command live
        capture.delivered, capture._start = 0, time.monotonic()
        with LiveSource("demo camera", lambda: capture, hint="the benchmark opens it", first=capture) as source:
            session = Session(source, reader, sinks=[screen])
            threading.Timer(seconds, session.quit).start()
            session.run()
    print(f"{datetime.now(UTC).date()}, 640x480, {RATE:g} fps, {seconds:g} s\n")
    print(markdown_table(("what", "value"), rows(capture, source, screen)))


def rows(capture, source, screen):
    """Return rows on the number of frames drawn and their lateness."""
    (first_late, *late), (first_s, *age_s) = screen.late, screen.age_s
    # Time taken from a late frame and from the two before it, for which it may have waited.
    stolen = np.array(screen.stolen_s)
    near = [stolen[index] - stolen[max(0, index - 3)] for index in range(1, len(stolen))]
    own = [count for count, taken in zip(late, near, strict=True) if count and not taken > 0]
    shares = [
        f"{number} late: {100 * count / len(late):.1f} %" for number, count in sorted(collections.Counter(late).items())
    ]
    ages = 1000 * np.percentile(age_s, [50, 95, 100])
    return [
        ("frames delivered, drawn, dropped", f"{capture.delivered}, {len(screen.late)}, {source.dropped}"),
        ("first frame, when drawn", f"{first_late} late, {1000 * first_s:.0f} ms old"),
        ("other frames", ", ".join(shares)),
        ("late without time taken by the host", ", ".join(map(str, sorted(own, reverse=True))) or "none"),
        (
            "time taken by the host, fraction of one core",
            f"{(stolen[-1] - stolen[0]) / sum(np.diff(screen.wall_s)):.1%}",
        ),
        ("age of the other frames, ms: median, 95th percentile, maximum", ", ".join(f"{value:.0f}" for value in ages)),
    ]


if __name__ == "__main__":
    main()
