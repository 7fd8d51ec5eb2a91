"""Which values of an image are black and white, where they have more than eight bits, and those values as eight bits.

What a file states about its range decides. Where it states nothing, the range is the smallest usual one that holds its
values, never their own minimum and maximum: a dark image stays darker than a bright one.

- Whole numbers: 8, 10, 12, 14, 16 or 32 bits, from 0. With negative values, as many bits with a sign.
- Floats: 0 to 1, or to 2, 4, 8, 16, 255, 1023, 4095, 16383, 65535, or a higher power of two; with negative values, as
  far below 0 as above, to a power of two. What lies beyond a range by a tenth of it (resampling overshoots) is cut off.
"""

import math
from typing import NamedTuple

import numpy as np

OVERSHOOT = 0.1  # of a range, that floats may go beyond it

_BITS = (8, 10, 12, 14, 16, 32, 64)
_TOPS = (1, 2, 4, 8, 16, 255, 1023, 4095, 16383, 65535)
_BLOCK = 2**20  # values that are scaled at a time, as float64


class ValueRange(NamedTuple):
    """The values that are black and white, of some type: "uint16", or "PNG uint16" of files of one kind."""

    type: str
    low: float
    high: float

    def __str__(self):
        return f"{self.low:.10g} to {self.high:.10g}"

    def union(self, other):
        """Return the range that holds this one and another of the same type, which may be None."""
        return self if other is None else ValueRange(self.type, min(self.low, other.low), max(self.high, other.high))


def full_range(dtype):
    """Return the range of a whole-number type as a `ValueRange`; None for floats, which have none."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "ui":
        return None
    return ValueRange(dtype.name, float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))


def usual_range(values):
    """Return the smallest usual range that holds an image's values.

    Parameters
    ----------
    values : ndarray of whole numbers or floats
        NaN and infinities do not count.

    Returns
    -------
    ValueRange
    """
    low, high = extremes(values)
    signed = -low > OVERSHOOT * high and low < 0
    if values.dtype.kind == "f":
        return ValueRange(values.dtype.name, *_float_range(low, high, signed))
    own = 8 * values.dtype.itemsize
    if signed:
        bits = next(n for n in _BITS if n >= own or (-(2 ** (n - 1)) <= low and high < 2 ** (n - 1)))
        return ValueRange(values.dtype.name, -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)
    own -= values.dtype.kind == "i"
    bits = next(n for n in _BITS if n >= own or high < 2**n)
    return ValueRange(values.dtype.name, 0.0, 2.0 ** min(bits, own) - 1)


def holds(stated, values):
    """Return whether a range that a file states can be right: it is one, and values go beyond it by a tenth at most."""
    low, high = extremes(values)
    slack = OVERSHOOT * (stated.high - stated.low)
    return math.isfinite(slack) and slack > 0 and stated.low - slack <= low <= high <= stated.high + slack


def extremes(values):
    """Return the smallest and the largest value as floats, NaN and infinities left out; 0 and 0 where none is left."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


def to_eight_bits(values, value_range):
    """Return values as eight bits, a range's low end as 0, its high end as 255; NaN is 0.

    Parameters
    ----------
    values : ndarray of whole numbers or floats
    value_range : ValueRange

    Returns
    -------
    ndarray of uint8, of the same shape
    """
    values = np.ascontiguousarray(values)
    scaled = np.empty(values.shape, np.uint8)
    factor = 255 / (value_range.high - value_range.low)
    flat, out = values.reshape(-1), scaled.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK].astype(np.float64)
        block = (np.nan_to_num(block, nan=value_range.low, posinf=np.inf, neginf=-np.inf) - value_range.low) * factor
        out[start : start + _BLOCK] = np.round(block.clip(0, 255))
    return scaled


def _float_range(low, high, signed):
    if signed:
        reach = max(-low, high) / (1 + OVERSHOOT)
        top = 2.0 ** max(0, math.ceil(math.log2(reach)))
        return -top, top
    reach = high / (1 + OVERSHOOT)
    tops = [top for top in _TOPS if top >= reach]
    return 0.0, float(tops[0]) if tops else 2.0 ** math.ceil(math.log2(reach))
