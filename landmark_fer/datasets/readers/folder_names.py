"""Labels from the names of folders and files: expressions, splits and class numbers."""

import re

from landmark_fer.core.expressions import find_expression
from landmark_fer.datasets.base import OFFICIAL_SPLITS

# Folder names that mean a split. Validation and test keep their names: a copy without the official names has other rows
# in them than PublicTest and PrivateTest.
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


def parts_of(name):
    """Return the folders of a path, from the top, and the file name, as (tuple, str)."""
    *folders, own = name.split("/")
    return tuple(folders), own


def expression_above(name):
    """Return the expression that the nearest folder above an image names, or None."""
    meanings = (find_expression(folder) for folder in reversed(parts_of(name)[0]))
    return next((meaning for meaning in meanings if meaning), None)


def number_above(name):
    """Return the number of the nearest folder above an image that is named by one, or None."""
    numbers = (int(folder) for folder in reversed(parts_of(name)[0]) if folder.isdecimal() and len(folder) < 4)
    return next(numbers, None)


def split_above(name, *, suffix=""):
    """Return the split that the nearest folder above an image names, or "".

    Parameters
    ----------
    name : str
    suffix : str, default=""
        Ignored at the end of folder names: with "_set", ``train_set`` is Training.
    """
    words = (folder.lower().removesuffix(suffix) for folder in reversed(parts_of(name)[0]))
    return next((SPLIT_FOLDERS[word] for word in words if word in SPLIT_FOLDERS), "")


def split_of_image(name):
    """Return the split of an image: the official one in its file name (``PublicTest_5.jpg``), or `split_above`."""
    official = _OFFICIAL_NAME.match(parts_of(name)[1])
    return official.group(1) if official else split_above(name)


def has_official_split(name):
    """Return whether an image has a name like those in copies of FER2013: ``PublicTest_5.jpg``."""
    return _OFFICIAL_NAME.match(parts_of(name)[1]) is not None


def split_named(word):
    """Return the split that a word means, ignoring case, spaces, ``-`` and ``_``, or the word itself.

    ``train`` and ``training set`` mean Training, ``public test`` PublicTest, ``val`` validation, as for folders.
    """
    plain = word.lower().translate(str.maketrans("", "", " -_")).removesuffix("set")
    return SPLIT_FOLDERS.get(plain, word)


def most_match(names, matches):
    """Return whether a function is true for at least half of some names; False without names."""
    return bool(names) and 2 * sum(bool(matches(name)) for name in names) >= len(names)
