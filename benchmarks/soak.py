"""Soak test of live: growth of memory, threads and file handles over a long run.

    python -m benchmarks.soak                 30 minutes, one core
    python -m benchmarks.soak --minutes 2     smoke test, too short for a verdict

The demo clip is recorded once and then opened and read repeatedly by a live session without a window: decoding,
tracking, recognition, smoothing, explanations, a csv log, a JSON-lines log and the summary.
Time continues through the loops, so a run is one video. Memory is the current resident memory, not the peak.
"""

import argparse
import gc
import itertools
import os
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

from landmark_fer import Recognizer, load_artifact
from landmark_fer.artifact.card import markdown_table
from landmark_fer.drawing.overlay_options import OverlayOptions
from landmark_fer.live.reader import LiveReader
from landmark_fer.live.session import Session
from landmark_fer.live.sinks.logs import log_facts, open_log
from landmark_fer.live.sinks.summary import SummaryWriter
from landmark_fer.live.sinks.video import VideoRecorder
from landmark_fer.live.sources.frames import Frame, Source
from landmark_fer.live.sources.opening import open_source

SAMPLES = 120  # in a run
WARM_UP = 0.25  # fraction of a run in which caches fill
BLOCKS = 10  # of the other samples; means of blocks are nearly independent, neighbouring samples are not
MOST_GROWTH = 10.0  # MB per hour that count as flat: at most a quarter of a gigabyte in a day
LEAST_MINUTES = 15.0  # shortest run with a verdict: at first every process grows
ROWS = 12  # of the printed table


@dataclass(frozen=True)
class Sample:
    """Memory, threads, file handles and objects of the process at one time."""

    minutes: float
    memory_mb: float
    threads: int
    handles: int
    objects: int
    frames: int


class Sampler(threading.Thread):
    """Thread that takes samples at regular intervals until it is stopped.

    Parameters
    ----------
    seconds : float
        Interval between samples.
    frames : callable
        Returns the number of frames read.
    """

    def __init__(self, seconds, frames):
        super().__init__(name="sampler", daemon=True)
        self.samples, self._seconds, self._frames = [], seconds, frames
        self._start, self._ended = time.monotonic(), threading.Event()

    def run(self):
        """Sample until `stop`."""
        while not self._ended.wait(self._seconds):
            self.samples.append(self._sample())

    def stop(self):
        """Stop and return the samples."""
        self._ended.set()
        self.join()
        return self.samples

    def _sample(self):
        minutes, pages = (time.monotonic() - self._start) / 60, int(Path("/proc/self/statm").read_text().split()[1])
        return Sample(
            minutes,
            pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            len(os.listdir("/proc/self/task")),
            len(os.listdir("/proc/self/fd")) - 1,  # that of the listing itself
            count_objects(),
            self._frames(),
        )


def count_objects():
    """Return the number of objects that Python's garbage collector tracks."""
    # Within one C function: a list of objects that is alive while other threads run adds a reference to a tuple that is
    # being built, which then cannot grow (tuple(generator) raises SystemError).
    return next(map(len, map(gc.get_objects, [None])))


def main():
    """Run the benchmark, print a table, and return 1 where something grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--model", help="artifact (default: the bundled one)")
    parser.add_argument("--quick", action="store_true", help="20 seconds")
    options = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        print("memory is sampled from /proc, which this system does not have; run it on Linux")
        return 2
    minutes = 1 / 3 if options.quick else options.minutes
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        samples, summary = soak(Recognizer(load_artifact(options.model)), minutes)
    print(
        f"{datetime.now(UTC).date()}, {minutes:g} minutes, "
        f"{summary.frames:,} frames, {summary.faces:,} faces, one core\n"
    )
    print(markdown_table(HEADINGS, [row(sample) for sample in select_samples(samples)]))
    lines, grows = verdict(samples, conclusive=minutes >= LEAST_MINUTES)
    print("\n".join(lines))
    return int(grows)


def soak(recognizer, minutes):
    """Run a session on the looped clip and return the samples and the session's summary."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clip, end = recorded(folder / "clip.avi"), time.monotonic() + 60 * minutes
        source = stack.enter_context(looped(clip, end))
        reader = LiveReader(recognizer)
        stack.callback(reader.close)
        facts = log_facts(recognizer.artifact, source=source.name)
        classes, rate = recognizer.classes, {"frames_per_second": source.frames_per_second}
        sinks = [open_log(folder / name, classes, facts=facts) for name in ("log.csv", "log.jsonl")]
        sinks.append(SummaryWriter(folder / "summary.html", classes, facts=facts, **rate))
        for sink in sinks:
            stack.enter_context(sink)
        session = Session(source, reader, sinks=sinks, options=OverlayOptions(explain=True), facts=facts)
        sampler = Sampler(60 * minutes / SAMPLES, lambda: session.summary.frames)
        sampler.start()
        summary = session.run()
        return sampler.stop(), summary


def recorded(path):
    """Record the demo clip as a video and return its path."""
    with open_source("demo") as source:
        recorder = VideoRecorder(path, frames_per_second=source.frames_per_second)
        with recorder:
            for frame in source:
                recorder.write(frame, [])
    return path


def looped(path, end):
    """Return a source that reads a video repeatedly with continuing times, until the clock reaches `end`."""
    with open_source(path) as first:
        rate = first.frames_per_second

    def frames():
        start, index = 0.0, itertools.count()
        while time.monotonic() < end:
            time_s = start
            with open_source(path) as video:
                for frame in video:
                    time_s = start + frame.time_s
                    yield Frame(frame.image, time_s, next(index))
                    if time.monotonic() >= end:
                        return
            start = time_s + 1 / rate

    return Source("looped demo", frames(), frames_per_second=rate)


HEADINGS = ("minutes", "frames", "memory, MB", "threads", "handles", "Python objects")


def row(sample):
    """Return the cells of a sample."""
    cells = f"{sample.minutes:.1f}", f"{sample.frames:,}", f"{sample.memory_mb:.1f}"
    return *cells, sample.threads, sample.handles, f"{sample.objects:,}"


def select_samples(samples):
    """Return evenly spaced samples for the table, with the first and the last."""
    return [samples[index] for index in np.unique(np.linspace(0, len(samples) - 1, ROWS).round().astype(int))]


def verdict(samples, *, conclusive=True):
    """Return lines on the growth of memory, objects, threads and handles after the warm-up, and whether one grows.

    For a run that is too short, slopes are reported without a verdict.
    """
    steady = samples[round(len(samples) * WARM_UP) :]
    lines, grows = [], False
    for name, most, unit in (("memory_mb", MOST_GROWTH, "MB"), ("objects", 20_000, "objects")):
        slope, low, high = hourly(steady, name)
        result = "flat" if high <= most else "NOT FLAT" if low > 0 else "no verdict, the interval is too wide"
        result = result if conclusive else f"no verdict in less than {LEAST_MINUTES:g} minutes"
        grows |= result == "NOT FLAT"
        label = f"{name.partition('_')[0]} per hour: {slope:+,.1f} {unit} (95 % interval {low:+,.1f} to {high:+,.1f})"
        lines.append(f"{label}: {result} (flat: at most {most:,.0f})")
    half = len(steady) // 2
    for name in ("threads", "handles"):
        before, after = (max(getattr(each, name) for each in part) for part in (steady[:half], steady[half:]))
        grows |= after > before
        lines.append(f"{name}: at most {before}, then {after}: {'NOT FLAT' if after > before else 'flat'}")
    return lines, grows


def hourly(samples, name):
    """Return the slope of a quantity per hour with its 95 % interval, from means of blocks of samples."""
    blocks = [block for block in np.array_split(np.arange(len(samples)), BLOCKS) if len(block)]
    hours = [np.mean([samples[index].minutes / 60 for index in block]) for block in blocks]
    means = [np.mean([getattr(samples[index], name) for index in block]) for block in blocks]
    if len(blocks) < 3:
        return np.nan, -np.inf, np.inf
    fit = stats.linregress(hours, means)
    margin = stats.t.ppf(0.975, len(blocks) - 2) * fit.stderr
    return fit.slope, fit.slope - margin, fit.slope + margin


if __name__ == "__main__":
    sys.exit(main())
