"""Images in a tar with a folder for each class, read from front to back as they come: nothing is unpacked or listed.

A folder's images come sorted; those of a tar come as they lie in it, which is the same on every machine too.
"""

from itertools import islice
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.base import Item
from landmark_fer.datasets.readers.folders import (
    IMAGES,
    LONGEST_CROP,
    class_and_split,
    no_class,
    no_images,
    unmatched_items,
)
from landmark_fer.datasets.readers.image_trees import file_sha256, is_tar_path, tar_images
from landmark_fer.perception.images import image_size

_SAMPLE = 25
_OTHERS = 1000  # images of no class at the front of a tar before it counts as something else


class TarReader:
    """Reads a tar of images in a folder for each class; classes and splits as for `FolderReader`.

    How many images there are is known at the end only, so it has no length.

    Parameters
    ----------
    path : path-like
        A ``.tar``, also packed (``.tar.gz``, ``.tgz``, ``.tar.bz2``, ``.tar.xz``).
    images : {"auto", "crops", "scenes"}, default="auto"
        As for `FolderReader`; "auto" looks at the first images.

    Raises
    ------
    InputError
        If `images` is none of these words.
    DataError
        If it cannot be read, or none of the first images lies in a folder whose name means an expression.
    """

    def __init__(self, path, *, images="auto"):
        if images not in IMAGES:
            raise InputError(f"images must be one of {', '.join(IMAGES)}, got {images!r}")
        self.path = Path(path)
        self.name = self.path.name
        first = _first(path)
        if not first:
            others = {}
            names = [name for name, _ in islice(tar_images(path, others), _OTHERS)]
            raise no_class(path, names) if names else no_images(path, others)
        self.cropped = _are_crops(first) if images == "auto" else images == "crops"

    @staticmethod
    def recognizes(path):
        """Whether a path is a tar that begins with images in folders named after expressions."""
        path = Path(path)
        return is_tar_path(path) and path.is_file() and bool(_first(path))

    def fingerprint(self):
        """Return the SHA-256 of the file."""
        return file_sha256(self.path)

    def items(self):
        """Yield an Item for each image as it comes, and at the end one for each file that is left out."""
        unmatched, others = {}, {}
        for name, read in tar_images(self.path, others):
            expression, split = class_and_split(name)
            if expression is None:
                unmatched.setdefault(name.rpartition("/")[0] or ".", []).append(name)
                continue
            content = read()
            problem = str(content) if isinstance(content, DataError) else None
            image = None if problem else content
            yield Item(name, expression=expression, split=split, image=image, problem=problem)
        yield from unmatched_items(unmatched)
        for name in sorted(others, key=natural_key):
            yield Item(name, problem=others[name], of_many=True)


def _first(path):
    """Return (name, content) of the first images that lie in a class's folder."""
    images = islice(tar_images(path, {}), _OTHERS)
    return list(islice(((name, read()) for name, read in images if class_and_split(name)[0]), _SAMPLE))


def _are_crops(first):
    sizes = [image_size(content) for _, content in first if not isinstance(content, DataError)]
    longest = [max(size) for size in sizes if size is not None]
    return bool(longest) and bool(np.median(longest) <= LONGEST_CROP)
