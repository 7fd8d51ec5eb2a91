"""The neutral baseline of each track."""

import json
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError, SinkError
from landmark_fer.features.measurements import MEASUREMENT_NAMES
from landmark_fer.recognition.baseline import Baseline
from tests.live.hand_made import CLASSES, make_recognition


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
    assert repr(baseline) == "Baseline(n_images=3, seconds=0.0)"
    assert baseline.is_of(recognizer)
    expected = {name: np.log(value) for name, value in PERSON.probabilities.items()}
    assert baseline.models[recognizer.model_id] == pytest.approx(expected)
    assert baseline.shift(PERSON.face.landmarks) == pytest.approx(dict.fromkeys(MEASUREMENT_NAMES, 0.0))


def test_a_face_that_cannot_be_read_is_no_baseline():
    recognizer = SimpleRecognizer([PERSON], [replace(PERSON, reason="turned away")])
    with pytest.raises(InputError, match="a face that can be read, that of image 2 is turned away; choose another"):
        Baseline.from_images([0, 1], recognizer)


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


def test_a_model_that_does_not_predict_neutral_has_no_baseline(tmp_path):
    recognizer = SimpleRecognizer([PERSON])
    recognizer.classes = ("angry", "happy")
    with pytest.raises(InputError, match="needs a model that predicts neutral, got angry, happy; use another"):
        Baseline.from_images([0], recognizer)
    of_measurements = Baseline.from_recognitions([PERSON], recognizer)  # live shows how far they moved
    assert of_measurements.models == {}
    of_measurements.save(tmp_path / "a.json")
    assert Baseline.load(tmp_path / "a.json") == of_measurements
    with pytest.raises(InputError, match="needs a model that predicts neutral"):
        of_measurements.check_model(recognizer)


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
        {"n_images": 10**400},
        {"n_images": 0},
        {"n_images": 2.5},
        {"n_images": True},
        {"seconds": -1},
        {"seconds": "1"},
        {"measurements": dict.fromkeys(MEASUREMENT_NAMES, float("inf"))},
        {"measurements": dict.fromkeys(MEASUREMENT_NAMES, None)},
        {"measurements": dict.fromkeys(MEASUREMENT_NAMES, -1e308)},
        {"models": {"x": {"neutral": float("nan")}}},
        {"models": {"x": []}},
        {"models": {"x": {"neutral": 0.1}}},
        {"models": {"x": {"neutral": -1e308}}},
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
    for name, problem in (("cut.json", "cannot be read"), ("none.json", "does not exist")):
        with pytest.raises(DataError, match=problem):
            Baseline.load(tmp_path / name)


def test_a_file_that_an_editor_saved_with_a_mark_of_its_encoding_is_read(tmp_path):
    path, baseline = tmp_path / "ann.json", Baseline.from_recognitions([PERSON])
    baseline.save(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert Baseline.load(path) == baseline


def test_a_baseline_without_a_class_of_the_model_is_of_another():
    recognizer = SimpleRecognizer()
    whole = Baseline.from_recognitions([PERSON], recognizer)
    for name in CLASSES:
        table = {other: value for other, value in whole.models[recognizer.model_id].items() if other != name}
        baseline = replace(whole, models={recognizer.model_id: table})
        assert not baseline.is_of(recognizer)
        with pytest.raises(InputError, match="another model"):
            baseline.apply(np.full(3, 1 / 3), recognizer)


@pytest.mark.parametrize("images", [None, 0, np.zeros((9, 9, 3), np.uint8), iter([])])
def test_images_that_are_no_list_are_refused(images):
    with pytest.raises(InputError, match=f"needs a list .*, got {type(images).__name__}; give"):
        Baseline.from_images(images, SimpleRecognizer())
    with pytest.raises(InputError, match="got none"):
        Baseline.from_recognitions([])


def test_a_name_that_is_no_path_is_shown_in_one_line(tmp_path):
    baseline = Baseline.from_recognitions([PERSON])
    for name in ("a\0b", "no\nfolder/a"):
        with pytest.raises(SinkError, match="could not be written") as saved:
            baseline.save(tmp_path / name)
        with pytest.raises(DataError, match=r"cannot be read|does not exist") as loaded:
            Baseline.load(tmp_path / name)
        assert str(saved.value).isprintable() and str(loaded.value).isprintable()
