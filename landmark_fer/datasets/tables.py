"""Any csv with a column for the expression and one for the subject: of pictures by their paths, or of pixels."""

import hashlib
import itertools
import json
from functools import cached_property
from pathlib import Path

from landmark_fer.datasets.base import Item
from landmark_fer.datasets.csv_sources import csv_lines, damage_named, is_csv_path, split_line
from landmark_fer.datasets.fer2013 import picture_of_pixels
from landmark_fer.datasets.folders import SPLIT_FOLDERS
from landmark_fer.datasets.layout_reader import Entry, LayoutReader
from landmark_fer.datasets.listing import parts_of
from landmark_fer.errors import DataError
from landmark_fer.face.expressions import EXPRESSIONS, find_expression

# What each column may be called, in any letter case; the first is what messages call it.
NAMES = {
    "path": ("path", "file", "filename", "file_name", "filepath", "image", "image_path", "picture"),
    "pixels": ("pixels",),
    "expression": ("expression", "emotion", "label", "class"),
    "split": ("split", "usage", "set", "partition"),
    "subject": ("subject", "subject_id", "person", "person_id", "participant", "identity"),
}

_LOOKED_AT = 50  # lines of a csv without subjects, of which one must name an expression
_FER2013 = {"emotion", "pixels", "usage"}


def columns_of(header):
    """Return {meaning: place} of the columns of a csv that mean something, by `NAMES`; the first of several counts."""
    words = [cell.strip().lower() for cell in header]
    places = {kind: [words.index(name) for name in names if name in words] for kind, names in NAMES.items()}
    return {kind: found[0] for kind, found in places.items() if found}


class PictureTable(LayoutReader):
    """Reads a csv with the columns ``path`` and ``expression``, and where it has them ``split`` and ``subject``.

    It is given by itself, or is the one csv of its kind in a folder or archive; paths begin at the csv's folder.
    Without a column for the expression, the folders above a picture name it.
    """

    title = "a table of pictures"
    layout = "a csv with the columns path, expression (a word), and if known subject and split"

    @classmethod
    def recognizes(cls, listing):
        """Whether it is a csv, or a folder or archive with one, whose columns are a path and a label or a subject."""
        return _table_of(listing) is not None

    def entries(self, listing):
        """Return the rows whose label is an expression."""
        found = _table_of(listing)
        if found is None:
            raise DataError(f"{self.path} must hold {self.layout}; write one beside the pictures")
        self._above, lines = found
        places = columns_of(split_line(next(lines)))
        present, entries, broken, unknown = set(listing.pictures), [], [], []
        for number, line in enumerate(lines, start=2):
            cells = split_line(line)
            if not line.strip():
                continue
            if len(cells) <= max(places.values()):
                broken.append(f"line {number}")
                continue
            name = self._above + cells[places["path"]].replace("\\", "/")
            expression = _expression(cells, places, name)
            if expression is None or "\0" in name:
                unknown.append(f"line {number}")
                continue
            split, subject = (cells[places[kind]] if kind in places else "" for kind in ("split", "subject"))
            entries.append(Entry(name, expression, SPLIT_FOLDERS.get(split.lower(), split), subject))
        self.note(broken, "lines of the csv have too few cells")
        self.note(unknown, f"lines of the csv name no expression ({', '.join(EXPRESSIONS)}), and are left out")
        self.note(sorted(present - {entry.name for entry in entries}), "pictures are in no line that counts")
        return entries

    def open_tree(self, listing):
        """Return what reads the pictures: paths beside a csv in a folder, or the members of an archive."""
        if listing.names and not listing.is_folder:
            return super().open_tree(listing)
        base = self.path if listing.is_folder else self.path.parent
        return _Paths(base, [entry.name for entry in self._entries])


class PixelTable:
    """Reads a csv with the columns ``pixels`` (a square of grey values), ``expression``, and if known the others.

    Parameters
    ----------
    path : path-like
        A ``.csv`` or ``.csv.gz``.
    pictures : {"auto", "crops", "scenes"}, default="auto"
        As for `LayoutReader`; "auto": crops.
    views : str, optional
        Not used: nothing tells the view.

    Raises
    ------
    DataError
        If it lacks these columns.
    """

    def __init__(self, path, *, pictures="auto", views="frontal"):
        self.path, self.cropped = Path(path), pictures != "scenes"
        self.name = self.path.name
        self._places = columns_of(split_line(next(csv_lines(path), "")))
        if not {"pixels", "expression"} <= set(self._places):
            raise DataError(f"{path} must have the columns pixels and expression (a word), and lacks one; add it")

    @classmethod
    def recognizes(cls, listing):
        """Whether it is a csv with pixels, labels and subjects that is not FER2013's."""
        if not _is_csv(listing.path):
            return False
        header = split_line(next(csv_lines(listing.path), ""))
        known = {"pixels", "expression", "subject"} <= set(columns_of(header))
        return known and not {cell.strip().lower() for cell in header} >= _FER2013

    def fingerprint(self):
        """Return the SHA-256 of the file."""
        with damage_named(self.path), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def __len__(self):
        return self._n_rows

    @cached_property
    def _n_rows(self):
        return sum(1 for _ in self._rows())

    def items(self):
        """Yield an Item for each row, broken rows with their problem."""
        for row, (number, line) in enumerate(self._rows()):
            cells, where = split_line(line), f"row {row} (line {number})"
            if len(cells) <= max(self._places.values()):
                yield Item(f"row {row}", problem=f"{where} has {len(cells)} cells, which are too few")
                continue
            of = {kind: cells[place] for kind, place in self._places.items()}
            expression, (picture, problem) = find_expression(of["expression"]), picture_of_pixels(of["pixels"])
            if expression is None:
                problem = f"has the label {of['expression'][:20]!r}, must have one of {', '.join(EXPRESSIONS)}"
            split = SPLIT_FOLDERS.get(of.get("split", "").lower(), of.get("split", ""))
            known = {"expression": expression, "split": split, "subject": of.get("subject", ""), "picture": picture}
            yield Item(f"row {row}", **known, problem=problem and f"{where} {problem}")

    def _rows(self):
        lines = enumerate(csv_lines(self.path), start=1)
        return ((number, line) for number, line in lines if number > 1 and line.strip())


class _Paths:
    """Pictures by their paths, below a folder or anywhere; attributes and methods as those of `FolderTree`."""

    def __init__(self, base, names):
        self._base, self.pictures = base, names

    def fingerprint(self):
        digest = hashlib.sha256()
        for name in self.pictures:
            status = (self._base / name).stat() if (self._base / name).is_file() else None
            known = status and (status.st_size, status.st_mtime_ns)
            digest.update(json.dumps([name, known]).encode())
        return digest.hexdigest()

    def contents(self, names):
        for name in names:
            path = self._base / name
            odd = path.exists() and not path.is_file()  # a device or a pipe may never end
            yield name, DataError(f"{name} must be a file with a picture, and is none; mend the csv") if odd else path


def _table_of(listing):
    """Return (what paths begin with, lines) of the csv with paths, or None."""
    if _is_csv(listing.path):
        return ("", csv_lines(listing.path)) if _has_paths(csv_lines(listing.path)) else None
    for name in listing.others:
        folders, own = parts_of(name)
        if own.lower().endswith(".csv") and len(folders) < 3 and _has_paths(listing.lines(name)):
            return "".join(f"{folder}/" for folder in folders), listing.lines(name)
    return None


def _has_paths(lines):
    """Whether a csv has a column of paths and one of subjects, or one of labels that are words."""
    places = columns_of(split_line(next(lines, "")))
    if "path" not in places or not {"expression", "subject"} & set(places):
        return False
    first = (split_line(line) for line in itertools.islice(lines, _LOOKED_AT))
    of_label = places.get("expression", -1)
    return "subject" in places or any(len(row) > of_label and find_expression(row[of_label]) for row in first)


def _is_csv(path):
    return path.is_file() and is_csv_path(path) and str(path).lower().endswith((".csv", ".csv.gz"))


def _expression(cells, places, name):
    if "expression" in places:
        return find_expression(cells[places["expression"]])
    meanings = (find_expression(folder) for folder in reversed(parts_of(name)[0]))
    return next((meaning for meaning in meanings if meaning), None)
