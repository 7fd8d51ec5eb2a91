"""Texture features of face chips: grey values and local binary patterns."""

import numpy as np
from skimage.feature import local_binary_pattern

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import take_field
from landmark_fer.features.chips import central_square, check_chips
from landmark_fer.features.transformers import Stateless


def pixels(chips, *, frame=64, side=32):
    """Return the grey values of the central square of chips, standardised for each face.

    Parameters
    ----------
    chips : ndarray of shape (n, S, S), uint8
    frame : int, default=64
        Side of the central square, in chip pixels, at most S.
    side : int, default=32
        The square is resized to this side.

    Returns
    -------
    ndarray of shape (n, side * side), float32
        Row by row, with mean 0 and standard deviation 1. All 0 for a chip of one grey value.

    Raises
    ------
    InputError
        If the frame is larger than the chip or `side` is less than 1.
    """
    chips = check_chips(chips, frame)
    if side < 1:
        raise InputError(f"side must be 1 or more, got {side}")
    grey = np.empty((len(chips), side * side), dtype=np.float32)
    for row, chip in zip(grey, chips, strict=True):
        row[:] = central_square(chip.astype(np.float32), frame, side).ravel()
    grey -= grey.mean(axis=1, keepdims=True)
    deviation = grey.std(axis=1, keepdims=True)
    return np.divide(grey, deviation, out=np.zeros_like(grey), where=deviation > 1e-3)


class PixelsOfChip(Stateless):
    """Standardised grey values of the central 64 x 64 pixels of a chip, shape (n, side * side), float32.

    Parameters
    ----------
    side : int, default=32
        As for `pixels`.
    """

    def __init__(self, side=32):
        self.side = side

    def transform(self, X):
        """Return the grey values of face records of shape (n,)."""
        return pixels(take_field(X, "chip"), side=self.side)

    def mirror(self, values):
        """Return the grey values of the mirrored chips."""
        return values.reshape(-1, self.side, self.side)[:, :, ::-1].reshape(values.shape)


NEIGHBOURS = 8
PATTERNS = (
    NEIGHBOURS * (NEIGHBOURS - 1) + 3
)  # 58 patterns with at most two changes around the circle; one for all others


def lbp(chips, *, frame=64, radius=2, cells=8):
    """Return histograms of uniform local binary patterns of the central square of chips.

    Parameters
    ----------
    chips : ndarray of shape (n, S, S), uint8
    frame : int, default=64
        Side of the central square, in chip pixels: a multiple of `cells`, and at most S - 2 * radius, since patterns
        at its edge use neighbours outside it.
    radius : int, default=2
        Radius of the circle of 8 neighbours, in chip pixels.
    cells : int, default=8
        Number of rows and of columns of cells.

    Returns
    -------
    ndarray of shape (n, cells * cells * 59), float32
        The square root of each pattern's frequency, cell by cell. Unchanged by brightness and contrast.

    Raises
    ------
    InputError
        If the chip is smaller than the square and its neighbours, or `cells` does not divide the frame.
    """
    chips = check_chips(chips, frame + 2 * radius)
    if cells < 1 or frame % cells:
        raise InputError(f"cells must divide the frame's {frame} pixels, got {cells}")
    cell = np.arange(frame) // (frame // cells)
    first_bin = PATTERNS * (cells * cell[:, None] + cell)
    counts = np.empty((len(chips), cells * cells * PATTERNS), dtype=np.float32)
    for row, chip in zip(counts, chips, strict=True):
        patterns = local_binary_pattern(chip, NEIGHBOURS, radius, "nri_uniform").astype(np.intp)
        bins = first_bin + central_square(patterns, frame, frame)
        row[:] = np.bincount(bins.ravel(), minlength=counts.shape[1])
    return np.sqrt(counts * np.float32((cells / frame) ** 2))


class LbpOfChip(Stateless):
    """Histograms of local binary patterns of the central 64 x 64 pixels, shape (n, cells * cells * 59), float32.

    Parameters
    ----------
    radius, cells : int
        As for `lbp`.
    """

    def __init__(self, radius=2, cells=8):
        self.radius = radius
        self.cells = cells

    def transform(self, X):
        """Return the histograms of face records of shape (n,)."""
        return lbp(take_field(X, "chip"), radius=self.radius, cells=self.cells)
