"""Face detectors: the base class, the geometry of their boxes, and the available detectors.

To add a detector, write a class like `HaarDetector` and add a row to `landmark_fer.perception.DETECTORS`.
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
"""The output of ``dlib.get_frontal_face_detector().save()``, loaded in 2 ms instead of 350."""

FINEST_FILE = Path(__file__).with_name("frontal_face_detector_finest.svm")
"""The same detector with only the first two pyramid levels: half of the work, and the smallest faces."""

CASCADE_FILE = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"

_DLIB_SMALLEST = 80  # pixels, side of the window of dlib's detector
_MOST_PIXELS = 50_000_000  # of an enlarged photograph, which take about 3 s: faces of 40 pixels in 12.5 megapixels
_SMALL_MARGIN = 0.1  # added to the threshold of small faces, which can be at several times as many places
_ONE_FACE = 0.3  # overlap from which the boxes of two detectors are on one face
_FINEST_LEVELS, _LEVEL = 2, 6 / 5  # levels of the pyramid, and the factor from one to the next


@dataclass(frozen=True)
class BoxGeometry:
    """Where the boxes of a detector lie on an upright face, in inter-ocular distances.

    Attributes
    ----------
    side : float
        Side of the square box.
    centre : float
        Distance of its centre below the midpoint between the eyes.
    """

    side: float
    centre: float

    def convert(self, box, other):
        """Return the `Box` that a detector with geometry `other` would return for the same face."""
        if self == other:
            return box
        scale, down = other.side / self.side, (other.centre - self.centre) / self.side
        width, height = scale * box.width, scale * box.height
        x, y = box.x + (box.width - width) / 2, box.y + (box.height - height) / 2 + down * box.height
        return Box(x, y, width, height)


DLIB_BOX = BoxGeometry(side=2.32, centre=0.48)
"""Boxes of dlib's detector, on which its shape predictor was trained. Every `Face` has such a box."""


class Detector(ABC):
    """Base class of the face detectors.

    A subclass implements `detect` and a constructor that stores its parameters under their names; it sets
    ``box_geometry`` if its boxes differ from dlib's. Callers use `find`.

    Parameters
    ----------
    smallest_face : int, default=80
        Side of the smallest box to detect, in pixels.

    Attributes
    ----------
    box_geometry : BoxGeometry
    searches : bool
        False if the whole image is taken as a face without detection.
    checked : bool
        Whether `FaceExtractor` drops faces that fail its check. It is made for upright frontal faces.
    """

    box_geometry = DLIB_BOX
    searches = True
    checked = False
    _latest = None, None  # key and detector, as from `_once`

    def __init__(self, *, smallest_face=80):
        self.smallest_face = smallest_face
        self._lock = threading.Lock()  # dlib and OpenCV release the interpreter, and their detectors have state

    def __reduce__(self):
        options = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        return partial(type(self), **options), ()

    @property
    def parts(self):
        """Detectors that together find what this one finds, to spread the work over frames of a video."""
        return (self,)

    def smaller(self, smallest_face, shape=()):
        """Return a detector of the faces from `smallest_face` pixels up to those that this one detects, or None.

        It may detect larger faces, too.

        Parameters
        ----------
        smallest_face : float
        shape : tuple of int, optional
            Height and width of a photograph, which is searched in its own size, however large it is. Without it, images
            are reduced as for this detector.
        """
        if smallest_face >= self.smallest_face:
            return None
        options = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        return self._once(smallest_face, lambda: type(self)(**options | {"smallest_face": smallest_face}))

    def _once(self, key, make):
        """Return the detector that `make` returns, the same while the key stays: making one takes milliseconds."""
        latest = self._latest
        if latest[0] != key:
            latest = self._latest = key, make()
        return latest[1]

    @abstractmethod
    def detect(self, grey):
        """Detect the faces of an image, in any order.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
            C-contiguous: dlib reads a strided view after it has been freed, without an error.

        Returns
        -------
        boxes : array-like of shape (n, 4)
            x and y of the top left corner, width, height; pixels of `grey`.
        scores : array-like of shape (n,)
            Higher for clearer faces; NaN without detection.
        """

    def find(self, grey):
        """Return the faces of a grey image as a list of (Box, score), highest score first, with dlib's box geometry.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        """
        with self._lock:
            boxes, scores = self.detect(np.ascontiguousarray(grey))
        boxes = [Box(*map(float, box)) for box in boxes]
        faces = [
            (self.box_geometry.convert(box, DLIB_BOX), float(score)) for box, score in zip(boxes, scores, strict=True)
        ]
        return sorted(faces, key=lambda face: -face[1])


class HogDetector(Detector):
    """dlib's frontal face detector: HOG and a linear SVM on a pyramid [1]_.

    Parameters
    ----------
    smallest_face : int, default=80
        Side of the smallest box to detect, in pixels. The image is resized so that this becomes 80, dlib's own
        minimum; half of it costs four times as much.
    longest_side : int, default=1280
        Larger images are reduced to this before detection.
    threshold : float, default=0
        Minimum margin of a face.
    finest : bool, default=False
        Detect only faces under 1.3 times the smallest.

    References
    ----------
    .. [1] King, Max-Margin Object Detection, 2015; Dalal and Triggs, Histograms of Oriented Gradients, CVPR 2005.
    """

    checked = True

    def __init__(self, *, smallest_face=80, longest_side=1280, threshold=0.0, finest=False):
        super().__init__(smallest_face=smallest_face)
        self.longest_side, self.threshold, self.finest = longest_side, threshold, finest
        self._detector = dlib.fhog_object_detector(library_path(FINEST_FILE if finest else DETECTOR_FILE))

    @cached_property
    def parts(self):
        """Two detectors of about equal work: one for the smallest faces, one for the others."""
        if self.finest:
            return (self,)
        shared = {"longest_side": self.longest_side, "threshold": self.threshold}
        finest = HogDetector(smallest_face=self.smallest_face, finest=True, **shared)
        return HogDetector(smallest_face=self.smallest_face * _LEVEL**_FINEST_LEVELS, **shared), finest

    def smaller(self, smallest_face, shape=()):
        """Return a detector whose parts search two levels of the pyramid each, the finest last; None for no part."""
        if shape:
            smallest_face = max(smallest_face, _DLIB_SMALLEST * math.sqrt(math.prod(shape) / _MOST_PIXELS))
        smallest_face *= self._reduction(shape)
        sizes = []
        while smallest_face < self.smallest_face:
            sizes.append(round(smallest_face))
            smallest_face *= _LEVEL**_FINEST_LEVELS
        options = {"longest_side": self.longest_side, "threshold": self.threshold + _SMALL_MARGIN, "finest": True}
        parts = (HogDetector(smallest_face=size, **options) for size in reversed(sizes))
        return self._once(sizes, lambda: CombinedDetector(tuple(parts))) if sizes else None

    def detect(self, grey):
        """Return boxes and margins, as `Detector.detect`."""
        factor = self._reduction(grey.shape) * _DLIB_SMALLEST / self.smallest_face
        if factor != 1:
            size = [max(1, round(side * factor)) for side in (grey.shape[1], grey.shape[0])]
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        rectangles, scores, _ = self._detector.run(grey, 0, self.threshold)
        boxes = [(each.left(), each.top(), each.width(), each.height()) for each in rectangles]
        return np.reshape(boxes, (-1, 4)) * (1 / factor), scores

    def _reduction(self, shape):
        return min(1.0, self.longest_side / max(shape, default=1))


class HaarDetector(Detector):
    """OpenCV's cascade of Haar features [1]_: finds smaller faces than HOG, and more false positives.

    Parameters
    ----------
    smallest_face : int, default=80
        Side of the smallest box in pixels.

    References
    ----------
    .. [1] Viola and Jones, Rapid Object Detection using a Boosted Cascade of Simple Features, CVPR 2001.
    """

    checked = True

    def __init__(self, *, smallest_face=80):
        super().__init__(smallest_face=smallest_face)
        self._cascade = cv2.CascadeClassifier(library_path(CASCADE_FILE))

    def detect(self, grey):
        """Return boxes and scores, as `Detector.detect`."""
        smallest = (self.smallest_face, self.smallest_face)
        boxes, _, scores = self._cascade.detectMultiScale3(grey, 1.1, 5, minSize=smallest, outputRejectLevels=True)
        return boxes, np.ravel(scores)


class WholeImageDetector(Detector):
    """Takes the whole image as one face, with score NaN."""

    searches = False

    def smaller(self, smallest_face, shape=()):
        """Return None: there is one face, of any size."""

    def detect(self, grey):
        """Return one box, the image, with score NaN."""
        return [(0, 0, grey.shape[1], grey.shape[0])], [math.nan]


class CombinedDetector(Detector):
    """Several detectors, one after another; where their faces overlap, the first detector's stays.

    Parameters
    ----------
    detectors : tuple of Detector
    """

    def __init__(self, detectors):
        super().__init__(smallest_face=min(detector.smallest_face for detector in detectors))
        self.detectors = detectors

    @cached_property
    def parts(self):
        """The parts of all detectors."""
        return tuple(part for detector in self.detectors for part in detector.parts)

    def detect(self, grey):
        """Return boxes and scores, as `Detector.detect`."""
        faces = []
        for detector in self.detectors:
            faces += [face for face in detector.find(grey) if all(face[0].overlap(box) < _ONE_FACE for box, _ in faces)]
        boxes = [(box.x, box.y, box.width, box.height) for box, _ in faces]
        return boxes, [score for _, score in faces]


def make_detector(name, **options):
    """Return a detector by its name in `DETECTORS`.

    Raises
    ------
    InputError
        If no detector has this name.
    """
    if name not in DETECTORS:
        raise InputError(f"detector must be one of {', '.join(DETECTORS)}, got {name!r}")
    module, _, detector = DETECTORS[name].rpartition(".")
    return getattr(importlib.import_module(module), detector)(**options)
