"""Reasons name what is wrong with a face, and no face that can be read has one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.core.records import Box, Face
from landmark_fer.live.sources.demo import MOTIONS, DemoClip
from landmark_fer.live.sources.demo_person import shape_of
from landmark_fer.live.sources.demo_textures import LANDMARKS
from landmark_fer.perception.images import to_grey
from landmark_fer.recognition.cover import cover_score
from landmark_fer.recognition.reasons import COVERED, CUT_OFF, REASONS, TOO_DARK, TOO_SMALL, TURNED_AWAY, reason_of
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


def from_below(grey, face, share):
    """Cover the face from below, as a cup or a scarf does."""
    covered = grey.copy()
    covered[round(face.box.y + (1 - share) * face.box.height) :] = 120
    return covered


def masked(grey, face):
    """Cover the face from the nose to the chin."""
    corners = np.round(face.landmarks[[2, 29, 14, 12, 8, 4]]).astype(np.int32)
    return cv2.fillConvexPoly(grey.copy(), cv2.convexHull(corners), 215)


def microphone(grey, face):
    """Cover the mouth with a dark ball."""
    x, y = np.round(face.landmarks[48:60].mean(axis=0)).astype(int).tolist()
    radius = round(0.24 * face.box.width)
    return cv2.line(cv2.circle(grey.copy(), (x, y), radius, 25, -1), (x, y), (x + 20, y + 300), 25, radius)


@pytest.mark.parametrize(
    "cover", [lambda grey, face: from_below(grey, face, 0.4), masked, microphone], ids=["below", "mask", "microphone"]
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_covered_faces(recognizer, face, astronaut, cover, mirrored):
    grey = cover(to_grey(astronaut), face)
    covered = recognizer.extractor.face_at(grey, face.box)
    if mirrored:
        covered = replace(covered, chip=np.ascontiguousarray(covered.chip[:, ::-1]))
    assert reason_of(covered, grey.shape) == COVERED


def test_what_covers_no_face(recognizer, face, astronaut):
    grey = to_grey(astronaut)
    next_to = grey.copy()
    next_to[:, round(face.box.x + 1.2 * face.box.width) :] = 40
    assert reason_of(recognizer.extractor.face_at(next_to, face.box)) is None
    assert reason_of(recognizer.extractor.face_at(from_below(grey, face, 0.02), face.box)) is None
    assert cover_score(face.chip) == pytest.approx(cover_score(np.ascontiguousarray(face.chip[:, ::-1])), abs=1e-4)
    assert cover_score(face.chip[:60, :60]) == -np.inf


def test_no_frame_of_the_demo_is_covered(recognizer):
    clip = DemoClip()
    images = [clip.render(motion.amounts) for motion in MOTIONS]
    faces = [face for image in images for face in recognizer.extractor.extract(image)]
    assert len(faces) >= len(MOTIONS) - 1
    assert not [reason_of(face) for face in faces if reason_of(face) == COVERED]


def test_with_a_reason_no_expression_is_named(recognizer, face, astronaut):
    dark = replace(face, chip=np.zeros_like(face.chip))
    (recognition,) = recognizer.recognize_faces([dark], image_shape=astronaut.shape)
    assert (recognition.expression, recognition.reason, recognition.label) == (UNCERTAIN, TOO_DARK, TOO_DARK)
    covered = recognizer.extractor.face_at(masked(to_grey(astronaut), face), face.box)
    (recognition,) = recognizer.recognize_faces([covered], image_shape=astronaut.shape)
    assert (recognition.expression, recognition.reason, recognition.label) == (UNCERTAIN, COVERED, COVERED)
    for unread in (dark, covered):
        (named,) = Recognizer(recognizer.artifact, reject=None).recognize_faces([unread])
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
