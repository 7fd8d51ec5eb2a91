"""The neutral baseline: the resting face is the zero, for each track its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import Face, Recognition
from landmark_fer.features.measurements import MEASUREMENT_NAMES
from landmark_fer.live.sources.demo_person import shape_of
from landmark_fer.recognition.baseline import NeutralBaseline
from tests.live.hand_made import make_recognition


def of_landmarks(landmarks):
    like = make_recognition()
    face = Face(like.face.box, np.asarray(landmarks, np.float32), like.face.chip, 1.0)
    return Recognition(face, like.expression, like.confidence, like.probabilities)


REST, OPEN = of_landmarks(shape_of({})), of_landmarks(shape_of({"mouth_open": 1.0}))


def learned(recognitions, *, track_id=1, seconds=1.0):
    baseline = NeutralBaseline()
    baseline.begin(0.0, seconds)
    for index, recognition in enumerate(recognitions):
        baseline.add(track_id, recognition, index * seconds / len(recognitions))
    baseline.add(track_id, recognitions[-1], seconds)
    return baseline


def test_there_is_no_shift_before_the_window_has_passed():
    baseline = NeutralBaseline()
    baseline.add(1, REST, 0.0)
    assert not baseline.collecting
    assert baseline.shift(1, REST) is None
    baseline.begin(1.0, 2.0)
    for time_s in (1.0, 2.0, 2.9):
        baseline.add(1, REST, time_s)
        assert baseline.collecting
        assert baseline.shift(1, REST) is None
    baseline.add(1, OPEN, 3.0)
    assert not baseline.collecting
    assert baseline.shift(1, REST) is not None


def test_the_resting_face_has_no_shift():
    shift = learned([REST] * 5).shift(1, REST)
    assert tuple(shift) == MEASUREMENT_NAMES
    assert max(map(abs, shift.values())) < 1e-12


def test_what_moves_is_named():
    shift = learned([REST] * 5).shift(1, OPEN)
    assert shift["mouth_opening"] > 0.2
    assert shift["jaw_drop"] > 0.2
    assert abs(shift["brow_gap"]) < 1e-6


def test_the_shift_is_that_of_the_measurements_whatever_the_zero():
    from_rest, from_open = learned([REST] * 3), learned([OPEN] * 3)
    there, back = from_rest.shift(1, OPEN), from_open.shift(1, REST)
    assert list(there.values()) == pytest.approx([-value for value in back.values()])


@settings(max_examples=20, deadline=None)
@given(
    size=st.floats(0.3, 4), turn=st.floats(-0.5, 0.5), right=st.floats(-200, 400), down=st.floats(-200, 400),
)  # fmt: skip
def test_place_size_and_roll_of_the_head_make_no_shift(size, turn, right, down):
    matrix = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = of_landmarks(shape_of({}) @ matrix.T + (right, down))
    shift = learned([REST] * 3).shift(1, moved)
    assert max(map(abs, shift.values())) < 1e-3


def test_a_blink_or_a_yawn_within_the_window_does_not_matter():
    shift = learned([REST] * 6 + [OPEN] * 3).shift(1, REST)
    assert max(map(abs, shift.values())) < 1e-12


def test_each_track_has_its_own_zero():
    baseline = NeutralBaseline()
    baseline.begin(0.0, 1.0)
    for index in range(5):
        baseline.add(1, REST, index / 5)
        baseline.add(2, OPEN, index / 5)
    baseline.add(3, REST, 1.0)
    assert max(map(abs, baseline.shift(1, REST).values())) < 1e-12
    assert max(map(abs, baseline.shift(2, OPEN).values())) < 1e-12
    assert baseline.shift(2, REST)["mouth_opening"] < -0.2
    assert baseline.shift(3, REST) is None


def test_beginning_anew_keeps_the_old_zero_until_there_is_a_new_one():
    baseline = learned([REST] * 3)
    baseline.begin(10.0, 1.0)
    baseline.add(1, OPEN, 10.0)
    assert baseline.shift(1, OPEN)["mouth_opening"] > 0.2
    baseline.add(1, OPEN, 11.5)
    assert abs(baseline.shift(1, OPEN)["mouth_opening"]) < 1e-12


def test_a_track_that_was_not_seen_within_the_window_keeps_its_zero():
    baseline = learned([REST] * 3)
    baseline.begin(10.0, 1.0)
    baseline.add(2, OPEN, 10.5)
    baseline.add(2, OPEN, 11.0)
    assert baseline.shift(1, REST) is not None


def test_a_clock_that_steps_back_begins_the_window_anew():
    baseline = NeutralBaseline()
    baseline.begin(100.0, 1.0)
    baseline.add(1, OPEN, 100.5)
    for time_s in (3.0, 3.5):
        baseline.add(1, REST, time_s)
    baseline.add(1, REST, 4.0)
    assert max(map(abs, baseline.shift(1, REST).values())) < 1e-12


def test_forgotten_tracks_have_no_zero():
    baseline = NeutralBaseline()
    baseline.begin(0.0, 1.0)
    for track_id in (1, 2):
        baseline.add(track_id, REST, 0.0)
    baseline.forget_but([2])
    baseline.add(2, REST, 1.0)
    assert baseline.shift(1, REST) is None
    assert baseline.shift(2, REST) is not None
    baseline.forget_but([])
    assert baseline.shift(2, REST) is None


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_a_window_without_length_is_refused(seconds):
    with pytest.raises(InputError, match="seconds of the resting face must be over 0, got"):
        NeutralBaseline().begin(0.0, seconds)
