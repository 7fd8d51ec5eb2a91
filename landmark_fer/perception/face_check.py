"""Whether there is a face at landmarks: dlib's detector on an upright patch."""

import math
from functools import lru_cache

import numpy as np

from landmark_fer.core.geometry import inverse_transform, similarity_transform, transform_points
from landmark_fer.core.records import Box
from landmark_fer.perception.alignment import resample
from landmark_fer.perception.detection import HogDetector
from landmark_fer.perception.landmarks import template_in_box

_SIDE, _MARGIN = 90, 45  # of the expected box, and around it, in pixels of the patch
_THRESHOLD = -0.6  # lowest margin of dlib's detector; upright faces in such a patch rarely score less
_LARGEST_BOX_GROWTH, _FARTHEST = 1.5, 0.5  # of the detected box relative to the expected one; in sides of the box

_TARGET = template_in_box(_SIDE, _MARGIN)


@lru_cache(maxsize=1)
def _patch_detector():
    """Return the detector that all checks share, because each session of the web page has a check."""
    return HogDetector(threshold=_THRESHOLD)


class FaceCheck:
    """Runs dlib's detector on a small upright patch around landmarks.

    Rotated or tilted faces are detected more often than in the whole frame, in a tenth of the time.
    """

    def __init__(self):
        self._detector = _patch_detector()

    def find(self, grey, landmarks):
        """Return the box of the face near landmarks, and its distance from them; None without a face.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        landmarks : ndarray of shape (68, 2)

        Returns
        -------
        Box or None
            Pixels of `grey`.
        float
            Distance of its centre from the position expected from the landmarks, in sides of the box; infinite without
            a face.
        """
        matrix = similarity_transform(landmarks, _TARGET)
        side = _SIDE + 2 * _MARGIN
        middle = (side - 1) / 2
        candidates = [
            (math.dist(box.centre, (middle, middle)) / _SIDE, box)
            for box, _ in self._detector.find(resample(grey, matrix, side=side, blurred=True))
            if 1 / _LARGEST_BOX_GROWTH <= box.width / _SIDE <= _LARGEST_BOX_GROWTH
        ]
        distance, box = min(candidates, key=lambda pair: pair[0], default=(math.inf, None))
        if distance > _FARTHEST:
            return None, math.inf
        return _in_image(box, inverse_transform(matrix)), distance


def _in_image(box, to_image):
    x, y = transform_points(to_image, np.array([box.centre]))[0].tolist()
    side = box.width * math.hypot(*to_image[:, 0])
    return Box(x - (side - 1) / 2, y - (side - 1) / 2, side, side)
