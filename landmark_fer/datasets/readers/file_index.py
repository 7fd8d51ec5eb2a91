"""File index of a folder.

Which of its images show which expression and person, by the names of folders and files.
"""

import hashlib
import json
import os
import re
import tarfile
import zipfile
from functools import cached_property
from importlib import import_module
from pathlib import Path

from landmark_fer.core.errors import DataError
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.readers.csv_files import csv_rows, csv_rows_of, damage_named
from landmark_fer.datasets.readers.folders import SPLIT_FOLDERS
from landmark_fer.datasets.readers.image_trees import image_tree, is_tar_path, tar_name
from landmark_fer.perception.image_formats import NOT_AN_IMAGE

# The data sets that number their classes, as ``--dataset`` calls them, and the modules whose `CODES` say what a number
# means; some have a table `LEFT_OUT` of further numbers.
NUMBERED = {"fer2013": "fer2013", "raf-db": "raf_db", "affectnet": "affectnet"}

# How the files of some are called, and of no other.
_OWN_NAMES = {
    "fer2013": re.compile(r"(?:Training|PublicTest|PrivateTest)_\d+(?:\.\w+)?"),
    "raf-db": re.compile(r"(?:train|test)_\d+_aligned(?:\.\w+)?", re.IGNORECASE),
}


def number_above(name):
    """Return the nearest folder above a image that is a number, as int, or None."""
    numbers = (int(folder) for folder in reversed(parts_of(name)[0]) if folder.isdecimal() and len(folder) < 4)
    return next(numbers, None)


def split_above(name, table):
    """Return the split that the nearest folder named like one means, or "".

    Parameters
    ----------
    name : str
    table : dict of str to str
        What ``train``, ``validation``, ``test`` are called in the data set; others keep the words of `SPLIT_FOLDERS`.
    """
    for folder in reversed(parts_of(name)[0]):
        word = folder.lower().removesuffix("_set")
        if word in SPLIT_FOLDERS:
            return table.get(SPLIT_FOLDERS[word], SPLIT_FOLDERS[word])
    return ""


def check_numbers(path, names, dataset, *, title):
    """Refuse numbered folders that are another data set's, by a number that is none of its code or by names of files.

    Parameters
    ----------
    path : path-like
        What messages call the source.
    names : sequence of str
        Of images.
    dataset : str
        A key of `NUMBERED`.
    title : str
        What messages call the data set.

    Raises
    ------
    DataError
        If they are.
    """
    for other, own in _OWN_NAMES.items():
        if other != dataset and mostly(names, lambda name, own=own: own.fullmatch(parts_of(name)[1])):
            raise DataError(
                f"{path} must hold {title}, and its files are called like {parts_of(names[0])[1]}, as those of another "
                f"data set; say --dataset {other}"
            )
    numbers = numbers_above(names)
    if foreign := sorted(numbers - _numbers(dataset)):
        own = sorted(_codes(dataset))
        raise DataError(
            f"{path} must have {title}'s folders, {own[0]} to {own[-1]}, and has a folder {foreign[0]}, so that its "
            f"numbers are another's; {_advice(numbers)}"
        )


def reading_of(dataset, *, title):
    """Return a sentence on how numbered folders are read, where nothing but the user's word says whose they are."""
    return f"folders are read by the numbers of {title}, as was asked for: {_meaning(dataset)}"


def hint(names):
    """Return what to do with images in numbered folders, a part of a sentence; "" where most are in none."""
    if not mostly(names, lambda name: number_above(name) is not None):
        return ""
    return f"; numbers mean other classes in each data set: {_advice(numbers_above(names))}"


def numbers_above(names):
    """Return the numbers of the folders that some images lie in."""
    return {number for name in names if (number := number_above(name)) is not None}


def _advice(numbers):
    fitting = [name for name in NUMBERED if numbers <= _numbers(name)]
    if not fitting:
        return "no known data set has them; name the folders after expressions"
    return "say which it is with " + " or ".join(f"--dataset {name} ({_meaning(name)})" for name in fitting)


def _meaning(dataset):
    return ", ".join(f"{number} {expression}" for number, expression in sorted(_codes(dataset).items()))


def _numbers(dataset):
    return set(_codes(dataset)) | set(getattr(_module(dataset), "LEFT_OUT", ()))


def _codes(dataset):
    return _module(dataset).CODES


def _module(dataset):
    return import_module(f"landmark_fer.datasets.readers.{NUMBERED[dataset]}")


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
