"""Head pose from the 68 landmarks of a face."""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from landmark_fer.core.geometry import check_landmarks
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
    yaw, pitch, rest = np.subtract(_angles(tilted), _offset())
    return Pose(float(yaw), float(pitch), float((roll + rest + 180) % 360 - 180))


def _upright(landmarks):
    """Return the tilt of the line between the eyes in degrees, and the landmarks turned back by it.

    Without the tilt, perspective-n-point has one solution near the front for every face.
    """
    right, left = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    angle = np.arctan2(left[1] - right[1], left[0] - right[0])
    cosine, sine = np.cos(-angle), np.sin(-angle)
    return np.degrees(angle), landmarks @ np.array([[cosine, sine], [-sine, cosine]])


def _angles(landmarks):
    points = landmarks[_POINTS]
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    width = max(float(np.ptp(points[:, 0])), float(np.ptp(points[:, 1])), 1e-6)
    camera = np.array([[_DISTANCE * width, 0, 0], [0, _DISTANCE * width, 0], [0, 0, 1.0]])
    start = np.zeros(3), np.array([0.0, 0.0, _DISTANCE * np.ptp(_MODEL[:, 0])])
    _, rotation, _ = cv2.solvePnP(
        _MODEL, points - centre, camera, None, *(vector.copy() for vector in start), True, cv2.SOLVEPNP_ITERATIVE
    )
    matrix, _ = cv2.Rodrigues(rotation)
    # The matrix turns by yaw about y first, then by pitch about x, then by roll about z.
    pitch = -np.arcsin(np.clip(matrix[2, 1], -1, 1))
    yaw = np.arctan2(-matrix[2, 0], matrix[2, 2])
    roll = np.arctan2(-matrix[0, 1], matrix[1, 1])
    return -np.degrees(yaw), np.degrees(pitch), np.degrees(roll)


@lru_cache(maxsize=1)
def _offset():
    """Return the angles that the average neutral face has by the generic head."""
    return _angles(np.asarray(TEMPLATE, dtype=np.float64))
