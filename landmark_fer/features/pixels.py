"""Grey values of the aligned chip: what face recognition began with, for comparison."""

import cv2
import numpy as np

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
