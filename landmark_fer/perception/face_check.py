"""Checks of faces: dlib's detector on an upright patch around the landmarks, and detail."""

import math
from functools import lru_cache

import cv2
import numpy as np

from landmark_fer.core.geometry import inverse_transform, similarity_transform, transform_points
from landmark_fer.core.records import Box
from landmark_fer.perception.alignment import resample
from landmark_fer.perception.detection import HogDetector
from landmark_fer.perception.landmarks import template_in_box

_SIDE, _MARGIN = 90, 45  # of the expected box, and around it, in pixels of the patch
_THRESHOLD = -0.6  # lowest margin of dlib's detector; upright faces in such a patch rarely score less
_LARGEST_BOX_GROWTH, _FARTHEST = 1.5, 0.5  # of the detected box relative to the expected one; in sides of the box

# Of a newly detected face: the least margin on the upright patch; the least detail, as the standard deviation of the
# Laplacian of its chip at 64x64 pixels in grey levels, and the margin with which less will do. docs/decisions/0035 has
# the figures.
_LEAST_MARGIN, _LEAST_DETAIL, _CLEAR_MARGIN = -0.3, 4.0, 0.8
_DETAIL_SIDE = 64

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
        distance, _, box = min(self._candidates(grey, matrix), default=(math.inf, 0.0, None), key=lambda each: each[0])
        return (None, math.inf) if box is None else (_in_image(box, inverse_transform(matrix)), distance)

    def margin(self, grey, landmarks):
        """Return the detector's highest margin at landmarks, minus infinity without a face.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        landmarks : ndarray of shape (68, 2)

        Returns
        -------
        float
        """
        found = self._candidates(grey, similarity_transform(landmarks, _TARGET))
        return max((margin for _, margin, _ in found), default=-math.inf)

    def accepts(self, grey, face):
        """Return whether a newly detected face is one, and neither a false detection nor a blurred, dark patch.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        face : Face

        Returns
        -------
        bool
        """
        least = _LEAST_MARGIN if _detail(face.chip) >= _LEAST_DETAIL else _CLEAR_MARGIN
        return self.margin(grey, face.landmarks) >= least

    def _candidates(self, grey, matrix):
        """Return (distance, margin, box in the patch) of each face near the middle of the patch."""
        side = _SIDE + 2 * _MARGIN
        middle = (side - 1) / 2
        found = [
            (math.dist(box.centre, (middle, middle)) / _SIDE, margin, box)
            for box, margin in self._detector.find(resample(grey, matrix, side=side, blurred=True))
            if 1 / _LARGEST_BOX_GROWTH <= box.width / _SIDE <= _LARGEST_BOX_GROWTH
        ]
        return [each for each in found if each[0] <= _FARTHEST]


def _detail(chip):
    small = cv2.resize(chip, (_DETAIL_SIDE, _DETAIL_SIDE), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(small, cv2.CV_32F).std())


def _in_image(box, to_image):
    x, y = transform_points(to_image, np.array([box.centre]))[0].tolist()
    side = box.width * math.hypot(*to_image[:, 0])
    return Box(x - (side - 1) / 2, y - (side - 1) / 2, side, side)
