"""Face records: the structured array that every predictor takes, and its rows as arrays."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import mirror_landmarks
from landmark_fer.core.landmarks import N_LANDMARKS


@dataclass(frozen=True)
class Box:
    """A bounding box in pixels of the source image; it may reach over the image's edge."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self):
        """The middle of the box as (x, y)."""
        return self.x + (self.width - 1) / 2, self.y + (self.height - 1) / 2

    def overlap(self, other):
        """Return the area shared with another box divided by the area of both together (0 to 1)."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        shared = max(width, 0) * max(height, 0)
        return shared / (self.width * self.height + other.width * other.height - shared)


@dataclass(frozen=True, eq=False)
class Face:
    """One face of one image.

    Attributes
    ----------
    box : Box
        Where the detector saw it.
    landmarks : ndarray of shape (68, 2), float32
        Pixels of the source image, x before y.
    chip : ndarray of shape (S, S), uint8
        The face in grey, upright on the template.
    detector_score : float
        The detector's margin, NaN where the whole image was taken for a face that no detector saw.
    crop : ndarray of shape (C, C), uint8, or None
        The image around the box in grey, as it stands; None where no model asked for it.
    """

    box: Box
    landmarks: np.ndarray
    chip: np.ndarray
    detector_score: float
    crop: np.ndarray | None = None

    @property
    def detected(self):
        """Whether a detector saw the face."""
        return not np.isnan(self.detector_score)


@dataclass(frozen=True, eq=False)
class Recognition:
    """The answer for one face: what expression it shows, as far as the model can tell.

    Attributes
    ----------
    face : Face
    expression : str
        The most probable expression, or `UNCERTAIN` where its probability is too small to name it.
    confidence : float
        Probability of the most probable expression.
    probabilities : dict of str to float
        One for each of the model's classes, in the order of `EXPRESSIONS`; they sum to 1.
    """

    face: Face
    expression: str
    confidence: float
    probabilities: dict = field(repr=False)
    _explainer: object = field(default=None, repr=False, compare=False)  # from a Recognition to an Explanation

    @property
    def likeliest(self):
        """The most probable expression, also where it is not probable enough to be the answer."""
        return max(self.probabilities, key=self.probabilities.get)

    def explain(self):
        """Return why the model answers so, as an `Explanation` (see `recognition.explanation`).

        Raises
        ------
        InputError
            If no Recognizer made this answer, or it was pickled: then there is no model to ask.
        """
        if self._explainer is None:
            raise InputError(
                "a recognition is explained by the model that made it, and this one has none; "
                "take it from a Recognizer, or give explain(artifact, recognition) both"
            )
        return self._explainer(self)

    def __getstate__(self):
        return self.__dict__ | {"_explainer": None}  # a pickled answer does not carry its model along


@dataclass(frozen=True, eq=False)
class RecognizedFace:
    """A face of a frame with its track number and predictions.

    Attributes
    ----------
    track_id : int
        Counted from 1; the same from frame to frame.
    recognition : Recognition
        The prediction that is shown and logged, smoothed over time where smoothing is on.
    raw : Recognition
        The model's prediction from this frame alone.
    versus : Recognition or None
        The second model's prediction, where two models are compared.
    """

    track_id: int
    recognition: Recognition
    raw: Recognition
    versus: Recognition | None = None


@cache
def record_dtype(chip_size=None, crop_size=None):
    """Return the dtype of a face record: landmarks, and chip and crop where their sizes are given."""
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
        If `records` is no array of face records or lacks the field.
    """
    records = records if isinstance(records, RecordRows) else np.asanyarray(records)
    if records.dtype.names is None or name not in records.dtype.names:
        came = "no face records" if records.dtype.names is None else f"fields {', '.join(records.dtype.names)}"
        raise InputError(f"face records must have the field {name!r}, got {came}")
    return records[name]


def mirror_records(records):
    """Return the records of the mirrored faces; the caller's array is left as it is."""
    mirrored = records.copy()
    mirrored["landmarks"] = mirror_landmarks(records["landmarks"])
    for name in ("chip", "crop"):
        if name in records.dtype.names:
            mirrored[name] = records[name][..., ::-1]
    return mirrored


MOST_COPIED = 2**28  # bytes of records that are copied at once, as NumPy would


class RecordRows:
    """Chosen rows of an array of face records, which is left where it lies (on the disk, say) until they are asked for.

    It has the length, dtype and shape of the rows, and can be indexed as an array can: with a slice, mask or positions
    it gives other rows, still unread; with the name of a field that field as an array; ``numpy.asarray`` reads all.

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
        """That of the records."""
        return self.records.dtype

    @property
    def shape(self):
        """(m,)."""
        return self.rows.shape

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.records[key][self.rows]
        chosen = self.rows[key]
        return RecordRows(self.records, chosen) if np.ndim(chosen) else self.records[chosen]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.records[self.rows], dtype=dtype)

    def copy(self):
        """Return the rows as an array."""
        return np.array(self.records[self.rows])


def rows_of(records, rows):
    """Return some rows of face records: as NumPy would where they are few, else as `RecordRows`.

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
