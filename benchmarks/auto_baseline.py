"""Neutral baselines that live finds by itself, and tracks that go over to another person, on people photographed.

    python -m benchmarks.auto_baseline faces.csv

The csv is a table with subjects, as for `evaluate --data`. Each photograph is also moved, turned, lit and noisy. Two
tracks of each person are made of these views, ten a second: neutral, then smiling; and smiling from the first frame on,
then neutral, then smiling. Each part is 5 seconds.

Then the neutral photographs of two people follow each other in nearly the same place, as portraits or interviews do. A
track that goes over to the second would have the baseline of the first.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from landmark_fer import Recognizer, load_artifact
from landmark_fer.artifact.manifest import ARTIFACT_OR_BUNDLED
from landmark_fer.core.command import run_command
from landmark_fer.core.paths import check_paths
from landmark_fer.datasets import open_source
from landmark_fer.datasets.inputs import DATA
from landmark_fer.evaluation.tables import align_columns
from landmark_fer.models.neutral_shift import NEUTRAL, SHIFTED
from landmark_fer.perception.images import read_image
from landmark_fer.perception.tracking.following import FaceFollower
from landmark_fer.recognition import AUTO
from landmark_fer.recognition.track_baselines import TrackBaselines

RATE, PART_S, N_VIEWS, HEIGHT = 10, 5, 5, 360
N_PAIRS, CANVAS, SIDE, FAR = 100, (480, 640), 300, 30  # of portraits: pairs, frame, side and shift in pixels
TRACKS = {"neutral first": (NEUTRAL, SHIFTED), "smiling first": (SHIFTED, NEUTRAL, SHIFTED)}


def view(image, number):
    """Return an image moved, turned and lit by a number, with noise."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 3 * np.sin(number), 1.0)
    matrix[:, 2] += 5 * np.sin(2.1 * number), 3 * np.sin(1.7 * number)
    moved = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(number).normal(scale=3, size=image.shape)
    return (moved * (1 + 0.2 * np.sin(1.3 * number)) + noise).clip(0, 255).astype(np.uint8)


def photographs(path):
    """Yield the name and the two images of each subject, HEIGHT pixels high."""
    of_subject, root = {}, Path(path).parent if Path(path).is_file() else Path(path)
    for item in open_source(path).items():
        if item.subject and item.expression in (NEUTRAL, SHIFTED) and item.problem is None:
            of_subject.setdefault(item.subject, {}).setdefault(item.expression, root / item.name)
    for name, files in sorted(of_subject.items()):
        if len(files) == 2:
            images = {each: np.asarray(read_image(file)) for each, file in files.items()}
            size = {each: (round(HEIGHT * i.shape[1] / i.shape[0]), HEIGHT) for each, i in images.items()}
            yield name, {each: cv2.resize(i, size[each], interpolation=cv2.INTER_AREA) for each, i in images.items()}


def recognized(recognizer, image):
    """Return the recognition of the largest face of each view of an image; views without a face are left out."""
    found = [recognizer.recognize_faces(recognizer.extractor.extract(view(image, i))) for i in range(N_VIEWS)]
    return [max(each, key=lambda one: one.face.box.width) for each in found if each]


def read_track(recognizer, views, parts):
    """Return for each part the shares of frames read as it without a baseline and with one, and of those with one."""
    baselines, shares = TrackBaselines(recognizer, AUTO), []
    for part, expression in enumerate(parts):
        rows = []
        for index in range(PART_S * RATE):
            plain = views[expression][index % len(views[expression])]
            baselines.update({1: plain}, part * PART_S + index / RATE)
            track = baselines.get(1)
            opened = 0.0 if track is None else track.baseline.opened(plain.face.landmarks)
            personal = plain if track is None else recognizer.given_baseline(plain, track.baseline, opened=opened)
            rows.append((plain.likeliest == expression, personal.likeliest == expression, track is not None))
        shares.append(np.mean(rows, axis=0))
    return np.array(shares)


def share_of_number(extractor, portraits):
    """Return how many random pairs of people have one track, and the number of pairs whose faces were both followed."""
    random, same, names = np.random.default_rng(0), [], sorted(portraits)
    for _ in range(N_PAIRS):
        pair, shift = random.choice(names, 2, replace=False), random.integers(-FAR, FAR + 1, size=2)
        numbers = []
        with FaceFollower(extractor) as follower:
            for index in range(14):
                frame = np.full((*CANVAS, 3), 200.0)
                x, y = (150, 80) if index < 8 else np.add((150, 80), shift)
                frame[y : y + SIDE, x : x + SIDE] = cv2.resize(portraits[pair[int(index >= 8)]], (SIDE, SIDE))
                frame = (frame + random.normal(scale=2, size=frame.shape)).clip(0, 255).astype(np.uint8)
                numbers.append({number for number, _ in follower.follow(frame, time_s=index / 25)})
                follower.start_detection()
        if numbers[7] and numbers[-1]:
            same.append(bool(numbers[7] & numbers[-1]))
    return sum(same), len(same)


def _run(parser, options):
    check_paths(parser, options)
    recognizer = Recognizer(load_artifact(options.model))
    shares, portraits = {name: [] for name in TRACKS}, {}
    for person, images in photographs(options.data):
        portraits[person] = images[NEUTRAL]
        views = {expression: recognized(recognizer, image) for expression, image in images.items()}
        if all(views.values()):
            for name, parts in TRACKS.items():
                shares[name].append(read_track(recognizer, views, parts))
    rows = [("track", "part", "frames read so without", "with auto", "with a baseline", "people with one")]
    for name, parts in TRACKS.items():
        means = np.mean(shares[name], axis=0)
        people = (np.array(shares[name])[:, :, 2] > 0).sum(axis=0)
        for part, expression in enumerate(parts):
            rows.append((name, expression, *(f"{share:.0%}" for share in means[part]), str(people[part])))
    print(f"{len(shares[name])} people\n{align_columns(rows)}")
    n_same, n_pairs = share_of_number(recognizer.extractor, portraits)
    print(f"two portraits after each other: one track in {n_same} of {n_pairs} pairs")
    return 0


def main(argv=None):
    """Run the benchmark, print its table and return the exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.auto_baseline", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=DATA, metavar="FILE.csv", help="table with subjects, neutral and happy")
    parser.add_argument("--model", type=ARTIFACT_OR_BUNDLED, metavar="DIR", help="artifact (default: default)")
    options = parser.parse_args(argv)
    return run_command(lambda: _run(parser, options))


if __name__ == "__main__":
    sys.exit(main())
