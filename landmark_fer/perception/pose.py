"""Head pose from the 68 landmarks of a face."""

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from landmark_fer.core.geometry import check_landmarks, eye_centres
from landmark_fer.core.landmarks import TEMPLATE

# A generic head in 3-D: landmark, then x towards the image's right, y up, z towards the camera, in centimetres. Only
# points that expressions move little: outer and inner ends of brows and eyes, nostrils, mouth corners, lower lip, chin.
_HEAD = np.array(
    [
        (17, -6.825897, 6.760612, 4.402142),
        (21, -1.330353, 7.122144, 6.903745),
        (22, 1.330353, 7.122144, 6.903745),
        (26, 6.825897, 6.760612, 4.402142),
        (36, -5.311432, 5.485328, 3.987654),
        (39, -1.789930, 5.393625, 4.413414),
        (42, 1.789930, 5.393625, 4.413414),
        (45, 5.311432, 5.485328, 3.987654),
        (31, -2.005628, 1.409845, 6.165652),
        (35, 2.005628, 1.409845, 6.165652),
        (48, -2.774015, -2.080775, 5.048531),
        (54, 2.774015, -2.080775, 5.048531),
        (57, 0.000000, -3.116408, 6.097667),
        (8, 0.000000, -7.415691, 4.070434),
    ]
)
_POINTS = _HEAD[:, 0].astype(int)
_MODEL = np.ascontiguousarray(_HEAD[:, 1:] * (1, -1, -1))  # OpenCV's axes: y down, z away from the camera
_DISTANCE = 8.0  # distance of the camera, in widths of the head, where the size of the image is unknown
_START = np.array([0.0, 0.0, _DISTANCE * np.ptp(_MODEL[:, 0])])  # where the solution is searched from


class Pose(NamedTuple):
    """Rotation of a head in degrees; all 0 for a head that looks into the camera.

    Attributes
    ----------
    yaw : float
        Positive when the subject turns to the subject's left, which is the image's right.
    pitch : float
        Positive when the subject looks up.
    roll : float
        Positive when the head tilts towards the subject's left shoulder: clockwise in the image.
    """

    yaw: float
    pitch: float
    roll: float


def head_pose(landmarks):
    """Return the pose of a face by the perspective of 14 of its landmarks [1]_.

    The camera is taken to look at the face from eight widths of the head. A generic head stands for the person's, so
    that the angles have a person's own offset of some degrees; the average neutral face has none.

    Parameters
    ----------
    landmarks : ndarray of shape (68, 2)
        Pixels, x before y.

    Returns
    -------
    Pose

    Raises
    ------
    InputError
        If the landmarks have another shape or are not finite.

    References
    ----------
    .. [1] `cv2.solvePnP`; the head is the one that demonstrations of head pose with the 68-point scheme share.
    """
    roll, tilted = _upright(np.asarray(check_landmarks(landmarks), dtype=np.float64))
    yaw, pitch, rest = (angle - own for angle, own in zip(_angles(tilted), _offset(), strict=True))
    return Pose(yaw, pitch, (roll + rest + 180) % 360 - 180)


def _upright(landmarks):
    """Return the tilt of the line between the eyes in degrees, and the landmarks turned back by it.

    Without the tilt, perspective-n-point has one solution near the front for every face.
    """
    (right_x, right_y), (left_x, left_y) = eye_centres(landmarks).tolist()
    angle = math.atan2(left_y - right_y, left_x - right_x)
    cosine, sine = math.cos(angle), math.sin(angle)
    return math.degrees(angle), landmarks @ np.array([[cosine, -sine], [sine, cosine]])


def _angles(landmarks):
    """Return yaw, pitch and roll in degrees by the generic head, without the neutral face's own."""
    points = landmarks[_POINTS]
    # Python numbers, because on so few values each NumPy call takes longer than the whole computation.
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    focal = _DISTANCE * max(right - left, bottom - top, 1e-6)
    camera = np.array([[focal, 0, 0], [0, focal, 0], [0, 0, 1.0]])
    points -= ((left + right) / 2, (top + bottom) / 2)
    start = np.zeros(3), _START.copy()
    _, rotation, _ = cv2.solvePnP(_MODEL, points, camera, None, *start, True, cv2.SOLVEPNP_ITERATIVE)
    (_, b, _), (_, d, _), (e, f, g) = cv2.Rodrigues(rotation)[0].tolist()
    # The matrix turns by yaw about y first, then by pitch about x, then by roll about z.
    pitch, yaw, roll = math.asin(min(max(f, -1.0), 1.0)), math.atan2(e, g), math.atan2(-b, d)
    return math.degrees(yaw), -math.degrees(pitch), math.degrees(roll)


@lru_cache(maxsize=1)
def _offset():
    """Return the angles that the average neutral face has by the generic head."""
    return _angles(np.asarray(TEMPLATE, dtype=np.float64))
