"""What the readers of known data sets share: images with labels from names or label files, and what is left out."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.datasets.base import Item, of_many
from landmark_fer.datasets.readers.file_index import FileIndex
from landmark_fer.datasets.readers.folders import IMAGES, looks_cropped
from landmark_fer.datasets.readers.image_trees import image_tree

POSES = ("frontal", "half", "all")


class Entry(NamedTuple):
    """A image of a data set: its name in the source, and what is known of it."""

    name: str
    expression: str
    split: str = ""
    subject: str = ""


class LayoutReader:
    """Reads a data set of a known layout, from a folder or an archive.

    A data set is a subclass that says which layout is its own and what each image shows.

    Parameters
    ----------
    path : path-like
    images : {"auto", "crops", "scenes"}, default="auto"
        Whether each image is cropped to one face, or faces are to be found in it; by default what the data set has.
    poses : {"frontal", "half", "all"}, default="frontal"
        Which poses of a head count, where the data set has several; half and full profiles are left out by default.

    Attributes
    ----------
    title : str
        What messages call the data set.
    rest : str
        What is said of images that neither got an entry nor were noted, as for `note`.
    unasked : tuple of str
        Expressions that are left out unless they are asked for by name.
    name : str
        Of the folder or file.
    cropped : bool
    remarks : list of str
        Sentences on how it is read.
    skipped : dict of str to str
        Files that are no images and that the reader has no use for, and why they are not read.

    Raises
    ------
    InputError
        If an option is none of its words.
    DataError
        If the path does not hold the data set.
    """

    title = ""
    layout = ""
    crops = None
    rest = "images have no label, and are left out"
    unasked = ()

    def __init__(self, path, *, images="auto", poses="frontal"):
        for word, value, words in (("images", images, IMAGES), ("poses", poses, POSES)):
            if value not in words:
                raise InputError(f"{word} must be one of {', '.join(words)}, got {value!r}")
        self.path = Path(path)
        if not self.path.exists():
            raise DataError(f"{path} does not exist; give {self.title}: {self.layout}")
        self.name = self.path.resolve().name
        self.images, self.poses = images, poses
        self.remarks, self._left_out = [], {}
        self._listing = FileIndex(path)
        self._entries = self._once(self.entries(self._listing))
        if self._entries:
            self._note_rest()
        if not self._entries:
            said = f" ({'; '.join(self._sentences()[:2])})" if self._left_out else ""
            raise DataError(f"{path} must hold {self.title}: {self.layout}; it holds none of its images{said}")
        self._tree = self.open_tree(self._listing)
        self.cropped = self._are_crops()

    @classmethod
    def recognizes(cls, file_index):
        """Whether what a `FileIndex` shows is this data set."""
        raise NotImplementedError

    def entries(self, file_index):
        """Return the entries of the data set in an order that is the same everywhere; `note` what is left out."""
        raise NotImplementedError

    def open_tree(self, file_index):
        """Return what reads the images of the entries; as from `image_tree`."""
        return file_index.tree or image_tree(file_index.path)

    @property
    def skipped(self):
        """What is neither an image nor a file of labels."""
        return self._listing.unread()

    def fingerprint(self):
        """Return what changes when images, labels or the poses asked for do."""
        parts = [type(self).__name__, self.poses, self._tree.fingerprint(), self._listing.fingerprint_of_others()]
        parts.append([list(entry) for entry in self._entries])
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def __len__(self):
        return len(self._entries) + sum(map(len, self._left_out.values()))

    def items(self):
        """Yield an Item for each image, and one for each thing that is left out."""
        by_name = {entry.name: entry for entry in self._entries}
        for name, content in self._tree.contents(list(by_name)):
            entry = by_name[name]
            problem = str(content) if isinstance(content, DataError) else None
            known = {"expression": entry.expression, "split": entry.split, "subject": entry.subject}
            yield Item(name, **known, image=None if problem else content, problem=problem)
        for sentence, names in self._left_out.items():
            for name in names:
                yield Item(name, problem=sentence, of_many=True)

    def note(self, names, sentence):
        """Note that things are left out.

        Parameters
        ----------
        names : iterable of str
            What each is called; nothing is noted where there is none.
        sentence : str
            Why, as a sentence goes on that begins with how many they are and ends with the names of some.
        """
        if names := list(names):
            self._left_out.setdefault(sentence, []).extend(names)

    def _note_rest(self):
        """Note the images that the reader of the data set said nothing about."""
        told = {entry.name for entry in self._entries}.union(*self._left_out.values())
        self.note((name for name in self._listing.images if name not in told), self.rest)

    def _sentences(self):
        return [of_many(len(names), sentence, names) for sentence, names in self._left_out.items()]

    def _once(self, entries):
        """Return the first entry of each image."""
        first = {}
        again = [entry.name for entry in entries if first.setdefault(entry.name, entry) is not entry]
        self.note(again, "labels are of images that had one already, and do not count")
        return list(first.values())

    def _are_crops(self):
        if self.images != "auto":
            return self.images == "crops"
        if self.crops is not None:
            return self.crops
        return looks_cropped(self._tree, [entry.name for entry in self._entries])
