"""Whether a face is still where its track is: quick signs for each image, and a detector that is asked in doubt."""

import math
from functools import lru_cache

import numpy as np

from landmark_fer.core.geometry import inverse_transform, similarity_transform, transform_points
from landmark_fer.core.records import Box
from landmark_fer.perception.alignment import resample
from landmark_fer.perception.detection import HogDetector
from landmark_fer.perception.landmarks import template_in_box

_SIDE, _MARGIN = 90, 45  # of the box that is expected, and around it, in pixels of the patch
_THRESHOLD = -0.6  # dlib's margin; real faces upright in a patch of their size rarely fall under it
_LARGEST_GROWTH, _FARTHEST = 1.5, 0.5  # of the box that is found from the one that is expected; in sides of it

_LEAST_ALIKE = 0.6  # correlation of looks from one image to the next
_FASTEST = 0.3  # inter-ocular distances from one image to the next, and from where the face was expected
_LARGEST_STEP = 1.2  # growth from one image to the next
_STEEPEST_TURN = math.radians(20)  # from one image to the next
_MOST_OUTSIDE = 0.3  # share of the landmarks

_TARGET = template_in_box(_SIDE, _MARGIN)


@lru_cache(maxsize=1)
def _patch_detector():
    """Return the detector that all checks share: each visitor of the web page has a check."""
    return HogDetector(threshold=_THRESHOLD)


class FaceCheck:
    """dlib's detector on a small patch around landmarks, turned upright.

    A face that is turned from the camera or tilted passes more often than in the whole image, at a tenth of the time.
    """

    def __init__(self):
        self._detector = _patch_detector()

    def find(self, grey, landmarks):
        """Return the box of the face that landmarks lie on or slipped from, None where there is none.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        landmarks : ndarray of shape (68, 2)

        Returns
        -------
        Box or None
            Pixels of `grey`.
        float
            How far its centre lies from where the landmarks have it, in sides of the box; infinite without one.
        """
        matrix = similarity_transform(landmarks, _TARGET)
        side = _SIDE + 2 * _MARGIN
        middle = (side - 1) / 2
        found = [
            (math.dist(box.centre, (middle, middle)) / _SIDE, box)
            for box, _ in self._detector.find(resample(grey, matrix, side=side, blurred=True))
            if 1 / _LARGEST_GROWTH <= box.width / _SIDE <= _LARGEST_GROWTH
        ]
        distance, box = min(found, key=lambda pair: pair[0], default=(math.inf, None))
        if distance > _FARTHEST:
            return None, math.inf
        return _in_image(box, inverse_transform(matrix)), distance


def _in_image(box, to_image):
    x, y = transform_points(to_image, np.array([box.centre]))[0].tolist()
    side = box.width * math.hypot(*to_image[:, 0])
    return Box(x - (side - 1) / 2, y - (side - 1) / 2, side, side)


def in_image(grey, landmarks):
    """Return whether most landmarks lie within a image."""
    inside = ((landmarks >= 0) & (landmarks < grey.shape[::-1])).all(axis=1)
    return 1 - np.count_nonzero(inside) / len(inside) <= _MOST_OUTSIDE


def is_steady(pose, before, expected, alike):
    """Return whether a face moved and looks as faces do from one image to the next.

    Parameters
    ----------
    pose, before, expected : Pose
        As it is, as it was, and where it was expected.
    alike : float
        Correlation of its look with that in the image before.

    Returns
    -------
    bool
    """
    return (
        alike >= _LEAST_ALIKE
        and max(pose.distance(before), pose.distance(expected)) <= _FASTEST
        and 1 / _LARGEST_STEP <= pose.size / before.size <= _LARGEST_STEP
        and abs(math.remainder(pose.turn - before.turn, 2 * math.pi)) <= _STEEPEST_TURN
    )
