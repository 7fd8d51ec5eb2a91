"""Finding faces in grey images.

Every detector has one method, ``detect(grey) -> [(Box, score)]``, best first, and ``parts``: detectors that together
look for what it looks for, so that the work can be spread over the pictures of a film. Grey pictures are C-contiguous
uint8 arrays: dlib reads a strided view after it is freed, and answers wrongly now and then without an error.
"""

import math
import threading
from functools import cached_property, partial
from pathlib import Path

import cv2
import dlib
import numpy as np

from landmark_fer.errors import InputError
from landmark_fer.face.records import Box
from landmark_fer.naming import library_path

DETECTOR_FILE = Path(__file__).with_name("frontal_face_detector.svm")
"""What ``dlib.get_frontal_face_detector().save()`` writes: read in 2 ms, where making it anew takes dlib 350."""

FINEST_FILE = Path(__file__).with_name("frontal_face_detector_finest.svm")
"""The same detector, told to leave its pyramid after two levels: half of its work, and the smallest faces."""

CASCADE_FILE = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"

_DLIB_SMALLEST = 80  # side of the window of dlib's detector
_FINEST_LEVELS, _LEVEL = 2, 6 / 5  # of its pyramid; from each to the next the picture shrinks by this


class _Undivided:
    """A detector that does all of its work at once."""

    @property
    def parts(self):
        """The detector itself."""
        return (self,)


class HogDetector:
    """dlib's frontal face detector: HOG and a linear SVM on a pyramid [1]_.

    Parameters
    ----------
    smallest_face : int, default=80
        Side of the smallest box that is looked for, in pixels. The picture is resized so that dlib's own smallest,
        80, means this; half of it costs four times as much.
    longest_side : int, default=1280
        Larger pictures are reduced to this before the search.
    threshold : float, default=0
        Least margin of a face.
    finest : bool, default=False
        Look only for faces under 1.3 times the smallest.

    References
    ----------
    .. [1] King, Max-Margin Object Detection, 2015; Dalal and Triggs, Histograms of Oriented Gradients, CVPR 2005.
    """

    def __init__(self, *, smallest_face=80, longest_side=1280, threshold=0.0, finest=False):
        self.smallest_face, self.longest_side, self.threshold = smallest_face, longest_side, threshold
        self.finest = finest
        self._detector = dlib.fhog_object_detector(library_path(FINEST_FILE if finest else DETECTOR_FILE))
        self._lock = threading.Lock()  # dlib lets other threads run meanwhile, and the detector keeps state

    def __reduce__(self):
        options = ("smallest_face", "longest_side", "threshold", "finest")
        return partial(HogDetector, **{name: getattr(self, name) for name in options}), ()

    @cached_property
    def parts(self):
        """Two detectors of about equal work: for all but the smallest faces, and for those, itself not parted."""
        if self.finest:
            return (self,)
        same = {"longest_side": self.longest_side, "threshold": self.threshold}
        finest = HogDetector(smallest_face=self.smallest_face, finest=True, **same)
        return HogDetector(smallest_face=self.smallest_face * _LEVEL**_FINEST_LEVELS, **same), finest

    def detect(self, grey):
        """Return the faces of a grey picture as (Box, score), highest score first."""
        factor = min(1.0, self.longest_side / max(grey.shape)) * _DLIB_SMALLEST / self.smallest_face
        if factor != 1:
            size = [max(1, round(side * factor)) for side in (grey.shape[1], grey.shape[0])]
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        with self._lock:
            rectangles, scores, _ = self._detector.run(np.ascontiguousarray(grey), 0, self.threshold)
        found = [(_enlarged(rectangle, 1 / factor), score) for rectangle, score in zip(rectangles, scores, strict=True)]
        return sorted(found, key=lambda pair: -pair[1])


class HaarDetector(_Undivided):
    """OpenCV's cascade of Haar features [1]_: finds smaller faces than HOG, and more that are none.

    Parameters
    ----------
    smallest_face : int, default=80
        Side of the smallest box in pixels.

    References
    ----------
    .. [1] Viola and Jones, Rapid Object Detection using a Boosted Cascade of Simple Features, CVPR 2001.
    """

    def __init__(self, *, smallest_face=80):
        self.smallest_face = smallest_face
        self._lock = threading.Lock()  # OpenCV's cascades keep state, too
        self._cascade = cv2.CascadeClassifier(library_path(CASCADE_FILE))

    def __reduce__(self):
        return partial(HaarDetector, smallest_face=self.smallest_face), ()

    def detect(self, grey):
        """Return the faces of a grey picture as (Box, score), highest score first."""
        smallest = (self.smallest_face, self.smallest_face)
        with self._lock:
            boxes, _, scores = self._cascade.detectMultiScale3(grey, 1.1, 5, minSize=smallest, outputRejectLevels=True)
        found = [(Box(*map(float, box)), float(score)) for box, score in zip(boxes, np.ravel(scores), strict=True)]
        return sorted(found, key=lambda pair: -pair[1])


class WholePictureDetector(_Undivided):
    """Takes the whole picture for one face; its score is NaN, since nothing was seen."""

    def detect(self, grey):
        """Return one box, the picture, with score NaN."""
        return [(Box(0.0, 0.0, float(grey.shape[1]), float(grey.shape[0])), math.nan)]


DETECTORS = {"hog": HogDetector, "haar": HaarDetector, "whole": WholePictureDetector}


def make_detector(name, **options):
    """Return a detector by its name in `DETECTORS`.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in DETECTORS:
        raise InputError(f"detector must be one of {', '.join(DETECTORS)}, got {name!r}")
    return DETECTORS[name](**options)


def _enlarged(rectangle, factor):
    side = [value * factor for value in (rectangle.left(), rectangle.top(), rectangle.width(), rectangle.height())]
    return Box(*side)
