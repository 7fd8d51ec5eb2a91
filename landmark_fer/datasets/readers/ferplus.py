"""Reader of FER+: votes of ten annotators for the faces of FER2013."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, FERPLUS_COLUMNS
from landmark_fer.datasets.readers.csv_files import Columns, csv_rows, whole_number
from landmark_fer.datasets.readers.fer2013 import Fer2013Csv, split_named
from landmark_fer.datasets.readers.file_index import parts_of
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

FERPLUS_NAME = "fer2013new.csv"

_RULE = {"rule": "FER+'s columns", "advice": f"is it {FERPLUS_NAME}?"}
_NAMES = {column: (column,) for column in ("Usage", *FERPLUS_COLUMNS)}


def votes_beside(path):
    """Return the path of the votes that lie in the folder of FER2013's csv.

    Raises
    ------
    DataError
        If they are not there.
    """
    votes = Path(path).with_name(FERPLUS_NAME)
    if not votes.is_file():
        raise DataError(f"{votes} does not exist; put FER+'s {FERPLUS_NAME} (github.com/microsoft/FERPlus) there")
    return votes


def read_votes(path):
    """Return the votes of ``fer2013new.csv`` and the split of each row.

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
        If a column is missing, or a row holds something else than votes.
    """
    rows = csv_rows(path)
    columns = Columns(next((row.cells for row in rows), []), _NAMES)
    columns.check(_NAMES, source=path, **_RULE)
    votes, usages = [], []
    for number, row in enumerate(rows):
        problem, of = columns.problem_of(row.cells), columns.cells_of(row.cells)
        numbers = [whole_number(of[name]) for name in FERPLUS_COLUMNS]
        if problem or None in numbers:
            raise DataError(
                f"row {number} of {path} ({row.where}) must have {columns.width} cells with whole numbers of votes, "
                f"{problem or 'has something else'}; fetch it again"
            )
        votes.append(numbers)
        usages.append(split_named(of["Usage"]))
    return np.array(votes, dtype=np.int64).reshape(-1, len(FERPLUS_COLUMNS)), np.array(usages, dtype=np.str_)


def join_votes(dataset, path):
    """Return the data set with the votes of its rows.

    Parameters
    ----------
    dataset : FaceDataset
        Read from FER2013's csv, whole or in part.
    path : path-like
        The votes.

    Raises
    ------
    DataError
        If there are fewer votes than rows, or the splits of the two files do not agree.
    """
    votes, usages = read_votes(path)
    last = int(dataset.rows.max(initial=-1))
    if last >= len(votes):
        raise DataError(f"{path} must have votes for row {last} of {dataset.source}, and has {len(votes)} rows")
    differ = np.flatnonzero(usages[dataset.rows] != dataset.splits)
    if len(differ):
        row, split = int(dataset.rows[differ[0]]), str(dataset.splits[differ[0]])
        raise DataError(
            f"{path} must follow the rows of {dataset.source}, but row {row} is {str(usages[row])!r} in the one "
            f"and {split!r} in the other"
        )
    return replace(dataset, votes=votes[dataset.rows])


def votes_of(dataset, path):
    """Return the votes of a data set's faces, whether models are to learn from them or not.

    Parameters
    ----------
    dataset : FaceDataset
    path : path-like
        Where it was read from.

    Returns
    -------
    ndarray of shape (n, 10), int, or None
        None where no votes lie beside it, or it is another data set than FER2013's csv.
    """
    beside = Path(path).with_name(FERPLUS_NAME)
    if dataset.votes is not None or not (beside.is_file() and Path(path).is_file()):
        return dataset.votes
    try:
        return join_votes(dataset, beside).votes if Fer2013Csv(path).has_splits else None
    except DataError:  # votes of another table
        return None


def majority(votes):
    """Return the expression for which more than half of a image's votes are.

    Parameters
    ----------
    votes : ndarray of shape (n, 10), int
        In the order of `FERPLUS_COLUMNS`; all count, those for "unknown" and "not a face" too.

    Returns
    -------
    ndarray of shape (n,), str
        "" where no expression has that many.
    """
    votes = np.asarray(votes)
    words = np.array([word or "" for word in FERPLUS_COLUMNS.values()])
    clear = 2 * votes.max(axis=1, initial=0) > votes.sum(axis=1)
    return np.where(clear, words[votes.argmax(axis=1)], "") if len(votes) else np.array([], dtype=np.str_)


def soft_labels(votes, classes=EXPRESSIONS):
    """Return each class's share of the votes that a image has for these classes.

    Parameters
    ----------
    votes : ndarray of shape (n, 10), int
        In the order of `FERPLUS_COLUMNS`.
    classes : sequence of str, default=EXPRESSIONS

    Returns
    -------
    ndarray of shape (n, len(classes)), float64
        Rows sum to 1, or are all 0 where no vote is for one of the classes.
    """
    columns = list(FERPLUS_COLUMNS.values())
    unknown = [word for word in classes if word not in EXPRESSIONS]
    if unknown:
        raise InputError(f"classes must be among {', '.join(EXPRESSIONS)}, got {', '.join(unknown)}")
    chosen = np.asarray(votes)[:, [columns.index(word) for word in classes]].astype(np.float64)
    totals = chosen.sum(axis=1, keepdims=True)
    return np.divide(chosen, totals, out=np.zeros_like(chosen), where=totals > 0)


def label_by_majority(dataset, path):
    """Return the data set with FER+'s clear majorities as its expressions; faces without one are left out.

    Parameters
    ----------
    dataset : FaceDataset
    path : path-like
        The votes.

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
    left_out = f"FER+ has no clear majority for {n_unclear} of {len(clear)} faces, which are left out"
    known = {"problems": [*dataset.problems, left_out] if n_unclear else dataset.problems}
    known["n_left_out"] = dataset.n_left_out + n_unclear
    return replace(joined.take(clear), expressions=expressions[clear], **known)


FOLDERS = {"FER2013Train": "Training", "FER2013Valid": "PublicTest", "FER2013Test": "PrivateTest"}

_LABELS = "label.csv"  # a image's name, the box in it, ten votes; no header


class FerPlusFolders(LayoutReader):
    """Reads FER+'s folders; a image's expression is the clear majority of its votes."""

    title = "FER+ in folders"
    layout = f"{', '.join(FOLDERS)}, each with fer0000000.png and {_LABELS}"
    crops = True

    @classmethod
    def recognizes(cls, file_index):
        """Whether images lie in folders with these names."""
        return any(_folder(name) in FOLDERS and parts_of(name)[1].startswith("fer") for name in file_index.images)

    def entries(self, file_index):
        """Return the images with a clear majority."""
        lists = [name for name in file_index.others if parts_of(name)[1] == _LABELS and _folder(name) in FOLDERS]
        if not lists:
            raise DataError(f"{self.path} must hold FER+'s {_LABELS} in {', '.join(FOLDERS)}; put them there")
        images, entries, broken, missing, unclear = set(file_index.images), [], [], [], []
        for labels in lists:
            above = labels.rpartition("/")[0]
            for row in file_index.rows(labels):
                votes = [whole_number(cell) for cell in row.cells[-len(FERPLUS_COLUMNS) :]]
                name = f"{above}/{row.cells[0]}"
                if len(row.cells) <= len(FERPLUS_COLUMNS) or None in votes:
                    broken.append(f"{row.where} of {labels}")
                elif name not in images:
                    missing.append(name)
                elif expression := str(majority(np.array([votes], dtype=np.int64))[0]):
                    entries.append(Entry(name, expression, FOLDERS[_folder(name)]))
                else:
                    unclear.append(name)
        self.note(unclear, "images have no clear majority of votes, and are left out")
        self.note(broken, f"rows of {_LABELS} do not end in {len(FERPLUS_COLUMNS)} votes")
        self.note(missing, f"images of {_LABELS} are not there")
        return entries


def _folder(name):
    return next(iter(parts_of(name)[0][-1:]), "")
