"""FaceExtractor: from an image to its faces, the same for training, evaluation and live."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import Box, Face
from landmark_fer.core.types import PathLike
from landmark_fer.perception import SMALLEST_FACES
from landmark_fer.perception.alignment import CHIP_SIZE, align_face, crop_box
from landmark_fer.perception.detection import CombinedDetector, HogDetector, make_detector
from landmark_fer.perception.face_check import FaceCheck
from landmark_fer.perception.images import to_grey
from landmark_fer.perception.landmarks import LandmarkPredictor

# Pre-cropped images are enlarged and padded before detection.
CROP_SIDE = 120
CROP_PADDING = 30
CROP_THRESHOLD = -0.5  # minimum margin, because there is a face

# The box of an undetected face in a pre-cropped image: about the median box of FER2013, as shares of the image's
# sides (x, y, width, height).
CROP_BOX = (0.06, 0.10, 0.90, 0.90)

_OF_CROP = ("crop_size", "crop_margin")  # only in the settings of models that use crops

# Minimum, maximum and type of each setting, because a manifest may hold any value.
_RANGES = {
    "smallest_face": (*SMALLEST_FACES, int),
    "chip_size": (8, 4096, int),
    "crop_size": (0, 4096, int),
    "crop_margin": (0, 10, int | float),
}


@dataclass(frozen=True)
class ExtractorSettings:
    """The settings that determine face records; saved with each artifact.

    Attributes
    ----------
    detector : str
        A name in `DETECTORS`.
    smallest_face : int
        Side of the smallest box to detect, in pixels of the image; not used for pre-cropped images.
    chip_size : int
        Side of the chip in pixels.
    crop_size : int
        Side of the crop in pixels; 0 for no crop.
    crop_margin : float
        Margin of the crop around the box on each side, as a share of the box.
    """

    detector: str = "hog"
    smallest_face: int = 80
    chip_size: int = CHIP_SIZE
    crop_size: int = 0
    crop_margin: float = 0.0

    def __post_init__(self):
        for name, (least, most, kind) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
                whole = "a whole number" if kind is int else "a number"
                raise InputError(f"{name} of the extractor must be {whole} from {least} to {most}, got {value!r:.40}")
        if not isinstance(self.detector, str):
            raise InputError(f"detector of the extractor must be a word, got {self.detector!r:.40}")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dictionary of plain values, those of the crop only if there is one."""
        return {name: value for name, value in asdict(self).items() if self.crop_size or name not in _OF_CROP}

    def of_crops(self) -> dict[str, Any]:
        """Return the settings that `FaceExtractor.extract_crop` uses, which has its own detector."""
        return {name: value for name, value in self.to_dict().items() if name in ("chip_size", *_OF_CROP)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ExtractorSettings":
        """Return settings from `to_dict`'s result.

        Raises
        ------
        InputError
            If a name is unknown, or a value is out of its range.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"extractor settings must be {', '.join(cls.__match_args__)}, got {values}") from error


class FaceExtractor:
    """Detects faces, locates their landmarks and aligns them.

    Parameters
    ----------
    settings : ExtractorSettings, optional
    predictor : path-like, optional
        File of the 68-point shape predictor; as for `find_predictor`.
    smallest_face : int, optional
        Side of the smallest box to detect, in pixels, where it differs from that of the settings. Smaller faces are
        found in addition: the larger ones remain those of the settings, bit for bit. Photographs are searched for them
        in their own size, up to 12.5 megapixels for faces of 40 pixels and 50 for those of 80.

    Attributes
    ----------
    detector : Detector
        The detector for whole images, with the settings' smallest face.
    small_detector : Detector or None
        The detector of smaller faces.
    landmark_predictor : LandmarkPredictor

    Raises
    ------
    InputError
        If `smallest_face` is out of its range.
    DependencyError
        If the shape predictor is missing or damaged.
    """

    def __init__(
        self,
        settings: ExtractorSettings | None = None,
        *,
        predictor: PathLike | None = None,
        smallest_face: int | None = None,
    ) -> None:
        settings = settings or ExtractorSettings()
        smallest = settings.smallest_face if smallest_face is None else smallest_face
        larger = replace(settings, smallest_face=smallest)  # checks the range
        self.settings = larger if smallest > settings.smallest_face else settings
        self.detector = make_detector(self.settings.detector, smallest_face=self.settings.smallest_face)
        self._smallest_face = smallest_face
        self.small_detector = self.detector.smaller(smallest)
        self.landmark_predictor = LandmarkPredictor(predictor)
        self._check = FaceCheck()

    def _detectors(self, shape):
        """Return the detectors for a photograph of this shape, as one."""
        small = None if self._smallest_face is None else self.detector.smaller(self._smallest_face, shape)
        return self.detector if small is None else CombinedDetector((self.detector, small))

    @cached_property
    def _crop_detector(self):
        return HogDetector(threshold=CROP_THRESHOLD)

    def extract(self, image: np.ndarray) -> list[Face]:
        """Return the faces of an image, highest detector score first; an empty list if there is none.

        False detections and faces too blurred to read are left out.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8

        Returns
        -------
        list of Face
        """
        grey = to_grey(image)
        faces = (self.face_at(grey, box, score) for box, score in self._detectors(grey.shape).find(grey))
        return [face for face in faces if self.accepts(grey, face)]

    def accepts(self, grey: np.ndarray, face: Face) -> bool:
        """Return whether a face that was detected in a grey image is one, and not too blurred to read.

        Always true for detectors that are not `Detector.checked`.
        """
        return not self.detector.checked or self._check.accepts(grey, face)

    def extract_crop(self, image: np.ndarray) -> Face:
        """Return the one face of a pre-cropped image (as in FER2013).

        The image is enlarged and padded before detection. If no face is detected, the usual position in such images is
        used, and `detector_score` is NaN.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8

        Returns
        -------
        Face
        """
        grey = to_grey(image)
        height, width = grey.shape
        scale = CROP_SIDE / max(height, width)
        size = [max(1, round(side * scale)) for side in (width, height)]
        enlarged = cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
        pad = CROP_PADDING
        padded = cv2.copyMakeBorder(enlarged, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        for box, score in self._crop_detector.find(padded):
            x, y = ((value - pad) / scale for value in (box.x, box.y))
            return self.face_at(grey, Box(x, y, box.width / scale, box.height / scale), score)
        x, y, w, h = np.array(CROP_BOX) * (width, height, width, height)
        return self.face_at(grey, Box(float(x), float(y), float(w), float(h)), float("nan"))

    def face_at(self, grey: np.ndarray, box: Box, score: float = math.nan) -> Face:
        """Return the face in a box of a grey image: landmarks located, chip aligned.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
            As from `to_grey`.
        box : Box
        score : float
            The detector's score.

        Returns
        -------
        Face
        """
        landmarks = self.landmark_predictor.locate(grey, box)
        return self.face_of(grey, box, landmarks, score)

    def face_of(self, grey: np.ndarray, box: Box, landmarks: np.ndarray, score: float = math.nan) -> Face:
        """Return the face with these landmarks: chip aligned, and crop cut if the settings have one.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
            As from `to_grey`.
        box : Box
        landmarks : ndarray of shape (68, 2)
        score : float
            The detector's score.

        Returns
        -------
        Face
        """
        settings = self.settings
        chip = align_face(grey, landmarks, size=settings.chip_size)
        crop = crop_box(grey, box, size=settings.crop_size, margin=settings.crop_margin) if settings.crop_size else None
        return Face(box=box, landmarks=landmarks, chip=chip, detector_score=score, crop=crop)
