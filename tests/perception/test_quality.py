"""Quality of the image of a face: blur, darkness, size and cut edges are measured."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from landmark_fer.core.records import Box
from landmark_fer.perception.quality import face_quality

SHAPE = (480, 640, 3)


@pytest.fixture
def face(astronaut_face):
    return astronaut_face


def test_a_face_inside_the_image_has_an_inside_share_of_1(face):
    assert face_quality(replace(face, box=Box(10, 20, 100, 100)), SHAPE).inside == 1


@pytest.mark.parametrize(
    ("box", "inside"),
    [(Box(-50, 0, 100, 100), 0.5), (Box(590, 430, 100, 100), 0.25), (Box(700, 0, 50, 50), 0.0)],
)
def test_the_inside_share_excludes_the_part_outside_the_image(face, box, inside):
    assert face_quality(replace(face, box=box), SHAPE).inside == pytest.approx(inside)


def test_size_and_score_equal_those_of_the_box(face):
    found = face_quality(replace(face, box=Box(0, 0, 90, 80), detector_score=1.5), SHAPE)
    assert (found.size_px, found.detector_score) == (80, 1.5)


def test_more_blur_gives_less_sharpness(face):
    values = [
        face_quality(replace(face, chip=cv2.GaussianBlur(face.chip, (0, 0), sigma)), SHAPE).sharpness
        for sigma in (0.3, 1, 2, 4)
    ]
    assert values == sorted(values, reverse=True) and values[0] > 4 * values[-1] > 0


def test_noise_has_a_sharpness_near_1_and_a_uniform_image_0(face, generator):
    noise = generator.integers(0, 256, (64, 64), dtype=np.uint8)
    assert face_quality(replace(face, chip=noise), SHAPE).sharpness == pytest.approx(1, abs=0.1)
    assert face_quality(replace(face, chip=np.full((80, 80), 90, np.uint8)), SHAPE).sharpness == 0


def test_sharpness_does_not_depend_on_light(face):
    dark = (face.chip * 0.5).astype(np.uint8)
    values = [face_quality(replace(face, chip=chip), SHAPE) for chip in (face.chip, dark)]
    assert values[1].sharpness == pytest.approx(values[0].sharpness, rel=0.1)
    assert values[1].brightness == pytest.approx(values[0].brightness / 2, rel=0.05)
