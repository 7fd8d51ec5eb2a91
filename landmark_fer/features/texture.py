"""Texture of the face chip: grey values and local binary patterns."""

import cv2
import numpy as np
from skimage.feature import local_binary_pattern

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import take_field
from landmark_fer.features.transformers import Stateless


def pixels(chips, *, frame=64, side=32):
    """Return the grey values of the middle of chips, each face's with mean 0 and standard deviation 1.

    Parameters
    ----------
    chips : ndarray of shape (n, S, S), uint8
    frame : int, default=64
        Side of the middle square, in chip pixels, at most S.
    side : int, default=32
        That square is resampled to this side.

    Returns
    -------
    ndarray of shape (n, side * side), float32
        Row by row. A face of one grey value is all 0.

    Raises
    ------
    InputError
        If the frame is larger than the chip or there is no side.
    """
    chips = np.asarray(chips)
    if chips.ndim != 3 or chips.dtype != np.uint8 or frame > chips.shape[1]:
        raise InputError(f"chips must be uint8 of shape (n, S, S) with S >= {frame}, got {chips.dtype} {chips.shape}")
    if side < 1:
        raise InputError(f"side must be 1 or more, got {side}")
    rim = (chips.shape[1] - frame) // 2
    smooth = cv2.INTER_AREA if side < frame else cv2.INTER_LINEAR
    grey = np.empty((len(chips), side * side), dtype=np.float32)
    for row, chip in zip(grey, chips, strict=True):
        middle = chip[rim : rim + frame, rim : rim + frame].astype(np.float32)
        row[:] = cv2.resize(middle, (side, side), interpolation=smooth).ravel()
    grey -= grey.mean(axis=1, keepdims=True)
    spread = grey.std(axis=1, keepdims=True)
    return np.divide(grey, spread, out=np.zeros_like(grey), where=spread > 1e-3)


class PixelsOfChip(Stateless):
    """Standardised grey values of the middle 64 of the chip, shape (n, side * side), float32.

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
PATTERNS = NEIGHBOURS * (NEIGHBOURS - 1) + 3  # 58 that change at most twice around the circle; the last is all others


def lbp(chips, *, frame=64, radius=2, cells=8):
    """Return histograms of the uniform local binary patterns of the middle of chips.

    Parameters
    ----------
    chips : ndarray of shape (n, S, S), uint8
    frame : int, default=64
        Side of the middle square that is described, in chip pixels: at most S - 2 * radius, for the neighbours outside
        it, and a multiple of `cells`.
    radius : int, default=2
        Of the circle of 8 neighbours, in chip pixels.
    cells : int, default=8
        Rows and columns of cells.

    Returns
    -------
    ndarray of shape (n, cells * cells * 59), float32
        Cell by cell, row by row, the square root of each pattern's share. Unchanged by brightness and contrast.

    Raises
    ------
    InputError
        If the chip has no room for the frame and its neighbours, or `cells` does not divide the frame.
    """
    chips = np.asarray(chips)
    room = frame + 2 * radius
    if chips.ndim != 3 or chips.dtype != np.uint8 or room > chips.shape[1]:
        raise InputError(f"chips must be uint8 of shape (n, S, S) with S >= {room}, got {chips.dtype} {chips.shape}")
    if cells < 1 or frame % cells:
        raise InputError(f"cells must divide the frame's {frame} pixels, got {cells}")
    rim, cell = (chips.shape[1] - frame) // 2, np.arange(frame) // (frame // cells)
    first_bin = PATTERNS * (cells * cell[:, None] + cell)
    counts = np.empty((len(chips), cells * cells * PATTERNS), dtype=np.float32)
    for row, chip in zip(counts, chips, strict=True):
        patterns = local_binary_pattern(chip, NEIGHBOURS, radius, "nri_uniform").astype(np.intp)
        bins = first_bin + patterns[rim : rim + frame, rim : rim + frame]
        row[:] = np.bincount(bins.ravel(), minlength=counts.shape[1])
    return np.sqrt(counts * np.float32((cells / frame) ** 2))


class LbpOfChip(Stateless):
    """Histograms of the local binary patterns of the middle 64 of the chip, shape (n, cells * cells * 59), float32.

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
