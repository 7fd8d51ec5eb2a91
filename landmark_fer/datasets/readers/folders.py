"""Readers of images in one folder per class: in a folder or zip, or in a tar, which is read from front to back.

An image's class is the nearest folder above it whose name means an expression. Its split is the official one in the
names of files in copies of FER2013 (``Training_3908.jpg``), or else the nearest folder named like a split.
"""

from itertools import islice
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.base import Item, counted_sentence
from landmark_fer.datasets.readers.folder_names import expression_above, has_official_split, split_of_image
from landmark_fer.datasets.readers.image_trees import archive_kind, file_sha256, image_tree, tar_images
from landmark_fer.datasets.readers.numbered_folders import numbers_hint
from landmark_fer.perception.images import image_size

IMAGES = ("auto", "crops", "scenes")
MAX_CROP = 128  # pixels; images with a longer side are scenes

_SAMPLE = 25
_TAR_FRONT = 1000  # images; one of the first must lie in a class's folder
_ADVICE = "give FER2013's csv, or a folder (or a zip of one) with a folder of images for each class"


class FolderReader:
    """Reads a folder with a folder of images for each class.

    Images come sorted by class, then by path with numbers by value, so the order is the same on every machine.

    Parameters
    ----------
    path : path-like
        A folder, or a zip of one.
    images : {"auto", "crops", "scenes"}, default="auto"
        Whether each image is cropped to one face, or is a scene with faces to detect. "auto": crops where files have
        names like FER2013's or the median of a sample has no side longer than `MAX_CROP`.

    Raises
    ------
    InputError
        If `images` has another value.
    DataError
        If the path does not exist, holds no images, or no folder's name means an expression.
    """

    def __init__(self, path, *, images="auto"):
        _check_images_option(images)
        self.path = Path(path)
        if not self.path.exists():
            raise DataError(f"{path} does not exist; {_ADVICE}")
        self.name = self.path.resolve().name
        self._tree = image_tree(path)
        if not self._tree.images:
            raise _no_images(path, self.skipped)
        expressions = {name: expression_above(name) for name in self._tree.images}
        self._expressions = {name: expression for name, expression in expressions.items() if expression}
        self._unmatched = [name for name, expression in expressions.items() if expression is None]
        if not self._expressions:
            raise _no_class(path, self._tree.images)
        self._names = sorted(self._expressions, key=self._sort_key)
        self.cropped = self._are_crops() if images == "auto" else images == "crops"

    @property
    def skipped(self):
        """Files that are not images, and why they are not read, as {name: reason}."""
        return {name: self._tree.others[name] for name in sorted(self._tree.others, key=natural_key)}

    def fingerprint(self):
        """Return a hash of the zip, or of the names, sizes and times of the folder's images."""
        return self._tree.fingerprint()

    def __len__(self):
        return len(self._tree.images)

    def items(self):
        """Yield an Item for each image; at the end, with a problem, for each that lies in no class's folder."""
        for name, content in self._tree.contents(self._names):
            yield _item(name, self._expressions[name], content)
        yield from _unmatched_items(self._unmatched)

    def _sort_key(self, name):
        return f"{EXPRESSIONS.index(self._expressions[name])}{natural_key(name)}"

    def _are_crops(self):
        return any(map(has_official_split, self._names)) or looks_cropped(self._tree, self._names)


class TarReader:
    """Reads a tar with a folder of images for each class from front to back, without unpacking it.

    Images come in the order of the tar. Their number is known only at the end, so the reader has no length.

    Parameters
    ----------
    path : path-like
        A ``.tar``, also compressed (``.tar.gz``, ``.tgz``, ``.tar.bz2``, ``.tar.xz``).
    images : {"auto", "crops", "scenes"}, default="auto"
        As for `FolderReader`; "auto" samples the first images.

    Raises
    ------
    InputError
        If `images` has another value.
    DataError
        If it cannot be read, or none of the first images lies in a folder whose name means an expression.
    """

    def __init__(self, path, *, images="auto"):
        _check_images_option(images)
        self.path = Path(path)
        self.name = self.path.name
        contents = _first_contents(path)
        if not contents:
            others = {}
            names = [name for name, _ in islice(tar_images(path, others), _TAR_FRONT)]
            raise _no_class(path, names) if names else _no_images(path, others)
        self.cropped = _are_small(contents) if images == "auto" else images == "crops"

    @staticmethod
    def recognizes(path):
        """Return whether a path is a tar that begins with images in folders named after expressions."""
        return archive_kind(path) == "tar" and bool(_first_contents(path))

    def fingerprint(self):
        """Return the SHA-256 of the file."""
        return file_sha256(self.path)

    def items(self):
        """Yield an Item for each image in the order of the tar; at the end one for each file that is left out."""
        unmatched, others = [], {}
        for name, read in tar_images(self.path, others):
            if expression := expression_above(name):
                yield _item(name, expression, read())
            else:
                unmatched.append(name)
        yield from _unmatched_items(unmatched)
        for name in sorted(others, key=natural_key):
            yield Item(name, problem=others[name], problem_is_shared=True)


def looks_cropped(tree, names):
    """Return whether the median of a sample of images has no side longer than `MAX_CROP`.

    Parameters
    ----------
    tree : object
        As from `image_tree`.
    names : sequence of str
        Names of its images.
    """
    sample = names[:: -(-len(names) // _SAMPLE)]
    return _are_small([content for _, content in tree.contents(sample)])


def _are_small(contents):
    sizes = [image_size(content) for content in contents if not isinstance(content, DataError)]
    longest_sides = [max(size) for size in sizes if size is not None]
    return bool(longest_sides) and bool(np.median(longest_sides) <= MAX_CROP)


def _first_contents(path):
    """Return the contents of the first images of a tar that lie in a class's folder."""
    images = islice(tar_images(path, {}), _TAR_FRONT)
    return list(islice((read() for name, read in images if expression_above(name)), _SAMPLE))


def _check_images_option(images):
    if images not in IMAGES:
        raise InputError(f"images must be one of {', '.join(IMAGES)}, got {images!r}")


def _item(name, expression, content):
    split = split_of_image(name)
    if isinstance(content, DataError):
        return Item(name, expression=expression, split=split, problem=str(content))
    return Item(name, expression=expression, split=split, image=content)


def _unmatched_items(names):
    """Yield an Item with a problem for each image in a folder that names no expression, by folder."""
    for name in sorted(names, key=lambda name: (natural_key(_folder_of(name)), natural_key(name))):
        problem = f"images lie in folder {_folder_of(name)!r}, which names no expression, and are left out"
        yield Item(name, problem=problem, problem_is_shared=True)


def _folder_of(name):
    return name.rpartition("/")[0] or "."


def _no_class(path, names):
    """Return the DataError for images that all lie outside of folders named after expressions."""
    folders = sorted({_folder_of(name) for name in names}, key=natural_key)
    actual = ", ".join(map(repr, folders[:10])) + (", ..." if len(folders) > 10 else "")
    rule = f"folders named after expressions ({', '.join(EXPRESSIONS)})"
    return DataError(f"{path} must have {rule}, got {actual}{numbers_hint(names)}")


def _no_images(path, others):
    """Return the DataError for a source without images, with the other files as from `divide_files`."""
    instead = f" ({counted_sentence(len(others), 'other files', list(others))})" if others else ""
    return DataError(f"{path} holds no images{instead}; {_ADVICE}")
