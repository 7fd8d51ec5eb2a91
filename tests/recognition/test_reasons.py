"""Reasons name what is wrong with a face, and no face that can be read has one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.core.records import Box, Face
from landmark_fer.live.sources.demo_person import shape_of
from landmark_fer.live.sources.demo_textures import LANDMARKS
from landmark_fer.perception.images import to_grey
from landmark_fer.recognition.reasons import CUT_OFF, REASONS, TOO_DARK, TOO_SMALL, TURNED_AWAY, reason_of
from landmark_fer.recognition.recognizer import Recognizer
from landmark_fer.recognition.results import CLOSE, Recognition
from landmark_fer.recognition.smoothing import Smoother


@pytest.fixture(scope="module")
def recognizer(saved):
    return Recognizer(saved, reject=0.3)


@pytest.fixture(scope="module")
def face(recognizer, astronaut):
    return recognizer.extractor.extract(astronaut)[0]


def test_a_face_that_can_be_read_has_no_reason(face, astronaut):
    assert reason_of(face, astronaut.shape) is None


def test_dark_small_and_cut_faces(recognizer, face, astronaut):
    grey = to_grey(astronaut)
    dark = recognizer.extractor.face_at((grey * 0.015).astype(np.uint8), face.box)
    assert reason_of(dark, grey.shape) == TOO_DARK
    scale = 12 / face.box.width
    box = Box(*(scale * side for side in (face.box.x, face.box.y, face.box.width, face.box.height)))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert reason_of(recognizer.extractor.face_at(small, box), small.shape) == TOO_SMALL
    half = (round(face.box.y + 0.6 * face.box.height), grey.shape[1])
    assert reason_of(face, half) == CUT_OFF
    assert reason_of(face) is None


@pytest.mark.parametrize(
    ("yaw", "reason"), [(0.0, None), (20.0, None), (50.0, None), (80.0, TURNED_AWAY), (-80.0, TURNED_AWAY)]
)
def test_a_turned_face(face, yaw, reason):
    turned = replace(face, landmarks=shape_of({"yaw": yaw}).astype(np.float32))
    assert reason_of(turned) == reason


def test_with_a_reason_no_expression_is_named(recognizer, face, astronaut):
    dark = replace(face, chip=np.zeros_like(face.chip))
    (recognition,) = recognizer.recognize_faces([dark], image_shape=astronaut.shape)
    assert (recognition.expression, recognition.reason, recognition.label) == (UNCERTAIN, TOO_DARK, TOO_DARK)
    (named,) = Recognizer(recognizer.artifact, reject=None).recognize_faces([dark])
    assert named.expression in EXPRESSIONS and named.reason is None


def recognition_of(probabilities, *, threshold=0.4, reason=None):
    face = Face(Box(150, 60, 140, 140), LANDMARKS.astype(np.float32), np.full((8, 8), 99, np.uint8), 1.0)
    likeliest = max(probabilities, key=probabilities.get)
    certain = probabilities[likeliest] >= threshold and reason is None
    return Recognition(
        face, likeliest if certain else UNCERTAIN, probabilities[likeliest], probabilities, reason=reason
    )


def test_labels():
    assert recognition_of({"happy": 0.8, "sad": 0.1, "neutral": 0.1}).label == "happy"
    assert recognition_of({"happy": 0.1, "sad": 0.42, "neutral": 0.48}).label == "neutral or sad"
    assert recognition_of({"happy": 0.35, "sad": 0.3, "neutral": 0.35}).label == UNCERTAIN
    assert recognition_of({"happy": 0.9, "sad": 0.1}, reason=TURNED_AWAY).label == TURNED_AWAY


@pytest.mark.parametrize("lead", [CLOSE - 0.01, CLOSE + 0.01])
def test_two_are_named_up_to_a_lead(lead):
    probabilities = {"happy": 0.5, "sad": 0.5 - lead, "neutral": lead}
    assert recognition_of(probabilities).label == ("happy or sad" if lead < CLOSE else "happy")


def test_a_reason_is_shown_after_it_lasted():
    smoother = Smoother(("happy", "sad"), threshold=0.4)
    shown = []
    for index in range(60):
        reason = TURNED_AWAY if index == 10 or index >= 30 else None
        recognition = recognition_of({"happy": 0.9, "sad": 0.1}, reason=reason)
        shown.append(smoother.update(1, recognition, time_s=index / 30).label)
    assert set(shown[:30]) == {"happy"} and shown[40:] == [TURNED_AWAY] * 20
    assert set(shown[30:40]) <= {"happy", *REASONS}
