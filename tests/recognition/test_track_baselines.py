"""The neutral baseline of each track: recorded, found by itself, given."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import Face
from landmark_fer.features.measurements import MEASUREMENT_NAMES
from landmark_fer.live.sources.demo_person import shape_of
from landmark_fer.recognition.baseline import Baseline
from landmark_fer.recognition.results import Recognition
from landmark_fer.recognition.track_baselines import (
    CALM,
    MIN_SAMPLES,
    SAMPLE_S,
    TrackBaselines,
    baseline_of_option,
)
from tests.live.hand_made import CLASSES, make_recognition


def with_landmarks(landmarks):
    template = make_recognition()
    face = Face(template.face.box, np.asarray(landmarks, np.float32), template.face.chip, 1.0)
    return Recognition(face, template.expression, template.confidence, template.probabilities)


NEUTRAL, OPEN = with_landmarks(shape_of({})), with_landmarks(shape_of({"mouth_open": 1.0}))


def shift_of(baselines, track_id, recognition):
    return baselines.get(track_id).baseline.shift(recognition.face.landmarks)


def make_baseline(recognitions, *, track_id=1, seconds=1.0):
    baseline = TrackBaselines()
    baseline.begin(0.0, seconds)
    for index, recognition in enumerate(recognitions):
        baseline.update({track_id: recognition}, index * seconds / len(recognitions))
    baseline.update({track_id: recognitions[-1]}, seconds)
    return baseline


def test_there_is_no_shift_before_the_window_has_passed():
    baseline = TrackBaselines()
    baseline.update({1: NEUTRAL}, 0.0)
    assert not baseline.collecting
    assert baseline.get(1) is None
    baseline.begin(1.0, 2.0)
    for time_s in (1.0, 2.0, 2.9):
        baseline.update({1: NEUTRAL}, time_s)
        assert baseline.collecting
        assert baseline.get(1) is None
    baseline.update({1: OPEN}, 3.0)
    assert not baseline.collecting
    assert baseline.get(1) is not None


def test_the_neutral_face_has_no_shift():
    shift = shift_of(make_baseline([NEUTRAL] * 5), 1, NEUTRAL)
    assert tuple(shift) == MEASUREMENT_NAMES
    assert max(map(abs, shift.values())) < 1e-12


def test_moved_measurements_have_shifts():
    shift = shift_of(make_baseline([NEUTRAL] * 5), 1, OPEN)
    assert shift["mouth_opening"] > 0.2
    assert shift["jaw_drop"] > 0.2
    assert abs(shift["brow_gap"]) < 1e-6


def test_exchanging_baseline_and_face_negates_the_shift():
    from_neutral, from_open = make_baseline([NEUTRAL] * 3), make_baseline([OPEN] * 3)
    forward, backward = shift_of(from_neutral, 1, OPEN), shift_of(from_open, 1, NEUTRAL)
    assert list(forward.values()) == pytest.approx([-value for value in backward.values()])


@settings(max_examples=20, deadline=None)
@given(
    size=st.floats(0.3, 4), turn=st.floats(-0.5, 0.5), right=st.floats(-200, 400), down=st.floats(-200, 400),
)  # fmt: skip
def test_position_size_and_roll_do_not_change_the_shift(size, turn, right, down):
    matrix = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = with_landmarks(shape_of({}) @ matrix.T + (right, down))
    shift = shift_of(make_baseline([NEUTRAL] * 3), 1, moved)
    assert max(map(abs, shift.values())) < 1e-3


def test_short_movements_within_the_window_do_not_change_the_baseline():
    shift = shift_of(make_baseline([NEUTRAL] * 6 + [OPEN] * 3), 1, NEUTRAL)
    assert max(map(abs, shift.values())) < 1e-12


def test_each_track_has_its_own_baseline():
    baseline = TrackBaselines()
    baseline.begin(0.0, 1.0)
    for index in range(5):
        baseline.update({1: NEUTRAL}, index / 5)
        baseline.update({2: OPEN}, index / 5)
    baseline.update({3: NEUTRAL}, 1.0)
    assert max(map(abs, shift_of(baseline, 1, NEUTRAL).values())) < 1e-12
    assert max(map(abs, shift_of(baseline, 2, OPEN).values())) < 1e-12
    assert shift_of(baseline, 2, NEUTRAL)["mouth_opening"] < -0.2
    assert baseline.get(3) is None


def test_a_new_window_keeps_the_earlier_baseline_until_it_closes():
    baseline = make_baseline([NEUTRAL] * 3)
    baseline.begin(10.0, 1.0)
    baseline.update({1: OPEN}, 10.0)
    assert shift_of(baseline, 1, OPEN)["mouth_opening"] > 0.2
    baseline.update({1: OPEN}, 11.5)
    assert abs(shift_of(baseline, 1, OPEN)["mouth_opening"]) < 1e-12


def test_a_track_without_faces_in_the_window_keeps_its_baseline():
    baseline = make_baseline([NEUTRAL] * 3)
    baseline.begin(10.0, 1.0)
    baseline.update({2: OPEN}, 10.5)
    baseline.update({2: OPEN}, 11.0)
    assert baseline.get(1) is not None


def test_a_baseline_is_saved_whose_clock_stepped_back_within_the_window(tmp_path):
    baselines = TrackBaselines()
    baselines.begin(0.0, 2.0)
    for time_s in (0.0, 1.0, 1.5, 0.5, 0.6, 2.0):
        baselines.update({1: NEUTRAL}, time_s)
    baseline = baselines.get(1).baseline
    baseline.save(tmp_path / "me.json")
    assert Baseline.load(tmp_path / "me.json").seconds == 1.5


def test_a_clock_that_steps_back_begins_the_window_again():
    baseline = TrackBaselines()
    baseline.begin(100.0, 1.0)
    baseline.update({1: OPEN}, 100.5)
    for time_s in (3.0, 3.5):
        baseline.update({1: NEUTRAL}, time_s)
    baseline.update({1: NEUTRAL}, 4.0)
    assert max(map(abs, shift_of(baseline, 1, NEUTRAL).values())) < 1e-12


def test_removed_tracks_have_no_baseline():
    baseline = TrackBaselines()
    baseline.begin(0.0, 1.0)
    for track_id in (1, 2):
        baseline.update({track_id: NEUTRAL}, 0.0)
    baseline.keep_only([2])
    baseline.update({2: NEUTRAL}, 1.0)
    assert baseline.get(1) is None
    assert baseline.get(2) is not None
    baseline.keep_only([])
    assert baseline.get(2) is None


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_a_window_without_a_positive_length_is_refused(seconds):
    with pytest.raises(InputError, match="seconds of the neutral baseline must be over 0, got"):
        TrackBaselines().begin(0.0, seconds)


class SimpleRecognizer:
    classes, model_id = CLASSES, "0" * 64


RESTING, SMILING = make_recognition("neutral", 0.9), make_recognition("happy", 0.9)
ENOUGH = 3 * MIN_SAMPLES


def seen(*recognitions, baselines=None, track_id=1, begin_s=0.0, step_s=SAMPLE_S):
    """Baselines, by default those of auto, after the faces of a track."""
    baselines = baselines or TrackBaselines(SimpleRecognizer(), "auto")
    for index, recognition in enumerate(recognitions):
        baselines.update({track_id: recognition}, begin_s + index * step_s)
    return baselines


def test_calm_faces_become_a_baseline_by_themselves():
    baselines = seen(*[RESTING] * (MIN_SAMPLES - 1))
    assert baselines.get(1) is None
    found = seen(*[RESTING] * ENOUGH).get(1)
    assert found.origin == "auto"
    assert found.baseline.models == Baseline.from_recognitions([RESTING], SimpleRecognizer()).models
    assert found.baseline.n_images <= ENOUGH


@pytest.mark.parametrize("expression", ["happy", "angry"])
def test_a_face_that_is_not_read_as_neutral_has_no_baseline_by_itself(expression):
    assert seen(*[make_recognition(expression, 0.9)] * ENOUGH).get(1) is None
    barely = make_recognition("neutral", CALM - 0.01)
    assert seen(*[barely] * ENOUGH).get(1) is None


def test_a_person_who_smiles_first_has_a_baseline_once_most_faces_are_calm():
    baselines = seen(*[SMILING] * ENOUGH, *[RESTING] * (ENOUGH - 10))
    assert baselines.get(1) is None
    seen(*[RESTING] * 30, baselines=baselines, begin_s=1000.0)
    found = baselines.get(1).baseline
    assert found.models == Baseline.from_recognitions([RESTING], SimpleRecognizer()).models


def test_a_baseline_found_by_itself_improves_and_stays_during_a_smile():
    other = make_recognition("neutral", 0.7)
    baselines = seen(*[other] * MIN_SAMPLES)
    first = baselines.get(1).baseline
    seen(*[RESTING] * ENOUGH, baselines=baselines, begin_s=1000.0)
    second = baselines.get(1).baseline
    assert second != first
    seen(*[SMILING] * 4 * ENOUGH, baselines=baselines, begin_s=2000.0)
    assert baselines.get(1).baseline.models == second.models


@pytest.mark.parametrize("step_s", [0.02, 0.05, 0.1])
def test_the_frame_rate_does_not_change_when_a_baseline_is_found(step_s):
    n = round(1.5 * MIN_SAMPLES * SAMPLE_S / step_s)
    assert seen(*[RESTING] * n, step_s=step_s).get(1) is not None
    assert seen(*[RESTING] * (n // 2), step_s=step_s).get(1) is None


@pytest.mark.parametrize("mode", ["key", "off"])
def test_other_modes_find_no_baseline(mode):
    baselines = TrackBaselines(SimpleRecognizer(), mode)
    assert seen(*[RESTING] * ENOUGH, baselines=baselines).get(1) is None


def test_off_records_none_either():
    baselines = TrackBaselines(SimpleRecognizer(), "off")
    baselines.request(1.0)
    assert seen(*[RESTING] * ENOUGH, baselines=baselines).get(1) is None


def test_a_recorded_baseline_goes_before_one_found_or_given():
    smile = Baseline.from_recognitions([SMILING], SimpleRecognizer())
    for baseline in ("auto", smile):
        baselines = TrackBaselines(SimpleRecognizer(), baseline)
        seen(*[RESTING] * ENOUGH, baselines=baselines)
        assert baselines.get(1).origin in ("auto", "file")
        baselines.request(1.0)
        seen(*[SMILING] * ENOUGH, baselines=baselines, begin_s=100.0)
        assert baselines.get(1).origin == "key"
        assert baselines.get(1).baseline.models == smile.models
        assert baselines.recorded == (1,)


def test_a_given_baseline_is_for_the_face_that_is_alone_when_it_is_first_seen():
    mine = Baseline.from_recognitions([RESTING], SimpleRecognizer())
    baselines = TrackBaselines(SimpleRecognizer(), mine)
    baselines.update({1: RESTING}, 0.0)
    baselines.update({1: RESTING, 2: SMILING}, 0.1)
    baselines.update({2: SMILING}, 0.2)
    assert baselines.get(1) == (mine, "file")
    assert baselines.get(2) is None
    baselines.update({3: RESTING, 4: RESTING}, 0.3)
    assert baselines.get(3) is None and baselines.get(4) is None
    baselines.update({5: RESTING}, 0.4, n_waiting=1)
    assert baselines.get(5) is None
    baselines.keep_only([])
    assert baselines.get(1) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=200))
def test_no_track_has_the_baseline_of_another(frames):
    """A face that never was calm has none, whatever the others do."""
    baselines = TrackBaselines(SimpleRecognizer(), "auto")
    for index, (track_id, calm) in enumerate(frames):
        shown = {track_id: RESTING if calm else SMILING, 9: SMILING}
        baselines.update(shown, index * SAMPLE_S)
        assert baselines.get(9) is None


def test_an_unknown_mode_and_the_baseline_of_another_model_are_refused():
    with pytest.raises(InputError, match="baseline must be auto, key, off or a Baseline, got 'on'"):
        TrackBaselines(SimpleRecognizer(), "on")
    with pytest.raises(InputError, match="another model"):
        TrackBaselines(SimpleRecognizer(), Baseline.from_recognitions([RESTING]))


def test_values_of_options_are_modes_or_files(tmp_path):
    mine = Baseline.from_recognitions([RESTING], SimpleRecognizer())
    mine.save(tmp_path / "auto")
    assert baseline_of_option(None) == "off"
    assert baseline_of_option("auto") == "auto"
    assert baseline_of_option(mine) is mine
    assert baseline_of_option(tmp_path / "auto") == mine


def test_a_model_without_neutral_finds_no_baseline():
    class Other(SimpleRecognizer):
        classes = ("angry", "happy")

    smile = replace(SMILING, probabilities={"angry": 0.1, "happy": 0.9})
    assert seen(*[smile] * ENOUGH, baselines=TrackBaselines(Other(), "auto")).get(1) is None


def test_each_track_gets_its_own_probabilities():
    baselines = TrackBaselines(SimpleRecognizer())
    baselines.begin(0.0, 1.0)
    baselines.update({1: RESTING}, 0.0)
    baselines.update({1: RESTING, 2: make_recognition("angry", 0.6)}, 0.5)
    baselines.update({1: RESTING}, 1.0)
    first, second = (baselines.get(track_id).baseline for track_id in (1, 2))
    assert first.models["0" * 64]["neutral"] == pytest.approx(np.log(0.9))
    assert (first.n_images, first.seconds) == (2, 0.5)
    assert second.models["0" * 64]["angry"] == pytest.approx(np.log(0.6))
    assert baselines.get(3) is None
