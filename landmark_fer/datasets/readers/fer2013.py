"""Readers of FER2013 [1]_: its csv file, and copies of it in numbered folders.

References
----------
.. [1] Goodfellow et al., Challenges in Representation Learning: A report on three machine learning contests, ICONIP
   2013.
"""

import itertools
import math
import re
from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import EXPRESSIONS, FER2013_CODES, find_expression
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.base import Item
from landmark_fer.datasets.readers.csv_files import Columns, csv_rows, find_csv, whole_number
from landmark_fer.datasets.readers.folder_names import number_above, parts_of, split_named, split_of_image
from landmark_fer.datasets.readers.image_trees import archive_kind, file_sha256
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader
from landmark_fer.datasets.readers.numbered_folders import check_numbers, numbers_remark

CODES = dict(enumerate(FER2013_CODES))

SIDE = 48
MIN_SIDE = 16  # smaller squares are not faces

# Valid names of each column, in any letter case; messages use the first.
NAMES = {
    "expression": ("emotion",),
    "pixels": ("pixels",),
    "split": ("Usage", "split", "set", "subset", "partition"),
    "subject": ("subject", "subject_id", "person", "person_id", "participant", "identity"),
}

# Paths of the csv in folders unpacked from Kaggle's archives.
CSV_PLACES = ("fer2013.csv", "fer2013.csv.gz", "fer2013/fer2013.csv", "icml_face_data.csv")

_RULE = "the columns emotion, pixels, Usage (Usage may be missing)"
_SAMPLE = 20  # rows that decide the size of the images
_BRACKETS = str.maketrans("[](),;\t\r\n", " " * 9)
_ZERO_DECIMALS = re.compile(r"(?<=[0-9])\.0*(?![^ ])")  # of whole numbers that a program wrote as floats
_NOT_NUMBERS = "has pixels that are not whole numbers"


class PixelRows:
    """Base class of readers of a csv with an image's grey values in one cell of each row.

    Rows are counted from 0 without header and blank lines. A subclass defines `expression_of` and `labels`.

    Parameters
    ----------
    path : path-like
    names : dict of str to sequence of str
        As for `Columns`, with the keys ``expression``, ``pixels``, ``split`` and ``subject``.
    rule : str
        The required columns, for messages.
    member : str, optional
        As for `csv_rows`.

    Attributes
    ----------
    labels : str
        The valid labels, for messages.
    side : int or None
        Width and height of the images in pixels; None allows any square.
    name : str
    cropped : bool
    remarks : list of str
        Sentences on how it is read.

    Raises
    ------
    DataError
        If the file does not exist, is truncated, damaged or empty, or lacks the columns for label and pixels.
    """

    cropped = True
    labels = ""
    side = None

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
        """Return the name of the reader, which decides what labels mean, and the SHA-256 of the file."""
        return f"{type(self).__name__} {file_sha256(self.path)}"

    def __len__(self):
        return self._n_rows

    @cached_property
    def _n_rows(self):
        # Reading the whole file once also reports a truncated one before hours of extraction.
        return sum(1 for _ in self._rows())

    @property
    def attributes(self):
        """Cells of further columns, as {name of the row: {name of the column: cell}}; read from the file each time."""
        if not self._columns.further:
            return {}
        return {_row_name(number): self._columns.further_cells(row.cells) for number, row in enumerate(self._rows())}

    def items(self):
        """Yield an Item for each row; malformed rows have a problem."""
        for number, row in enumerate(self._rows()):
            name = _row_name(number)
            problem = self._columns.problem_of(row.cells)
            if problem is None:
                item, problem = self._read_row(name, self._columns.cells_of(row.cells))
            yield Item(name, problem=f"{name} ({row.where}) {problem}") if problem else item

    def expression_of(self, label):
        """Return the expression that a label means, or None."""
        raise NotImplementedError

    def split_of(self, word):
        """Return the split that a cell means, or None where the cell must name one; `word` is None without a column."""
        return split_named(word or "")

    def _read_row(self, name, cells):
        """Return (item, problem or None)."""
        expression, split = self.expression_of(cells["expression"]), self.split_of(cells.get("split"))
        image, problem = image_of_pixels(cells["pixels"], self.side)
        if split is None:
            problem = "has no Usage, must have Training, PublicTest or PrivateTest"
        if expression is None:
            problem = f"has the label {cells['expression'][:20]!r}, must have {self.labels}"
        subject = cells.get("subject", "")
        return Item(name, expression=expression, split=split or "", subject=subject, image=image), problem

    def _rows(self):
        return itertools.islice(csv_rows(self.path, self._member), 1, None)


class Fer2013Csv(PixelRows):
    """Reads FER2013's csv: plain, gzipped, or in one of Kaggle's archives.

    Columns may have any order and letter case, with space around their names (Kaggle's ``icml_face_data.csv``). A
    column ``subject`` is read where there is one, and labels may be words as well as FER2013's numbers. Without a
    column ``Usage`` all rows are Training. Images have 48x48 pixels, or another square where most of the first rows
    do.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    DataError
        If the file does not exist, is truncated, damaged or empty, or lacks these columns.
    """

    labels = f"0 to {len(FER2013_CODES) - 1} or an expression"

    def __init__(self, path):
        member = None
        if archive_kind(path) == "zip" and (member := _csv_in_zip(path)) is None:
            raise DataError(f"{path} must hold a csv with {_RULE}; it holds none")
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
        """Return the most frequent side of the first square images, by default `SIDE`."""
        rows = (self._columns.cells_of(row.cells) for row in itertools.islice(self._rows(), _SAMPLE))
        images = (image_of_pixels(cells["pixels"])[0] for cells in rows)
        sides = Counter(len(image) for image in images if image is not None and len(image) >= MIN_SIDE)
        return sides.most_common(1)[0][0] if sides else SIDE


class Fer2013Folders(LayoutReader):
    """Reads FER2013's images in folders 0 to 6, where the option ``dataset`` names FER2013.

    Nothing in such a copy proves that its numbers are FER2013's: other programs number the same classes in
    alphabetical order. So it is never recognized. Images are sorted like those in folders named after expressions.
    """

    title = "FER2013"
    layout = "fer2013.csv, or images in folders 0 to 6 or named after expressions, also below train and test"
    crops = True
    unlabelled_reason = "images lie in no folder of a class, and are left out"
    folder_codes = CODES
    own_file_name = re.compile(r"(?:Training|PublicTest|PrivateTest)_\d+(?:\.\w+)?")

    @classmethod
    def recognizes(cls, file_index):
        """Return False: nothing identifies such a copy."""
        return False

    def entries(self, file_index):
        """Return the images by class, then by path."""
        check_numbers(self, file_index.images)
        expressions = {name: _expression_or_number_above(name) for name in file_index.images}
        entries = [
            Entry(name, expression, split_of_image(name)) for name, expression in expressions.items() if expression
        ]
        if not entries:
            raise DataError(f"{self.path} must hold {self.title}: {self.layout}; it holds none of its images")
        if any(number_above(name) is not None for name in file_index.images):
            self.remarks.append(numbers_remark(self))
        return sorted(entries, key=lambda entry: (EXPRESSIONS.index(entry.expression), natural_key(entry.name)))


def fer2013_csv(path):
    """Return the path of FER2013's csv in a folder from Kaggle, or of a zip that holds it, or None."""
    if path.is_dir():
        return next((path / place for place in CSV_PLACES if (path / place).is_file()), None)
    return path if archive_kind(path) == "zip" and _csv_in_zip(path) is not None else None


def expression_of_label(label):
    """Return the expression that a label of FER2013 means (a number from 0 to 6, as ``3`` or ``3.0``, or a word)."""
    number = whole_number(label)
    return find_expression(label) if number is None else CODES.get(number)


def image_of_pixels(text, side=None):
    """Return (image, None), or (None, problem) where the pixels of a row are not valid.

    Parameters
    ----------
    text : str
        Grey values from 0 to 255, as ``70`` or ``70.0``, separated by spaces or commas, optionally in brackets; row by
        row from the top left.
    side : int, optional
        Width and height of the image; by default any square is valid.

    Returns
    -------
    image : ndarray of shape (side, side), uint8, or None
    problem : str or None
    """
    if _has_other_characters(text):
        text = _ZERO_DECIMALS.sub("", text.translate(_BRACKETS)).strip()
    if _has_other_characters(text):
        return None, _NOT_NUMBERS
    try:
        values = np.fromstring(text, dtype=np.int64, sep=" ")
    except ValueError:
        return None, _NOT_NUMBERS
    width = side or max(1, math.isqrt(len(values)))
    if len(values) != width * width:
        return None, f"has {len(values)} pixels, must have {width * width if side else 'those of a square'}"
    if values.min() < 0 or values.max() > 255:
        invalid = int(values[(values < 0) | (values > 255)][0])
        return None, f"has a pixel of {invalid}, must have 0 to 255"
    return values.reshape(width, width).astype(np.uint8), None


def _csv_in_zip(path):
    """Return the name of FER2013's csv in a zip, one with splits before one without, or None."""
    with_splits = find_csv(path, lambda header: _is_fer2013(header) and "split" in Columns(header, NAMES))
    return with_splits or find_csv(path, _is_fer2013)


def _is_fer2013(header):
    """Return whether the cells of a header are those of FER2013's csv, with or without its splits."""
    return {"expression", "pixels"} <= set(Columns(header, NAMES).places)


def _row_name(number):
    return f"row {number}"


def _has_other_characters(text):
    return bool(text.encode().translate(None, b"0123456789- "))


def _expression_or_number_above(name):
    """Return the expression of the nearest folder above an image that is a number or an expression, or None."""
    for folder in reversed(parts_of(name)[0]):
        if folder.isdecimal():
            return CODES.get(int(folder)) if len(folder) < 4 else None
        if expression := find_expression(folder):
            return expression
    return None
