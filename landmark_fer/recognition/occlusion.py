"""Occlusion: patches of a face's image are blurred one at a time, to see what the model misses [1]_.

References
----------
.. [1] Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014.
"""

from functools import cache

import cv2
import numpy as np

PATCHES = 7  # along a side of the chip
_WIDTH = 0.7  # standard deviation of a patch's soft edge, in distances between patches
_BLUR = 0.15  # standard deviation of the blur, in sides of the chip: the light stays, every shape goes


def occluded(image, *, chip_size, to_chip=None):
    """Return a image once for each patch, with that patch blurred.

    Parameters
    ----------
    image : ndarray of shape (height, width), uint8
    chip_size : int
        Side of the chip, on which the patches lie evenly, row by row.
    to_chip : ndarray of shape (2, 3), optional
        From the image to the chip; by default the image is the chip.

    Returns
    -------
    ndarray of shape (p, height, width), uint8
        ``p`` is `PATCHES` squared. Patches have soft edges, so that no edge appears that the face does not have.
    """
    scale = 1.0 if to_chip is None else np.hypot(*to_chip[:, 0])
    blurred = cv2.GaussianBlur(image, (0, 0), _BLUR * chip_size / scale, borderType=cv2.BORDER_REPLICATE)
    shares = _chip_patches(chip_size) if to_chip is None else _patches(image.shape, to_chip, chip_size)
    mixed = image + shares * (blurred.astype(np.float32) - image)
    return mixed.round().astype(np.uint8)


def spread_over_chip(values, *, chip_size):
    """Return values of shape (p,), one a patch, as a image of shape (chip_size, chip_size): their weighted mean."""
    shares = _chip_patches(chip_size)
    return np.tensordot(values, shares, axes=1) / shares.sum(axis=0)


@cache
def _chip_patches(chip_size):
    shares = _patches((chip_size, chip_size), np.eye(2, 3), chip_size)
    shares.setflags(write=False)
    return shares


def _patches(shape, to_chip, chip_size):
    """Return how much of the blur each pixel takes for each patch, shape (p, height, width)."""
    apart = chip_size / PATCHES
    centres = (np.arange(PATCHES) + 0.5) * apart - 0.5
    rows, columns = np.indices(shape, dtype=np.float32)
    x, y = (to_chip[axis, 0] * columns + to_chip[axis, 1] * rows + to_chip[axis, 2] for axis in (0, 1))
    across, down = (
        np.exp(-((place - centres[:, None, None]) ** 2) / (2 * (_WIDTH * apart) ** 2)).astype(np.float32)
        for place in (x, y)
    )
    return (down[:, None] * across).reshape(-1, *shape)
