"""Images in a folder for each class: one's own, or one of the Kaggle copies of FER2013; also in a zip.

A image's class is the nearest folder above it whose name means an expression, its split what the copies of
FER2013 wrote into the file's name (``Training_3908.jpg``), else the nearest folder named like a split.
"""

import re
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, find_expression
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.base import OFFICIAL_SPLITS, Item, of_many
from landmark_fer.datasets.readers.image_trees import image_tree
from landmark_fer.perception.images import image_size

IMAGES = ("auto", "crops", "scenes")
LONGEST_CROP = 128  # pixels; longer sides are those of scenes

# Folder names that mean a split. Validation and test stay what they are called: a copy that lost the official names
# has other rows in them than PublicTest and PrivateTest.
SPLIT_FOLDERS = {
    "train": "Training",
    "training": "Training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
    "publictest": "PublicTest",
    "privatetest": "PrivateTest",
}

_OFFICIAL_NAME = re.compile(rf"({'|'.join(OFFICIAL_SPLITS)})_\d+")
_SAMPLE = 25
_GIVE = "give FER2013's csv, or a folder (or a zip of one) with a folder of images for each class"


class FolderReader:
    """Reads a folder with a folder of images for each class.

    Images come sorted by class, then by path, numbers by their value, so the order is the same everywhere.

    Parameters
    ----------
    path : path-like
        A folder, or a zip of one.
    images : {"auto", "crops", "scenes"}, default="auto"
        Whether each image is cropped to one face, or faces are to be found in it. "auto": crops where files are
        named like FER2013's or the middle one of a sample has no side longer than `LONGEST_CROP`.

    Raises
    ------
    InputError
        If `images` is none of these words.
    DataError
        If nothing is there, there are no images, or no folder's name means an expression.
    """

    def __init__(self, path, *, images="auto"):
        if images not in IMAGES:
            raise InputError(f"images must be one of {', '.join(IMAGES)}, got {images!r}")
        self.path = Path(path)
        if not self.path.exists():
            raise DataError(f"{path} does not exist; {_GIVE}")
        self.name = self.path.resolve().name
        self._tree = image_tree(path)
        if not self._tree.images:
            raise no_images(path, self.skipped)
        self._expressions, self._unmatched = _classified(self._tree.images)
        if not self._expressions:
            raise no_class(path, self._tree.images)
        self._names = sorted(self._expressions, key=self._order)
        self.cropped = self._are_crops() if images == "auto" else images == "crops"

    @property
    def skipped(self):
        """Files that are no images, and why they are not read, as {name: why}."""
        return {name: self._tree.others[name] for name in sorted(self._tree.others, key=natural_key)}

    def fingerprint(self):
        """Return what changes when the images do: the hash of a zip, or of a folder's names, sizes and times."""
        return self._tree.fingerprint()

    def __len__(self):
        return len(self._names) + sum(map(len, self._unmatched.values()))

    def items(self):
        """Yield an Item for each image, those at the end with a problem that lie in no class's folder."""
        for name, content in self._tree.contents(self._names):
            problem = str(content) if isinstance(content, DataError) else None
            yield Item(
                name,
                expression=self._expressions[name],
                split=_split_of(name),
                image=None if problem else content,
                problem=problem,
            )
        yield from unmatched_items(self._unmatched)

    def _order(self, name):
        return f"{EXPRESSIONS.index(self._expressions[name])}{natural_key(name)}"

    def _are_crops(self):
        return any(_official_split(name) for name in self._names) or looks_cropped(self._tree, self._names)


def looks_cropped(tree, names):
    """Return whether the middle one of a sample of images has no side longer than `LONGEST_CROP`.

    Parameters
    ----------
    tree : object
        As from `image_tree`.
    names : sequence of str
        Of its images.
    """
    sample = names[:: -(-len(names) // _SAMPLE)]
    contents = (content for _, content in tree.contents(sample))
    sizes = [image_size(content) for content in contents if not isinstance(content, DataError)]
    longest = [max(size) for size in sizes if size is not None]
    return bool(longest) and bool(np.median(longest) <= LONGEST_CROP)


def class_and_split(name):
    """Return the expression (or None) and the split (or "") that the path of a image says."""
    meanings = (find_expression(folder) for folder in _folders_above(name))
    return next((meaning for meaning in meanings if meaning), None), _split_of(name)


def unmatched_items(unmatched):
    """Yield an Item for each image in a folder that names no expression, from {folder: names}."""
    for folder in sorted(unmatched, key=natural_key):
        problem = f"images lie in folder {folder!r}, which names no expression, and are left out"
        for name in sorted(unmatched[folder], key=natural_key):
            yield Item(name, problem=problem, of_many=True)


def no_class(path, names):
    """Return the DataError that none of some images lies in a folder named after an expression."""
    folders = sorted({name.rpartition("/")[0] or "." for name in names}, key=natural_key)
    found = ", ".join(map(repr, folders[:10])) + (", ..." if len(folders) > 10 else "")
    from landmark_fer.datasets.readers.file_index import hint

    return DataError(
        f"{path} must have folders named after expressions ({', '.join(EXPRESSIONS)}), found {found}{hint(names)}"
    )


def no_images(path, others):
    """Return the DataError that there are no images, and what there is instead, as from `sorted_out`."""
    instead = f" ({of_many(len(others), 'other files', list(others))})" if others else ""
    return DataError(f"{path} holds no images{instead}; {_GIVE}")


def _classified(names):
    """Return {name: expression} for images in a class's folder, and {folder: names} of those in others."""
    expressions, unmatched = {}, {}
    for name in names:
        meanings = (find_expression(folder) for folder in _folders_above(name))
        expression = next((meaning for meaning in meanings if meaning), None)
        if expression is None:
            unmatched.setdefault(name.rpartition("/")[0] or ".", []).append(name)
        else:
            expressions[name] = expression
    return expressions, unmatched


def _split_of(name):
    named = (SPLIT_FOLDERS.get(folder.lower()) for folder in _folders_above(name))
    return _official_split(name) or next((split for split in named if split), "")


def _official_split(name):
    official = _OFFICIAL_NAME.match(name.rpartition("/")[2])
    return official.group(1) if official else None


def _folders_above(name):
    return reversed(name.split("/")[:-1])
