"""Reader of FER2013: the csv file and the folders that are passed around of it."""

import hashlib
import itertools
import math
from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import EXPRESSIONS, FER2013_CODES, find_expression
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.base import Item
from landmark_fer.datasets.readers.csv_files import Columns, csv_rows, damage_named, find_csv, whole_number
from landmark_fer.datasets.readers.file_index import check_numbers, number_above, parts_of, reading_of
from landmark_fer.datasets.readers.folders import SPLIT_FOLDERS, class_and_split
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

SIDE = 48
SMALLEST_SIDE = 16  # smaller squares are no faces but accidents

# What each column may be called, in any letter case; the first is what messages call it.
NAMES = {
    "expression": ("emotion",),
    "pixels": ("pixels",),
    "split": ("Usage", "split", "set", "subset", "partition"),
    "subject": ("subject", "subject_id", "person", "person_id", "participant", "identity"),
}

# Where the csv lies in a folder that was unpacked from one of Kaggle's archives.
CSV_PLACES = ("fer2013.csv", "fer2013.csv.gz", "fer2013/fer2013.csv", "icml_face_data.csv")

_RULE = "the columns emotion, pixels, Usage (Usage may be missing)"
_SAMPLE = 20  # rows that decide how large the images are
_BRACKETS = str.maketrans("[](),;\t\r\n", " " * 9)


class PixelRows:
    """Reads a csv with a image's grey values in one cell of each row; what its labels mean is up to the subclass.

    Rows are counted from 0 without the header; blank lines are none.

    Parameters
    ----------
    path : path-like
    names : dict of str to sequence of str
        As for `Columns`, with the meanings ``expression``, ``pixels``, ``split`` and ``subject``.
    rule : str
        Which columns it must have.
    member : str, optional
        As for `csv_rows`.

    Attributes
    ----------
    name : str
    cropped : bool
    remarks : list of str
        Sentences on how it is read.

    Raises
    ------
    DataError
        If the file does not exist, is cut short or damaged, is empty, or lacks the columns for label and pixels.
    """

    cropped = True
    labels = ""
    side = None  # how many pixels a image must have in a row and rows; None: any square will do

    def __init__(self, path, names, rule, *, member=None):
        self.path = Path(path)
        self.name = self.path.name
        self.remarks = []
        self._member = member
        header = next(csv_rows(self.path, member), None)
        if header is None:
            raise DataError(f"{path} is empty; it must be a csv with {rule}")
        self._columns = Columns(header.cells, names)
        self._columns.check(("expression", "pixels"), source=path, rule=rule)

    def fingerprint(self):
        """Return the reader's name and the SHA-256 of the file, whose labels mean something else to another reader."""
        with damage_named(self.path), self.path.open("rb") as file:
            return f"{type(self).__name__} {hashlib.file_digest(file, 'sha256').hexdigest()}"

    def __len__(self):
        return self._n_rows

    @cached_property
    def _n_rows(self):
        # One pass over the whole file also finds out that it is cut short before hours are spent on it.
        return sum(1 for _ in self._rows())

    def items(self):
        """Yield an Item for each row, broken rows with their problem."""
        for row, csv_row in enumerate(self._rows()):
            where = f"row {row} ({csv_row.where})"
            if problem := self._columns.problem_of(csv_row.cells):
                yield Item(f"row {row}", problem=f"{where} {problem}")
                continue
            of = self._columns.cells_of(csv_row.cells)
            expression, split = self.expression_of(of["expression"]), self.split_of(of.get("split"))
            image, problem = image_of_pixels(of["pixels"], self.side)
            if split is None:
                problem = "has no Usage, must have Training, PublicTest or PrivateTest"
            if expression is None:
                problem = f"has the label {of['expression'][:20]!r}, must have {self.labels}"
            known = {"expression": expression, "split": split or "", "subject": of.get("subject", "")}
            yield Item(f"row {row}", **known, image=image, problem=problem and f"{where} {problem}")

    def expression_of(self, label):
        """Return the expression that a label means, or None."""
        raise NotImplementedError

    def split_of(self, word):
        """Return the split that a cell means (None: there is no such column), or None where it must mean one."""
        return split_named(word or "")

    def _rows(self):
        return itertools.islice(csv_rows(self.path, self._member), 1, None)


class Fer2013Csv(PixelRows):
    """Reads FER2013's csv: plain, gzipped, or inside Kaggle's archives.

    The columns may stand in any order and letter case, with space around their names (Kaggle's
    ``icml_face_data.csv``); a column ``subject`` is read where there is one, and labels may be words as well as
    FER2013's numbers. Without a column ``Usage`` all rows are Training. Images have 48x48 pixels, or another square
    where most of the first rows do.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    DataError
        If the file does not exist, is cut short or damaged, is empty, or has no such columns.
    """

    labels = f"0 to {len(FER2013_CODES) - 1} or an expression"

    def __init__(self, path):
        member = None
        if Path(path).suffix.lower() == ".zip" and (member := csv_in_zip(path)) is None:
            raise DataError(f"{path} must hold a csv with {_RULE}, and holds none")
        super().__init__(path, NAMES, _RULE, member=member)
        self.has_splits = "split" in self._columns
        if not self.has_splits:
            self.remarks.append(f"{self.name} has no column Usage, so all of its rows count as Training")
        self.side = self._common_side()

    def expression_of(self, label):
        """Return the expression that a number of FER2013 or a word means, or None."""
        return expression_of_label(label)

    def split_of(self, word):
        """Return the split that a cell of ``Usage`` means; None if it is empty."""
        return split_named(word) or None if self.has_splits else "Training"

    def _common_side(self):
        """Return the side that most of the first images have that are squares, by default `SIDE`."""
        first = (self._columns.cells_of(row.cells) for row in itertools.islice(self._rows(), _SAMPLE))
        images = (image_of_pixels(of["pixels"])[0] for of in first)
        sides = Counter(len(each) for each in images if each is not None and len(each) >= SMALLEST_SIDE)
        return sides.most_common(1)[0][0] if sides else SIDE


def is_fer2013(header):
    """Whether the cells of a header are those of FER2013's csv, with or without its splits."""
    return {"expression", "pixels"} <= set(Columns(header, NAMES).places)


def csv_in_zip(path):
    """Return which member of a zip is FER2013's csv, one with splits before one without, or None."""
    with_splits = find_csv(path, lambda header: is_fer2013(header) and "split" in Columns(header, NAMES))
    return with_splits or find_csv(path, is_fer2013)


def expression_of_label(label):
    """Return the expression that a label of FER2013 means (a number from 0 to 6, as ``3`` or ``3.0``, or a word)."""
    number = whole_number(label)
    if number is not None:
        return FER2013_CODES[number] if number < len(FER2013_CODES) else None
    return find_expression(label)


def split_named(word):
    """Return the split that a word means, in any letter case and with space, ``-`` or ``_`` in it, or the word itself.

    ``train`` and ``training`` mean Training, ``public test`` PublicTest, ``val`` validation, as for folders.
    """
    plain = word.lower().translate(str.maketrans("", "", " -_")).removesuffix("set")
    return SPLIT_FOLDERS.get(plain, word)


def image_of_pixels(text, side=None):
    """Return (image, None), or (None, problem) where the pixels of a row are not as they must be.

    Parameters
    ----------
    text : str
        Grey values from 0 to 255 with spaces between, or commas, also in brackets; row by row from the top left.
    side : int, optional
        How many there are in a row and rows; by default any square image will do.
    """
    if _has_others(text):
        text = text.translate(_BRACKETS).strip()
    if _has_others(text):
        return None, "has pixels that are no whole numbers"
    try:
        values = np.fromstring(text, dtype=np.int64, sep=" ")
    except ValueError:
        return None, "has pixels that are no whole numbers"
    wanted = side or max(1, math.isqrt(len(values)))
    if len(values) != wanted * wanted:
        return None, f"has {len(values)} pixels, must have {wanted * wanted if side else 'those of a square'}"
    if values.min() < 0 or values.max() > 255:
        wrong = int(values[(values < 0) | (values > 255)][0])
        return None, f"has a pixel of {wrong}, must have 0 to 255"
    return values.reshape(wanted, wanted).astype(np.uint8), None


def _has_others(text):
    return bool(text.encode().translate(None, b"0123456789- "))


CODES = dict(enumerate(FER2013_CODES))


class Fer2013Folders(LayoutReader):
    """Reads FER2013's images in folders 0 to 6, where the user says that they are FER2013's.

    Nothing in such a copy proves that its numbers are FER2013's: other programs number the same classes by the
    alphabet. So it is never recognized. Images come in the order in which folders with names are read.
    """

    title = "FER2013"
    layout = "fer2013.csv, or images in folders 0 to 6 or named after expressions, also below train and test"
    crops = True
    rest = "images lie in no folder of a class, and are left out"

    @classmethod
    def recognizes(cls, file_index):
        """Whether it is that: nothing says so."""
        return False

    def entries(self, file_index):
        """Return the images by class, then by path."""
        check_numbers(self.path, file_index.images, "fer2013", title=self.title)
        entries = []
        for name in file_index.images:
            if expression := _expression(name):
                entries.append(Entry(name, expression, class_and_split(name)[1]))
        if not entries:
            raise DataError(f"{self.path} must hold {self.title}: {self.layout}; it holds none of its images")
        if any(number_above(name) is not None for name in file_index.images):
            self.remarks.append(reading_of("fer2013", title=self.title))
        return sorted(entries, key=lambda entry: (EXPRESSIONS.index(entry.expression), natural_key(entry.name)))


def _expression(name):
    """Return what the nearest folder above a image that is a number or an expression means, or None."""
    for folder in reversed(parts_of(name)[0]):
        if folder.isdecimal():
            return CODES.get(int(folder)) if len(folder) < 4 else None
        if expression := find_expression(folder):
            return expression
    return None
