"""The screen: examples show what their words say, everything is in the image, nothing given is changed."""

import cv2
import numpy as np
import pytest

from landmark_fer.collect.director import COUNTDOWN, DONE, READY, RECORDING, Shown
from landmark_fer.collect.plan import ASKED, Ask
from landmark_fer.collect.screen import FOOT, HEIGHT, HINTS, PANEL, SIDE, draw_notice, draw_screen, example
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.records import Box, Face
from landmark_fer.live.drawing.text import RECORDING as RED


@pytest.fixture(scope="module")
def shapes(extractor):
    """Landmarks of each example as the extractor sees them, in inter-ocular distances, the inner eyes' middle at 0."""
    found = {}
    for expression in HINTS:
        image = cv2.copyMakeBorder(example(expression), *[60] * 4, cv2.BORDER_REPLICATE)
        landmarks = extractor.extract(image)[0].landmarks
        found[expression] = (landmarks - landmarks[[39, 42]].mean(axis=0)) / interocular_distance(landmarks)
    return found


def test_every_expression_has_an_example_and_words():
    assert set(HINTS) == set(EXPRESSIONS)
    assert set(ASKED) < set(HINTS)


def test_examples_are_told_apart():
    images = [example(expression) for expression in HINTS]
    assert all(image.shape == (SIDE, SIDE, 3) and image.dtype == np.uint8 for image in images)
    assert len({image.tobytes() for image in images}) == len(HINTS)


def test_examples_move_as_their_words_say(shapes):
    def width(name):
        return shapes[name][54, 0] - shapes[name][48, 0]

    def opening(name):
        return shapes[name][66, 1] - shapes[name][62, 1]

    def brows(name):
        return shapes[name][[20, 21, 22, 23], 1].mean()  # down is more

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


def shown_faces():
    landmarks = np.stack([np.linspace(250, 330, 68), np.linspace(150, 260, 68)], axis=1).astype(np.float32)
    return [(1, Face(Box(240, 140, 100, 120), landmarks, np.zeros((80, 80), np.uint8), 1.0))]


def drawn(shown, followed=(), size=(480, 640)):
    image = np.full((*size, 3), 90, np.uint8)
    kept = image.copy()
    canvas = draw_screen(image, list(followed), shown, where="my_faces", subject="ann")
    assert np.array_equal(image, kept)
    return canvas


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (240, 320), (1280, 720)])
def test_any_camera_fits(size):
    canvas = drawn(Shown(READY, Ask("fear", 1, "the model reads 38% of fear rightly"), waits=True, n_left=3), size=size)
    width = max(320, round(size[1] * HEIGHT / size[0]))
    assert canvas.shape == (HEIGHT + FOOT, width + PANEL, 3)


def test_it_looks_recorded_only_while_it_is():
    asked = Ask("happy", 1)
    states = {
        stage: drawn(Shown(stage, asked, left_s=1.0, share=0.5, number=1), shown_faces())
        for stage in (READY, COUNTDOWN, RECORDING)
    }
    reds = {stage: int((canvas == RED).all(axis=2).sum()) for stage, canvas in states.items()}
    assert reds[READY] == reds[COUNTDOWN] == 0
    assert reds[RECORDING] > 1000
    assert not np.array_equal(states[READY], states[COUNTDOWN])


def test_a_missing_face_and_the_end_are_said():
    seen, unseen = (drawn(Shown(READY, Ask("happy", 1)), faces) for faces in (shown_faces(), []))
    assert not np.array_equal(seen[:HEIGHT], unseen[:HEIGHT])
    assert not np.array_equal(drawn(Shown(DONE)), drawn(Shown(READY, Ask("happy", 1))))


def test_the_notice_has_room_for_long_names():
    short, long = (draw_notice([f"It lies in {'x' * n} on this computer.", "word " * 150]) for n in (5, 200))
    assert short.shape == long.shape == (600, 960, 3)
    assert not np.array_equal(short, long)
