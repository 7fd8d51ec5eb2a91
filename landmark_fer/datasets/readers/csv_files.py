"""Reading csv files of any dialect, encoding and compression, row by row, with named columns."""

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
from pathlib import Path
from typing import NamedTuple

from landmark_fer.core.errors import DataError
from landmark_fer.core.naming import is_litter, natural_key

_WHOLE = re.compile(r"0{0,9}(\d{1,3})(?:\.0{0,9})?", re.ASCII)


class Columns:
    """The columns of a csv that mean something.

    Parameters
    ----------
    header : sequence of str
        Cells as from `csv_rows`.
    names : dict of str to sequence of str
        What the column of each meaning may be called, in any letter case; the first name that is there counts.

    Attributes
    ----------
    places : dict of str to int
        Where the column of each meaning stands; without those that are not there.
    width : int
        How many cells a row must have: those of the header up to the last that is not empty.
    """

    def __init__(self, header, names):
        self._header, self._names = header, names
        self._words = [cell.lower() for cell in header]
        found = {kind: [name.lower() for name in named if name.lower() in self._words] for kind, named in names.items()}
        self.places = {kind: self._words.index(words[0]) for kind, words in found.items() if words}
        self.width = max((place for place, cell in enumerate(header, start=1) if cell), default=0)

    def __contains__(self, kind):
        return kind in self.places

    def check(
        self, required, *, source, rule, advice="name them in the first line, separated by commas, semicolons or tabs"
    ):
        """Raise if a column that is required is not there, or one that means something is there twice.

        Parameters
        ----------
        required : sequence of str
            Meanings.
        source : path-like
            What messages call the file.
        rule : str
            What it must have.
        advice : str, optional
            What to do where it lacks one.

        Raises
        ------
        DataError
        """
        meaningful = {name.lower() for named in self._names.values() for name in named}
        if twice := next((word for word in self._words if word in meaningful and self._words.count(word) > 1), None):
            times = self._words.count(twice)
            raise DataError(f"{source} must have each column once, has {twice!r} {times} times; rename one")
        if missing := [self._names[kind][0] for kind in required if kind not in self.places]:
            found = ", ".join(repr(cell[:30]) for cell in self._header[:10]) or "nothing"
            raise DataError(f"{source} must have {rule}, lacks {', '.join(missing)}, has {found}; {advice}")

    def problem_of(self, cells, *, optional=()):
        """Return what is wrong with how many cells a row has, or None; empty ones beyond the last do not matter.

        Parameters
        ----------
        cells : sequence of str
        optional : sequence of str
            Meanings of the last columns, whose cells may be missing.
        """
        if len(cells) > self.width and any(cells[self.width :]):
            return f"has {len(cells)} cells, must have {self.width}; a cell with a separator in it needs quotes"
        fewest = self.width
        while fewest and any(self.places.get(kind) == fewest - 1 for kind in optional):
            fewest -= 1
        return f"has {len(cells)} cells, must have {self.width}" if len(cells) < fewest else None

    def cells_of(self, cells):
        """Return the cells of a row that mean something, as {meaning: cell}; "" where the row ends before one."""
        return {kind: cells[place] if place < len(cells) else "" for kind, place in self.places.items()}


def whole_number(text):
    """Return the number below 1,000 in a cell, also where it is written ``3.0`` or ``03``, or None."""
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else None


CSV_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".tar.gz", ".tgz", ".tar")
DAMAGE = (EOFError, OSError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
DAMAGE += (UnicodeError, NotImplementedError, OverflowError, struct.error)  # names and sizes in damaged archives

SEPARATORS = (",", ";", "\t")  # the first that divides the header is the file's
LONGEST_ROW = 16 * 2**20  # characters; the grey values of a square of 2,000 x 2,000 pixels fit

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_GZIP = b"\x1f\x8b"
_MARKED = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])", re.IGNORECASE)  # how spreadsheets say it above the header


class CsvRow(NamedTuple):
    """A row of a csv: its cells, without the space around them, and the lines of the file that it fills, from 1."""

    cells: list
    line: int
    last_line: int

    @property
    def where(self):
        """Its place in words: ``line 7``, or ``lines 7 to 9`` where a cell in quotes has line breaks."""
        return f"line {self.line}" if self.line == self.last_line else f"lines {self.line} to {self.last_line}"


class TextError(DataError):
    """A file is no csv text, or an archive without any."""


def is_csv_path(path):
    """Return whether a path is named like a csv that `csv_rows` opens (a zip may hold anything: see `find_csv`)."""
    return str(path).lower().endswith(CSV_SUFFIXES)


def find_csv(path, accepts):
    """Return which member of a zip is the csv with the right header, or None.

    Parameters
    ----------
    path : path-like
    accepts : callable
        Takes the cells of a header and returns whether it is the right one.

    Returns
    -------
    str or None
        Name of a csv, or of a tar that holds one.

    Raises
    ------
    DataError
        If the zip cannot be read.
    """
    with damage_named(path), zipfile.ZipFile(path) as archive:
        names = sorted((name for name in archive.namelist() if not is_litter(name)), key=natural_key)
        for name in (name for name in names if name.lower().endswith(CSV_SUFFIXES)):
            with archive.open(name) as file, contextlib.closing(_unpacked_rows(file, name, path)) as rows:
                if accepts(header_of(rows)):
                    return name
    return None


def csv_rows(path, member=None):
    """Yield the rows of a csv, the header first, without blank lines.

    The separator is the first of `SEPARATORS` that divides the header. The text is UTF-8, or UTF-16 or UTF-32 where the
    first bytes say so; lines end in LF, CRLF or CR.

    Parameters
    ----------
    path : path-like
        A ``.csv``, ``.csv.gz``, ``.tar.gz`` or ``.zip`` file.
    member : str, optional
        Which file of a zip, as from `find_csv`.

    Yields
    ------
    CsvRow

    Raises
    ------
    DataError
        If the file cannot be opened, holds no csv, or is cut short or damaged; `TextError` if it is no text, a row is
        longer than `LONGEST_ROW`, or a quote is never closed.
    """
    with damage_named(path):
        if member is None:
            with Path(path).open("rb") as file:
                yield from _unpacked_rows(file, str(path), path)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                yield from _unpacked_rows(file, member, path)


def csv_rows_of(content, name):
    """Yield the rows of a csv whose content is in memory (bytes); as `csv_rows`, `name` is for messages."""
    with damage_named(name):
        yield from _rows(io.BufferedReader(io.BytesIO(content)), name)


def header_of(rows):
    """Return the cells of the first row; none where there is no row, or the file is no csv text."""
    return next((row.cells for row in rows_before_fault(rows)), [])


def rows_before_fault(rows):
    """Yield rows up to the first that is no csv text, to find out what a file is before it is read."""
    with contextlib.suppress(TextError):
        yield from rows


@contextlib.contextmanager
def damage_named(path):
    """Turn what a damaged or missing file raises into a DataError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; give the path of a data set") from error
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{path} is cut short, damaged or unreadable ({reason}); fetch it again") from error


def _unpacked_rows(file, name, path):
    """Yield the rows of an open file: of a tar by the end of its name, unpacked where it begins as gzip does."""
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
            if said := _SEPARATOR_LINE.fullmatch(line.rstrip("\r\n")):
                separator = said[1]
                continue
            separator = _separator(line)
        first = lines.number
        if '"' in line:
            cells = _quoted(line, lines, separator)
        else:  # what csv.reader returns of such a line, several times as fast
            cells = line.split(separator)
        lines.begin_row()
        yield CsvRow([cell.strip() for cell in cells], first, lines.number)


def _separator(header):
    parts = ((mark, next(csv.reader([header], delimiter=mark, skipinitialspace=True))) for mark in SEPARATORS)
    return next((mark for mark, cells in parts if len(cells) > 1), SEPARATORS[0])


def _quoted(line, lines, separator):
    """Return the cells of a row with quotes, which begins with a line and may go on in those that follow."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_ROW))  # Python's own limit is 131,072 characters
    first = lines.number
    try:
        cells = next(csv.reader(itertools.chain([line], lines), delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise TextError(f"line {first} of {lines.name} must begin a row of csv, and does not ({error})") from error
    if lines.at_end:
        raise TextError(f"a quote that opens in line {first} of {lines.name} is never closed; close or remove it")
    return cells


class _Lines:
    """The lines of a text with their ends, counted, each row bounded.

    Attributes
    ----------
    number : int
        Of the line that came last, from 1.
    at_end : bool
        Whether a line was asked for where there is none.
    """

    def __init__(self, binary, name):
        encoding = _encoding(binary)
        # Bytes that are no UTF-8 become surrogates, which are looked for line by line, so that the line can be named.
        errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
        self._text = io.TextIOWrapper(binary, encoding=encoding, errors=errors, newline="")
        self.name, self.number, self.at_end = name, 0, False
        self._first, self._length = 1, 0

    def __iter__(self):
        return self

    def __next__(self):
        try:
            line = self._text.readline(LONGEST_ROW + 1)
        except UnicodeError as error:
            raise TextError(f"{self.name} must be text, and is damaged after line {self.number} ({error})") from error
        if not line:
            self.at_end = True
            raise StopIteration
        self.number += 1
        self._length += len(line)
        if self._length > LONGEST_ROW:
            raise TextError(
                f"the row that begins in line {self._first} of {self.name} must have at most {LONGEST_ROW:,} "
                "characters, and has more; is it a csv, and does each quote have its end?"
            )
        if not line.isascii():
            self._check_text(line)
        return line

    def begin_row(self):
        """Count the characters of a row from here on."""
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
    """Return how a text is encoded, by its mark, or by the zero bytes of UTF-16 without one."""
    head = binary.peek(4)[:4]
    if marked := next((encoding for mark, encoding in _MARKED.items() if head.startswith(mark)), None):
        return marked
    zeros = tuple(byte == 0 for byte in head)
    return {(False, True, False, True): "utf-16-le", (True, False, True, False): "utf-16-be"}.get(zeros, "utf-8-sig")
