"""Properties of geometry and features for any input: finite, mirror-symmetric, invariant to similarity transforms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import (
    interocular_distance,
    inverse_transform,
    mirror_landmarks,
    similarity_transform,
    transform_points,
    upright,
)
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import Box, mirror_records, record_dtype
from landmark_fer.features.hog import hog, mirror_hog
from landmark_fer.features.measurements import measure, mirrored_measurements
from landmark_fer.features.texture import PixelsOfChip, lbp
from landmark_fer.features.transformers import AlignedLandmarks, HogOfChip, Measurements
from landmark_fer.perception.alignment import align_face, chip_transform, crop_box
from landmark_fer.perception.tracking.tracks import box_at, place_of, pose_of
from tests.accidents.depth import examples

coordinates = some.floats(-1e6, 1e6, width=32)
turns = some.floats(-np.pi, np.pi)
scales = some.floats(0.05, 500)
shifts = some.tuples(some.floats(-5e3, 5e3), some.floats(-5e3, 5e3))


@some.composite
def faces(draw, unlike=0.12):
    """Landmarks near the template, in inter-ocular distances, which are not nearly degenerate."""
    seed = draw(some.integers(0, 2**32 - 1))
    return TEMPLATE + np.random.default_rng(seed).normal(0, draw(some.floats(0, unlike)), TEMPLATE.shape)


@some.composite
def anything(draw):
    """Any 68 points: random, with few different ones, collinear, or coincident."""
    points = draw(arrays(np.float32, (68, 2), elements=coordinates, fill=coordinates))
    if draw(some.booleans()):
        points[:, draw(some.integers(0, 1))] = draw(coordinates)
    return points


images = some.builds(
    lambda height, width, seed, kind: kind(np.random.default_rng(seed), (height, width)),
    some.integers(1, 90),
    some.integers(1, 90),
    some.integers(0, 2**32 - 1),
    some.sampled_from(
        [
            lambda random, shape: random.integers(0, 256, shape, dtype=np.uint8),
            lambda random, shape: np.full(shape, random.integers(0, 256), dtype=np.uint8),
        ]
    ),
)
chips = some.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 256, (80, 80), np.uint8))


def moved(points, turn, scale, shift):
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ rotation.T + shift


@examples(60)
@given(faces(), turns, scales, shifts)
def test_measurements_are_invariant_to_similarity_transforms(face, turn, scale, shift):
    np.testing.assert_allclose(measure(moved(face, turn, scale, shift)), measure(face), rtol=1e-6, atol=1e-6)


@examples(60)
@given(faces(), turns, scales, shifts)
def test_aligned_and_upright_landmarks_are_invariant_to_similarity_transforms(face, turn, scale, shift):
    other = moved(face, turn, scale, shift)
    np.testing.assert_allclose(upright(other), upright(face), atol=1e-7)
    matrix, expected = similarity_transform(other, TEMPLATE), similarity_transform(face, TEMPLATE)
    np.testing.assert_allclose(transform_points(matrix, other), transform_points(expected, face), atol=1e-7)
    assert np.isclose(interocular_distance(other), scale * interocular_distance(face), rtol=1e-6)


@examples(60)
@given(faces(), some.floats(-1e3, 1e3))
def test_measurements_of_the_mirrored_face_are_the_mirrored_measurements(face, axis):
    mirrored = measure(mirror_landmarks(face, axis_x=axis))
    np.testing.assert_allclose(mirrored, mirrored_measurements(measure(face)), rtol=1e-6, atol=1e-6)


@examples(60)
@given(anything())
def test_features_of_any_points_are_finite(points):
    records = np.zeros(1, record_dtype())
    records["landmarks"] = points
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for transformer in (Measurements(), AlignedLandmarks()):
            assert np.isfinite(transformer.transform(records)).all()
        assert np.isfinite(chip_transform(points)).all()
    np.testing.assert_array_equal(mirror_landmarks(mirror_landmarks(points)), points)


@examples(60)
@given(anything(), some.sampled_from([np.nan, np.inf, -np.inf]), some.integers(0, 67))
def test_nan_and_infinite_coordinates_are_refused(points, bad, place):
    points[place, 0] = bad
    with pytest.raises(InputError, match="must be finite"):
        measure(points)


@examples(60)
@given(faces(), chips)
def test_features_of_mirrored_records_are_the_mirrored_features(face, chip):
    records = np.zeros(1, record_dtype(80))
    records["landmarks"], records["chip"] = 40 + 26 * face, chip
    for transformer in (AlignedLandmarks(), Measurements(), HogOfChip(), PixelsOfChip()):
        there = transformer.transform(mirror_records(records))
        np.testing.assert_allclose(there, transformer.mirror(transformer.transform(records)), atol=2e-4)


@examples(60)
@given(chips, some.integers(0, 80), some.integers(0, 255))
def test_descriptors_of_any_chip_are_finite_and_bounded(chip, rows, value):
    chip[:rows] = value  # flat parts, up to the whole chip
    described = hog(chip[None])
    assert np.isfinite(described).all() and described.min() >= 0 and described.max() <= 1
    np.testing.assert_allclose(mirror_hog(mirror_hog(described)), described)
    patterns = lbp(chip[None])
    assert np.isfinite(patterns).all() and patterns.min() >= 0


@examples(60)
@given(images, anything())
def test_a_chip_is_cut_from_any_image_at_any_landmarks(image, points):
    before = image.copy()
    try:
        chip = align_face(image, points)
    except InputError as error:
        assert "must not all lie on one point" in str(error)
    else:
        assert chip.shape == (80, 80) and chip.dtype == np.uint8
        assert before.min() <= chip.min() and chip.max() <= before.max()
    np.testing.assert_array_equal(image, before)


@examples(60)
@given(images, some.floats(-2e3, 2e3), some.floats(-2e3, 2e3), some.floats(0.5, 3e3), some.floats(0, 2))
def test_a_crop_is_cut_around_any_box(image, x, y, side, margin):
    crop = crop_box(image, Box(x, y, side, side), size=48, margin=margin)
    assert crop.shape == (48, 48) and crop.dtype == np.uint8
    assert image.min() <= crop.min() and crop.max() <= image.max()


@examples(60)
@given(faces(0.05), turns, some.floats(5, 500), shifts, shifts, some.floats(10, 500))
def test_box_and_pose_round_trip(face, turn, scale, shift, corner, side):
    pose = pose_of(moved(face, turn, scale, shift))
    box = box_at(place_of(Box(*corner, side, side), pose), pose)
    np.testing.assert_allclose([box.x, box.y, box.width, box.height], [*corner, side, side], rtol=1e-6, atol=1e-4)


@examples(60)
@given(faces(), faces())
def test_transforms_round_trip(one, other):
    matrix = similarity_transform(one, other)
    there = transform_points(matrix, one)
    np.testing.assert_allclose(transform_points(inverse_transform(matrix), there), one, atol=1e-8)


boxes = some.builds(Box, *[some.floats(-1e3, 1e3)] * 2, *[some.floats(0.1, 1e3)] * 2)


@examples(60)
@given(boxes, boxes)
def test_overlap_of_boxes_is_symmetric_and_from_0_to_1(one, other):
    assert 0 <= one.overlap(other) <= 1 + 1e-9 and np.isclose(one.overlap(other), other.overlap(one))
    assert np.isclose(one.overlap(one), 1)
