"""Warping a part of a grey picture onto a square: smooth where it enlarges, without aliasing where it reduces."""

import cv2
import numpy as np


def resample(grey, matrix, *, side, finest=1.0):
    """Return the square patch that a similarity transform makes of a picture.

    Pixel centres lie at whole coordinates. Where the picture is finer than the patch it is averaged down by area
    first: a warp alone would pick single pixels out of a large face. Beyond the picture its edge is repeated.

    Parameters
    ----------
    grey : ndarray of shape (height, width), uint8
    matrix : ndarray of shape (2, 3)
        From picture to patch, as from `similarity_transform`.
    side : int
        Of the patch in pixels.
    finest : float, default=1
        Most source pixels for each pixel of the patch; more are averaged down to this. Below 1 a large face is
        brought to the resolution that a small picture would have had.

    Returns
    -------
    ndarray of shape (side, side), uint8
    """
    part, corner = _part_under(grey, matrix, side=side)
    scale = np.hypot(matrix[0, 0], matrix[1, 0])
    width, height = (max(1, round(length * min(1.0, finest * scale))) for length in part.shape[::-1])
    reduced = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    ratio = np.array([part.shape[1] / width, part.shape[0] / height])
    # A reduced coordinate r lies at (r + 1/2) * ratio - 1/2 + corner in the picture.
    to_picture = np.array([[ratio[0], 0, 0], [0, ratio[1], 0], [0, 0, 1.0]])
    to_picture[:2, 2] = ratio / 2 - 0.5 + corner
    return cv2.warpAffine(
        reduced, matrix @ to_picture, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _part_under(grey, matrix, *, side):
    """Return the part of a picture that the patch covers, with a rim for the interpolation, and its corner (x, y)."""
    try:
        inverse = np.linalg.inv(matrix[:, :2])
    except np.linalg.LinAlgError:
        return grey, np.zeros(2)
    corners = (np.array([[0, 0], [side, 0], [0, side], [side, side]]) - matrix[:, 2]) @ inverse.T
    rim = 3 + np.abs(inverse).sum() * 3
    limit = np.array(grey.shape[::-1])
    low = np.clip(np.floor(corners.min(axis=0) - rim), 0, limit - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) + rim), low + 1, limit).astype(int)
    return np.ascontiguousarray(grey[low[1] : high[1], low[0] : high[0]]), low.astype(float)
