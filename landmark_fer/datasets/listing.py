"""What lies under a path: the names of all files in a folder or archive, and the contents of small ones (labels)."""

import hashlib
import itertools
import json
import os
import tarfile
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath

from landmark_fer.datasets.csv_sources import csv_rows, csv_rows_of, damage_named
from landmark_fer.datasets.picture_trees import TAR_SUFFIXES, is_picture
from landmark_fer.errors import DataError

LARGEST_LABELS = 256 * 2**20  # bytes of one file of labels


class Listing:
    """The files under a folder, or in a zip or tar; of any other path, none.

    Parameters
    ----------
    path : path-like
    most : int, optional
        Of the files of a tar, only so many from the front: enough to recognize what it is.

    Attributes
    ----------
    names : list of str
        Paths below the folder with ``/`` between the parts, sorted; hidden ones left out.
    pictures, others : list of str
        Those that are named like a picture, and the rest.
    """

    def __init__(self, path, *, most=None):
        self.path, self._most = Path(path), most
        self.is_folder = self.path.is_dir()

    @cached_property
    def names(self):
        """All names, sorted."""
        with damage_named(self.path):
            found = _below(self.path) if self.is_folder else self._members()
            return sorted(name for name in found if not _is_hidden(name))

    @cached_property
    def pictures(self):
        """The names of pictures."""
        return [name for name in self.names if is_picture(name)]

    @cached_property
    def others(self):
        """The names of everything else."""
        return [name for name in self.names if not is_picture(name)]

    def contents(self, names):
        """Yield (name, content as bytes, or the DataError that reading it raised) of files, in an order of its own."""
        if self.is_folder:
            folder = str(self.path)
            for name in names:
                path = os.path.join(folder, name)
                yield name, self._content(name, lambda path=path: os.stat(path), lambda path=path: _bytes_of(path))
        elif zipfile.is_zipfile(self.path):
            with damage_named(self.path), zipfile.ZipFile(self.path) as archive:
                for name in names:
                    info = self._zip_names[name]
                    yield name, self._content(name, lambda info=info: info, lambda info=info: archive.read(info))
        else:
            wanted = set(names)
            with damage_named(self.path), tarfile.open(self.path) as archive:
                for member in archive:
                    name = PurePosixPath(member.name).as_posix()
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
        if self.is_folder:
            return csv_rows(self.path / name)
        if zipfile.is_zipfile(self.path):
            return csv_rows(self.path, self._zip_names[name].filename)
        return csv_rows_of(self.read(name), name)

    def fingerprint_of_others(self):
        """Return a hash of the names, sizes and times of the files that are no pictures; of an archive ""."""
        digest = hashlib.sha256()
        for name in self.others if self.is_folder else ():
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

    def _members(self):
        if not self.path.is_file():
            return []
        if zipfile.is_zipfile(self.path):
            return list(self._zip_names)
        if not self.path.name.lower().endswith(TAR_SUFFIXES):
            return []
        with tarfile.open(self.path) as archive:
            members = itertools.islice(archive, self._most)
            return [PurePosixPath(member.name).as_posix() for member in members if member.isfile()]

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


def _below(folder):
    """Yield the relative paths of all files below a folder; links are followed, circles of them once."""
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        below = Path(place).relative_to(folder)
        yield from ((below / file).as_posix() for file in files)


def _is_hidden(name):
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
