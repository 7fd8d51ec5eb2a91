"""Drawing: nothing given changes, everything drawn lies inside and can be told apart."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from landmark_fer.face.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.streaming.overlay import COLOURS, draw_frame

from .hand_made import make_recognition

GREY = np.full((480, 640, 3), 90, np.uint8)


def changed(before, after):
    return (before != after).any(axis=2)


def test_every_answer_has_a_colour_of_its_own():
    assert set(COLOURS) == {*EXPRESSIONS, UNCERTAIN}
    distances = [np.linalg.norm(np.subtract(COLOURS[a], COLOURS[b])) for a, b in combinations(COLOURS, 2)]
    assert min(distances) > 60


def test_callers_picture_is_left_alone():
    picture = GREY.copy()
    picture.setflags(write=False)
    drawn = draw_frame(picture, [make_recognition()], [1], frames_per_second=25)
    assert drawn is not picture
    assert drawn.shape == picture.shape
    assert drawn.flags.c_contiguous
    np.testing.assert_array_equal(picture, GREY)


def test_no_face_is_said():
    drawn = draw_frame(GREY, [], [])
    rows, columns = np.nonzero(changed(GREY, drawn))
    assert rows.min() > 400
    assert columns.max() < 200
    assert not changed(draw_frame(GREY, [make_recognition()], [1]), GREY)[400:].any()


def test_rate_is_shown_when_given():
    with_rate = draw_frame(GREY, [], [], frames_per_second=24.6)
    assert changed(with_rate, draw_frame(GREY, [], []))[:40, :200].any()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_box_has_the_colour_of_the_expression(expression):
    drawn = draw_frame(GREY, [make_recognition(expression)], [1], landmarks=False)
    np.testing.assert_array_equal(drawn[150, 100], COLOURS[expression])


def test_an_uncertain_answer_is_grey_and_tells_the_likeliest_expression():
    sure = make_recognition("happy", 0.4)
    unsure, other = (replace(each, expression=UNCERTAIN) for each in (sure, make_recognition("angry", 0.4)))
    drawn = draw_frame(GREY, [unsure], [1], landmarks=False)
    grey, *rest = {*map(int, drawn[150, 100])}
    assert not rest and not (drawn == COLOURS["happy"]).all(axis=2).any()
    assert 90 < grey < 200
    assert changed(drawn, draw_frame(GREY, [other], [1], landmarks=False)).any()


def test_landmarks_are_drawn_where_they_are():
    recognition = make_recognition(x=200.0, y=150.0, side=200.0)
    drawn = draw_frame(GREY, [recognition], [1])
    x, y = recognition.face.landmarks[30].round().astype(int)
    assert drawn[y, x].min() > 200
    assert not changed(draw_frame(GREY, [recognition], [1], landmarks=False), GREY)[y, x]


@pytest.mark.parametrize("x,y", [(-60.0, -60.0), (600.0, -40.0), (-50.0, 440.0), (590.0, 430.0)])
def test_label_stays_inside(x, y):
    """A label is a filled area of the expression's colour, as large as anywhere else."""

    def filled(place):
        drawn = draw_frame(GREY, [make_recognition(**place)], [12], landmarks=False)
        return (drawn == COLOURS["happy"]).all(axis=2)

    inside, at_edge = filled({"x": 250.0, "y": 200.0, "side": 40.0}).sum(), filled({"x": x, "y": y, "side": 40.0}).sum()
    assert at_edge > 0.75 * inside


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 300, 3), (48, 48, 3), (300, 7, 3), (2160, 3840, 3)])
def test_any_size_of_picture(shape):
    picture = np.zeros(shape, np.uint8)
    side = float(min(shape[:2])) / 2
    drawn = draw_frame(picture, [make_recognition(x=1.0, y=1.0, side=side)], [1], frames_per_second=9)
    assert drawn.shape == shape
    assert draw_frame(picture, [], []).shape == shape


def test_lines_grow_with_the_picture():
    def share(factor):
        picture = np.zeros((480 * factor, 640 * factor, 3), np.uint8)
        recognition = make_recognition(x=200.0 * factor, y=200.0 * factor, side=150.0 * factor)
        return changed(picture, draw_frame(picture, [recognition], [1])).mean()

    assert share(4) == pytest.approx(share(1), rel=0.4)
