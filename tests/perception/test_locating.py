"""The landmark predictor: points in their places, whatever the box, one face or many."""

import numpy as np
import pytest

from landmark_fer.errors import DependencyError
from landmark_fer.face.records import Box
from landmark_fer.perception.locating import LandmarkPredictor
from landmark_fer.perception.pictures import to_grey

FACE = Box(176, 70, 95, 95)  # of the astronaut, by eye


@pytest.fixture(scope="module")
def grey(astronaut):
    return to_grey(astronaut)


@pytest.fixture(scope="module")
def predictor():
    return LandmarkPredictor()


def test_landmarks_sit_in_the_face_eyes_over_nose_over_mouth(predictor, grey):
    located = predictor.locate(grey, FACE)
    assert located.shape == (68, 2) and located.dtype == np.float32
    eyes, nose, mouth = located[36:48], located[27:36], located[48:]
    assert eyes[:, 1].mean() < nose[:, 1].mean() < mouth[:, 1].mean()
    assert located[36:42, 0].max() < located[42:48, 0].min()


def test_the_box_may_be_somewhat_off(predictor, grey):
    expected = predictor.locate(grey, FACE)
    for moved in (Box(182, 76, 95, 95), Box(170, 64, 110, 110), Box(181, 73, 86, 90)):
        assert np.abs(predictor.locate(grey, moved) - expected).mean() < 2


def test_a_face_located_again_stays_where_it_was(predictor, grey):
    located = predictor.locate(grey, FACE)
    assert np.abs(predictor.refine(grey, [located])[0] - located).mean() < 1


def test_faces_are_located_together_as_each_alone(predictor, grey):
    located = predictor.locate(grey, FACE)
    guesses = [located, located + 4, located * 0.97, (located - located.mean(axis=0)) * 1.1 + located.mean(axis=0)]
    together = predictor.refine(grey, guesses)
    assert together.shape == (4, 68, 2) and together.dtype == np.float32
    for guess, found in zip(guesses, together, strict=True):
        np.testing.assert_array_equal(predictor.refine(grey, [guess])[0], found)
    assert predictor.refine(grey, []).shape == (0, 68, 2)


def test_no_box_makes_it_fail(predictor, grey):
    for box in (Box(-80, -80, 95, 95), Box(600, 600, 50, 50), Box(10, 10, 0.2, 0.2), Box(0, 0, 512, 2)):
        assert np.isfinite(predictor.locate(grey, box)).all()


def test_a_file_that_is_no_predictor_is_said(tmp_path):
    wrong = tmp_path / "wrong.dat"
    wrong.write_bytes(b"no trees here" * 100)
    with pytest.raises(DependencyError, match=r"wrong\.dat must be a dlib shape predictor"):
        LandmarkPredictor(wrong)
