"""Tracks: a number stays with its face."""

from itertools import permutations

import numpy as np

from landmark_fer.streaming.tracking import Tracker

from .hand_made import make_face


def test_each_face_has_a_number_of_its_own():
    faces = [make_face(x=150.0 * i) for i in range(5)]
    assert sorted(Tracker().update(faces, time_s=0)) == [1, 2, 3, 4, 5]


def test_numbers_follow_the_faces_in_any_order():
    faces = [make_face(x=200.0 * i) for i in range(3)]
    for order in permutations(range(3)):
        tracker = Tracker()
        before = tracker.update(faces, time_s=0)
        assert tracker.update([faces[i] for i in order], time_s=0.04) == [before[i] for i in order]


def test_number_is_kept_while_a_face_moves():
    tracker = Tracker()
    numbers = {tracker.update([make_face(x=100 + 8.0 * i)], time_s=i / 25)[0] for i in range(50)}
    assert numbers == {1}


def test_face_that_comes_back_in_time_keeps_its_number():
    tracker = Tracker(patience_s=0.5)
    face = make_face()
    assert tracker.update([face], time_s=0) == [1]
    assert tracker.update([], time_s=0.3) == []
    assert tracker.update([face], time_s=0.5) == [1]
    assert tracker.update([], time_s=1.0) == []
    assert tracker.update([face], time_s=1.01) == [2]


def test_patience_is_in_seconds_at_any_frame_rate():
    for rate in (5, 25, 200):
        tracker = Tracker(patience_s=0.5)
        tracker.update([make_face()], time_s=0)
        for i in range(1, int(0.4 * rate)):
            tracker.update([], time_s=i / rate)
        assert tracker.update([make_face()], time_s=0.45) == [1]


def test_best_overlap_is_matched_first():
    tracker = Tracker()
    tracker.update([make_face(x=100.0), make_face(x=160.0)], time_s=0)
    assert tracker.update([make_face(x=150.0), make_face(x=95.0)], time_s=0.04) == [2, 1]


def test_no_number_is_given_twice():
    random = np.random.default_rng(0)
    tracker, owners = Tracker(patience_s=0.1), {}
    for step in range(200):
        faces = [make_face(x=float(x)) for x in random.uniform(0, 600, random.integers(0, 5))]
        numbers = tracker.update(faces, time_s=step * 0.04)
        assert len(set(numbers)) == len(numbers) == len(faces)
        for number in numbers:
            assert step - owners.get(number, step) <= 3  # frames within the patience
            owners[number] = step
