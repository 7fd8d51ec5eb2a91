"""Explanations of models that read a single known measurement or region, and of the bundled model."""

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer import Artifact, Recognizer, load_artifact
from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.geometry import mirror_landmarks
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import Box, Face
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure
from landmark_fer.models.ensemble import MEANS, Ensemble, WeightedMean
from landmark_fer.perception.alignment import align_landmarks, crop_box
from landmark_fer.perception.images import to_grey
from landmark_fer.recognition.explanation import explain
from landmark_fer.recognition.results import Recognition


class SingleFeatureModel:
    """Predicts happy if one number, which it reads from a record, is large."""

    classes_ = np.array(["happy", "sad"])

    def __init__(self, read):
        self.read = read

    def predict_proba(self, X):
        happy = 1 / (1 + np.exp(-np.array([self.read(record) for record in X])))
        return np.column_stack([happy, 1 - happy])


def single_feature_artifact(read, *fields):
    extractor = {"chip_size": 80} | ({"crop_size": 64, "crop_margin": 0.1} if "crop" in fields else {})
    manifest = {"classes": ["happy", "sad"], "fields": ["landmarks", *fields], "extractor": extractor}
    return Artifact(SingleFeatureModel(read), manifest)


def measurement(name, factor=20):
    return lambda record: factor * measure(record["landmarks"])[MEASUREMENT_NAMES.index(name)]


CORNERS = measurement("right_lip_corner_to_eye", -10)  # of all cues the lip corners change it most


def height_of_darkness(record):
    darkness = 255.0 - record["chip"]
    return 0.5 * ((45 - np.arange(80)[:, None]) * darkness).sum() / darkness.sum()


def contrast(field, x, y):
    """Return a function that reads the contrast of a record's image around a point."""
    rows, columns = (slice(max(0, round(place) - 7), round(place) + 8) for place in (y, x))
    return lambda record: 0.1 * record[field][rows, columns].std()


def made_face(landmarks, chip=None):
    chip = np.full((80, 80), 128, np.uint8) if chip is None else chip
    return Face(Box(0.0, 0.0, 100.0, 100.0), (60 + 25 * landmarks).astype(np.float32), chip, 1.0)


def recognition_of(face, expression="happy"):
    return Recognition(face, expression, 0.7, {"happy": 0.7, "sad": 0.3})


@pytest.fixture
def smiling():
    face = TEMPLATE.copy()
    face[[48, 54, 60, 64], 1] -= 0.2
    return face


@pytest.fixture(scope="module")
def bundled():
    return Recognizer(load_artifact())


@pytest.fixture(scope="module")
def astronaut_recognition(bundled, astronaut):
    return bundled.recognize(astronaut)[0]


def test_a_smile_is_the_first_cue_and_supports_happy(smiling):
    explanation = explain(single_feature_artifact(CORNERS), recognition_of(made_face(smiling)))
    first = explanation.measurements[0]
    assert (first.name, first.words) == ("lip_corners", "lip corners up")
    assert first.shift > 2 and first.contribution > 0
    assert first.shift == pytest.approx((first.value - first.typical) / 0.053)
    assert explanation.text.startswith(f"lip corners up ({first.contribution:+.1f}) supports happy")


def test_the_same_cue_contradicts_the_other_prediction(smiling):
    explanation = explain(single_feature_artifact(CORNERS), recognition_of(made_face(smiling), "sad"))
    assert explanation.expression == "sad"
    assert explanation.text.startswith("lip corners up (-") and explanation.text.endswith("contradicts sad")


def test_cues_that_a_model_does_not_read_contribute_nothing(smiling):
    explanation = explain(single_feature_artifact(measurement("brow_gap")), recognition_of(made_face(smiling)))
    assert {each.name for each in explanation.measurements if abs(each.contribution) > 1e-6} <= {"brow_gap"}
    constant = explain(single_feature_artifact(lambda record: 0.4), recognition_of(made_face(smiling)))
    assert constant.notable == ()
    assert constant.text == "no single measurement clearly supports or contradicts happy"


def test_cues_are_sorted_by_the_size_of_their_contribution(astronaut_recognition):
    strengths = [abs(each.contribution) for each in astronaut_recognition.explain().measurements]
    assert strengths == sorted(strengths, reverse=True)


def test_pixels_move_with_the_landmarks(smiling):
    """A model that reads only the chip depends on the warped pixels of the mouth."""
    chip = np.full((80, 80), 255, np.uint8)
    corner = align_landmarks(made_face(smiling).landmarks)[48]
    chip[round(corner[1]) - 2 : round(corner[1]) + 2, round(corner[0]) - 2 : round(corner[0]) + 2] = 0
    explanation = explain(single_feature_artifact(height_of_darkness, "chip"), recognition_of(made_face(smiling, chip)))
    first = explanation.measurements[0]
    assert first.name == "lip_corners" and first.contribution > 0.5


@pytest.mark.parametrize(("x", "y"), [(20, 25), (60, 25), (40, 62)])
def test_heat_is_highest_in_the_region_that_the_model_reads(generator, x, y):
    chip = generator.integers(0, 256, (80, 80)).astype(np.uint8)
    artifact = single_feature_artifact(contrast("chip", x, y), "chip")
    heat = explain(artifact, recognition_of(made_face(TEMPLATE, chip))).heat
    assert heat.shape == (80, 80)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert np.hypot(row - y, column - x) < 9
    assert heat.max() > 5 * abs(heat.min())


def test_heat_of_a_crop_model_is_mapped_to_the_chip(astronaut, astronaut_face):
    box, mouth = astronaut_face.box, astronaut_face.landmarks[48:].mean(axis=0)
    crop = crop_box(to_grey(astronaut), box, size=64, margin=0.1)
    in_crop = (mouth - box.centre) * 64 / (box.width * 1.2) + 31.5
    artifact = single_feature_artifact(contrast("crop", *in_crop), "crop")
    heat = explain(artifact, recognition_of(replace(astronaut_face, crop=crop))).heat
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    expected = align_landmarks(astronaut_face.landmarks)[48:].mean(axis=0)
    assert np.hypot(column - expected[0], row - expected[1]) < 9


def test_a_landmark_model_has_no_heat(smiling):
    assert explain(single_feature_artifact(lambda record: 0.0), recognition_of(made_face(smiling))).heat is None


def test_a_real_smile_is_explained_by_the_mouth(astronaut_recognition):
    explanation = astronaut_recognition.explain()
    assert explanation.expression == "happy"
    assert "lip corners up" in {each.words for each in explanation.notable[:2]}
    row, _ = np.unravel_index(explanation.heat.argmax(), explanation.heat.shape)
    assert row > 35


def test_the_mirrored_face_has_the_same_explanation(bundled, astronaut_recognition):
    face = astronaut_recognition.face
    mirrored = replace(face, landmarks=mirror_landmarks(face.landmarks), chip=face.chip[:, ::-1])
    one, other = astronaut_recognition.explain(), bundled.recognize_faces([mirrored])[0].explain()
    expected = {each.name: (each.words, pytest.approx(each.contribution, abs=0.05)) for each in one.measurements}
    assert {each.name: (each.words, each.contribution) for each in other.measurements} == expected
    np.testing.assert_allclose(other.heat[:, ::-1], one.heat, atol=0.05)


def test_the_face_is_not_modified(bundled, astronaut_recognition):
    face = astronaut_recognition.face
    landmarks, chip = face.landmarks.copy(), face.chip.copy()
    astronaut_recognition.explain()
    np.testing.assert_array_equal(face.landmarks, landmarks)
    np.testing.assert_array_equal(face.chip, chip)


def test_a_changed_recognition_is_explained_with_its_own_expression(astronaut_recognition):
    smoothed = replace(astronaut_recognition, expression="neutral", confidence=0.5)
    assert smoothed.explain().expression == "neutral"
    assert replace(astronaut_recognition, expression=UNCERTAIN).explain().expression == "happy"


def test_a_log_has_plain_values(astronaut_recognition):
    plain = astronaut_recognition.explain().to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["text"] == astronaut_recognition.explain().text
    assert plain["measurements"][0].keys() == {"name", "words", "value", "typical", "shift", "contribution"}


def test_a_recognition_without_a_model_is_refused(smiling, astronaut_recognition):
    with pytest.raises(InputError, match="take it from a Recognizer"):
        recognition_of(made_face(smiling)).explain()
    with pytest.raises(InputError, match="take it from a Recognizer"):
        pickle.loads(pickle.dumps(astronaut_recognition)).explain()


def test_the_model_is_not_part_of_repr_and_pickle(astronaut_recognition):
    assert "explainer" not in repr(astronaut_recognition)
    size = len(pickle.dumps(astronaut_recognition))
    assert size < 50_000 + astronaut_recognition.thumbnail.image.nbytes
    assert copy.deepcopy(astronaut_recognition).probabilities == astronaut_recognition.probabilities


def ensemble_artifact(mean, *reads):
    """Return an ensemble of models that each read one number, as an artifact."""
    members = [(f"member {place}", SingleFeatureModel(read)) for place, read in enumerate(reads)]
    manifest = {"classes": ["happy", "sad"], "fields": ["landmarks"], "extractor": {"chip_size": 80}}
    return Artifact(Ensemble(members, mean, ["happy", "sad"]), manifest)


@pytest.mark.parametrize("kind", MEANS)
def test_members_that_agree_are_explained_as_one_of_them(smiling, kind):
    artifact = ensemble_artifact(WeightedMean(kind, (0.5, 0.5)), CORNERS, CORNERS)
    alone = explain(single_feature_artifact(CORNERS), recognition_of(made_face(smiling)))
    together = explain(artifact, recognition_of(made_face(smiling)))
    for one, other in zip(alone.measurements, together.measurements, strict=True):
        assert one.contribution == pytest.approx(other.contribution, abs=1e-6)
    first, second = together.members
    assert (first.probability, first.contribution) == (second.probability, second.contribution)
    for cue in alone.measurements:
        assert first.cues[cue.name] == pytest.approx(cue.contribution, abs=1e-6)
    assert alone.members == () and alone.title == "why happy" and "members" not in alone.to_dict()


@pytest.mark.parametrize("kind", MEANS)
def test_a_member_that_disagrees_contributes_against_the_expression(smiling, kind):
    artifact = ensemble_artifact(WeightedMean(kind, (0.6, 0.4)), lambda record: 3.0, lambda record: -1.0)
    first, second = explain(artifact, recognition_of(made_face(smiling))).members
    assert first.contribution > 0 > second.contribution
    assert (first.expression, second.expression) == ("happy", "sad")
    assert first.probability == pytest.approx(1 / (1 + np.exp(-3)))


def test_in_a_geometric_mean_a_member_contributes_its_weighted_log_odds(smiling):
    artifact = ensemble_artifact(WeightedMean("geometric", (0.6, 0.4), 2.0), lambda record: 3.0, lambda record: -1.0)
    members = explain(artifact, recognition_of(made_face(smiling))).members
    assert [member.contribution for member in members] == pytest.approx([0.6 * 3 / 2, -0.4 / 2], abs=1e-4)


def test_a_member_without_weight_contributes_nothing(smiling):
    artifact = ensemble_artifact(WeightedMean("arithmetic", (1.0, 0.0)), CORNERS, lambda record: -2.0)
    first, second = explain(artifact, recognition_of(made_face(smiling))).members
    assert second.contribution == pytest.approx(0, abs=1e-9) and abs(first.contribution) > 1
    assert set(second.cues.values()) == {0.0}


def test_text_title_and_log_name_the_members(smiling):
    artifact = ensemble_artifact(WeightedMean("arithmetic", (0.5, 0.5)), lambda record: 1.0, lambda record: 0.0)
    explanation = explain(artifact, recognition_of(made_face(smiling)))
    assert explanation.title == "why happy: member 0 73 %, member 1 50 %"
    assert explanation.text.endswith("; member 0 73 % (+0.5), member 1 50 % (+0.0)")
    plain = explanation.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert [member["name"] for member in plain["members"]] == ["member 0", "member 1"]
    assert plain["members"][0].keys() == {"name", "expression", "probability", "contribution", "cues"}
