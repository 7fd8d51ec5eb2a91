"""FER2013 in its csv form [1]_: a label, 2304 grey values and a split in each row.

References
----------
.. [1] Goodfellow et al., Challenges in Representation Learning: a report on three machine learning contests,
   ICONIP 2013.
"""

import hashlib
import itertools
import math
from functools import cached_property
from pathlib import Path

import numpy as np

from landmark_fer.datasets.base import Item
from landmark_fer.datasets.csv_sources import csv_lines, damage_named, find_csv, split_line
from landmark_fer.errors import DataError
from landmark_fer.face.expressions import FER2013_CODES, find_expression

COLUMNS = ("emotion", "pixels", "Usage")
SIDE = 48

# Where the csv lies in a folder that was unpacked from one of Kaggle's archives.
CSV_PLACES = ("fer2013.csv", "fer2013.csv.gz", "fer2013/fer2013.csv", "icml_face_data.csv")


class Fer2013Csv:
    """Reads FER2013's csv: plain, gzipped, or inside Kaggle's archives.

    The columns may stand in any order, with space around their names (Kaggle's ``icml_face_data.csv``); a column
    ``subject`` is read where there is one, and labels may be words as well as FER2013's numbers. Rows are counted
    from 0 without the header; blank lines are none.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    DataError
        If the file does not exist, is cut short or damaged, is empty, or has no such columns.
    """

    cropped = True

    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.name
        self._member = None
        if self.path.suffix.lower() == ".zip":
            self._member = find_csv(path, set(COLUMNS))
            if self._member is None:
                raise DataError(f"{path} must hold a csv with the columns {', '.join(COLUMNS)}, and holds none")
        header = split_line(next(csv_lines(self.path, self._member), ""))
        self._width = len(header)
        self._places = _places(header, path)

    def fingerprint(self):
        """Return the SHA-256 of the file."""
        with damage_named(self.path), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def __len__(self):
        return self._n_rows

    @cached_property
    def _n_rows(self):
        # One pass over the whole file also finds out that it is cut short before hours are spent on it.
        return sum(1 for _ in self._rows())

    def items(self):
        """Yield an Item for each row, broken rows with their problem."""
        places = [self._places[name] for name in COLUMNS]
        subject_place = self._places.get("subject")
        for row, (line_number, line) in enumerate(self._rows()):
            where = f"row {row} (line {line_number})"
            cells = split_line(line)
            if len(cells) != self._width:
                yield Item(f"row {row}", problem=f"{where} has {len(cells)} cells, must have {self._width}")
                continue
            label, text, usage = (cells[place] for place in places)
            expression = expression_of_label(label)
            picture, problem = picture_of_pixels(text, SIDE)
            if expression is None:
                problem = f"has the label {label[:20]!r}, must have 0 to {len(FER2013_CODES) - 1} or an expression"
            yield Item(
                f"row {row}",
                expression=expression,
                split=usage,
                subject=cells[subject_place] if subject_place is not None else "",
                picture=picture,
                problem=problem and f"{where} {problem}",
            )

    def _rows(self):
        """Yield (line number from 1, line) of each row that is not blank."""
        lines = enumerate(csv_lines(self.path, self._member), start=1)
        return ((number, line) for number, line in itertools.islice(lines, 1, None) if line.strip())


def expression_of_label(label):
    """Return the expression that a label of FER2013 means (a number from 0 to 6, or a word), or None."""
    if label.isdecimal():
        return FER2013_CODES[int(label)] if len(label) < 3 and int(label) < len(FER2013_CODES) else None
    return find_expression(label)


def _places(columns, path):
    """Return where each column stands, as a dict of name to place, from the cells of the header."""
    if not any(columns):
        raise DataError(f"{path} is empty; it must be a csv with the columns {', '.join(COLUMNS)}")
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        found = ", ".join(repr(name[:30]) for name in columns[:10])
        raise DataError(f"{path} must have the columns {', '.join(COLUMNS)}, lacks {', '.join(missing)}, has {found}")
    return {name: place for place, name in enumerate(columns)}


def picture_of_pixels(text, side=None):
    """Return (picture, None), or (None, problem) where the pixels of a row are not as they must be.

    Parameters
    ----------
    text : str
        Grey values from 0 to 255 with spaces between, row by row from the top left.
    side : int, optional
        How many there are in a row and rows; by default any square picture will do.
    """
    if text.encode().translate(None, b"0123456789- "):
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
