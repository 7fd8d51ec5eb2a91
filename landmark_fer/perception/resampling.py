"""Warping a part of a grey picture onto a square: smooth where it enlarges, without aliasing where it reduces."""

import math

import cv2
import numpy as np

_WIDER = 0.12  # pixels squared that a blur is wider than theory asks; the least with which landmarks tremble no more
_FLAT = 1 / 3  # share of each of three pixels in the widest blur


def resample(grey, matrix, *, side, finest=1.0, blurred=False):
    """Return the square patch that a similarity transform makes of a picture.

    Pixel centres lie at whole coordinates. Where the picture is finer than the patch it is averaged down first: a
    warp alone would pick single pixels out of a large face. Beyond the picture its edge is repeated.

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
    blurred : bool, default=False
        Where less than a halving is needed, blur instead of averaging by area: a fifth of the time, and good enough to
        be searched and located in. What is left to average after halvings is always blurred.

    Returns
    -------
    ndarray of shape (side, side), uint8
    """
    scale = math.hypot(matrix[0, 0], matrix[1, 0]) * finest
    halvings = max(0, math.floor(-math.log2(scale))) if scale else 0
    part, corner = _part_under(grey, matrix, side=side, block=2**halvings)
    part, halvings = _halved(part, halvings)
    steps, scale = (float(2**halvings),) * 2, scale * 2**halvings
    if scale < 1 and not (blurred or halvings):
        height, width = part.shape
        size = [max(1, round(length * scale)) for length in (width, height)]
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        steps = [step * length / reduced for step, length, reduced in zip(steps, (width, height), size, strict=True)]
    elif scale < 1:
        part = _blurred(part, 1 / scale)
    # A reduced coordinate r lies at (r + 1/2) * step - 1/2 + corner in the picture.
    (across, down), (x, y) = steps, [step / 2 - 0.5 + edge for step, edge in zip(steps, corner, strict=True)]
    onto = np.array([[a * across, b * down, a * x + b * y + shift] for a, b, shift in matrix.tolist()])
    return cv2.warpAffine(part, onto, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _halved(part, halvings):
    """Return a picture reduced so often by means of each four pixels, and how often its size allowed that."""
    for done in range(halvings):
        height, width = (length // 2 for length in part.shape)
        if not min(height, width):
            return part, done
        part = cv2.resize(part[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return part, halvings


def _blurred(part, ratio):
    """Return a picture for a warp that reduces it by a ratio from 1 to 2, in a fifth of the time of means by area.

    Means over squares of so many pixels, interpolated, have variance ``ratio ** 2 / 4`` along each axis. The warp's own
    interpolation brings 1/4 of that, three pixels weighted ``share, 1 - 2 * share, share`` bring ``2 * share``.
    """
    share = ((ratio**2 - 1) / 4 + _WIDER) / 2
    if share >= _FLAT:
        return cv2.blur(part, (3, 3), borderType=cv2.BORDER_REPLICATE)
    width = math.sqrt(0.5 / math.log((1 - 2 * share) / share))
    return cv2.GaussianBlur(part, (3, 3), width, borderType=cv2.BORDER_REPLICATE)


def _part_under(grey, matrix, *, side, block):
    """Return the part of a picture that the patch covers, with a rim for the interpolation, and its corner (x, y).

    Its sides are multiples of `block` where the picture is large enough. In plain numbers: on so few, each call into
    NumPy takes longer than all of them.
    """
    (a, b, u), (c, d, v) = matrix.tolist()
    area = a * d - b * c
    if area == 0:
        return grey, (0, 0)
    corners = [(x - u, y - v) for x in (0, side) for y in (0, side)]
    rim = 3 + 3 * (abs(a) + abs(b) + abs(c) + abs(d)) / abs(area)
    left, right = _span([(d * x - b * y) / area for x, y in corners], rim, block, grey.shape[1])
    top, bottom = _span([(a * y - c * x) / area for x, y in corners], rim, block, grey.shape[0])
    return grey[top:bottom, left:right], (left, top)


def _span(places, rim, block, length):
    """Return from where to where places and a rim about them reach, in a row of so many pixels; at least over one.

    What is added to fill whole blocks is shared by both ends, an odd pixel goes to the tighter one: mirrored pictures
    have mirrored blocks.
    """
    first, last = (min(max(place, -length), 2 * length) for place in (min(places) - rim, max(places) + rim))
    low, high = math.floor(first), math.ceil(last)
    added = (low - high) % block
    tighter = first - low < high - last
    low, high = low - (added + tighter) // 2, high + (added + 1 - tighter) // 2
    low = min(max(low, 0), length - 1)
    return low, max(min(high, length), low + 1)
