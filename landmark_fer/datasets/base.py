"""FaceDataset: the faces of a data set with their labels; Item: one image as a reader yields it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import expression_named, in_order
from landmark_fer.core.records import rows_of

OFFICIAL_SPLITS = ("Training", "PublicTest", "PrivateTest")
MAX_NAMES = 5  # names in one sentence
NO_VALUE = ("", "na", "n/a", "nan", "none", "null", "?", "unknown")
"""Words, in lower case, that programs write into cells without a value."""


@dataclass(frozen=True, eq=False)
class Item:
    """One image of a data set, before a face is detected in it.

    Attributes
    ----------
    name : str
        Name in messages and tables.
    expression : str or None
        A member of `EXPRESSIONS`; None only where there is a problem.
    split : str
        One of `OFFICIAL_SPLITS`, the data set's own word where it has another, or "".
    subject : str
        Identifier of the person; "" where unknown.
    image : ndarray, Path, bytes or None
        Pixels (grey or RGB, uint8), or a file or a file's content, which the worker decodes.
    problem : str or None
        A sentence on why the image is left out.
    problem_is_shared : bool
        Whether `problem` continues a sentence that begins with the number of such images: "images lie in no numbered
        folder". The image then has the status `LEFT_OUT`, otherwise `UNREADABLE`.
    """

    name: str
    expression: str | None = None
    split: str = ""
    subject: str = ""
    image: np.ndarray | Path | bytes | None = None
    problem: str | None = None
    problem_is_shared: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class FaceDataset:
    """The faces of a data set as records, with labels and metadata for each face.

    Attributes
    ----------
    records : ndarray of shape (n,), structured
        Face records; memory-mapped and read-only where they come from the cache. Without the field ``chip`` where
        they come from the geometry table.
    expressions, splits, subjects, names : ndarray of shape (n,), str
    rows : ndarray of shape (n,), int
        Position in the source, from 0, header not counted.
    detector_scores : ndarray of shape (n,), float32
        NaN where the detector found no face and its position was assumed.
    cropped : bool
        Whether the images were cropped to one face each.
    source : str
        Name of the file or folder.
    key : str
        Identifies the content: changes with the source, with the extractor's settings, and by `take`.
    problems : list of str
        Sentences on what was left out and why.
    remarks : list of str
        Sentences on how the source was read: a missing column, the first frame of several, an assumed range of
        values. They do not leave anything out.
    left_out_csv : str
        Path of a csv that lists every image that was left out; "" where there is none.
    n_left_out : int
        Number of images that were left out; files that are not images do not count.
    votes : ndarray of shape (n, 10) or None
        FER+ votes, in the order of `FERPLUS_COLUMNS`.
    near_duplicate_groups : ndarray of shape (n,), int, or None
        As from `find_near_duplicates`, where they come with the data (the geometry table, a collection).
    near_duplicate_correlations : ndarray of shape (n,), float32, or None
        The same.
    weights : ndarray of shape (n,), int, or None
        How many times each face counts when a model is fitted; scores ignore it.
    takes : ndarray of shape (n,), str, or None
        The recording that a face is a frame of; "" for single images.
    origins : ndarray of shape (n,), str, or None
        The data set that each face is from, where several were joined.
    attributes : dict of str to ndarray of shape (n,), str
        Further columns of a csv by their names, such as gender; empty where data sets were joined.
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
    left_out_csv: str = ""
    n_left_out: int = 0
    votes: np.ndarray | None = None
    near_duplicate_groups: np.ndarray | None = None
    near_duplicate_correlations: np.ndarray | None = None
    weights: np.ndarray | None = None
    takes: np.ndarray | None = None
    origins: np.ndarray | None = None
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        for name, column in self._columns().items():
            if len(column) != len(self.records):
                raise InputError(f"{name} must have one entry a record ({len(self.records)}), got {len(column)}")

    def __len__(self):
        return len(self.records)

    def __repr__(self):
        return f"FaceDataset({len(self)} faces of {self.source!r}, {', '.join(self.classes)})"

    @property
    def classes(self) -> tuple[str, ...]:
        """The expressions that occur, in the order of `EXPRESSIONS`, as a tuple."""
        return in_order(np.unique(self.expressions).tolist())

    def take(self, indices: np.ndarray) -> "FaceDataset":
        """Return the data set of some of the faces.

        Parameters
        ----------
        indices : ndarray of shape (n,) of bool, or of any length of int
            A mask, or positions in any order. Consecutive positions stay memory-mapped; others are copied, or
            become `RecordRows` where they are many.

        Returns
        -------
        FaceDataset
        """
        indices = np.asarray(indices)
        if indices.dtype == bool:
            if indices.shape != (len(self),):
                raise InputError(f"mask must have shape ({len(self)},), got {indices.shape}")
            indices = np.flatnonzero(indices)
        indices = indices.astype(np.int64)
        key = hashlib.sha256(self.key.encode() + indices.tobytes()).hexdigest()
        part = _as_slice(indices)
        columns = {name: column[part] for name, column in self._columns().items() if name != "records"}
        records = self.records[part] if isinstance(part, slice) else rows_of(self.records, part)
        attributes = {name: column[part] for name, column in self.attributes.items()}
        return replace(self, records=records, **columns, attributes=attributes, key=key)

    def of_split(self, name: str) -> "FaceDataset":
        """Return the faces of one split.

        Raises
        ------
        InputError
            If the data set has no such split.
        """
        mask = self.splits == name
        if not mask.any():
            present = ", ".join(map(repr, np.unique(self.splits).tolist())) or "none"
            raise InputError(f"split must be one of those of {self.source} ({present}), got {name!r}")
        return self.take(mask)

    def only(self, expressions: Iterable[str]) -> "FaceDataset":
        """Return the faces with one of some expressions.

        Parameters
        ----------
        expressions : iterable of str
            Members of `EXPRESSIONS`, or synonyms.

        Raises
        ------
        InputError
            If a word means no expression.
        DataError
            If no face has one of them.
        """
        wanted = in_order(expression_named(word) for word in expressions)
        mask = np.isin(self.expressions, wanted)
        if not mask.any():
            raise DataError(f"{self.source} has no face that shows {', '.join(wanted) or 'nothing'}; choose others")
        return self.take(mask)

    def left_out_sentences(self, limit: int = 10) -> list[str]:
        """Return sentences on the images that were left out, as a list.

        Parameters
        ----------
        limit : int, default=10
            Number of reasons to list; the others are counted.
        """
        sentences = [f"left out: {problem}" for problem in self.problems[:limit]]
        if len(self.problems) > limit:
            sentences.append(f"left out: {len(self.problems) - limit:,} more for similar reasons")
        if self.problems and self.left_out_csv:
            sentences.append(f"list of everything that was left out, with reasons: {self.left_out_csv}")
        return sentences

    def undetected_by_class(self) -> dict[str, int]:
        """Return the number of faces that the detector did not find, as {expression: number} with zeros."""
        undetected = self.expressions[np.isnan(self.detector_scores)]
        return {expression: int((undetected == expression).sum()) for expression in self.classes}

    def _columns(self):
        """Return the arrays with one entry a face, by name."""
        scalars = {"cropped", "source", "key", "problems", "remarks", "left_out_csv", "n_left_out", "attributes"}
        columns = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in scalars}
        return {name: column for name, column in columns.items() if column is not None}


def counted_sentence(count, predicate, names):
    """Return a sentence that begins with a number of files and ends with the names of the first ones."""
    return f"{count:,} {predicate}: {first_names(count, names)}"


def unread_sentence(count, reason, names):
    """Return a sentence on files that are not read for one of the reasons `image_trees.UNREAD`."""
    return counted_sentence(count, f"files are not read ({reason})", names)


def subject_remarks(subjects):
    """Return sentences on names of people in a csv that are easily mistaken, as a list.

    Parameters
    ----------
    subjects : ndarray of shape (n,), str
    """
    spellings = {}
    for name in np.unique(subjects[subjects != ""]).tolist():
        spellings.setdefault(name.casefold(), []).append(name)
    several = [" and ".join(names) for names in spellings.values() if len(names) > 1]
    without_value = [names[0] for word, names in spellings.items() if word in NO_VALUE]
    remarks = [f"the subject {name} counts as one person; leave the cell empty if unknown" for name in without_value]
    if several:
        remarks.append(f"subjects in other letter case count as other people: {first_names(len(several), several)}")
    return remarks


def first_names(count, names):
    """Return the first of `count` names in a row, with dots for the rest."""
    return ", ".join(names[:MAX_NAMES]) + (", ..." if count > MAX_NAMES else "")


def _as_slice(positions):
    """Return consecutive positions as a slice, others unchanged."""
    if len(positions) and positions[0] >= 0 and np.array_equal(positions, positions[0] + np.arange(len(positions))):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions
