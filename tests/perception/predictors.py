"""Small files in the format of dlib's shape predictor, valid and damaged."""

import numpy as np

from landmark_fer.core.landmarks import N_LANDMARKS
from landmark_fer.perception.landmarks import template_in_box


def shape_predictor_bytes(n_landmarks=N_LANDMARKS, *, n_cascades=1, anchor=0, pixel=0, leaf=0.0):
    """Return a predictor of one split that adds `leaf` to the template on either side.

    `n_cascades` is how many the file claims to hold (it holds one), `anchor` the landmark and `pixel` the pixel that
    the split compares; each may be one that is not there.
    """
    mean = (template_in_box(150, 0) / 149)[:n_landmarks].ravel()
    shape = [-len(mean), -1]
    numbers = [1, *shape, *mean, n_cascades, 1, 1, pixel, 0, 0.5, 2, *2 * [*shape, *np.full(len(mean), leaf)]]
    numbers += [1, 2, anchor, 0, 1, 2, *4 * [0.0]]
    return b"".join(_number(value) for value in numbers)


def _number(value):
    """Return a number in dlib's format: the number of bytes and the bytes; a float as mantissa and exponent."""
    if isinstance(value, float):
        if not np.isfinite(value):
            return _number(0) + _number(32002)
        fraction, exponent = np.frexp(value)
        return _number(int(fraction * 2**24)) + _number(int(exponent) - 24)
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")
