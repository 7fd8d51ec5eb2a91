"""Checks and cropping of face chips, shared by HOG and texture features."""

import cv2
import numpy as np

from landmark_fer.core.errors import InputError


def check_chips(chips, smallest):
    """Return chips as an array; raise InputError unless they are uint8 of shape (n, S, S) with S >= `smallest`."""
    chips = np.asarray(chips)
    if chips.ndim != 3 or chips.dtype != np.uint8 or smallest > chips.shape[1]:
        raise InputError(
            f"chips must be uint8 of shape (n, S, S) with S >= {smallest}, got {chips.dtype} {chips.shape}"
        )
    return chips


def central_square(chip, frame, side):
    """Return the central square of a chip, `frame` pixels wide, resized to (side, side)."""
    margin = (len(chip) - frame) // 2
    square = np.ascontiguousarray(chip[margin : margin + frame, margin : margin + frame])
    if side == frame:
        return square
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA if side < frame else cv2.INTER_LINEAR)
