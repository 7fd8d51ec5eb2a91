"""Head pose from the 68 landmarks of a face."""

import math
from functools import lru_cache
from typing import NamedTuple

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
_MODEL = (_HEAD[:, 1:] - _HEAD[:, 1:].mean(axis=0)) * (1, -1, -1)  # axes of images: y down, z away from the camera
_FROM_POINTS = np.linalg.pinv(_MODEL)  # solves for the affine projection; its rows sum to zero, so that shifts cancel


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
    """Return the pose of a face by the affine projection of 14 of its landmarks.

    The projection of a generic head that fits the landmarks best in the sense of least squares is linear in them, so
    that it is unique [1]_. Yaw and pitch are read from how it depends on depth, each along its own axis. A long face,
    such as one with an open mouth, therefore does not look turned; to a rigid head it does, because it fits best turned
    to either side. The generic head stands for the person's, so that the angles have a person's own offset of some
    degrees; the average neutral face has none.

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
    .. [1] DeMenthon and Davis, Model-Based Object Pose in 25 Lines of Code, International Journal of Computer Vision
       15, 1995; this is its first step. The head is the one that demonstrations of head pose with the 68-point scheme
       share.
    """
    yaw, pitch, roll = _angles(check_landmarks(landmarks))
    return Pose(yaw, pitch - _own_pitch(), roll)


def _angles(landmarks):
    """Return yaw, pitch and roll in degrees by the generic head.

    A head turns by yaw about y first, then by pitch about x, then by roll about z.
    """
    # Python numbers, because on so few values each NumPy call takes longer than the whole computation.
    (a, b, c), (d, e, f) = (_FROM_POINTS @ landmarks[_POINTS]).T.tolist()
    roll = math.atan2(-b, e)
    cosine, sine = math.cos(roll), math.sin(roll)
    across_x, across_z = cosine * a + sine * d, cosine * c + sine * f
    down_x, down_y, down_z = cosine * d - sine * a, cosine * e - sine * b, cosine * f - sine * c
    yaw = math.atan2(-across_z, across_x)
    pitch = math.atan2(math.sin(yaw) * down_x + math.cos(yaw) * down_z, down_y)
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


@lru_cache(maxsize=1)
def _own_pitch():
    """Return the pitch that the average neutral face has by the generic head; its other angles are 0 by symmetry."""
    return _angles(TEMPLATE)[1]
