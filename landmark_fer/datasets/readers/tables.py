"""Readers of your own csv with columns for expression and subject: of image paths, or of pixels."""

import itertools

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import EXPRESSIONS, find_expression
from landmark_fer.datasets.base import MAX_NAMES
from landmark_fer.datasets.readers import fer2013
from landmark_fer.datasets.readers.csv_files import Columns, csv_rows, header_of, is_csv_path, rows_before_error
from landmark_fer.datasets.readers.fer2013 import PixelRows
from landmark_fer.datasets.readers.folder_names import expression_above, parts_of, split_named
from landmark_fer.datasets.readers.image_trees import stat_fingerprint
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

# Valid names of each column, in any letter case; messages use the first.
NAMES = fer2013.NAMES | {
    "path": ("path", "file", "filename", "file_name", "filepath", "image", "image_path"),
    "expression": ("expression", "emotion", "label", "class"),
}

_SAMPLE = 50  # rows; in a csv without subjects one of the first must name an expression


class ImageTable(LayoutReader):
    """Reads a csv with the columns ``path`` and ``expression``, and optionally ``split`` and ``subject``.

    The path is that of the csv, or of a folder or archive with one such csv. Paths of images are relative to the csv.
    Without a column for the expression, the folders above an image name it.

    Attributes
    ----------
    attributes : dict of str to dict of str to str
        Cells of further columns, by the name of the image and that of the column.
    """

    title = "a table of images"
    layout = "a csv with the columns path, expression (a word), and if known subject and split"

    @classmethod
    def recognizes(cls, file_index):
        """Return whether there is a csv whose columns are a path and a label or a subject."""
        return bool(_find_tables(file_index))

    def entries(self, file_index):
        """Return the rows whose label is an expression."""
        tables = _find_tables(file_index)
        if not tables:
            raise DataError(f"{self.path} must hold {self.layout}; write one next to the images")
        if len(tables) > 1:
            raise DataError(
                f"{self.path} must hold one table of images, has {len(tables)} ({', '.join(tables[:MAX_NAMES])}); give "
                "one by its path (several --data are joined), or write one with a column split"
            )
        file_index.forget_opened()  # the csv files that are not read
        table = tables[0]
        folder = table[: table.rfind("/") + 1]
        rows = file_index.rows(table) if table else csv_rows(file_index.path)
        columns = Columns(next(rows).cells, NAMES)
        columns.check(("path",), source=table or self.path, rule=self.layout)
        entries, malformed, unknown, self.attributes = [], [], [], {}
        for row in rows:
            if problem := columns.problem_of(row.cells):
                malformed.append(f"{row.where} {problem}")
                continue
            cells = columns.cells_of(row.cells)
            name = folder + cells["path"].replace("\\", "/")
            expression = find_expression(cells["expression"]) if "expression" in cells else expression_above(name)
            if expression is None or "\0" in name:
                label = f" ({cells['expression'][:20]!r})" if "expression" in cells else ""
                unknown.append(f"{row.where}{label}")
            else:
                entries.append(Entry(name, expression, split_named(cells.get("split", "")), cells.get("subject", "")))
                self.attributes.setdefault(name, columns.further_cells(row.cells))
        self.leave_out(malformed, "rows of the csv have too few cells or too many")
        self.leave_out(unknown, f"rows of the csv name no expression ({', '.join(EXPRESSIONS)}), and are left out")
        unused = sorted(set(file_index.images) - {entry.name for entry in entries})
        self.leave_out(unused, "images are in no valid row of the csv")
        return entries

    def open_tree(self, file_index):
        """Return the reader of the images: of paths relative to a csv in a folder, or of an archive's members."""
        if file_index.tree and not file_index.is_folder:
            return file_index.tree
        folder = self.path if file_index.is_folder else self.path.parent
        return _PathList(folder, [entry.name for entry in self._entries])


class PixelTable(PixelRows):
    """Reads a csv with the columns ``pixels`` (a square of grey values), ``expression`` and optionally others.

    Parameters
    ----------
    path : path-like
        A ``.csv`` or ``.csv.gz``.
    images : {"auto", "crops", "scenes"}, default="auto"
        As for `LayoutReader`; "auto": crops.
    poses : str, optional
        Ignored.

    Raises
    ------
    DataError
        If it lacks these columns.
    """

    labels = f"one of {', '.join(EXPRESSIONS)} (numbers are read with --dataset fer2013, as FER2013 counts)"

    def __init__(self, path, *, images="auto", poses="frontal"):
        super().__init__(path, NAMES, "the columns pixels and expression (a word)")
        self.cropped = images != "scenes"

    @classmethod
    def recognizes(cls, file_index):
        """Return whether it is a csv with pixels, labels and subjects that is not FER2013's."""
        if not _is_table_path(file_index.path):
            return False
        header = header_of(csv_rows(file_index.path))
        has_columns = {"pixels", "expression", "subject"} <= set(Columns(header, NAMES).places)
        return has_columns and not {"expression", "pixels", "split"} <= set(Columns(header, fer2013.NAMES).places)

    def expression_of(self, label):
        """Return the expression that a word means, or None."""
        return find_expression(label)


class _PathList:
    """Images given by their paths relative to a folder; interface as `FolderTree`."""

    def __init__(self, folder, names):
        self._folder, self.images = folder, names

    def fingerprint(self):
        return stat_fingerprint(self._folder, self.images)

    def contents(self, names):
        for name in names:
            path = self._folder / name
            is_special = path.exists() and not path.is_file()  # reading a device or a pipe may never end
            yield name, DataError(f"{name} must be an image file; correct the csv") if is_special else path


def _find_tables(file_index):
    """Return the names of the tables in a folder or archive; [""] for a csv that is one itself."""
    if _is_table_path(file_index.path):
        columns = Columns(header_of(csv_rows(file_index.path)), NAMES)
        return [""] if _names_images(columns) and "pixels" not in columns else []
    csv_names = (name for name in file_index.others if name.lower().endswith(".csv") and len(parts_of(name)[0]) < 3)
    return [name for name in csv_names if _is_table(file_index.rows(name))]


def _names_images(columns):
    return "path" in columns and ("expression" in columns or "subject" in columns)


def _is_table(rows):
    """Return whether a csv has a column of paths and one of subjects, or one of labels that are words."""
    sample = [row.cells for row in itertools.islice(rows_before_error(rows), _SAMPLE + 1)]
    columns = Columns(sample[0] if sample else [], NAMES)
    if not _names_images(columns):
        return False
    return "subject" in columns or any(find_expression(columns.cells_of(row)["expression"]) for row in sample[1:])


def _is_table_path(path):
    return path.is_file() and is_csv_path(path) and str(path).lower().endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz"))
