"""The neutral baseline of each track."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmark_fer.core.errors import DataError, InputError, SinkError
from landmark_fer.core.records import Face
from landmark_fer.features.measurements import MEASUREMENT_NAMES
from landmark_fer.live.sources.demo_person import shape_of
from landmark_fer.recognition.baseline import Baseline
from landmark_fer.recognition.results import Recognition
from landmark_fer.recognition.track_baselines import TrackBaselines
from tests.live.hand_made import CLASSES, make_recognition


def with_landmarks(landmarks):
    template = make_recognition()
    face = Face(template.face.box, np.asarray(landmarks, np.float32), template.face.chip, 1.0)
    return Recognition(face, template.expression, template.confidence, template.probabilities)


NEUTRAL, OPEN = with_landmarks(shape_of({})), with_landmarks(shape_of({"mouth_open": 1.0}))


def make_baseline(recognitions, *, track_id=1, seconds=1.0):
    baseline = TrackBaselines()
    baseline.begin(0.0, seconds)
    for index, recognition in enumerate(recognitions):
        baseline.add(track_id, recognition, index * seconds / len(recognitions))
    baseline.add(track_id, recognitions[-1], seconds)
    return baseline


def test_there_is_no_shift_before_the_window_has_passed():
    baseline = TrackBaselines()
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
    baseline = TrackBaselines()
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
    baseline = TrackBaselines()
    baseline.begin(100.0, 1.0)
    baseline.add(1, OPEN, 100.5)
    for time_s in (3.0, 3.5):
        baseline.add(1, NEUTRAL, time_s)
    baseline.add(1, NEUTRAL, 4.0)
    assert max(map(abs, baseline.shift(1, NEUTRAL).values())) < 1e-12


def test_removed_tracks_have_no_baseline():
    baseline = TrackBaselines()
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
        TrackBaselines().begin(0.0, seconds)


class SimpleRecognizer:
    """A model whose recognitions are given."""

    classes, model_id = CLASSES, "0" * 64

    def __init__(self, *images):
        self._faces = list(images)

    def recognize(self, image):
        return self._faces[image]


PERSON = make_recognition("neutral", 0.9)


def test_a_baseline_of_images_is_their_median():
    recognizer = SimpleRecognizer([PERSON], [PERSON], [make_recognition("happy", 0.99)])
    baseline = Baseline.from_images([0, 1, 2], recognizer)
    assert baseline.n_images == 3
    assert baseline.is_of(recognizer)
    expected = {name: np.log(value) for name, value in PERSON.probabilities.items()}
    assert baseline.models[recognizer.model_id] == pytest.approx(expected)
    assert baseline.shift(PERSON.face.landmarks) == pytest.approx(dict.fromkeys(MEASUREMENT_NAMES, 0.0))


def test_recognitions_with_a_baseline_count_without_it():
    recognizer = SimpleRecognizer()
    used = replace(PERSON, probabilities=dict.fromkeys(CLASSES, 1 / 3), without_baseline=PERSON.probabilities)
    assert Baseline.from_recognitions([used], recognizer) == Baseline.from_recognitions([PERSON], recognizer)


@pytest.mark.parametrize(
    ("images", "message"), [([], "a list"), ("face.jpg", "a list"), ([0], "has 0"), ([1], "has 2")]
)
def test_images_without_one_face_are_refused(images, message):
    with pytest.raises(InputError, match=message):
        Baseline.from_images(images, SimpleRecognizer([], [PERSON, PERSON]))


def test_a_smiling_baseline_is_warned_of(caplog):
    Baseline.from_recognitions([make_recognition("happy", 0.9)], SimpleRecognizer())
    assert "read as happy" in caplog.text


def test_another_model_is_refused():
    baseline = Baseline.from_recognitions([PERSON])
    assert not baseline.is_of(SimpleRecognizer())
    with pytest.raises(InputError, match="another model"):
        baseline.apply(np.full(3, 1 / 3), SimpleRecognizer())


def test_a_saved_baseline_is_loaded_equal(tmp_path):
    baseline = Baseline.from_recognitions([PERSON] * 3, SimpleRecognizer(), seconds=1.5)
    for path in (tmp_path / "ann.json", str(tmp_path / "bob.json")):
        baseline.save(path)
        assert Baseline.load(path) == baseline
    with pytest.raises(SinkError, match="could not be written"):
        baseline.save(str(tmp_path / "none" / "ann.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"format_version": 2},
        {"measurements": None},
        {"measurements": {"mouth_opening": 0.1}},
        {"models": {"x": {"neutral": "high"}}},
        {"models": {"x": {"happy": -1.0}}},
        {"models": None},
        {"n_images": None},
        {"seconds": float("nan")},
    ],
)
def test_a_file_that_is_no_baseline_is_refused_with_its_name(tmp_path, change):
    path = tmp_path / "ann.json"
    Baseline.from_recognitions([PERSON]).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=r"ann\.json must be a baseline"):
        Baseline.load(path)


def test_a_damaged_or_missing_file_is_refused(tmp_path):
    (tmp_path / "cut.json").write_text('{"format"')
    for name in ("cut.json", "none.json"):
        with pytest.raises(DataError, match="cannot be read"):
            Baseline.load(tmp_path / name)


def test_each_track_gets_its_own_probabilities():
    baselines = TrackBaselines(SimpleRecognizer())
    baselines.begin(0.0, 1.0)
    baselines.add(1, PERSON, 0.0)
    baselines.add(1, PERSON, 0.5)
    baselines.add(2, make_recognition("angry", 0.6), 0.5)
    baselines.add(1, PERSON, 1.0)
    assert baselines.get(1).models["0" * 64]["neutral"] == pytest.approx(np.log(0.9))
    assert (baselines.get(1).n_images, baselines.get(1).seconds) == (2, 0.5)
    assert baselines.get(2).models["0" * 64]["angry"] == pytest.approx(np.log(0.6))
    assert baselines.get(3) is None
