"""Item and FaceDataset: one image of a source as it is read, and all of its faces once they are measured."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import expression_named, in_order
from landmark_fer.core.records import rows_of

NAMED = 5  # of many files, in one sentence

OFFICIAL_SPLITS = ("Training", "PublicTest", "PrivateTest")


@dataclass(frozen=True, eq=False)
class Item:
    """One image of a data set, before a face is looked for.

    Attributes
    ----------
    name : str
        What messages and tables call it.
    expression : str or None
        A member of `EXPRESSIONS`; None only where there is a problem.
    split : str
        One of `OFFICIAL_SPLITS`, the source's own word where it has another, or "".
    subject : str
        Who is seen; "" where unknown.
    image : ndarray, Path, bytes or None
        Pixels (grey or RGB, uint8), or a file or a file's content, which the worker decodes.
    problem : str or None
        A sentence on why the image is left out.
    of_many : bool
        Whether `problem` is what one sentence says on all that it is true of: "images lie in no numbered folder".
    """

    name: str
    expression: str | None = None
    split: str = ""
    subject: str = ""
    image: np.ndarray | Path | bytes | None = None
    problem: str | None = None
    of_many: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class FaceDataset:
    """The faces of a data set: records, and beside each what is known of it. Arrays of words are NumPy str arrays.

    Attributes
    ----------
    records : ndarray of shape (n,), structured
        Face records; memory-mapped and read-only where they come from the cache. Without the field ``chip`` where
        they come from the geometry table.
    expressions, splits, subjects, names : ndarray of shape (n,), str
    rows : ndarray of shape (n,), int
        Position in the source, from 0, header not counted.
    detector_scores : ndarray of shape (n,), float32
        NaN where no detector saw the face.
    cropped : bool
        Whether the images were cropped to one face each.
    source : str
        Name of the file or folder.
    key : str
        Changes with the source's content and with the extractor's settings, and by `take`.
    problems : list of str
        What was left out and why.
    remarks : list of str
        Sentences on how the source was read: without a column that it lacks, the first frame of several, values by a
        usual range. Nothing is left out for them.
    left_out : str
        Path of a csv that names every image that was left out; "" where there is none.
    n_left_out : int
        How many images the sentences in `problems` are about; files that are no images do not count.
    votes : ndarray of shape (n, 10) or None
        FER+ votes, in the order of `FERPLUS_COLUMNS`.
    near_duplicate_groups : ndarray of shape (n,), int, or None
        As from `find_near_duplicates`, where the audit came with the data (the geometry table).
    near_duplicate_correlations : ndarray of shape (n,), float32, or None
        The same.
    weights : ndarray of shape (n,), int, or None
        How many times each face counts in a fit; never in a score.
    takes : ndarray of shape (n,), str, or None
        The recording that a face is a frame of; "" where it is a image of its own.
    origins : ndarray of shape (n,), str, or None
        Which data set each face is from, where several were joined.
    """

    records: np.ndarray
    expressions: np.ndarray
    splits: np.ndarray
    subjects: np.ndarray
    names: np.ndarray
    rows: np.ndarray
    detector_scores: np.ndarray
    cropped: bool = True
    source: str = ""
    key: str = ""
    problems: Sequence[str] = field(default_factory=list)
    remarks: Sequence[str] = field(default_factory=list)
    left_out: str = ""
    n_left_out: int = 0
    votes: np.ndarray | None = None
    near_duplicate_groups: np.ndarray | None = None
    near_duplicate_correlations: np.ndarray | None = None
    weights: np.ndarray | None = None
    takes: np.ndarray | None = None
    origins: np.ndarray | None = None

    def __post_init__(self):
        for name in _columns():
            column = getattr(self, name)
            if column is not None and len(column) != len(self.records):
                raise InputError(f"{name} must have one entry a record ({len(self.records)}), got {len(column)}")

    def __len__(self):
        return len(self.records)

    def __repr__(self):
        return f"FaceDataset({len(self)} faces of {self.source!r}, {', '.join(self.classes)})"

    @property
    def classes(self):
        """The expressions that occur, in the order of `EXPRESSIONS`, as a tuple."""
        return in_order(np.unique(self.expressions).tolist())

    def take(self, chosen):
        """Return the data set of some of the faces.

        Parameters
        ----------
        chosen : ndarray of shape (n,) of bool, or of any length of int
            A mask, or positions in any order. A run of neighbours stays memory-mapped; others are copied, or
            `RecordRows` where they are many.
        """
        chosen = np.asarray(chosen)
        if chosen.dtype == bool:
            if chosen.shape != (len(self),):
                raise InputError(f"mask must have shape ({len(self)},), got {chosen.shape}")
            chosen = np.flatnonzero(chosen)
        chosen = chosen.astype(np.int64)
        key = hashlib.sha256(self.key.encode() + chosen.tobytes()).hexdigest()
        part = _as_slice(chosen)
        columns = {name: getattr(self, name) for name in _columns()}
        taken = {name: column[part] for name, column in columns.items() if name != "records" and column is not None}
        taken["records"] = self.records[part] if isinstance(part, slice) else rows_of(self.records, part)
        return replace(self, **taken, key=key)

    def of_split(self, name):
        """Return the faces of one split.

        Raises
        ------
        InputError
            If there are none; the splits that there are are named.
        """
        mask = self.splits == name
        if not mask.any():
            present = ", ".join(map(repr, np.unique(self.splits).tolist())) or "none"
            raise InputError(f"split must be one of those of {self.source} ({present}), got {name!r}")
        return self.take(mask)

    def only(self, expressions):
        """Return the faces that show one of `expressions` (words of the closed list, or synonyms).

        Raises
        ------
        InputError
            If a word means no expression.
        DataError
            If no face shows one of them.
        """
        wanted = in_order(expression_named(word) for word in expressions)
        mask = np.isin(self.expressions, wanted)
        if not mask.any():
            raise DataError(f"{self.source} has no face that shows {', '.join(wanted) or 'nothing'}; choose others")
        return self.take(mask)

    def left_out_sentences(self, most=10):
        """Return what a command prints of the images that were left out, as a list: the first reasons, then counts.

        Parameters
        ----------
        most : int, default=10
            Reasons; of the others, how many there are.
        """
        sentences = [f"left out: {problem}" for problem in self.problems[:most]]
        if len(self.problems) > most:
            sentences.append(f"left out: {len(self.problems) - most:,} more for reasons like these")
        if self.problems and self.left_out:
            sentences.append(f"all that was left out, with reasons: {self.left_out}")
        return sentences

    def undetected_by_class(self):
        """Return how many faces no detector saw, as a dict of expression to number, zeros included."""
        unseen = self.expressions[np.isnan(self.detector_scores)]
        return {expression: int((unseen == expression).sum()) for expression in self.classes}


def of_many(count, sentence, names):
    """Return a sentence that begins with how many files it is about and ends with the names of the first ones."""
    return f"{count:,} {sentence}: {first_of(count, names)}"


def unread(count, reason, names):
    """Return a sentence on files that are not read for one of the reasons `image_trees.UNREAD`."""
    return of_many(count, f"files are not read ({reason})", names)


def first_of(count, names):
    """Return the first names of so many things in a row, with dots for the rest."""
    return ", ".join(names[:NAMED]) + (", ..." if count > NAMED else "")


def _columns():
    of_all = {"cropped", "source", "key", "problems", "remarks", "left_out", "n_left_out"}
    return [item.name for item in fields(FaceDataset) if item.name not in of_all]


def _as_slice(positions):
    """Return a run of neighbouring positions as a slice, anything else as it is."""
    if len(positions) and positions[0] >= 0 and np.array_equal(positions, positions[0] + np.arange(len(positions))):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions
