"""Base class of readers for data sets with a known layout."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.datasets.base import Item, counted_sentence
from landmark_fer.datasets.readers.file_index import FileIndex
from landmark_fer.datasets.readers.folders import IMAGES, looks_cropped
from landmark_fer.datasets.readers.image_trees import image_tree

POSES = ("frontal", "half", "all")


class Entry(NamedTuple):
    """An image of a data set with its labels."""

    name: str
    expression: str
    split: str = ""
    subject: str = ""


class LayoutReader:
    """Reads a data set of a known layout, from a folder or an archive.

    A subclass defines `title`, `layout`, `recognizes` and `entries`; a row in `registry.READERS` makes it available.

    Parameters
    ----------
    path : path-like
    images : {"auto", "crops", "scenes"}, default="auto"
        Whether each image is cropped to one face, or is a scene with faces to detect; by default what the data set
        has.
    poses : {"frontal", "half", "all"}, default="frontal"
        Which head poses to keep, where the data set has several: without half and full profiles, without full
        profiles, or all.

    Attributes
    ----------
    title : str
        Name of the data set in messages.
    layout : str
        Its files, for messages: "images named like KA.AN1.39.tiff".
    crops : bool or None
        Whether its images are cropped to one face; None: sizes decide.
    unlabelled_reason : str
        Continues the sentence on images that neither got an entry nor were left out with a reason.
    rare_expressions : tuple of str
        Expressions with so few images that they are left out by default.
    folder_codes : dict of int to str
        Expressions of folders that are named by numbers, where the data set has such; see `numbered_folders`.
    folder_codes_left_out : collection of int
        Further numbers, which mean no expression.
    own_file_name : re.Pattern or None
        File names that no other data set has.
    name : str
        Name of the folder or file.
    cropped : bool
    remarks : list of str
        Sentences on how the data set is read.

    Raises
    ------
    InputError
        If an option has another value.
    DataError
        If the path does not hold the data set.
    """

    title = ""
    layout = ""
    crops = None
    unlabelled_reason = "images have no label, and are left out"
    rare_expressions = ()
    folder_codes = {}
    folder_codes_left_out = ()
    own_file_name = None

    def __init__(self, path, *, images="auto", poses="frontal"):
        if images not in IMAGES:
            raise InputError(f"images must be one of {', '.join(IMAGES)}, got {images!r}")
        if poses not in POSES:
            raise InputError(f"poses must be one of {', '.join(POSES)}, got {poses!r}")
        self.path = Path(path)
        if not self.path.exists():
            raise DataError(f"{path} does not exist; give {self.title}: {self.layout}")
        self.name = self.path.resolve().name
        self.images, self.poses = images, poses
        self.remarks, self._left_out = [], {}
        self._file_index = FileIndex(path)
        self._entries = self._without_repeats(self.entries(self._file_index))
        if self._entries:
            self._leave_out_unlabelled()
        else:
            sentences = self._left_out_sentences()[:2]
            reasons = f" ({'; '.join(sentences)})" if sentences else ""
            raise DataError(f"{path} must hold {self.title}: {self.layout}; it holds none of its images{reasons}")
        self._tree = self.open_tree(self._file_index)
        self.cropped = self._are_crops()

    @classmethod
    def recognizes(cls, file_index):
        """Return whether the files of a `FileIndex` are this data set."""
        raise NotImplementedError

    def entries(self, file_index):
        """Return the entries of the data set, in the same order on every machine, and `leave_out` other images."""
        raise NotImplementedError

    def open_tree(self, file_index):
        """Return the reader of the entries' images, as from `image_tree`."""
        return file_index.tree or image_tree(file_index.path)

    @property
    def skipped(self):
        """Files that are neither images nor labels, and why they are not read, as {name: reason}."""
        return self._file_index.unread()

    def fingerprint(self):
        """Return a hash that changes with the images, the labels and the option `poses`."""
        parts = [type(self).__name__, self.poses, self._tree.fingerprint(), self._file_index.labels_fingerprint()]
        parts.append([list(entry) for entry in self._entries])
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def __len__(self):
        return len(self._entries) + sum(map(len, self._left_out.values()))

    def items(self):
        """Yield an Item for each image, and one with a problem for each that is left out."""
        entries = {entry.name: entry for entry in self._entries}
        for name, content in self._tree.contents(list(entries)):
            _, expression, split, subject = entries[name]
            failed = isinstance(content, DataError)
            yield Item(
                name,
                expression=expression,
                split=split,
                subject=subject,
                image=None if failed else content,
                problem=str(content) if failed else None,
            )
        for reason, names in self._left_out.items():
            for name in names:
                yield Item(name, problem=reason, problem_is_shared=True)

    def leave_out(self, names, reason):
        """Record that images or rows are left out.

        Parameters
        ----------
        names : iterable of str
            May be empty.
        reason : str
            Continues a sentence that begins with the number of names and ends with the first of them.
        """
        if names := list(names):
            self._left_out.setdefault(reason, []).extend(names)

    def _leave_out_unlabelled(self):
        labelled = {entry.name for entry in self._entries}.union(*self._left_out.values())
        self.leave_out((name for name in self._file_index.images if name not in labelled), self.unlabelled_reason)

    def _left_out_sentences(self):
        return [counted_sentence(len(names), reason, names) for reason, names in self._left_out.items()]

    def _without_repeats(self, entries):
        """Return the first entry of each image."""
        first = {}
        repeats = [entry.name for entry in entries if first.setdefault(entry.name, entry) is not entry]
        self.leave_out(repeats, "labels repeat an image that already has one, and are ignored")
        return list(first.values())

    def _are_crops(self):
        if self.images != "auto":
            return self.images == "crops"
        if self.crops is not None:
            return self.crops
        return looks_cropped(self._tree, [entry.name for entry in self._entries])
