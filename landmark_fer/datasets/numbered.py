"""Folders and files that name a class by a number, which means something else in each data set."""

from landmark_fer.datasets.folders import SPLIT_FOLDERS
from landmark_fer.datasets.listing import parts_of


def number_above(name):
    """Return the nearest folder above a picture that is a number, as int, or None."""
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
