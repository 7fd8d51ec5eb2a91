"""What the label says on videos: share of uncertain frames and of each expression, changes a minute, longest time.

    python -m benchmarks.labels video.mp4 ...     videos of your own
    python -m benchmarks.labels speech            the demo's face, speaking with five expressions

    python -m benchmarks.labels video.mp4 --model default ensemble cnn --baseline off auto

measures each model without and with the neutral baselines that live finds by itself, on the same followed faces. Each
frame of a face counts once; the longest time is that of one label without a change.
"""

import argparse
import itertools
import sys
from collections import Counter

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from landmark_fer import Recognizer, load_artifact
from landmark_fer.artifact.card import markdown_table
from landmark_fer.live.reader import LiveReader, shared_extractor
from landmark_fer.live.sources.demo import FRAMES_PER_SECOND, DemoClip
from landmark_fer.live.sources.opening import open_source
from landmark_fer.perception.tracking.following import FaceFollower
from landmark_fer.recognition import AUTO, OFF

SPEECH = {
    "neutral": {},
    "half a smile": {"corners_up": 0.45},
    "smile": {"corners_up": 1.0},
    "brows up": {"brows_up": 0.8},
    "corners down": {"corners_down": 0.6},
}
"""Amounts of the demo's actions while its face speaks."""

SHORT_S = 0.15  # a label with two names that is shown for less is counted as short
EVERY = 8  # frames between detections, so that the figures do not depend on the speed of the machine


def speech(seconds, *, seed=0):
    """Return the opening of a mouth that speaks in phrases of two to fifteen syllables, 0 to 1, for each frame."""
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * FRAMES_PER_SECOND)) / FRAMES_PER_SECOND
    opening, begin = np.zeros(len(times)), 0.5
    while begin < seconds:
        end = begin + random.uniform(1.5, 3.0)
        while begin < end:
            length, amount = random.uniform(0.14, 0.28), random.uniform(0.12, 0.6)
            share = ((times - begin) / length).clip(0, 1)
            opening = np.maximum(opening, amount * (1 - np.cos(2 * np.pi * share)) / 2)
            begin += length
        begin += random.uniform(0.3, 0.8)
    return opening


def speaking_face(amounts, seconds):
    """Yield the time and the image of each frame of the demo's face while it speaks."""
    clip = DemoClip()
    for index, opening in enumerate(speech(seconds)):
        yield index / FRAMES_PER_SECOND, clip.render(amounts | {"mouth_open": float(opening)})


def video(path, most_frames):
    """Yield the time and the image of each frame of a video file."""
    with open_source(path) as source:
        for frame in source:
            if most_frames is not None and frame.index >= most_frames:
                return
            yield frame.time_s, frame.image


class FollowedFaces:
    """The faces of a video's frames, followed once and read by several models, as a `FaceFollower`."""

    in_turns = False

    def __init__(self, extractor, frames):
        self.frames, self._next = [], 0  # of each frame its time, the shape of its image, and its faces
        follower = FaceFollower(extractor, every=EVERY)
        for time_s, image in frames:
            self.frames.append((time_s, image.shape, follower.follow(image, time_s=time_s)))
            follower.start_detection()
        follower.close()

    def follow(self, image, *, time_s):
        """Return the faces of the next frame; after the last, the first follows."""
        self._next += 1
        return self.frames[(self._next - 1) % len(self.frames)][2]

    @property
    def located_numbers(self):
        """The numbers of the faces of the frame; all were located in it."""
        return frozenset(number for number, _ in self.frames[(self._next - 1) % len(self.frames)][2])

    def start_detection(self):
        """Do nothing; the faces are known."""

    def close(self):
        """Do nothing."""


def read(recognizer, followed, *, smoothing=0.5, baseline=OFF):
    """Yield the time of each frame of `FollowedFaces` and its faces, as live shows them."""
    reader = LiveReader(recognizer, smoothing=smoothing, baseline=baseline, follower=followed)
    for time_s, shape, _ in followed.frames:
        yield time_s, reader.read(np.broadcast_to(np.uint8(0), shape), time_s=time_s)
    reader.close()


def measure(frames):
    """Return counts of a video's labels.

    Parameters
    ----------
    frames : iterable of (float, list of RecognizedFace)
        As from `read`.

    Returns
    -------
    dict
        ``counts`` of the expressions, ``reasons``, ``longest`` (seconds of each expression without a change),
        ``changes``, ``pairs`` (seconds of each label with two names until the next), and ``minutes`` of all faces.
    """
    counts, reasons, longest, begun, changes, minutes = Counter(), Counter(), Counter(), {}, 0, 0.0
    labels, pairs = {}, []
    before_s = None
    for time_s, faces in frames:
        step_s = 0.0 if before_s is None else time_s - before_s
        before_s = time_s
        for face in faces:
            name = face.recognition.expression
            counts[name] += 1
            reasons[face.recognition.reason] += 1
            minutes += step_s / 60
            last, begin_s = begun.get(face.track_id, (name, time_s))
            changes += last != name
            begun[face.track_id] = (name, begin_s if last == name else time_s)
            longest[name] = max(longest[name], time_s - begun[face.track_id][1])
            label, label_s = labels.setdefault(face.track_id, (face.recognition.label, time_s))
            if label != face.recognition.label:
                pairs += [time_s - label_s] if " or " in label else []
                labels[face.track_id] = face.recognition.label, time_s
    del reasons[None]
    return {
        "counts": counts,
        "reasons": reasons,
        "longest": longest,
        "changes": changes,
        "pairs": pairs,
        "minutes": minutes,
    }


def row(result):
    """Return what the table says of counts as from `measure`."""
    counts, total = result["counts"], result["counts"].total()
    if not total:
        return 0, "", "", "", "no face", ""
    shares = [f"{label} {n / total:.0%} ({result['longest'][label]:.1f} s)" for label, n in counts.most_common()]
    reasons = ", ".join(f"{label} {n / total:.0%}" for label, n in result["reasons"].most_common())
    rate = f"{result['changes'] / result['minutes']:.0f}" if result["minutes"] else ""
    pairs = f"{len(result['pairs'])} ({sum(seconds < SHORT_S for seconds in result['pairs'])})"
    return total, f"{counts['uncertain'] / total:.0%}", rate, pairs, ", ".join(shares), reasons


def _videos(names, most_frames, speech_s):
    """Yield the title and the frames of each video."""
    for name in names:
        if name == "speech":
            yield from ((f"speech, {face}", speaking_face(amounts, speech_s)) for face, amounts in SPEECH.items())
        else:
            yield name.rsplit("/", 1)[-1], video(name, most_frames)


def main():
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("videos", nargs="*", default=["speech"], help="video files, demo, or speech (the default)")
    add("--model", nargs="+", default=["default"], metavar="DIR", help="artifacts or bundled models")
    add("--baseline", nargs="+", default=[OFF], choices=(OFF, AUTO), help="neutral baselines (default: off)")
    add("--smoothing", type=float, default=0.5)
    add("--reject-below", type=float, metavar="P", help="threshold (default: as fitted)")
    add("--max-frames", type=int, metavar="N")
    add("--quick", action="store_true", help="smoke test on a few frames")
    options = parser.parse_args()
    reject = "fitted" if options.reject_below is None else options.reject_below
    most_frames = 5 if options.quick else options.max_frames
    cv2.setNumThreads(1)
    rows = []
    with threadpool_limits(1):
        recognizers = {name: Recognizer(load_artifact(name), reject=reject) for name in options.model}
        extractor = shared_extractor(list(recognizers.values()))
        for title, frames in _videos(options.videos, most_frames, 0.2 if options.quick else 10):
            followed = FollowedFaces(extractor, frames)
            for (name, recognizer), baseline in itertools.product(recognizers.items(), options.baseline):
                faces = read(recognizer, followed, smoothing=options.smoothing, baseline=baseline)
                rows.append((title, name, baseline, *row(measure(faces))))
    columns = ("faces", "uncertain", "changes a minute", "two names (short)", "shares (longest time)", "reasons")
    print(markdown_table(("video", "model", "baseline", *columns), rows))


if __name__ == "__main__":
    sys.exit(main())
