"""Geometry: invariances on synthetic faces, then ideal shapes with known values."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import (
    check_landmarks,
    eye_aspect_ratio,
    interocular_distance,
    inverse_transform,
    mean_shape,
    mirror_landmarks,
    mouth_aspect_ratio,
    similarity_transform,
    transform_points,
    upright,
)
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS, MIRROR, TEMPLATE


def moved(points, *, turn=0.4, scale=2.5, shift=(7.0, -3.0)):
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ rotation.T + shift


def test_similarity_transform_inverts_rotation_scale_and_translation(landmarks):
    matrix = similarity_transform(moved(landmarks), landmarks)
    np.testing.assert_allclose(transform_points(matrix, moved(landmarks)), landmarks, atol=1e-9)


def test_similarity_transform_is_the_least_squares_solution(landmarks, generator):
    source, target = landmarks[0], landmarks[1]
    best = similarity_transform(source, target)
    error = ((transform_points(best, source) - target) ** 2).sum()
    for _ in range(50):
        a, b, u, v = generator.normal(0, 0.01, 4)
        other = best + [[a, -b, u], [b, a, v]]
        assert ((transform_points(other, source) - target) ** 2).sum() >= error


def test_similarity_transform_of_one_point_only_is_zero_and_finite():
    matrix = similarity_transform(np.ones((68, 2)), TEMPLATE)
    assert np.isfinite(matrix).all() and not matrix[:, :2].any()


def test_inverse_transform_inverts(landmarks):
    matrix = similarity_transform(landmarks[0], TEMPLATE)
    there = transform_points(matrix, landmarks[0])
    np.testing.assert_allclose(transform_points(inverse_transform(matrix), there), landmarks[0], atol=1e-9)


def test_mirroring_twice_is_the_identity(landmarks):
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(68))
    np.testing.assert_allclose(mirror_landmarks(mirror_landmarks(landmarks, axis_x=24), axis_x=24), landmarks)


def test_mirror_swaps_the_subjects_sides(landmarks):
    right, left = (list(GROUPS[name]) for name in ("right_eye", "left_eye"))
    mirrored = mirror_landmarks(landmarks)
    assert sorted(MIRROR[right]) == left
    np.testing.assert_allclose(np.sort(mirrored[:, right, 0]), np.sort(-landmarks[:, left, 0]))


def test_groups_cover_every_point_once():
    assert sorted(point for group in GROUPS.values() for point in group) == list(range(68))
    assert set(CLOSED_GROUPS) <= set(GROUPS)


def test_right_eye_of_the_template_lies_on_the_left_of_the_image():
    assert TEMPLATE[list(GROUPS["right_eye"]), 0].max() < 0 < TEMPLATE[list(GROUPS["left_eye"]), 0].min()


def test_template_is_upright_symmetric_and_of_unit_interocular_distance():
    np.testing.assert_allclose(mirror_landmarks(TEMPLATE), TEMPLATE, atol=1e-9)
    assert interocular_distance(TEMPLATE) == pytest.approx(1, abs=2e-3)


def test_upright_is_invariant_to_similarity_transforms(landmarks):
    np.testing.assert_allclose(upright(moved(landmarks)), upright(landmarks), atol=1e-9)
    np.testing.assert_allclose(interocular_distance(upright(landmarks)), 1)


def test_mean_shape_of_moved_templates_is_the_template(generator):
    faces = np.stack([moved(TEMPLATE, turn=turn, scale=scale) for turn, scale in generator.uniform(0.2, 1, (30, 2))])
    np.testing.assert_allclose(mean_shape(faces), upright(TEMPLATE), atol=1e-6)


def test_eye_aspect_ratio_of_ideal_eyes():
    eye = np.array([(0, 0), (1, -0.5), (2, -0.5), (3, 0), (2, 0.5), (1, 0.5)], float)
    assert eye_aspect_ratio(eye) == pytest.approx(1 / 3)
    assert eye_aspect_ratio(eye * [1, 0]) == 0
    assert eye_aspect_ratio(eye * 0) == 0


def test_mouth_aspect_ratio_of_ideal_lips():
    lips = np.array([(0, 0), (1, -1), (2, -1), (3, -1), (4, 0), (3, 1), (2, 1), (1, 1)], float)
    assert mouth_aspect_ratio(lips) == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", [np.zeros((5, 2)), np.zeros(136), np.full((68, 2), np.nan), np.full((68, 2), "x")])
def test_landmarks_of_another_shape_are_refused(wrong):
    with pytest.raises(InputError, match="landmarks must"):
        check_landmarks(wrong)
