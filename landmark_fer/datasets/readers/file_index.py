"""File index: the images and label files under a folder, or in a zip or tar."""

from functools import cached_property
from pathlib import Path

from landmark_fer.core.errors import DataError
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.readers.csv_files import csv_rows, csv_rows_of, wrap_read_errors
from landmark_fer.datasets.readers.image_trees import (
    MAX_FILE,
    ZipTree,
    archive_kind,
    image_tree,
    stat_fingerprint,
)
from landmark_fer.perception.image_formats import NOT_AN_IMAGE


class FileIndex:
    """The files under a folder, or in a zip or tar; empty for any other path.

    It remembers which label files were opened: those are not reported as unread, and are part of the fingerprint.

    Parameters
    ----------
    path : path-like
    limit : int, optional
        List only this many files from the front of a tar: enough to recognize a data set.

    Attributes
    ----------
    tree : object or None
        As from `image_tree`; None for other paths.
    images : list of str
        Paths of images below the folder with ``/`` between the parts, in natural order.
    others : list of str
        The same of all other files that are not hidden.
    """

    def __init__(self, path, *, limit=None):
        self.path, self._limit = Path(path), limit
        self.is_folder = self.path.is_dir()
        self._opened = set()

    @cached_property
    def tree(self):
        """Reader of the images."""
        return image_tree(self.path, limit=self._limit) if self.is_folder or archive_kind(self.path) else None

    @cached_property
    def images(self):
        """The names of images."""
        return sorted(self.tree.images, key=natural_key) if self.tree else []

    @cached_property
    def others(self):
        """The names of all other files that are not hidden."""
        others = self.tree.others if self.tree else {}
        return sorted((name for name, reason in others.items() if reason == NOT_AN_IMAGE), key=natural_key)

    def unread(self):
        """Return the files that are neither images nor opened by now, and why they are not read, as {name: reason}."""
        others = self.tree.others if self.tree else {}
        return {name: others[name] for name in sorted(others, key=natural_key) if name not in self._opened}

    def forget_opened(self):
        """Forget which files were opened: they were only used to recognize the data set."""
        self._opened.clear()

    def contents(self, names):
        """Yield (name, content as bytes, or the DataError that reading it raised) of files, in an order of its own."""
        names = list(names)
        self._opened.update(names)
        if not self.is_folder:
            yield from self.tree.contents(names)
        else:
            for name in names:
                try:
                    yield name, _read_file(self.path / name, name)
                except DataError as error:
                    yield name, error

    def read(self, name):
        """Return the content of one file as bytes.

        Raises
        ------
        DataError
            If it cannot be read or is too large.
        """
        content = next(content for _, content in self.contents([name]))
        if isinstance(content, DataError):
            raise content
        return content

    def text(self, name):
        """Return the content of one file as text; bytes that are not UTF-8 become replacement characters."""
        return self.read(name).decode("utf-8-sig", errors="replace")

    def rows(self, name):
        """Yield the rows of a csv of any length, as `csv_rows`."""
        self._opened.add(name)
        if self.is_folder:
            return csv_rows(self.path / name)
        if isinstance(self.tree, ZipTree):
            return csv_rows(self.path, self.tree.members[name].filename)
        return csv_rows_of(self.read(name), name)

    def labels_fingerprint(self):
        """Return a hash of the files that were opened by now; "" for an archive, whose own hash covers them."""
        return stat_fingerprint(self.path, sorted(self._opened)) if self.is_folder else ""


def _read_file(path, name):
    with wrap_read_errors(name), path.open("rb") as file:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise DataError(f"{name} must have at most {MAX_FILE:,} bytes, got {size:,}; is it a file of labels?")
        return file.read()
