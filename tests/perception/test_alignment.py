"""Alignment and resampling: invariance of the chip to mirroring, scale and rotation of the image."""

import cv2
import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import interocular_distance, mirror_landmarks, transform_points
from landmark_fer.perception.alignment import (
    CHIP_INTEROCULAR,
    CHIP_SIZE,
    align_face,
    align_landmarks,
    chip_template,
    chip_transform,
    resample,
)
from landmark_fer.perception.images import to_grey


@pytest.fixture(scope="module")
def grey(astronaut):
    return to_grey(astronaut)


@pytest.fixture(scope="module")
def soft(grey):
    """A blurred image, in which only a misplaced chip makes a difference."""
    return cv2.GaussianBlur(grey, None, 3)


def distance(chip, other):
    """Mean absolute difference in grey levels."""
    return np.abs(chip.astype(float) - other.astype(float)).mean()


def test_chip_of_the_mirrored_image_is_the_mirrored_chip(soft, astronaut_face):
    mirrored = mirror_landmarks(astronaut_face.landmarks, axis_x=(soft.shape[1] - 1) / 2)
    chip = align_face(np.ascontiguousarray(soft[:, ::-1]), mirrored)[:, ::-1]
    expected = align_face(soft, astronaut_face.landmarks)
    assert distance(chip, expected) < 0.5
    assert distance(chip[:, 1:], expected[:, :-1]) > 2  # a pixel aside, so the law says something


@pytest.mark.parametrize("size", [64, 52])
def test_a_smaller_chip_is_the_middle_of_a_larger_one(soft, astronaut_face, size):
    margin = (CHIP_SIZE - size) // 2
    middle = align_face(soft, astronaut_face.landmarks)[margin : margin + size, margin : margin + size]
    assert distance(align_face(soft, astronaut_face.landmarks, size=size), middle) < 1


@pytest.mark.parametrize("factor", [2, 4])
def test_an_enlarged_image_gives_nearly_the_same_chip(grey, astronaut_face, factor):
    enlarged = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    landmarks = (astronaut_face.landmarks + 0.5) * factor - 0.5
    assert distance(align_face(enlarged, landmarks), astronaut_face.chip) < 2.0


@pytest.mark.parametrize("degrees", [10, 45, 90, 180])
def test_a_rotated_image_gives_nearly_the_same_chip(grey, astronaut_face, degrees):
    matrix = cv2.getRotationMatrix2D((255.5, 255.5), degrees, 1.0)
    turned = cv2.warpAffine(grey, matrix, grey.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    chip = align_face(turned, transform_points(matrix, astronaut_face.landmarks))
    assert distance(chip[8:-8, 8:-8], astronaut_face.chip[8:-8, 8:-8]) < 3.5


def test_aligned_landmarks_are_invariant_and_lie_on_the_template(landmarks):
    aligned = align_landmarks(landmarks)
    np.testing.assert_allclose(align_landmarks(3 * landmarks + (50, -7)), aligned, atol=1e-6)
    assert np.abs(aligned.mean(axis=0) - chip_template()).max() < 2
    np.testing.assert_allclose(transform_points(chip_transform(landmarks), landmarks), aligned)


def test_the_chip_template_is_mirror_symmetric_and_has_the_documented_size():
    template = chip_template(80)
    np.testing.assert_allclose(mirror_landmarks(template, axis_x=39.5), template, atol=1e-6)
    assert interocular_distance(template) == pytest.approx(CHIP_INTEROCULAR, rel=2e-3)


def test_input_arrays_are_not_modified(grey, astronaut_face):
    image, landmarks = grey.copy(), astronaut_face.landmarks.copy()
    image.setflags(write=False)
    landmarks.setflags(write=False)
    align_face(image, landmarks)
    np.testing.assert_array_equal(image, grey)
    np.testing.assert_array_equal(landmarks, astronaut_face.landmarks)


def test_pixels_outside_the_image_repeat_its_edge(astronaut_face):
    flat = np.full((512, 512), 77, np.uint8)
    assert (align_face(flat, astronaut_face.landmarks + 400) == 77).all()


def test_coincident_landmarks_and_wrong_images_are_refused(grey, astronaut, astronaut_face):
    with pytest.raises(InputError, match="landmarks must not all lie on one point"):
        align_face(grey, np.ones((68, 2)))
    with pytest.raises(InputError, match=r"landmarks must have shape \(\.\.\., 68, 2\)"):
        align_face(grey, np.ones((5, 2)))
    with pytest.raises(InputError, match="grey must be a uint8 array"):
        align_face(astronaut, astronaut_face.landmarks)


class TestResample:
    def test_the_identity_returns_the_image(self, generator):
        image = generator.integers(0, 256, (40, 40), dtype=np.uint8)
        np.testing.assert_array_equal(resample(image, np.eye(2, 3), side=40), image)

    def test_a_shift_by_whole_pixels_returns_that_part(self, generator):
        image = generator.integers(0, 256, (60, 70), dtype=np.uint8)
        matrix = np.array([[1.0, 0, -12], [0, 1, -5]])
        np.testing.assert_array_equal(resample(image, matrix, side=32), image[5:37, 12:44])

    def test_halving_averages_blocks_of_four_pixels(self, generator):
        image = generator.integers(0, 256, (64, 64), dtype=np.uint8)
        matrix = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]])
        means = image.reshape(32, 2, 32, 2).mean(axis=(1, 3))
        assert np.abs(resample(image, matrix, side=32) - means).max() <= 1

    def test_fine_stripes_become_grey_without_aliasing(self):
        stripes = np.tile(np.array([0, 255], np.uint8), (400, 200))
        reduced = resample(stripes, np.array([[0.1, 0, 0], [0, 0.1, 0]]), side=40)
        assert 100 < reduced.min() <= reduced.max() < 155
