"""Readers of FER+ [1]_: the votes of ten annotators for the faces of FER2013, and its folders of images.

References
----------
.. [1] Barsoum, Zhang, Canton Ferrer and Zhang, Training Deep Networks for Facial Expression Recognition with
   Crowd-Sourced Label Distribution, ICMI 2016.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, FERPLUS_COLUMNS
from landmark_fer.datasets.readers.csv_files import Columns, csv_rows, whole_number
from landmark_fer.datasets.readers.fer2013 import Fer2013Csv
from landmark_fer.datasets.readers.folder_names import parts_of, split_named
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

FERPLUS_NAME = "fer2013new.csv"

# Splits of the folders that FER+'s script writes.
FOLDERS = {"FER2013Train": "Training", "FER2013Valid": "PublicTest", "FER2013Test": "PrivateTest"}

_NAMES = {column: (column,) for column in ("Usage", *FERPLUS_COLUMNS)}
_LABELS = "label.csv"  # an image's name, the box in it, ten votes; no header


def find_votes(path):
    """Return the path of the votes in the folder of FER2013's csv.

    Raises
    ------
    DataError
        If the file does not exist.
    """
    votes = Path(path).with_name(FERPLUS_NAME)
    if not votes.is_file():
        raise DataError(f"{votes} does not exist; put FER+'s {FERPLUS_NAME} (github.com/microsoft/FERPlus) there")
    return votes


def read_votes(path):
    """Return the votes and the splits of the rows of ``fer2013new.csv``.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    votes : ndarray of shape (n, 10), int
        In the order of `FERPLUS_COLUMNS`.
    usages : ndarray of shape (n,), str

    Raises
    ------
    DataError
        If a column is missing, or a row has a cell that is not a number of votes.
    """
    rows = csv_rows(path)
    columns = Columns(next((row.cells for row in rows), []), _NAMES)
    columns.check(_NAMES, source=path, rule="FER+'s columns", advice=f"is it {FERPLUS_NAME}?")
    votes, usages = [], []
    for number, row in enumerate(rows):
        cells = columns.cells_of(row.cells)
        votes_of_row = [whole_number(cells[name]) for name in FERPLUS_COLUMNS]
        problem = columns.problem_of(row.cells)
        if problem or None in votes_of_row:
            raise DataError(
                f"row {number} of {path} ({row.where}) must have {columns.width} cells with whole numbers of votes, "
                f"{problem or 'has other values'}; fetch it again"
            )
        votes.append(votes_of_row)
        usages.append(split_named(cells["Usage"]))
    return np.array(votes, dtype=np.int64).reshape(-1, len(FERPLUS_COLUMNS)), np.array(usages, dtype=np.str_)


def join_votes(dataset, path):
    """Return a data set with the votes for its faces.

    Parameters
    ----------
    dataset : FaceDataset
        Read from FER2013's csv, or a part of that.
    path : path-like
        The file of votes.

    Raises
    ------
    DataError
        If there are fewer votes than rows, or the splits of the two files differ.
    """
    votes, usages = read_votes(path)
    last = int(dataset.rows.max(initial=-1))
    if last >= len(votes):
        raise DataError(f"{path} must have votes for row {last} of {dataset.source}, got {len(votes)} rows")
    differ = np.flatnonzero(usages[dataset.rows] != dataset.splits)
    if len(differ):
        row, split = int(dataset.rows[differ[0]]), str(dataset.splits[differ[0]])
        raise DataError(
            f"{path} must have the same rows as {dataset.source}, but row {row} is {str(usages[row])!r} in the votes "
            f"and {split!r} in the data; fetch both again"
        )
    return replace(dataset, votes=votes[dataset.rows])


def votes_of(dataset, path):
    """Return the votes for a data set's faces, also where it was loaded without them.

    Parameters
    ----------
    dataset : FaceDataset
    path : path-like
        The file that it was read from.

    Returns
    -------
    ndarray of shape (n, 10), int, or None
        None where there is no file of votes next to it, or it is not FER2013's csv.
    """
    votes = Path(path).with_name(FERPLUS_NAME)
    if dataset.votes is not None or not (votes.is_file() and Path(path).is_file()):
        return dataset.votes
    try:
        return join_votes(dataset, votes).votes if Fer2013Csv(path).has_splits else None
    except DataError:  # the votes belong to another csv
        return None


def majority(votes):
    """Return the expression with more than half of an image's votes.

    Parameters
    ----------
    votes : ndarray of shape (n, 10), int
        In the order of `FERPLUS_COLUMNS`; those for "unknown" and "not a face" count, too.

    Returns
    -------
    ndarray of shape (n,), str
        "" where no expression has a majority.
    """
    votes = np.asarray(votes)
    words = np.array([word or "" for word in FERPLUS_COLUMNS.values()])
    clear = 2 * votes.max(axis=1, initial=0) > votes.sum(axis=1)
    return np.where(clear, words[votes.argmax(axis=1)], "") if len(votes) else np.array([], dtype=np.str_)


def soft_labels(votes, classes=EXPRESSIONS):
    """Return each class's share of the votes that an image has for these classes.

    Parameters
    ----------
    votes : ndarray of shape (n, 10), int
        In the order of `FERPLUS_COLUMNS`.
    classes : sequence of str, default=EXPRESSIONS

    Returns
    -------
    ndarray of shape (n, len(classes)), float64
        Rows sum to 1, or are all 0 where there is no vote for any of the classes.
    """
    columns = list(FERPLUS_COLUMNS.values())
    unknown = [word for word in classes if word not in EXPRESSIONS]
    if unknown:
        raise InputError(f"classes must be among {', '.join(EXPRESSIONS)}, got {', '.join(unknown)}")
    votes = np.asarray(votes)[:, [columns.index(word) for word in classes]].astype(np.float64)
    totals = votes.sum(axis=1, keepdims=True)
    return np.divide(votes, totals, out=np.zeros_like(votes), where=totals > 0)


def label_by_majority(dataset, path):
    """Return a data set with the majorities of FER+ as its expressions; faces without one are left out.

    Parameters
    ----------
    dataset : FaceDataset
    path : path-like
        The file of votes.

    Raises
    ------
    DataError
        As for `join_votes`, and if no face is left.
    """
    joined = join_votes(dataset, path)
    expressions = majority(joined.votes)
    clear = expressions != ""
    if not clear.any():
        raise DataError(f"{path} has no clear majority for any face of {dataset.source}")
    n_unclear = int((~clear).sum())
    problem = f"FER+ has no clear majority for {n_unclear} of {len(clear)} faces, which are left out"
    return replace(
        joined.take(clear),
        expressions=expressions[clear],
        problems=[*dataset.problems, problem] if n_unclear else dataset.problems,
        n_left_out=dataset.n_left_out + n_unclear,
    )


class FerPlusFolders(LayoutReader):
    """Reads FER+'s folders of images; an image's expression is the majority of its votes."""

    title = "FER+ in folders"
    layout = f"{', '.join(FOLDERS)}, each with fer0000000.png and {_LABELS}"
    crops = True

    @classmethod
    def recognizes(cls, file_index):
        """Return whether images lie in folders with these names."""
        return any(_folder(name) in FOLDERS and parts_of(name)[1].startswith("fer") for name in file_index.images)

    def entries(self, file_index):
        """Return the images with a majority."""
        label_files = [name for name in file_index.others if parts_of(name)[1] == _LABELS and _folder(name) in FOLDERS]
        if not label_files:
            raise DataError(f"{self.path} must hold FER+'s {_LABELS} in {', '.join(FOLDERS)}; put them there")
        images, entries, malformed, missing, unclear = set(file_index.images), [], [], [], []
        for label_file in label_files:
            folder = label_file.rpartition("/")[0]
            for row in file_index.rows(label_file):
                votes = [whole_number(cell) for cell in row.cells[-len(FERPLUS_COLUMNS) :]]
                name = f"{folder}/{row.cells[0]}"
                if len(row.cells) <= len(FERPLUS_COLUMNS) or None in votes:
                    malformed.append(f"{row.where} of {label_file}")
                elif name not in images:
                    missing.append(name)
                elif expression := str(majority(np.array([votes], dtype=np.int64))[0]):
                    entries.append(Entry(name, expression, FOLDERS[_folder(name)]))
                else:
                    unclear.append(name)
        self.leave_out(unclear, "images have no clear majority of votes, and are left out")
        self.leave_out(malformed, f"rows of {_LABELS} do not end in {len(FERPLUS_COLUMNS)} votes")
        self.leave_out(missing, f"images of {_LABELS} do not exist")
        return entries


def _folder(name):
    return next(iter(parts_of(name)[0][-1:]), "")
