"""Recognitions as images: drawn onto their image, and as thumbnails in notebooks."""

import base64
import copy
import pickle
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import Box
from landmark_fer.drawing import BLURS
from landmark_fer.drawing.text import COLOURS
from landmark_fer.recognition.recognizer import Recognizer
from landmark_fer.recognition.thumbnails import MAX_SIDE, make_thumbnail, show_face


@pytest.fixture(scope="module")
def recognizer(saved):
    return Recognizer(saved)


@pytest.fixture(scope="module")
def recognition(recognizer, astronaut):
    return recognizer.recognize(astronaut)[0]


def shown_in(recognition):
    """Return the image that a notebook shows, RGB."""
    element = recognition._repr_html_()
    content = re.fullmatch(r'<img alt="[a-z]+ \d+%" src="data:image/jpeg;base64,([^"]+)">', element)[1]
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR_RGB)


def test_a_drawn_image_has_the_box_the_label_and_the_bars(recognition, astronaut):
    before = astronaut.copy()
    drawn = recognition.draw(astronaut)
    box, colour = recognition.face.box, COLOURS[recognition.expression]
    assert drawn.shape == astronaut.shape and (astronaut == before).all()
    assert (drawn[round(box.y), round(box.x + box.width / 2)] == colour).all()
    changed = (drawn != astronaut).any(axis=2)
    assert changed[: round(box.y) - 2, round(box.x) : round(box.x + box.width)].any(), "the label"
    sides = changed.copy()
    sides[:, max(0, round(box.x) - 3) : round(box.x + box.width) + 3] = False
    assert sides.sum() > 2000, "the bars"
    assert not changed[round(box.y) + 5 : round(box.y + box.height) - 5, round(box.centre[0])].any(), "no landmarks"


def test_any_kind_of_image_can_be_drawn_on(recognition, astronaut):
    assert (recognition.draw(Image.fromarray(astronaut)) == recognition.draw(astronaut)).all()
    grey = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)
    assert recognition.draw(grey).shape == astronaut.shape
    with pytest.raises(InputError, match="must be a uint8 array"):
        recognition.draw(astronaut / 255)


def test_a_notebook_shows_the_face_and_the_bars(recognition):
    shown, thumbnail = shown_in(recognition), recognition.thumbnail
    assert max(thumbnail.image.shape[:2]) <= MAX_SIDE < shown.shape[1] < 2 * MAX_SIDE
    assert shown.shape == show_face(recognition).shape
    canvas = show_face(recognition)
    for name, probability in recognition.probabilities.items():
        if probability > 0.05:
            assert (canvas[:, MAX_SIDE - 20 :] == COLOURS[name]).all(axis=2).any(), f"the bar of {name}"


def box_columns(canvas):
    """Return the first and the last column of the drawn box: columns with more than 100 pixels of a label's colour."""
    columns = [(canvas[:, :MAX_SIDE] == colour).all(axis=2).sum(axis=0) for colour in COLOURS.values()]
    return np.flatnonzero(np.max(columns, axis=0) > 100)[[0, -1]]


@pytest.mark.parametrize("factor", [0.5, 1, 4])
def test_the_box_lies_on_the_same_place_of_the_face_at_any_scale(recognition, astronaut, factor):
    image = cv2.resize(astronaut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    box = Box(*(factor * side for side in vars(recognition.face.box).values()))
    thumbnail = make_thumbnail(image, box)
    assert max(thumbnail.image.shape[:2]) <= MAX_SIDE and 0 < thumbnail.scale <= 1
    moved = replace(recognition, face=replace(recognition.face, box=box), thumbnail=thumbnail)
    assert np.allclose(box_columns(show_face(moved)), box_columns(show_face(recognition)), atol=4)


def test_the_thumbnail_is_the_part_of_the_image(astronaut):
    thumbnail = make_thumbnail(astronaut, Box(100, 50, 100, 100))
    assert (thumbnail.x, thumbnail.y, thumbnail.scale) == (70, 20, 1.0)
    assert (thumbnail.image == astronaut[20:180, 70:230]).all()
    assert thumbnail.image.base is None or thumbnail.image.base.nbytes <= thumbnail.image.nbytes
    assert not np.shares_memory(thumbnail.image, astronaut)
    assert make_thumbnail(astronaut[..., 0], Box(-20, -20, 60, 60)).image.shape == (58, 58, 3)
    assert make_thumbnail(astronaut, Box(-500, -500, 60, 60)) is None
    assert max(make_thumbnail(astronaut, Box(0, 0, 512, 512)).image.shape) == MAX_SIDE


def test_frames_of_a_video_have_no_thumbnail(recognizer, recognition):
    (plain,) = recognizer.recognize_faces([recognition.face])
    assert plain.thumbnail is None and plain._repr_html_() is None


@pytest.mark.parametrize("kind", BLURS)
def test_a_drawn_face_can_be_blurred(recognition, astronaut, kind):
    plain, blurred = recognition.draw(astronaut), recognition.draw(astronaut, blur=kind)
    box = recognition.face.box
    x, y, side = round(box.x), round(box.y), round(box.width)
    changed = (plain != blurred).any(axis=2)
    assert changed[y + side // 4 : y + side // 3, x + side // 4 : x + 3 * side // 4].mean() > 0.9
    assert changed.sum() < (2.2 if kind == "faces" else 0.6) * side**2
    with pytest.raises(InputError, match="blur must be 'faces' or 'eyes', got 'all'"):
        recognition.draw(astronaut, blur="all")


def test_a_copied_and_a_pickled_recognition_show_the_same(recognition):
    for other in (copy.copy(recognition), pickle.loads(pickle.dumps(recognition))):
        assert other._repr_html_() == recognition._repr_html_()
