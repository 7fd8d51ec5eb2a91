"""What lies under a path: the names of all files in a folder or archive, and the contents of small ones (labels)."""

import hashlib
import json
import os
import tarfile
import zipfile
from functools import cached_property
from pathlib import Path

from landmark_fer.core.errors import DataError
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.readers.csv_files import csv_rows, csv_rows_of, damage_named
from landmark_fer.datasets.readers.image_trees import image_tree, is_tar_path, tar_name
from landmark_fer.perception.image_formats import NOT_AN_IMAGE

LARGEST_LABELS = 256 * 2**20  # bytes of one file of labels


class FileIndex:
    """The files under a folder, or in a zip or tar; of any other path, none.

    Parameters
    ----------
    path : path-like
    most : int, optional
        Of the files of a tar, only so many from the front: enough to recognize what it is.

    Attributes
    ----------
    tree : object or None
        As from `image_tree`; None for any other path.
    images, others : list of str
        Images, and the rest but hidden files: paths below the folder with ``/`` between the parts, in natural order.
    names : list of str
        Both.
    """

    def __init__(self, path, *, most=None):
        self.path, self._most = Path(path), most
        self.is_folder = self.path.is_dir()
        self._opened = set()

    @cached_property
    def tree(self):
        """What reads the images."""
        with damage_named(self.path):
            listed = self.is_folder or (self.path.is_file() and (self._is_zip or is_tar_path(self.path)))
        return image_tree(self.path, most=self._most) if listed else None

    @cached_property
    def names(self):
        """All names, in natural order."""
        return sorted([*self.images, *self.others], key=natural_key)

    @cached_property
    def images(self):
        """The names of images."""
        return sorted(self.tree.images, key=natural_key) if self.tree else []

    @cached_property
    def others(self):
        """The names of everything else that is not hidden."""
        if not self.tree:
            return []
        return sorted((name for name, why in self.tree.others.items() if why == NOT_AN_IMAGE), key=natural_key)

    def unread(self):
        """Return why files that are no images, and that nobody has opened by now, are not read, as {name: why}."""
        rest = self.tree.others if self.tree else {}
        return {name: rest[name] for name in sorted(rest, key=natural_key) if name not in self._opened}

    def forget_opened(self):
        """Count no file as opened: what was looked at was not read."""
        self._opened.clear()

    def contents(self, names):
        """Yield (name, content as bytes, or the DataError that reading it raised) of files, in an order of its own."""
        names = list(names)
        self._opened.update(names)
        if self.is_folder:
            folder = str(self.path)
            for name in names:
                path = os.path.join(folder, name)
                yield name, self._content(name, lambda path=path: os.stat(path), lambda path=path: _bytes_of(path))
        elif self._is_zip:
            with damage_named(self.path), zipfile.ZipFile(self.path) as archive:
                for name in names:
                    info = self._zip_names[name]
                    yield name, self._content(name, lambda info=info: info, lambda info=info: archive.read(info))
        else:
            wanted = set(names)
            with damage_named(self.path), tarfile.open(self.path) as archive:
                for member in archive:
                    name = tar_name(member)
                    if name in wanted:
                        yield name, self._content(name, lambda m=member: m, archive.extractfile(member).read)

    def read(self, name):
        """Return the content of one file as bytes.

        Raises
        ------
        DataError
            If it cannot be read or is larger than labels are.
        """
        content = next(content for _, content in self.contents([name]))
        if isinstance(content, DataError):
            raise content
        return content

    def text(self, name):
        """Return the content of one file as text; bytes that are no UTF-8 become replacement characters."""
        return self.read(name).decode("utf-8-sig", errors="replace")

    def rows(self, name):
        """Yield the rows of a csv, however long it is, as `csv_rows`."""
        self._opened.add(name)
        if self.is_folder:
            return csv_rows(self.path / name)
        if self._is_zip:
            return csv_rows(self.path, self._zip_names[name].filename)
        return csv_rows_of(self.read(name), name)

    def fingerprint_of_others(self):
        """Return a hash of the names, sizes and times of the files that were opened by now; of an archive ""."""
        digest = hashlib.sha256()
        for name in sorted(self._opened) if self.is_folder else ():
            try:
                status = (self.path / name).stat()
                digest.update(json.dumps([name, status.st_size, status.st_mtime_ns]).encode())
            except OSError:  # it went meanwhile: reading it will say so
                digest.update(json.dumps([name]).encode())
        return digest.hexdigest() if self.is_folder else ""

    @cached_property
    def _zip_names(self):
        with zipfile.ZipFile(self.path) as archive:
            return {info.filename.replace("\\", "/"): info for info in archive.infolist() if not info.is_dir()}

    @cached_property
    def _is_zip(self):
        return zipfile.is_zipfile(self.path)

    def _content(self, name, status, read):
        try:
            with damage_named(name):
                about = status()
                size = next(getattr(about, key) for key in ("st_size", "file_size", "size") if hasattr(about, key))
                if size > LARGEST_LABELS:
                    return DataError(f"{name} must have at most {LARGEST_LABELS:,} bytes, has {size:,}; is it labels?")
                return read()
        except DataError as error:
            return error


def _bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def parts_of(name):
    """Return the names of the folders above a file, from the top, and its own, as (tuple, str)."""
    *folders, own = name.split("/")
    return tuple(folders), own


def mostly(names, matches):
    """Whether half of some files or more are as a data set names its own; a few among others are not it."""
    return bool(names) and 2 * sum(bool(matches(name)) for name in names) >= len(names)
