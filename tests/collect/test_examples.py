"""Examples: each expression has a hint and an image, whose landmarks match the hint."""

import cv2
import numpy as np
import pytest

from landmark_fer.collect.examples import HINTS, SIDE, example_image
from landmark_fer.collect.plan import DEFAULT_EXPRESSIONS
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.geometry import interocular_distance


@pytest.fixture(scope="module")
def shapes(extractor):
    """Extracted landmarks of each example in inter-ocular distances, with the origin between the inner eye corners."""
    shapes = {}
    for expression in HINTS:
        image = cv2.copyMakeBorder(example_image(expression), *[60] * 4, cv2.BORDER_REPLICATE)
        landmarks = extractor.extract(image)[0].landmarks
        shapes[expression] = (landmarks - landmarks[[39, 42]].mean(axis=0)) / interocular_distance(landmarks)
    return shapes


def test_every_expression_has_a_hint():
    assert set(HINTS) == set(EXPRESSIONS)
    assert set(DEFAULT_EXPRESSIONS) < set(HINTS)


def test_examples_differ():
    images = [example_image(expression) for expression in HINTS]
    assert all(image.shape == (SIDE, SIDE, 3) and image.dtype == np.uint8 for image in images)
    assert len({image.tobytes() for image in images}) == len(HINTS)


def test_examples_match_their_hints(shapes):
    def width(name):
        return shapes[name][54, 0] - shapes[name][48, 0]

    def opening(name):
        return shapes[name][66, 1] - shapes[name][62, 1]

    def brows(name):
        return shapes[name][[20, 21, 22, 23], 1].mean()  # y points down

    rest = "neutral"
    assert width("happy") > 1.2 * width(rest)
    assert opening("surprise") > opening(rest) + 0.2
    assert brows("surprise") < brows(rest) < brows("angry")
    assert brows("fear") < brows(rest)
    assert brows("disgust") > brows(rest)
    corners = {name: shapes[name][[48, 54], 1].mean() - shapes[name][57, 1] for name in ("sad", "happy", rest)}
    assert corners["happy"] < corners[rest] < corners["sad"]
    sides = shapes["contempt"][48, 1] - shapes["contempt"][54, 1]
    assert abs(sides) > abs(shapes[rest][48, 1] - shapes[rest][54, 1]) + 0.03
