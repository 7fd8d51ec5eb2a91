"""Images of more than 8 bits per sample: the range of values that they use, and scaling to uint8."""

import io
import math
import re
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from PIL import TiffImagePlugin

from landmark_fer.core.errors import DataError
from landmark_fer.perception.quiet import quiet_opencv

OVERSHOOT = 0.1  # share of a range by which values may exceed it

_BIT_DEPTHS = (8, 10, 12, 14, 16, 32, 64)
_TOPS = (1, 2, 4, 8, 16, 255, 1023, 4095, 16383, 65535)
_BLOCK = 2**20  # values that are scaled at once, as float64


class ValueRange(NamedTuple):
    """The values of black and white for a type: "uint16", or "PNG uint16" for files of one format."""

    type: str
    low: float
    high: float

    def __str__(self):
        return f"{self.low:.10g} to {self.high:.10g}"

    def union(self, other):
        """Return the smallest range that contains this one and another of the same type (or None)."""
        return self if other is None else ValueRange(self.type, min(self.low, other.low), max(self.high, other.high))


def full_range(dtype):
    """Return the `ValueRange` of an integer type; None for floats."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "ui":
        return None
    return ValueRange(dtype.name, float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))


def usual_range(values):
    """Return the smallest usual range that holds an image's values.

    Parameters
    ----------
    values : ndarray of integers or floats
        NaN and infinities are ignored.

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
        bits = next(n for n in _BIT_DEPTHS if n >= own or (-(2 ** (n - 1)) <= low and high < 2 ** (n - 1)))
        return ValueRange(values.dtype.name, -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)
    own -= values.dtype.kind == "i"
    bits = next(n for n in _BIT_DEPTHS if n >= own or high < 2**n)
    return ValueRange(values.dtype.name, 0.0, 2.0 ** min(bits, own) - 1)


def holds(stated, values):
    """Return whether a stated range is plausible: not empty, and exceeded by at most a tenth."""
    low, high = extremes(values)
    slack = OVERSHOOT * (stated.high - stated.low)
    return math.isfinite(slack) and slack > 0 and stated.low - slack <= low <= high <= stated.high + slack


def extremes(values):
    """Return the smallest and largest finite value as floats; 0 and 0 if there is none."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


def to_eight_bits(values, value_range):
    """Return values scaled to uint8: the low end of the range becomes 0, the high end 255, NaN 0.

    Parameters
    ----------
    values : ndarray of integers or floats
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


_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _FORMAT = 256, 257, 258, 262, 277, 284, 339
_SUBFILE, _EXTRA, _DNG = 254, 338, 50706
_STATED = ((340, 341), (280, 281))  # SMinSampleValue and SMaxSampleValue, MinSampleValue and MaxSampleValue
_UNSIGNED, _SIGNED, _FLOAT, _UNDEFINED = 1, 2, 3, 4
_WHITE_IS_ZERO, _RGB = 0, 2
_NARROW = frozenset(2.0**bits - 1 for bits in range(1, 8))  # the largest value of fewer than eight bits, in eight
_FORMATS = {_UNSIGNED: "uint", _SIGNED: "int", _FLOAT: "float", _UNDEFINED: "uint"}
_BY_OPENCV = frozenset({"int8", "int16", "int32", "uint16", "float32", "float64"})

_PNG_COLOURS = frozenset({0, 2, 4, 6})  # grey, RGB, grey with alpha, RGBA; not palettes
_LARGEST_PNM = re.compile(rb"P[2356](?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+(\d+)\s")
_HEADER = 4096  # bytes that a header of a PNM with its comments may have


@dataclass(frozen=True)
class WideHeader:
    """Header of an image with more than 8 bits per sample.

    Attributes
    ----------
    size : tuple of int, or None
        Width and height; None if Pillow reads them.
    channels : int
        1, 3, or 4 with alpha, as OpenCV returns them; 1 if Pillow reads the values.
    dtype : str
        Of the samples: "uint16", "float32".
    by_opencv : bool
        Whether OpenCV decodes the values, because Pillow would truncate them.
    stated : tuple of ValueRange
        Possible meanings of the range that the file states; the first that holds its values is used.
    white_is_zero : bool
    premultiplied : bool
        Whether colours are already multiplied by alpha.
    """

    size: tuple | None = None
    channels: int = 1
    dtype: str = "uint16"
    by_opencv: bool = False
    stated: tuple = ()
    white_is_zero: bool = False
    premultiplied: bool = False


def wide_header(content, kind, *, name, page=None):
    """Return the `WideHeader` of an image, or None if it has at most 8 bits per sample.

    Parameters
    ----------
    content : bytes
    kind : str
        As from `image_kind`.
    name : str
        Name for messages.
    page : int, optional
        Offset of a TIFF page, as from `tiff_pages`; by default the first.

    Raises
    ------
    DataError
        If neither Pillow nor OpenCV reads it correctly.
    """
    if kind == "PNG":
        return _png(content)
    if kind == "PNM":
        return _pnm(content)
    return _tiff(content, name, page) if kind == "TIFF" else None


def may_be_wide(kind, head):
    """Return whether an image may have more than 8 bits per sample, from its format and first bytes."""
    return kind in ("TIFF", "PNM") or (kind == "PNG" and head[24:25] == b"\x10")


def tiff_pages(content):
    """Return the offsets of the pages of a TIFF as a list, empty if none can be read."""
    pages, place = [], None
    while True:
        directory = _directory(content, place)
        if directory is None:
            return pages
        pages.append(directory[0])
        place = directory[1].next
        if not place or place in pages:
            return pages


def opencv_values(content, header, *, name, index=0):
    """Return the values of an image as OpenCV decodes them, shape (height, width) or (height, width, channels), RGB(A).

    A TIFF is rotated upright, a PNG is not.

    Parameters
    ----------
    content : bytes
    header : WideHeader
    name : str
    index : int, default=0
        Index of the page.

    Raises
    ------
    DataError
        If it cannot be decoded, or has another size or type than its header states.
    """
    values = _by_opencv(np.frombuffer(content, np.uint8), index)
    if values is None:
        raise DataError(f"{name} is damaged, or of a format that cannot be decoded; save it as PNG")
    channels = 1 if values.ndim == 2 else values.shape[2]
    if values.dtype != header.dtype or channels not in (header.channels, 4) or channels < header.channels:
        raise _unknown(name, f"{header.channels} channels of {header.dtype}")
    if header.size is not None and values.shape[1::-1] not in (header.size, header.size[::-1]):
        raise _unknown(name, "another size than its header states")
    if channels == 1:
        return values
    return np.ascontiguousarray(values[..., [2, 1, 0] if channels == 3 else [2, 1, 0, 3]])


def _by_opencv(content, index):
    with quiet_opencv():
        try:
            if index == 0:
                return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
            done, pages = cv2.imdecodemulti(content, cv2.IMREAD_UNCHANGED, range=(index, index + 1))
            return pages[0] if done and pages else None
        except cv2.error:
            return None


def _png(content):
    """Return the header of a PNG.

    The chunk sBIT states the number of significant bits. By the specification values are scaled to their type
    nevertheless, but many files do not do so. Therefore the values decide.
    """
    if len(content) < 26 or content[25] not in _PNG_COLOURS:
        return None
    own, bits = content[24], _significant_bits(content)
    if own != 16 and (own != 8 or bits is None or bits >= 8):
        return None
    dtype = f"uint{own}"
    stated = () if bits is None else (ValueRange(dtype, 0.0, 2.0**bits - 1), full_range(dtype))
    return WideHeader(stated=stated, dtype=dtype, by_opencv=own == 16 and content[25] != 0, channels=3)


def _significant_bits(content):
    """Return the significant bits of the colours of a PNG, or None if it does not state them."""
    place, colours = 8, 1 if content[25] in (0, 4) else 3
    while place + 8 <= len(content):
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        if kind == b"sBIT":
            bits = max(content[place + 8 : place + 8 + colours], default=0)
            return bits if 0 < bits <= content[24] else None
        if kind in (b"PLTE", b"IDAT"):  # sBIT comes before them
            return None
        place += 12 + length
    return None


def _pnm(content):
    """Return the header of a PNM whose maximum value exceeds 8 bits, or of floats.

    Pillow scales by the stated maximum. Many programs state 65,535 whatever the values are.
    """
    if content[:2] == b"Pf":
        return WideHeader(dtype="float32")
    match = _LARGEST_PNM.match(content[:_HEADER])
    largest, coloured = int(match[1]) if match else 0, content[1:2] in b"36"
    if largest < 256 or (coloured and largest != 65535):
        return None
    stated = () if largest == 65535 else (full_range("uint16"),)
    return WideHeader(stated=stated, by_opencv=coloured, channels=3 if coloured else 1)


def _tiff(content, name, page):
    """Return the header of a TIFF; raise DataError for camera raw files and for types that cannot be read correctly."""
    if (directory := _directory(content, page)) is None:
        return None
    tags = directory[1]
    bits, formats, samples = _numbers(tags, _BITS, 1), _numbers(tags, _FORMAT, 1), _numbers(tags, _SAMPLES, 1)[0]
    if _DNG in tags or _numbers(tags, _SUBFILE, 0)[0] & 1:
        raise DataError(f"{name} holds only a preview of its image, as camera raw files do; export it as JPEG or PNG")
    photometric, own = _numbers(tags, _PHOTOMETRIC, 1)[0], max(bits)
    stated = _stated(tags)
    if photometric not in (_WHITE_IS_ZERO, 1, _RGB):
        return None
    if own <= 8 and set(formats) <= {_UNSIGNED, _UNDEFINED}:
        narrow = own == 8 and bool(stated) and stated[0].high in _NARROW
        return WideHeader(dtype="uint8", channels=samples, stated=stated) if narrow else None
    dtype = f"{_FORMATS.get(formats[0], 'complex')}{8 * -(-own // 8)}"
    planar = samples > 1 and _numbers(tags, _PLANAR, 1)[0] == 2
    if len(set(bits)) > 1 or len(set(formats)) > 1 or planar or samples not in (1, 3, 4) or dtype == "float16":
        raise _unknown(name, f"{samples} {'planes' if planar else 'channels'} of {dtype}")
    packed = own % 8 != 0
    by_opencv = samples > 1 or packed or dtype in ("int8", "float64")
    if dtype not in _BY_OPENCV and (by_opencv or dtype != "uint32"):
        raise _unknown(name, f"{samples} channels of {dtype}")
    if packed:  # OpenCV shifts them to the upper bits of the type
        stated = (ValueRange(dtype, 0.0, (2.0**own - 1) * 2 ** (16 - own)),)
    extra = _numbers(tags, _EXTRA, 0)[0]
    return WideHeader(
        size=(_numbers(tags, _WIDTH, 0)[0], _numbers(tags, _HEIGHT, 0)[0]),
        channels=samples,
        dtype=dtype,
        by_opencv=by_opencv,
        stated=tuple(each._replace(type=dtype) for each in stated),
        white_is_zero=photometric == _WHITE_IS_ZERO,
        premultiplied=extra == 1,
    )


def _directory(content, place):
    """Return (offset, tags) of a page of a TIFF, by default the first; None if they cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on invalid tags, which Pillow skips
            return _loaded(content, place)
    except Exception:  # damaged tags make Pillow raise nearly any error
        return None


def _loaded(content, place):
    tags = TiffImagePlugin.ImageFileDirectory_v2(content[: 16 if b"+" in content[2:4] else 8])
    place = tags.next if place is None else place
    file = io.BytesIO(content)
    file.seek(place)
    tags.load(file)
    dict(tags.items())  # reads lazily loaded tags now
    return place, tags


def _numbers(tags, tag, default):
    """Return the integers of a tag as a tuple, never empty."""
    values = tags.get(tag, default)
    values = values if isinstance(values, tuple) else (values,)
    return values if values and all(isinstance(value, int) for value in values) else (default,)


def _stated(tags):
    """Return the range that a TIFF states, without a type, in a tuple; an empty tuple if it states none."""
    for lowest, highest in _STATED:
        try:
            return (ValueRange("", min(_flat(tags.get(lowest, 0))), max(_flat(tags[highest]))),)
        except (KeyError, TypeError, ValueError):
            continue
    return ()


def _flat(value):
    return [float(each) for each in (value if isinstance(value, tuple) else (value,))]


def _unknown(name, what):
    return DataError(f"{name} has a type that cannot be decoded correctly ({what}); save it as PNG or TIFF of 16 bits")
