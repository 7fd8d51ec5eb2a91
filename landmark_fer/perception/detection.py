"""Face detectors: the protocol that each keeps, where its boxes lie on a face, and those that are there.

To add one, write a class like `HaarDetector` and give it a row in `landmark_fer.perception.DETECTORS`.
"""

import importlib
import inspect
import math
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import cv2
import dlib
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.naming import library_path
from landmark_fer.core.records import Box
from landmark_fer.perception import DETECTORS

DETECTOR_FILE = Path(__file__).with_name("frontal_face_detector.svm")
"""What ``dlib.get_frontal_face_detector().save()`` writes: read in 2 ms, where making it anew takes dlib 350."""

FINEST_FILE = Path(__file__).with_name("frontal_face_detector_finest.svm")
"""The same detector, told to leave its pyramid after two levels: half of its work, and the smallest faces."""

CASCADE_FILE = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"

_DLIB_SMALLEST = 80  # side of the window of dlib's detector
_FINEST_LEVELS, _LEVEL = 2, 6 / 5  # of its pyramid; from each to the next the image shrinks by this


@dataclass(frozen=True)
class BoxGeometry:
    """Where the boxes of a detector lie on an upright face, in inter-ocular distances.

    Attributes
    ----------
    side : float
        Side of the square box.
    centre : float
        How far its centre lies below the middle between the eyes.
    """

    side: float
    centre: float

    def convert(self, box, other):
        """Return the `Box` that a detector with another geometry puts around the face in a box of this one."""
        if self == other:
            return box
        scale, down = other.side / self.side, (other.centre - self.centre) / self.side
        width, height = scale * box.width, scale * box.height
        x, y = box.x + (box.width - width) / 2, box.y + (box.height - height) / 2 + down * box.height
        return Box(x, y, width, height)


DLIB_BOX = BoxGeometry(side=2.32, centre=0.48)
"""Of dlib's detector: the boxes that its shape predictor was trained on, and those of every `Face`."""


class Detector(ABC):
    """Base class of the detectors.

    A subclass has `detect`, a constructor that stores its parameters under their names, and ``box_geometry`` where its
    boxes lie elsewhere on a face than dlib's. Everything else calls `find`.

    Parameters
    ----------
    smallest_face : int, default=80
        Side of the smallest box that is looked for, in pixels.

    Attributes
    ----------
    box_geometry : BoxGeometry
    searches : bool
        Whether faces are looked for; False where the whole image is taken for one, which nothing can confirm.
    """

    box_geometry = DLIB_BOX
    searches = True

    def __init__(self, *, smallest_face=80):
        self.smallest_face = smallest_face
        self._lock = threading.Lock()  # dlib and OpenCV let other threads run meanwhile, and their detectors keep state

    def __reduce__(self):
        options = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        return partial(type(self), **options), ()

    @property
    def parts(self):
        """Detectors that together look for what this one does, so that the work is spread over frames of a video."""
        return (self,)

    @abstractmethod
    def detect(self, grey):
        """Return where the faces of an image are, in any order.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
            C-contiguous: dlib reads a strided view after it is freed, and then finds other faces without an error.

        Returns
        -------
        boxes : array-like of shape (n, 4)
            x and y of the top left corner, width and height, pixels of `grey`.
        scores : array-like of shape (n,)
            Higher where a face is clearer; NaN where nothing was looked for.
        """

    def find(self, grey):
        """Return the faces of a grey image as a list of (Box, score), highest score first, boxes as dlib's lie.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        """
        with self._lock:
            boxes, scores = self.detect(np.ascontiguousarray(grey))
        boxes = [Box(*map(float, box)) for box in boxes]
        found = [
            (self.box_geometry.convert(box, DLIB_BOX), float(score)) for box, score in zip(boxes, scores, strict=True)
        ]
        return sorted(found, key=lambda pair: -pair[1])


class HogDetector(Detector):
    """dlib's frontal face detector: HOG and a linear SVM on a pyramid [1]_.

    Parameters
    ----------
    smallest_face : int, default=80
        Side of the smallest box that is looked for, in pixels. The image is resized so that dlib's own smallest,
        80, means this; half of it costs four times as much.
    longest_side : int, default=1280
        Larger images are reduced to this before the search.
    threshold : float, default=0
        Least margin of a face.
    finest : bool, default=False
        Look only for faces under 1.3 times the smallest.

    References
    ----------
    .. [1] King, Max-Margin Object Detection, 2015; Dalal and Triggs, Histograms of Oriented Gradients, CVPR 2005.
    """

    def __init__(self, *, smallest_face=80, longest_side=1280, threshold=0.0, finest=False):
        super().__init__(smallest_face=smallest_face)
        self.longest_side, self.threshold, self.finest = longest_side, threshold, finest
        self._detector = dlib.fhog_object_detector(library_path(FINEST_FILE if finest else DETECTOR_FILE))

    @cached_property
    def parts(self):
        """Two detectors of about equal work: for all but the smallest faces, and for those, itself not parted."""
        if self.finest:
            return (self,)
        same = {"longest_side": self.longest_side, "threshold": self.threshold}
        finest = HogDetector(smallest_face=self.smallest_face, finest=True, **same)
        return HogDetector(smallest_face=self.smallest_face * _LEVEL**_FINEST_LEVELS, **same), finest

    def detect(self, grey):
        """Return boxes and margins, as `Detector.detect`."""
        factor = min(1.0, self.longest_side / max(grey.shape)) * _DLIB_SMALLEST / self.smallest_face
        if factor != 1:
            size = [max(1, round(side * factor)) for side in (grey.shape[1], grey.shape[0])]
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        rectangles, scores, _ = self._detector.run(grey, 0, self.threshold)
        boxes = [(each.left(), each.top(), each.width(), each.height()) for each in rectangles]
        return np.reshape(boxes, (-1, 4)) * (1 / factor), scores


class HaarDetector(Detector):
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
        super().__init__(smallest_face=smallest_face)
        self._cascade = cv2.CascadeClassifier(library_path(CASCADE_FILE))

    def detect(self, grey):
        """Return boxes and scores, as `Detector.detect`."""
        smallest = (self.smallest_face, self.smallest_face)
        boxes, _, scores = self._cascade.detectMultiScale3(grey, 1.1, 5, minSize=smallest, outputRejectLevels=True)
        return boxes, np.ravel(scores)


class WholeImageDetector(Detector):
    """Takes the whole image for one face; its score is NaN, since nothing was seen."""

    searches = False

    def detect(self, grey):
        """Return one box, the image, with score NaN."""
        return [(0, 0, grey.shape[1], grey.shape[0])], [math.nan]


def make_detector(name, **options):
    """Return a detector by its name in `DETECTORS`.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in DETECTORS:
        raise InputError(f"detector must be one of {', '.join(DETECTORS)}, got {name!r}")
    module, _, detector = DETECTORS[name].rpartition(".")
    return getattr(importlib.import_module(module), detector)(**options)
