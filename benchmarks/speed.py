"""Time of each stage of the pipeline on one core, and start-up time.

    python -m benchmarks.speed            the demo clip, 640x480
    python -m benchmarks.speed --quick    smoke test on a few frames
    python -m benchmarks.speed --data fer2013.csv.gz    also the extraction of a data set on all cores, without cache

Times are medians over frames with one face. They vary between runs: compare stages within a run.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime

import cv2
import numpy as np
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from landmark_fer import Recognizer, load_artifact, load_dataset
from landmark_fer.artifact.card import markdown_table
from landmark_fer.core.records import stack
from landmark_fer.live.sources.opening import open_source
from landmark_fer.perception.alignment import align_face
from landmark_fer.perception.images import to_grey


def main():
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="artifact (default: the bundled one)")
    parser.add_argument("--data", help="also measure this data set's extraction, with an empty cache")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    frames = 10 if options.quick else 150
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        rows = stages(Recognizer(load_artifact(options.model)), frames)
    rows += [
        ("import landmark_fer", start_up("import landmark_fer")),
        (
            "live --help",
            start_up("import sys; sys.argv[1:] = ['--help']; from landmark_fer.live.__main__ import main; main()"),
        ),
    ]
    print(f"{datetime.now(UTC).date()}, {frames} frames of the demo clip, one core\n")
    print(markdown_table(("stage", "median ms", "95th percentile"), [(name, *cells) for name, cells in rows]))
    if options.data:
        print(extraction(options.data))


def stages(recognizer, frames):
    """Return (name, (median, 95th percentile)) of each stage, in milliseconds."""
    extractor, predictor = recognizer.extractor, recognizer.artifact.predictor
    times = {}
    with open_source("demo") as source:
        images = [frame.image for frame in itertools.islice(source, 2 * frames)]
    images = [image for image in images if len(extractor.extract(image)) == 1][:frames]
    for image in images:
        with timed(times, "image to expression"):
            recognizer.recognize(image)
        grey = to_grey(image)
        with timed(times, "- detect"):
            box, score = extractor.detector.find(grey)[0]
        with timed(times, "- landmarks twice and alignment"):
            face = extractor.face_at(grey, box, score)
        with timed(times, "- alignment alone"):
            align_face(grey, face.landmarks)
        records = stack([face], chip_size=extractor.settings.chip_size)
        with timed(times, "- features and model"):
            predictor.predict_proba(records)
        with timed(times, "- features and model, per face of a batch of 64"):
            predictor.predict_proba(np.repeat(records, 64))
    times["- features and model, per face of a batch of 64"] = np.array(times.popitem()[1]) / 64
    return [(name, percentiles(seconds)) for name, seconds in times.items()]


def extraction(path):
    """Return the time to extract a data set without a cache, as a sentence."""
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        faces = len(load_dataset(path, cache=cache))
        seconds = time.perf_counter() - start
    return f"extraction of {faces:,} faces without a cache on {cpu_count()} cores: {seconds:.0f} s"


class timed:
    """Context manager that appends the seconds of its body to a list of times."""

    def __init__(self, times, name):
        self.seconds = times.setdefault(name, [])

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *_):
        self.seconds.append(time.perf_counter() - self.start)


def percentiles(seconds):
    """Return median and 95th percentile as text, in milliseconds."""
    return tuple(f"{1000 * value:.2f}" for value in np.percentile(seconds, [50, 95]))


def start_up(code, times=5):
    """Return percentiles of the time that a fresh interpreter takes to run code, without its own start-up."""

    def seconds(line):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", line], check=False, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    empty = min(seconds("pass") for _ in range(times))
    return percentiles([max(0, seconds(code) - empty) for _ in range(times)])


if __name__ == "__main__":
    main()
