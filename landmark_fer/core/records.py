"""Faces, recognitions, and face records: the structured array that every predictor takes."""

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import mirror_landmarks
from landmark_fer.core.landmarks import N_LANDMARKS


@dataclass(frozen=True)
class Box:
    """A bounding box in pixels of the source image; it may extend beyond the image."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box as (x, y)."""
        return self.x + (self.width - 1) / 2, self.y + (self.height - 1) / 2

    def overlap(self, other: "Box") -> float:
        """Return the intersection over union with another box (0 to 1)."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        shared = max(width, 0) * max(height, 0)
        return shared / (self.width * self.height + other.width * other.height - shared)


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one image.

    Attributes
    ----------
    box : Box
        The detector's bounding box.
    landmarks : ndarray of shape (68, 2), float32
        Pixels of the source image, x before y.
    chip : ndarray of shape (S, S), uint8
        The aligned face in grey.
    detector_score : float
        NaN if no detector found the face and the whole image is taken as one.
    crop : ndarray of shape (C, C), uint8, or None
        The image around the box in grey, not rotated; None if no model uses crops.
    """

    box: Box
    landmarks: np.ndarray
    chip: np.ndarray
    detector_score: float
    crop: np.ndarray | None = None

    def moved(self, right: float, down: float) -> "Face":
        """Return the face moved in the image by so many pixels."""
        box = replace(self.box, x=self.box.x + right, y=self.box.y + down)
        return replace(self, landmarks=self.landmarks + np.array((right, down), dtype=np.float32), box=box)

    @property
    def detected(self) -> bool:
        """Whether a detector found the face."""
        return not math.isnan(self.detector_score)


@cache
def record_dtype(chip_size=None, crop_size=None):
    """Return the dtype of a face record: landmarks, and a chip and a crop if their sizes are given."""
    fields = [("landmarks", np.float32, (N_LANDMARKS, 2))]
    fields += [(name, np.uint8, (size, size)) for name, size in (("chip", chip_size), ("crop", crop_size)) if size]
    return np.dtype(fields)


def stack(faces, *, chip_size, crop_size=None):
    """Return faces as an array of face records, shape (n,); n may be 0."""
    records = np.empty(len(faces), dtype=record_dtype(chip_size, crop_size))
    for record, face in zip(records, faces, strict=True):
        for name in records.dtype.names:
            record[name] = getattr(face, name)
    return records


def records_of_landmarks(landmarks):
    """Return landmarks of shape (n, 68, 2) as face records without chips, shape (n,)."""
    records = np.empty(len(landmarks), dtype=record_dtype())
    records["landmarks"] = landmarks
    return records


def take_field(records, name):
    """Return one field of face records.

    Raises
    ------
    InputError
        If `records` is not an array of face records, or lacks the field.
    """
    records = records if isinstance(records, RecordRows) else np.asanyarray(records)
    if records.dtype.names is None or name not in records.dtype.names:
        actual = "no face records" if records.dtype.names is None else f"fields {', '.join(records.dtype.names)}"
        raise InputError(f"face records must have the field {name!r}, got {actual}")
    return records[name]


def mirror_records(records):
    """Return the records of the mirrored faces as a new array."""
    mirrored = records.copy()
    mirrored["landmarks"] = mirror_landmarks(records["landmarks"])
    for name in ("chip", "crop"):
        if name in records.dtype.names:
            mirrored[name] = records[name][..., ::-1]
    return mirrored


MOST_COPIED = 2**28  # bytes; larger selections stay a view


class RecordRows:
    """A lazy view of some rows of face records, which may be memory-mapped.

    It has the length, dtype and shape of the rows. Indexing with a slice, mask or positions returns another view;
    indexing with the name of a field returns this field as an array; ``numpy.asarray`` reads all rows.

    Parameters
    ----------
    records : ndarray of shape (n,), structured
    rows : ndarray of shape (m,), int
    """

    ndim = 1

    def __init__(self, records, rows):
        self.records = records
        self.rows = np.asarray(rows)

    @property
    def dtype(self):
        """The dtype of the records."""
        return self.records.dtype

    @property
    def shape(self):
        """The shape (m,)."""
        return self.rows.shape

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.records[key][self.rows]
        rows = self.rows[key]
        return RecordRows(self.records, rows) if np.ndim(rows) else self.records[rows]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.records[self.rows], dtype=dtype)

    def copy(self):
        """Return the rows as a new array."""
        return np.array(self.records[self.rows])


def rows_of(records, rows):
    """Return some rows of face records: an array if they are few, else `RecordRows`.

    Parameters
    ----------
    records : ndarray of shape (n,), structured, or RecordRows
    rows : ndarray of shape (m,), int

    Returns
    -------
    ndarray of shape (m,) or RecordRows
    """
    if isinstance(records, RecordRows):
        return records[rows]
    return RecordRows(records, rows) if len(rows) * records.itemsize > MOST_COPIED else records[rows]
