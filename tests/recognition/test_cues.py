"""Facial cues: values, typical values and counterfactual landmarks."""

import numpy as np
import pytest

from landmark_fer.core.geometry import mean_shape, mirror_landmarks
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.datasets.geometry_table import read_table
from landmark_fer.features.measurements import MEASUREMENT_NAMES
from landmark_fer.recognition.cues import CUES, TYPICAL, counterfactual_landmarks, cue_values, typical_values

NAMES = [cue.name for cue in CUES]


@pytest.fixture(scope="module")
def neutral():
    """Landmarks of the detected Training faces of the bundled table that are labelled neutral."""
    table = read_table()
    selected = (table.splits == "Training") & (table.expressions == "neutral") & ~np.isnan(table.detector_scores)
    return table.records["landmarks"][selected]


def test_typical_values_are_those_of_the_bundled_table(neutral):
    np.testing.assert_allclose(typical_values(neutral), TYPICAL, atol=6e-5)


def test_the_mean_neutral_face_is_typical(neutral):
    shifts = (cue_values(mean_shape(neutral)) - TYPICAL[0]) / TYPICAL[1]
    assert np.abs(shifts).max() < 1.1
    assert np.abs(shifts[[not cue.signed for cue in CUES]]).max() < 0.5


def test_names_are_unique_and_measurements_exist():
    words = [word for cue in CUES for word in (cue.name, cue.more, cue.less)]
    assert len(set(words)) == len(words)
    assert {name for cue in CUES for name in cue.measurements} <= set(MEASUREMENT_NAMES)


def test_values_do_not_change_with_mirroring_position_rotation_and_size(landmarks):
    rotation = 3 * np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    np.testing.assert_allclose(cue_values(landmarks @ rotation + (40, 7)), cue_values(landmarks), atol=1e-9)
    np.testing.assert_allclose(cue_values(mirror_landmarks(landmarks)), cue_values(landmarks), atol=1e-9)


def test_counterfactual_landmarks_have_typical_values(generator):
    for face in 100 + 40 * (TEMPLATE + generator.normal(0, 0.01, (20, 68, 2))):
        before, after = cue_values(face), cue_values(counterfactual_landmarks(face)).diagonal()
        smaller = np.array([cue.signed for cue in CUES]) & (before < TYPICAL[0])
        expected = np.where(smaller, before, TYPICAL[0])
        np.testing.assert_allclose((after - expected) / TYPICAL[1], 0, atol=0.3)


def test_counterfactual_landmarks_move_only_the_points_of_the_cue(landmarks):
    for cue, changed in zip(CUES, counterfactual_landmarks(landmarks[0]), strict=True):
        moved = np.flatnonzero(np.abs(changed - landmarks[0]).max(axis=1) > 1e-9)
        assert set(moved) <= {*cue.dx, *cue.dy}, cue.name


def test_counterfactual_landmarks_of_the_mirrored_face_are_mirrored(landmarks):
    mirrored = counterfactual_landmarks(mirror_landmarks(landmarks[0], axis_x=50))
    np.testing.assert_allclose(mirrored, mirror_landmarks(counterfactual_landmarks(landmarks[0]), axis_x=50), atol=1e-6)


def test_counterfactual_landmarks_do_not_change_with_position_rotation_and_size(landmarks):
    rotation = 3 * np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    expected = counterfactual_landmarks(landmarks[0]) @ rotation + (40, 7)
    np.testing.assert_allclose(counterfactual_landmarks(landmarks[0] @ rotation + (40, 7)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("points", "by", "name", "words"),
    [
        ((48, 54, 60, 64), (0, -0.15), "lip_corners", "lip corners up"),
        ((48, 54, 60, 64), (0, 0.15), "lip_corners", "lip corners down"),
        ((55, 56, 57, 58, 59, 65, 66, 67), (0, 0.4), "mouth_opening", "mouth open"),
        (range(17, 27), (0, 0.12), "brows", "brows low"),
        ((37, 38, 43, 44), (0, -0.08), "eyes", "eyes wide"),
        ((30,), (0.3, 0), "head_turn", "head turned"),
    ],
)
def test_the_cue_of_a_movement_shifts_most(points, by, name, words):
    face = TEMPLATE.copy()
    face[list(points)] += by
    change = (cue_values(face) - cue_values(TEMPLATE)) / TYPICAL[1]
    strongest = int(np.abs(change).argmax())
    assert NAMES[strongest] == name
    assert words == (CUES[strongest].more if change[strongest] > 0 else CUES[strongest].less)
