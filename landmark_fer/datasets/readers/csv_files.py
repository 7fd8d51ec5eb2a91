"""Csv files of any separator, encoding and compression, read row by row, with named columns."""

import contextlib
import csv
import gzip
import io
import itertools
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from landmark_fer.core.errors import DataError, plain_reason
from landmark_fer.core.naming import is_litter, natural_key

CSV_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".tar.gz", ".tgz", ".tar")
DAMAGE = (EOFError, OSError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
DAMAGE += (UnicodeError, NotImplementedError, OverflowError, struct.error)  # names and sizes in damaged archives

SEPARATORS = (",", ";", "\t")  # the first that occurs in the header is the file's
MAX_ROW = 16 * 2**20  # characters; enough for the grey values of 2,000 x 2,000 pixels

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARKS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])", re.IGNORECASE)  # declares the separator above the header
_WHOLE = re.compile(r"0{0,9}(\d{1,3})(?:\.0{0,9})?", re.ASCII)


class Columns:
    """The columns of a csv, found by their names.

    Parameters
    ----------
    header : sequence of str
        Cells as from `csv_rows`.
    names : dict of str to sequence of str
        Valid names of each column, by its key; letter case is ignored, and the first name in the header counts.

    Attributes
    ----------
    places : dict of str to int
        Position of each column by its key; without missing columns.
    width : int
        Number of cells that a row must have: those of the header up to the last that is not empty.
    further : dict of str to int
        Position of each other column by its name; equal names are told apart by their position, from 1.
    """

    def __init__(self, header, names):
        self._header, self._names = header, names
        self._words = [cell.lower() for cell in header]
        present = {key: [name.lower() for name in valid if name.lower() in self._words] for key, valid in names.items()}
        self.places = {key: self._words.index(words[0]) for key, words in present.items() if words}
        self.width = max((place for place, cell in enumerate(header, start=1) if cell), default=0)
        others = {at: cell for at, cell in enumerate(header) if cell and at not in self.places.values()}
        several = Counter(others.values())
        self.further = {f"{cell} ({at + 1})" if several[cell] > 1 else cell: at for at, cell in others.items()}

    def __contains__(self, key):
        return key in self.places

    def check(
        self, required, *, source, rule, advice="name them in the first line, separated by commas, semicolons or tabs"
    ):
        """Raise if a required column is missing, or a column is there twice.

        Parameters
        ----------
        required : sequence of str
            Keys of columns.
        source : path-like
            Name of the file in messages.
        rule : str
            The columns that it must have, for messages.
        advice : str, optional
            What to do where one is missing.

        Raises
        ------
        DataError
        """
        valid = {name.lower() for names in self._names.values() for name in names}
        if twice := next((word for word in self._words if word in valid and self._words.count(word) > 1), None):
            times = self._words.count(twice)
            raise DataError(f"{source} must have each column once, has {twice!r} {times} times; rename one")
        if missing := [self._names[key][0] for key in required if key not in self.places]:
            actual = ", ".join(repr(cell[:30]) for cell in self._header[:10]) or "nothing"
            raise DataError(f"{source} must have {rule}, lacks {', '.join(missing)}, got {actual}; {advice}")

    def problem_of(self, cells, *, optional=()):
        """Return what is wrong with the number of cells in a row, or None; additional empty cells are ignored.

        Parameters
        ----------
        cells : sequence of str
        optional : sequence of str
            Keys of the last columns, whose cells may be missing.
        """
        if len(cells) > self.width and any(cells[self.width :]):
            return f"has {len(cells)} cells, must have {self.width}; a cell with a separator in it needs quotes"
        fewest = self.width
        while fewest and any(self.places.get(key) == fewest - 1 for key in optional):
            fewest -= 1
        return f"has {len(cells)} cells, must have {self.width}" if len(cells) < fewest else None

    def cells_of(self, cells):
        """Return the cells of a row by the keys of their columns; "" where the row is too short."""
        return {key: cells[place] if place < len(cells) else "" for key, place in self.places.items()}

    def further_cells(self, cells):
        """Return the cells of a row in `further` columns by their names; "" where the row is too short."""
        return {name: cells[place] if place < len(cells) else "" for name, place in self.further.items()}


def whole_number(text):
    """Return the whole number below 1,000 in a cell (``3``, ``3.0`` or ``03``), or None."""
    match = _WHOLE.fullmatch(text)
    return int(match[1]) if match else None


class CsvRow(NamedTuple):
    """A row of a csv: its cells without surrounding space, and its first and last line in the file, from 1."""

    cells: list
    line: int
    last_line: int

    @property
    def where(self):
        """The lines in words: ``line 7``, or ``lines 7 to 9`` where a quoted cell has line breaks."""
        return f"line {self.line}" if self.line == self.last_line else f"lines {self.line} to {self.last_line}"


class TextError(DataError):
    """A file is not csv text, or an archive holds no csv."""


def is_csv_path(path):
    """Return whether a path has the name of a csv that `csv_rows` opens (for a zip see `find_csv`)."""
    return str(path).lower().endswith(CSV_SUFFIXES)


def find_csv(path, accepts):
    """Return the name of the csv in a zip that has the right header, or None.

    Parameters
    ----------
    path : path-like
    accepts : callable
        Takes the cells of a header and returns whether it is the right one.

    Returns
    -------
    str or None
        Name of the member: a csv, or a tar that holds one.

    Raises
    ------
    DataError
        If the zip cannot be read.
    """
    with wrap_read_errors(path), zipfile.ZipFile(path) as archive:
        names = sorted((name for name in archive.namelist() if not is_litter(name)), key=natural_key)
        for name in (name for name in names if name.lower().endswith(CSV_SUFFIXES)):
            with archive.open(name) as file, contextlib.closing(_unpacked_rows(file, name, path)) as rows:
                if accepts(header_of(rows)):
                    return name
    return None


def csv_rows(path, member=None):
    """Yield the rows of a csv, the header first, without blank lines.

    The separator is the first of `SEPARATORS` that occurs in the header. The text is UTF-8, or UTF-16 or UTF-32 with a
    byte order mark; lines end in LF, CRLF or CR.

    Parameters
    ----------
    path : path-like
        A ``.csv``, ``.csv.gz``, ``.tar.gz`` or ``.zip`` file.
    member : str, optional
        Name of the file in a zip, as from `find_csv`.

    Yields
    ------
    CsvRow

    Raises
    ------
    DataError
        If the file cannot be opened, holds no csv, or is truncated or damaged; `TextError` if it is not text, a row is
        longer than `MAX_ROW`, or a quote is not closed.
    """
    with wrap_read_errors(path):
        if member is None:
            with Path(path).open("rb") as file:
                yield from _unpacked_rows(file, str(path), path)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                yield from _unpacked_rows(file, member, path)


def csv_rows_of(content, name):
    """Yield the rows of a csv given by its content (bytes) and its name in messages; as `csv_rows`."""
    with wrap_read_errors(name):
        yield from _rows(io.BufferedReader(io.BytesIO(content)), name)


def header_of(rows):
    """Return the cells of the first row; none where there is no row, or the file is not csv text."""
    return next((row.cells for row in rows_before_error(rows)), [])


def rows_before_error(rows):
    """Yield rows up to the first that is not csv text, to recognize a file before it is read."""
    with contextlib.suppress(TextError):
        yield from rows


@contextlib.contextmanager
def wrap_read_errors(path):
    """Raise the errors of a damaged or missing file as a DataError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; give the path of a data set") from error
    except DAMAGE as error:
        raise DataError(
            f"{path} is cut short, damaged or unreadable ({plain_reason(error)}); fetch it again"
        ) from error


def _unpacked_rows(file, name, path):
    """Yield the rows of an open file: of a csv in a tar, of a gzipped or of a plain csv."""
    if name.lower().endswith(_TAR_SUFFIXES):
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            members = (m for m in archive if m.isfile() and m.name.lower().endswith(".csv") and not is_litter(m.name))
            if (member := next(members, None)) is None:
                raise TextError(f"{name} in {path} must hold a csv file, and holds none")
            yield from _rows(archive.extractfile(member), member.name)
    elif file.peek(2)[:2] == _GZIP:
        with gzip.open(file) as unpacked:
            yield from _rows(unpacked, name)
    else:
        yield from _rows(file, name)


def _rows(binary, name):
    """Yield the rows of an open binary file that has ``peek``."""
    lines, separator = _Lines(binary, name), None
    for line in lines:
        if line.isspace():
            lines.begin_row()
            continue
        if separator is None:
            if declared := _SEPARATOR_LINE.fullmatch(line.rstrip("\r\n")):
                separator = declared[1]
                continue
            separator = _separator(line)
        first = lines.number
        if '"' in line:
            cells = _quoted_cells(line, lines, separator)
        else:  # equal to the result of csv.reader, and several times as fast
            cells = line.split(separator)
        lines.begin_row()
        yield CsvRow([cell.strip() for cell in cells], first, lines.number)


def _separator(header):
    parts = ((mark, next(csv.reader([header], delimiter=mark, skipinitialspace=True))) for mark in SEPARATORS)
    return next((mark for mark, cells in parts if len(cells) > 1), SEPARATORS[0])


def _quoted_cells(line, lines, separator):
    """Return the cells of a row with quotes, which may continue on the following lines."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW))  # Python's own limit is 131,072 characters
    first = lines.number
    try:
        cells = next(csv.reader(itertools.chain([line], lines), delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise TextError(f"line {first} of {lines.name} must begin a row of csv ({error})") from error
    if lines.at_end:
        raise TextError(f"a quote that opens in line {first} of {lines.name} is never closed; close or remove it")
    return cells


class _Lines:
    """An iterator over the lines of a text with their ends; it limits the length of a row.

    Attributes
    ----------
    number : int
        Number of the last line, from 1.
    at_end : bool
        Whether the text has ended.
    """

    def __init__(self, binary, name):
        encoding = _encoding(binary)
        # Bytes that are not UTF-8 become surrogates, which are found line by line, so that messages can name the line.
        errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
        self._text = io.TextIOWrapper(binary, encoding=encoding, errors=errors, newline="")
        self.name, self.number, self.at_end = name, 0, False
        self._first, self._length = 1, 0

    def __iter__(self):
        return self

    def __next__(self):
        try:
            line = self._text.readline(MAX_ROW + 1)
        except UnicodeError as error:
            raise TextError(f"{self.name} must be text, and is damaged after line {self.number} ({error})") from error
        if not line:
            self.at_end = True
            raise StopIteration
        self.number += 1
        self._length += len(line)
        if self._length > MAX_ROW:
            raise TextError(
                f"the row that begins in line {self._first} of {self.name} must have at most {MAX_ROW:,} "
                "characters; is it a csv, and is each quote closed?"
            )
        if not line.isascii():
            self._check_text(line)
        return line

    def begin_row(self):
        """Start counting the characters of a new row."""
        self._first, self._length = self.number + 1, 0

    def _check_text(self, line):
        try:
            line.encode()
        except UnicodeEncodeError as error:
            byte = ord(line[error.start]) & 0xFF
            raise TextError(
                f"{self.name} must be text in UTF-8, and line {self.number} has the byte 0x{byte:02x}; "
                "save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
            ) from error


def _encoding(binary):
    """Return the encoding of a text, by its byte order mark, or by the zero bytes of UTF-16 without one."""
    head = binary.peek(4)[:4]
    if encoding := next((encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if head.startswith(mark)), None):
        return encoding
    zeros = tuple(byte == 0 for byte in head)
    return {(False, True, False, True): "utf-16-le", (True, False, True, False): "utf-16-be"}.get(zeros, "utf-8-sig")
