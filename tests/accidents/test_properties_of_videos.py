"""Properties of tracking, smoothing and pacing for any frames and any clock, even one that jumps or goes back."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from landmark_fer.live import pacing
from landmark_fer.live.reader import LiveReader
from landmark_fer.live.timeline import Timelines
from landmark_fer.perception.tracking.following import FaceFollower
from landmark_fer.recognition.smoothing import Smoother
from tests.accidents.depth import examples
from tests.live.hand_made import CLASSES, make_recognition

# Seconds from image to image: standing still, as usual, gaps, back a little, back by hours.
STEPS = some.one_of(some.just(0.0), some.floats(0.001, 0.2), some.floats(-1, 5), some.sampled_from([3600.0, -3600.0]))


@pytest.fixture(scope="module")
def shots(astronaut):
    """Frames in any order: a face, the face moved, absent, mirrored or of another size, noise, a uniform image."""
    face = np.ascontiguousarray(astronaut[30:230, 120:320])
    noise = np.random.default_rng(0).integers(0, 256, face.shape, dtype=np.uint8)
    return [
        face, np.roll(face, 8, axis=1), np.roll(face, 60, axis=0), np.ascontiguousarray(face[:, ::-1]),
        np.ascontiguousarray(face[:150, :170]), noise, np.zeros_like(face), np.full((1, 1, 3), 7, np.uint8),
        np.zeros((3, 400, 3), np.uint8),
    ]  # fmt: skip


def times(steps):
    return np.cumsum(steps).tolist()


@examples(40)
@given(choices=some.lists(some.tuples(some.integers(0, 8), STEPS), min_size=1, max_size=12))
def test_a_follower_accepts_any_video(shots, extractor, choices):
    given_out, last = set(), 0
    with FaceFollower(extractor) as follower:
        for (place, _), time_s in zip(choices, times([step for _, step in choices]), strict=True):
            seen = follower.follow(shots[place], time_s=time_s)
            numbers = [number for number, _ in seen]
            assert numbers == sorted(set(numbers))
            assert all(number in given_out or number > last for number in numbers), "a number was given twice"
            given_out |= set(numbers)
            last = max(given_out, default=0)
            for _, face in seen:
                assert np.isfinite(face.landmarks).all() and face.box.width > 0 and face.chip.shape == (80, 80)


def test_faces_are_tracked_after_the_clock_steps_back(shots, extractor):
    """The clock steps an hour back, as when it is set: the face is tracked in each frame, and new faces are found."""
    with FaceFollower(extractor) as follower:
        before = [follower.follow(shots[0], time_s=3600 + index / 30) for index in range(4)]
        after = [follower.follow(shots[0], time_s=index / 30) for index in range(4)]
        gone = [follower.follow(shots[6], time_s=1 + index / 30) for index in range(4)]
        again = [follower.follow(shots[1], time_s=2 + index / 30) for index in range(20)]
    assert all(len(seen) == 1 for seen in before + after) and not any(gone[1:]) and len(again[-1]) == 1


@examples(40)
@given(
    predictions=some.lists(
        some.tuples(some.sampled_from(CLASSES), some.floats(0.4, 1), some.floats(-500, 500), some.floats(1, 90), STEPS),
        min_size=1,
        max_size=25,
    ),
    strength=some.floats(0, 1),
    threshold=some.floats(0, 1),
)
def test_smoothed_predictions_are_valid_for_any_clock(predictions, strength, threshold):
    smoother = Smoother(CLASSES, strength=strength, threshold=threshold)
    for (name, confidence, x, side, _), time_s in zip(
        predictions, times([each[-1] for each in predictions]), strict=True
    ):
        raw = make_recognition(name, confidence, x=x, side=side)
        shown = smoother.update(1, replace(raw), time_s=time_s)
        values = list(shown.probabilities.values())
        assert math.isclose(sum(values), 1, abs_tol=1e-6) and min(values) >= -1e-9
        assert np.isfinite(shown.face.landmarks).all() and all(map(math.isfinite, vars(shown.face.box).values()))
        assert shown.expression in (*CLASSES, "uncertain") and 0 <= shown.confidence <= 1 + 1e-9


def test_smoothing_continues_after_the_clock_steps_back():
    smoother = Smoother(CLASSES)
    for index in range(60):
        smoother.update(1, make_recognition("happy", 0.9), time_s=3600 + index / 30)
    shown = [smoother.update(1, make_recognition("angry", 0.9), time_s=index / 30) for index in range(60)]
    assert shown[-1].expression == "angry" and shown[-1].confidence > 0.8


@examples(40)
@given(
    stamps=some.lists(some.floats(-1e6, 1e6), min_size=1, max_size=20),
    ticks=some.lists(some.floats(0, 2), min_size=20, max_size=20),
)
def test_pace_never_waits_for_a_negative_time_or_for_past_frames(stamps, ticks):
    clock = iter(np.cumsum(ticks).tolist())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pacing.time, "perf_counter", lambda: next(clock))
        pace = pacing.Pace()
        waits = [pace.wait_s(stamp) for stamp in stamps]
    furthest = stamps[0]
    for stamp, wait in zip(stamps, waits, strict=True):
        assert 0 <= wait <= max(stamp - min(stamps), 0) + 1e-6
        assert stamp > furthest or wait == 0 or wait <= furthest - min(stamps) + 1e-6
        furthest = max(furthest, stamp)


@examples(40)
@given(some.lists(some.tuples(STEPS, some.booleans()), min_size=1, max_size=40))
def test_shares_of_time_are_never_negative(steps):
    lines = Timelines(1 / 30)
    for time_s, (_, there) in zip(times([step for step, _ in steps]), steps, strict=True):
        lines.add(time_s, {1: "happy"} if there else {})
    lines.finish()
    assert all(seconds >= 0 for track in lines.tracks.values() for seconds in track.seconds.values())


def test_a_reader_continues_when_the_clock_steps_back(shots, lfw_model):
    from landmark_fer import Recognizer, load_artifact

    reader = LiveReader(Recognizer(load_artifact(lfw_model.path), reject=None))
    predictions = [reader.read(shots[0], time_s=at) for at in (10.0, 10.03, 9.0, 9.03, 0.0, 0.03, 3600.0)]
    reader.close()
    assert all(len(seen) == 1 for seen in predictions)
