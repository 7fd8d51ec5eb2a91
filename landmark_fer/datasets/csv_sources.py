"""Opening the csv of a data set wherever it lies: as it is, gzipped, in a zip, in a tar, in a tar in a zip."""

import contextlib
import csv
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from landmark_fer.errors import DataError

CSV_SUFFIXES = (".csv", ".csv.gz", ".tar.gz", ".tgz", ".tar")
DAMAGE = (EOFError, OSError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
DAMAGE += (UnicodeError, NotImplementedError, OverflowError, struct.error)  # names and sizes in damaged archives

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")


def is_csv_path(path):
    """Return whether a path is named like a csv that `csv_lines` opens (a zip may hold anything: see `find_csv`)."""
    return str(path).lower().endswith(CSV_SUFFIXES)


def split_line(line):
    """Return the cells of one line of csv text, stripped."""
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def find_csv(path, columns):
    """Return which member of a zip is the csv with the given columns, or None.

    Parameters
    ----------
    path : path-like
    columns : set of str

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
        names = sorted(name for name in archive.namelist() if not name.startswith("__MACOSX"))
        for name in (name for name in names if name.lower().endswith(CSV_SUFFIXES)):
            with archive.open(name) as file, contextlib.closing(_lines(file, name, path)) as lines:
                if columns <= set(split_line(next(lines, ""))):
                    return name
    return None


def csv_lines(path, member=None):
    """Yield the lines of a csv as text, the header first, blank lines too.

    Parameters
    ----------
    path : path-like
        A ``.csv``, ``.csv.gz``, ``.tar.gz`` or ``.zip`` file.
    member : str, optional
        Which file of a zip, as from `find_csv`.

    Raises
    ------
    DataError
        If the file cannot be opened, holds no csv, or is cut short or damaged.
    """
    with damage_named(path):
        if member is None:
            with Path(path).open("rb") as file:
                yield from _lines(file, str(path), path)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                yield from _lines(file, member, path)


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


def _lines(file, name, path):
    """Yield the text lines of an open file; the end of its name says how it is packed."""
    if name.lower().endswith(_TAR_SUFFIXES):
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            members = (m for m in archive if m.isfile() and m.name.lower().endswith(".csv"))
            if (member := next(members, None)) is None:
                raise DataError(f"{name} in {path} must hold a csv file, and holds none")
            yield from _text(archive.extractfile(member))
    elif name.lower().endswith(".gz"):
        with gzip.open(file) as unpacked:
            yield from _text(unpacked)
    else:
        yield from _text(file)


def _text(binary):
    return io.TextIOWrapper(binary, encoding="utf-8-sig", errors="replace", newline=None)
