"""Any csv with a column for the expression and one for the subject: of images by their paths, or of pixels."""

import hashlib
import itertools
import json

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import EXPRESSIONS, find_expression
from landmark_fer.datasets.base import NAMED
from landmark_fer.datasets.readers import fer2013
from landmark_fer.datasets.readers.csv_files import Columns, csv_rows, header_of, is_csv_path, rows_before_fault
from landmark_fer.datasets.readers.fer2013 import PixelRows, split_named
from landmark_fer.datasets.readers.file_index import parts_of
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

# What each column may be called, in any letter case; the first is what messages call it.
NAMES = fer2013.NAMES | {
    "path": ("path", "file", "filename", "file_name", "filepath", "image", "image_path", "image"),
    "expression": ("expression", "emotion", "label", "class"),
}

_LOOKED_AT = 50  # lines of a csv without subjects, of which one must name an expression

_PIXEL_RULE = "the columns pixels and expression (a word)"


class ImageTable(LayoutReader):
    """Reads a csv with the columns ``path`` and ``expression``, and where it has them ``split`` and ``subject``.

    It is given by itself, or is the one csv of its kind in a folder or archive; paths begin at the csv's folder.
    Without a column for the expression, the folders above a image name it.
    """

    title = "a table of images"
    layout = "a csv with the columns path, expression (a word), and if known subject and split"

    @classmethod
    def recognizes(cls, file_index):
        """Whether it is a csv, or a folder or archive with one, whose columns are a path and a label or a subject."""
        return bool(_tables_of(file_index))

    def entries(self, file_index):
        """Return the rows whose label is an expression."""
        tables = _tables_of(file_index)
        if not tables:
            raise DataError(f"{self.path} must hold {self.layout}; write one beside the images")
        if len(tables) > 1:
            raise DataError(
                f"{self.path} must hold one table of images, has {len(tables)} ({', '.join(tables[:NAMED])}); give "
                "one by its path (several --data are joined), or write one with a column split"
            )
        file_index.forget_opened()  # the other csvs, which were looked at and are not read
        self._above = "".join(f"{folder}/" for folder in parts_of(tables[0])[0]) if tables[0] else ""
        rows = _rows_of(file_index, tables[0])
        columns = Columns(next(rows).cells, NAMES)
        columns.check(("path",), source=tables[0] or self.path, rule=self.layout)
        present, entries, broken, unknown = set(file_index.images), [], [], []
        for row in rows:
            if problem := columns.problem_of(row.cells):
                broken.append(f"{row.where} {problem}")
                continue
            of = columns.cells_of(row.cells)
            name = self._above + of["path"].replace("\\", "/")
            expression = find_expression(of["expression"]) if "expression" in of else _expression_above(name)
            if expression is None or "\0" in name:
                unknown.append(f"{row.where} ({of['expression'][:20]!r})" if "expression" in of else row.where)
                continue
            entries.append(Entry(name, expression, split_named(of.get("split", "")), of.get("subject", "")))
        self.note(broken, "rows of the csv have too few cells or too many")
        self.note(unknown, f"rows of the csv name no expression ({', '.join(EXPRESSIONS)}), and are left out")
        self.note(sorted(present - {entry.name for entry in entries}), "images are in no row that counts")
        return entries

    def open_tree(self, file_index):
        """Return what reads the images: paths beside a csv in a folder, or the members of an archive."""
        if file_index.names and not file_index.is_folder:
            return super().open_tree(file_index)
        base = self.path if file_index.is_folder else self.path.parent
        return _Paths(base, [entry.name for entry in self._entries])


class PixelTable(PixelRows):
    """Reads a csv with the columns ``pixels`` (a square of grey values), ``expression``, and if known the others.

    Parameters
    ----------
    path : path-like
        A ``.csv`` or ``.csv.gz``.
    images : {"auto", "crops", "scenes"}, default="auto"
        As for `LayoutReader`; "auto": crops.
    poses : str, optional
        Not used: nothing tells the view.

    Raises
    ------
    DataError
        If it lacks these columns.
    """

    labels = f"one of {', '.join(EXPRESSIONS)} (numbers are read with --dataset fer2013, as FER2013 counts)"

    def __init__(self, path, *, images="auto", poses="frontal"):
        super().__init__(path, NAMES, _PIXEL_RULE)
        self.cropped = images != "scenes"

    @classmethod
    def recognizes(cls, file_index):
        """Whether it is a csv with pixels, labels and subjects that is not FER2013's."""
        header = header_of(csv_rows(file_index.path)) if _is_csv(file_index.path) else []
        own = {"pixels", "expression", "subject"} <= set(Columns(header, NAMES).places)
        return own and not {"expression", "pixels", "split"} <= set(Columns(header, fer2013.NAMES).places)

    def expression_of(self, label):
        """Return the expression that a word means, or None."""
        return find_expression(label)


class _Paths:
    """Images by their paths, below a folder or anywhere; attributes and methods as those of `FolderTree`."""

    def __init__(self, base, names):
        self._base, self.images = base, names

    def fingerprint(self):
        digest = hashlib.sha256()
        for name in self.images:
            status = (self._base / name).stat() if (self._base / name).is_file() else None
            known = status and (status.st_size, status.st_mtime_ns)
            digest.update(json.dumps([name, known]).encode())
        return digest.hexdigest()

    def contents(self, names):
        for name in names:
            path = self._base / name
            odd = path.exists() and not path.is_file()  # a device or a pipe may never end
            yield name, DataError(f"{name} must be a file with a image, and is none; mend the csv") if odd else path


def _tables_of(file_index):
    """Return the names of the tables in a folder or archive; of a csv that is one by itself [""]."""
    if _is_csv(file_index.path):
        columns = Columns(header_of(csv_rows(file_index.path)), NAMES)
        return [""] if _names_images(columns) and "pixels" not in columns else []
    named = (name for name in file_index.others if name.lower().endswith(".csv") and len(parts_of(name)[0]) < 3)
    return [name for name in named if _is_table(file_index.rows(name))]


def _rows_of(file_index, name):
    return file_index.rows(name) if name else csv_rows(file_index.path)


def _names_images(columns):
    return "path" in columns and ("expression" in columns or "subject" in columns)


def _is_table(rows):
    """Whether a csv among images has a column of paths and one of subjects, or one of labels that are words."""
    first = [row.cells for row in itertools.islice(rows_before_fault(rows), _LOOKED_AT + 1)]
    columns = Columns(first[0] if first else [], NAMES)
    if not _names_images(columns):
        return False
    return "subject" in columns or any(find_expression(columns.cells_of(row)["expression"]) for row in first[1:])


def _is_csv(path):
    return path.is_file() and is_csv_path(path) and str(path).lower().endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz"))


def _expression_above(name):
    meanings = (find_expression(folder) for folder in reversed(parts_of(name)[0]))
    return next((meaning for meaning in meanings if meaning), None)
