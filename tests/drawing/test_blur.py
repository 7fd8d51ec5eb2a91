"""Blurring: where it is, that nothing fine is left, and how long lost faces stay blurred."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.landmarks import points
from landmark_fer.core.records import Box
from landmark_fer.drawing import BLURS
from landmark_fer.drawing.blur import FaceBlur, blur_faces, blur_region, hide_chips
from tests.live.hand_made import make_face, make_faces, make_recognition

NOISE = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
EYES, MOUTH = points("right_eye", "left_eye"), points("outer_lips")


def turned(degrees):
    """A face whose head is turned in the image plane."""
    face, turn = make_face(), np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return replace(face, landmarks=np.float32((face.landmarks - (160, 140)) @ rotation + (160, 140)))


def depth(region, point):
    """How far inside a region a point is, in pixels; negative outside."""
    return cv2.pointPolygonTest(region[:, None], [float(value) for value in point], True)


@pytest.mark.parametrize("degrees", range(-180, 180, 15))
def test_the_region_holds_the_face_at_any_angle(degrees):
    face = turned(degrees)
    region = blur_region(face)
    assert min(depth(region, point) for point in face.landmarks) > 0.04 * face.box.width
    band = blur_region(face, "eyes")
    assert min(depth(band, point) for point in face.landmarks[EYES]) > 0.03 * face.box.width
    assert max(depth(band, point) for point in face.landmarks[MOUTH]) < 0
    across = np.diff(face.landmarks[[36, 45]], axis=0)[0]
    sides = np.diff(band, axis=0, append=band[:1])
    assert max(sides @ across / np.linalg.norm(across)) == pytest.approx(np.linalg.norm(sides, axis=1).max(), rel=1e-4)


def test_the_region_holds_the_forehead_and_the_box_of_wrong_landmarks():
    face = make_face()
    chin, brows = face.landmarks[8], face.landmarks[17:27].mean(axis=0)
    assert depth(blur_region(face), brows + 0.55 * (brows - chin)) > 0
    lost = replace(face, landmarks=np.full((68, 2), 160, np.float32))
    assert depth(blur_region(lost), (160, 140)) > 0.5 * face.box.width
    assert np.ptp(blur_region(lost, "eyes"), axis=0).min() > 0.25 * face.box.width


@pytest.mark.parametrize("kind", BLURS)
def test_nothing_outside_of_the_region_changes(kind):
    face, before = make_face(), NOISE.copy()
    blurred = blur_faces(NOISE, [face], kind)
    assert (before == NOISE).all() and blurred.dtype == np.uint8
    changed = np.argwhere((blurred != NOISE).any(axis=2))[:, ::-1]
    region = blur_region(face, kind)
    assert min(depth(region, point) for point in changed) > -1
    assert len(changed) == pytest.approx(cv2.contourArea(region), rel=0.03)
    assert (blur_faces(NOISE, [], kind) == NOISE).all()
    flipped = blur_faces(NOISE[:, ::-1], [face], kind, mirrored=True)[:, ::-1]
    assert (flipped != blurred).any(axis=2).mean() < 0.01  # cells are rounded from the other side


@pytest.mark.parametrize("kind", BLURS)
@pytest.mark.parametrize("side", [40, 120, 240])
def test_nothing_finer_than_a_cell_is_left(kind, side):
    """A pattern of lines an eighth of the region wide leaves no trace, at any size of a face."""
    face = make_face(x=50, y=40, side=side)
    region = blur_region(face, kind)
    period = np.ptp(region, axis=0).max() / 8
    lines = np.where(np.arange(400) % period < period / 2, 40, 216).astype(np.uint8)
    image = np.repeat(np.broadcast_to(lines, (300, 400))[..., None], 3, axis=2)
    ys, xs = np.mgrid[:300, :400]
    inside = np.array([depth(region, point) > 1 for point in zip(xs.ravel(), ys.ravel(), strict=True)]).reshape(
        300, 400
    )
    before, after = image[inside].astype(float), blur_faces(image, [face], kind)[inside].astype(float)
    assert before.std() > 80 and after.std() < 0.25 * before.std()


def test_no_detector_finds_a_blurred_face(extractor, astronaut):
    faces = extractor.extract(astronaut)
    assert len(faces) == 1
    assert extractor.extract(blur_faces(astronaut, faces)) == []


@pytest.mark.parametrize("x,y", [(-60, 100), (380, 100), (100, -90), (100, 280), (-900, 0), (900, 900)])
def test_faces_may_lie_across_the_edge_or_outside(x, y):
    for kind in BLURS:
        assert blur_faces(NOISE, [make_face(x=x, y=y)], kind).shape == NOISE.shape


def test_unknown_kinds_are_refused():
    with pytest.raises(InputError, match="blur must be 'faces' or 'eyes', got 'nose'; give one of them, or None"):
        blur_region(make_face(), "nose")


def changed(blur):
    return (blur.apply(NOISE) != NOISE).any(axis=2)


def test_the_last_place_of_a_lost_face_stays_blurred_and_grows():
    blur = FaceBlur("faces", hold_s=2.0)
    blur.update(1.0, [(1, make_face())])
    first = changed(blur)
    assert first[140, 160]
    blur.update(2.0, [])
    second = changed(blur)
    assert second[first].mean() > 0.99 and second.sum() > 1.3 * first.sum()
    blur.update(3.0, [])
    assert changed(blur).sum() > second.sum()
    blur.update(3.1, [])
    assert not changed(blur).any()


def test_a_moving_face_is_blurred_where_it_is():
    blur = FaceBlur("faces")
    for step in range(3):
        blur.update(step / 25, [(1, make_face(x=20 + 100 * step))])
    assert changed(blur)[140, 280] and not changed(blur)[140, 80]


def test_regions_are_new_in_the_first_frame_of_their_track():
    blur = FaceBlur("faces")
    for step, tracks in enumerate([(1,), (1, 2), (2,), (1, 2), ()]):
        blur.update(step / 25, [(track_id, make_face()) for track_id in tracks])
        assert len(blur.new_regions) == (1, 1, 0, 0, 0)[step]


def test_single_images_and_new_videos_keep_no_places():
    still = FaceBlur("faces", hold_s=0.0)
    still.update(0.0, [(1, make_face())])
    assert changed(still).any()
    still.update(0.5, [])
    assert not changed(still).any()
    again = FaceBlur("faces")
    again.update(9.0, [(1, make_face())])
    again.update(0.0, [])
    assert not changed(again).any()


def test_hidden_chips_are_grey_and_the_faces_stay_as_they_are():
    (face,) = make_faces(make_recognition())
    (hidden,) = hide_chips([face])
    assert (hidden.recognition.face.chip == 128).all() and (face.recognition.face.chip == 0).all()
    assert hidden.recognition.face.landmarks is face.recognition.face.landmarks
    assert hidden.recognition.face.box == Box(100, 80, 120, 120) and hidden.track_id == 1
