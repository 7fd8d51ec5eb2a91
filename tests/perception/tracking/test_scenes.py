"""Scenes: noise and tracked faces are not a change, everything else is."""

import cv2
import numpy as np
import pytest

from landmark_fer.core.records import Box
from landmark_fer.live.sources.demo import DemoClip
from landmark_fer.perception.images import to_grey
from landmark_fer.perception.tracking.schedule import CutFinder, Scene

FACE = Box(200, 150, 120, 120)


@pytest.fixture(scope="module")
def still():
    return to_grey(DemoClip().image(12))


def scene(grey, *boxes):
    cuts = CutFinder()
    cuts.is_cut(grey)
    return Scene.of(cuts.thumbnail, grey.shape[::-1], boxes)


def with_square(grey, x, y, side, value):
    changed = grey.copy()
    changed[y : y + side, x : x + side] = value
    return changed


def test_sensor_noise_and_global_light_are_not_a_change(still):
    random = np.random.default_rng(0)
    noisy = [np.clip(still + random.normal(0, 4, still.shape), 0, 255).astype(np.uint8) for _ in range(2)]
    assert not scene(noisy[0]).differs(scene(noisy[1]))
    even = np.clip(still.astype(int), 30, 200).astype(np.uint8)
    assert not scene(even + np.uint8(20)).differs(scene(even))


@pytest.mark.parametrize("x, y", [(10, 10), (540, 20), (300, 380), (20, 390)])
def test_the_smallest_face_in_any_corner_is_a_change(still, x, y):
    image = DemoClip().image(12)
    box = cv2.resize(to_grey(image)[90:330, 200:440], (80, 80), interpolation=cv2.INTER_AREA)
    changed = still.copy()
    changed[y : y + 80, x : x + 80] = box
    assert scene(changed, FACE).differs(scene(still, FACE))


def test_areas_covered_by_tracked_faces_are_ignored(still):
    at_the_face = with_square(still, 240, 190, 40, 255)
    assert scene(at_the_face).differs(scene(still))
    assert not scene(at_the_face, FACE).differs(scene(still, FACE))
    moved = Box(FACE.x + 10, FACE.y, FACE.width, FACE.height)
    assert not scene(at_the_face, moved).differs(scene(still, FACE))
    assert scene(at_the_face, Box(480, 20, 90, 90)).differs(scene(still, FACE)), "where the face was is free now"
    assert scene(at_the_face, FACE).differs(scene(still)), "it was not covered then"


def test_boxes_beyond_the_image_cover_their_part_inside(still):
    at_the_edge = with_square(still, 0, 0, 50, 255)
    before, now = (scene(grey, Box(-60, -60, 120, 120)) for grey in (still, at_the_edge))
    assert not now.differs(before)
    assert scene(at_the_edge, Box(-900, -900, 100, 100)).differs(scene(still, Box(900, 900, 100, 100)))


def test_the_face_and_what_is_around_it_are_covered(still):
    covered = scene(still, FACE).covered
    rows, columns = np.nonzero(covered)
    down, across = still.shape[0] / covered.shape[0], still.shape[1] / covered.shape[1]
    assert columns.min() * across <= FACE.x - 40 and (columns.max() + 1) * across >= FACE.x + FACE.width + 40
    assert rows.min() * down <= FACE.y - 40 and (rows.max() + 1) * down >= FACE.y + FACE.height + 40
    assert covered.mean() < 0.25
