"""Examples and the screen: examples match their hints, everything fits, inputs do not change."""

import cv2
import numpy as np
import pytest

from landmark_fer.collect.examples import HINTS, SIDE, example_image
from landmark_fer.collect.plan import DEFAULT_EXPRESSIONS, PlannedTake
from landmark_fer.collect.screen import FOOTER_HEIGHT, PANEL_WIDTH, VIDEO_HEIGHT, draw_notice, draw_screen
from landmark_fer.collect.take_controller import COUNTDOWN, DONE, READY, RECORDING, SessionState
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.records import Box, Face
from landmark_fer.live.drawing.text import RECORDING as RED


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


def followed_faces():
    landmarks = np.stack([np.linspace(250, 330, 68), np.linspace(150, 260, 68)], axis=1).astype(np.float32)
    return [(1, Face(Box(240, 140, 100, 120), landmarks, np.zeros((80, 80), np.uint8), 1.0))]


def draw(state, followed=(), size=(480, 640)):
    image = np.full((*size, 3), 90, np.uint8)
    copy = image.copy()
    canvas = draw_screen(image, list(followed), state, folder="my_faces", subject="ann")
    assert np.array_equal(image, copy)
    return canvas


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (240, 320), (1280, 720)])
def test_every_camera_resolution_fits(size):
    canvas = draw(
        SessionState(READY, PlannedTake("fear", 1, "the model predicts 38% of fear correctly"), waiting=True, n_left=3),
        size=size,
    )
    width = max(320, round(size[1] * VIDEO_HEIGHT / size[0]))
    assert canvas.shape == (VIDEO_HEIGHT + FOOTER_HEIGHT, width + PANEL_WIDTH, 3)


def test_only_the_recording_stage_is_marked_red():
    take = PlannedTake("happy", 1)
    states = {
        stage: draw(SessionState(stage, take, left_s=1.0, share=0.5, track_id=1), followed_faces())
        for stage in (READY, COUNTDOWN, RECORDING)
    }
    reds = {stage: int((canvas == RED).all(axis=2).sum()) for stage, canvas in states.items()}
    assert reds[READY] == reds[COUNTDOWN] == 0
    assert reds[RECORDING] > 1000
    assert not np.array_equal(states[READY], states[COUNTDOWN])


def test_a_missing_face_and_the_end_are_shown():
    with_face, without_face = (
        draw(SessionState(READY, PlannedTake("happy", 1)), faces) for faces in (followed_faces(), [])
    )
    assert not np.array_equal(with_face[:VIDEO_HEIGHT], without_face[:VIDEO_HEIGHT])
    assert not np.array_equal(draw(SessionState(DONE)), draw(SessionState(READY, PlannedTake("happy", 1))))


def test_the_notice_fits_long_names():
    short, long = (draw_notice([f"It lies in {'x' * n} on this computer.", "word " * 150]) for n in (5, 200))
    assert short.shape == long.shape == (600, 960, 3)
    assert not np.array_equal(short, long)
