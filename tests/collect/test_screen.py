"""The screen of a session: every camera fits, stages are marked, inputs do not change."""

import numpy as np
import pytest

from landmark_fer.collect.plan import PlannedTake
from landmark_fer.collect.screen import FOOTER_HEIGHT, PANEL_WIDTH, VIDEO_HEIGHT, draw_notice, draw_screen
from landmark_fer.collect.take_controller import COUNTDOWN, DONE, READY, RECORDING, SessionState
from landmark_fer.core.records import Box, Face
from landmark_fer.drawing.text import RECORDING as RED


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
