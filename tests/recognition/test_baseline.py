"""The neutral baseline of each track."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import Face
from landmark_fer.features.measurements import MEASUREMENT_NAMES
from landmark_fer.live.sources.demo_person import shape_of
from landmark_fer.recognition.baseline import NeutralBaseline
from landmark_fer.recognition.results import Recognition
from tests.live.hand_made import make_recognition


def with_landmarks(landmarks):
    template = make_recognition()
    face = Face(template.face.box, np.asarray(landmarks, np.float32), template.face.chip, 1.0)
    return Recognition(face, template.expression, template.confidence, template.probabilities)


NEUTRAL, OPEN = with_landmarks(shape_of({})), with_landmarks(shape_of({"mouth_open": 1.0}))


def make_baseline(recognitions, *, track_id=1, seconds=1.0):
    baseline = NeutralBaseline()
    baseline.begin(0.0, seconds)
    for index, recognition in enumerate(recognitions):
        baseline.add(track_id, recognition, index * seconds / len(recognitions))
    baseline.add(track_id, recognitions[-1], seconds)
    return baseline


def test_there_is_no_shift_before_the_window_has_passed():
    baseline = NeutralBaseline()
    baseline.add(1, NEUTRAL, 0.0)
    assert not baseline.collecting
    assert baseline.shift(1, NEUTRAL) is None
    baseline.begin(1.0, 2.0)
    for time_s in (1.0, 2.0, 2.9):
        baseline.add(1, NEUTRAL, time_s)
        assert baseline.collecting
        assert baseline.shift(1, NEUTRAL) is None
    baseline.add(1, OPEN, 3.0)
    assert not baseline.collecting
    assert baseline.shift(1, NEUTRAL) is not None


def test_the_neutral_face_has_no_shift():
    shift = make_baseline([NEUTRAL] * 5).shift(1, NEUTRAL)
    assert tuple(shift) == MEASUREMENT_NAMES
    assert max(map(abs, shift.values())) < 1e-12


def test_moved_measurements_have_shifts():
    shift = make_baseline([NEUTRAL] * 5).shift(1, OPEN)
    assert shift["mouth_opening"] > 0.2
    assert shift["jaw_drop"] > 0.2
    assert abs(shift["brow_gap"]) < 1e-6


def test_exchanging_baseline_and_face_negates_the_shift():
    from_neutral, from_open = make_baseline([NEUTRAL] * 3), make_baseline([OPEN] * 3)
    forward, backward = from_neutral.shift(1, OPEN), from_open.shift(1, NEUTRAL)
    assert list(forward.values()) == pytest.approx([-value for value in backward.values()])


@settings(max_examples=20, deadline=None)
@given(
    size=st.floats(0.3, 4), turn=st.floats(-0.5, 0.5), right=st.floats(-200, 400), down=st.floats(-200, 400),
)  # fmt: skip
def test_position_size_and_roll_do_not_change_the_shift(size, turn, right, down):
    matrix = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = with_landmarks(shape_of({}) @ matrix.T + (right, down))
    shift = make_baseline([NEUTRAL] * 3).shift(1, moved)
    assert max(map(abs, shift.values())) < 1e-3


def test_short_movements_within_the_window_do_not_change_the_baseline():
    shift = make_baseline([NEUTRAL] * 6 + [OPEN] * 3).shift(1, NEUTRAL)
    assert max(map(abs, shift.values())) < 1e-12


def test_each_track_has_its_own_baseline():
    baseline = NeutralBaseline()
    baseline.begin(0.0, 1.0)
    for index in range(5):
        baseline.add(1, NEUTRAL, index / 5)
        baseline.add(2, OPEN, index / 5)
    baseline.add(3, NEUTRAL, 1.0)
    assert max(map(abs, baseline.shift(1, NEUTRAL).values())) < 1e-12
    assert max(map(abs, baseline.shift(2, OPEN).values())) < 1e-12
    assert baseline.shift(2, NEUTRAL)["mouth_opening"] < -0.2
    assert baseline.shift(3, NEUTRAL) is None


def test_a_new_window_keeps_the_earlier_baseline_until_it_closes():
    baseline = make_baseline([NEUTRAL] * 3)
    baseline.begin(10.0, 1.0)
    baseline.add(1, OPEN, 10.0)
    assert baseline.shift(1, OPEN)["mouth_opening"] > 0.2
    baseline.add(1, OPEN, 11.5)
    assert abs(baseline.shift(1, OPEN)["mouth_opening"]) < 1e-12


def test_a_track_without_faces_in_the_window_keeps_its_baseline():
    baseline = make_baseline([NEUTRAL] * 3)
    baseline.begin(10.0, 1.0)
    baseline.add(2, OPEN, 10.5)
    baseline.add(2, OPEN, 11.0)
    assert baseline.shift(1, NEUTRAL) is not None


def test_a_clock_that_steps_back_begins_the_window_again():
    baseline = NeutralBaseline()
    baseline.begin(100.0, 1.0)
    baseline.add(1, OPEN, 100.5)
    for time_s in (3.0, 3.5):
        baseline.add(1, NEUTRAL, time_s)
    baseline.add(1, NEUTRAL, 4.0)
    assert max(map(abs, baseline.shift(1, NEUTRAL).values())) < 1e-12


def test_removed_tracks_have_no_baseline():
    baseline = NeutralBaseline()
    baseline.begin(0.0, 1.0)
    for track_id in (1, 2):
        baseline.add(track_id, NEUTRAL, 0.0)
    baseline.keep_only([2])
    baseline.add(2, NEUTRAL, 1.0)
    assert baseline.shift(1, NEUTRAL) is None
    assert baseline.shift(2, NEUTRAL) is not None
    baseline.keep_only([])
    assert baseline.shift(2, NEUTRAL) is None


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_a_window_without_a_positive_length_is_refused(seconds):
    with pytest.raises(InputError, match="seconds of the neutral baseline must be over 0, got"):
        NeutralBaseline().begin(0.0, seconds)
