"""Histograms of oriented gradients (HOG) of aligned face chips [1]_, computed by OpenCV.

References
----------
.. [1] Dalal and Triggs, Histograms of Oriented Gradients for Human Detection, CVPR 2005.
"""

from functools import cache

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.features.chips import central_square, check_chips

ORIENTATIONS = 18  # over the full circle: the sign of a gradient separates dark brow from light skin


def hog(chips, *, frame=64, side=64, cell=8):
    """Return HOG descriptors of the central square of chips.

    Parameters
    ----------
    chips : ndarray of shape (n, S, S), uint8
    frame : int, default=64
        Side of the central square, in chip pixels, at most S.
    side : int, default=64
        The square is resized to this side first; a multiple of `cell`.
    cell : int, default=8
        Pixels per cell. Blocks have 2 x 2 cells, lie one cell apart and are normalised by L2-Hys at 0.2.

    Returns
    -------
    ndarray of shape (n, d), float32
        ``d = (side / cell - 1) ** 2 * 4 * 18``: 3,528 by default. Signed gradients.

    Raises
    ------
    InputError
        If the frame is larger than the chip or `cell` does not divide `side`.
    """
    chips = check_chips(chips, frame)
    if side % cell:
        raise InputError(f"side must be a multiple of the cell's {cell} pixels, got {side}")
    descriptor = _descriptor(side, cell)
    descriptors = np.empty((len(chips), descriptor.getDescriptorSize()), dtype=np.float32)
    for row, chip in zip(descriptors, chips, strict=True):
        row[:] = descriptor.compute(central_square(chip, frame, side)).ravel()
    return descriptors


@cache
def _descriptor(side, cell):
    return cv2.HOGDescriptor(
        _winSize=(side, side),
        _blockSize=(2 * cell, 2 * cell),
        _blockStride=(cell, cell),
        _cellSize=(cell, cell),
        _nbins=ORIENTATIONS,
        _winSigma=1e4,  # uniform weights: OpenCV centres its window half a pixel off, so mirrored chips would differ
        _L2HysThreshold=0.2,
        _gammaCorrection=False,
        _signedGradient=True,
    )


def hog_size(*, side=64, cell=8):
    """Return the length of a descriptor; parameters as for `hog`."""
    return (side // cell - 1) ** 2 * 4 * ORIENTATIONS


def mirror_hog(descriptors, *, side=64, cell=8):
    """Return the descriptors of the mirrored chips, by a permutation of columns.

    Parameters
    ----------
    descriptors : ndarray of shape (n, d)
        Descriptors from `hog` with the same `side` and `cell`.
    side, cell : int

    Returns
    -------
    ndarray of shape (n, d)
    """
    return descriptors[:, _mirror_order(side, cell)]


@cache
def _mirror_order(side, cell):
    """Return the permutation that mirrors a descriptor in OpenCV's order: block column, block row, cell column, row."""
    blocks = side // cell - 1
    order = np.arange(blocks * blocks * 4 * ORIENTATIONS).reshape(blocks, blocks, 2, 2, ORIENTATIONS)
    half_turn = (ORIENTATIONS // 2 - 1 - np.arange(ORIENTATIONS)) % ORIENTATIONS  # an angle a becomes pi - a
    return order[::-1, :, ::-1, :, :][..., half_turn].ravel()
