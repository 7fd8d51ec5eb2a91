"""Folders and files that name a class by a number, which means something else in each data set."""

import re
from importlib import import_module

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.readers.file_index import mostly, parts_of
from landmark_fer.datasets.readers.folders import SPLIT_FOLDERS

# The data sets that number their classes, as ``--dataset`` calls them, and the modules whose `CODES` say what a number
# means; some have a table `LEFT_OUT` of further numbers.
NUMBERED = {"fer2013": "fer2013_folders", "raf-db": "raf_db", "affectnet": "affectnet"}

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
    return import_module(f"landmark_fer.datasets.{NUMBERED[dataset]}")
