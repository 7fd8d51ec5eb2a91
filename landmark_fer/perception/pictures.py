"""Pictures at the door: whatever a file holds becomes RGB uint8, upright; whatever it cannot be is said."""

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from landmark_fer.errors import DataError, InputError

MAX_PIXELS = 64_000_000
_OF_PHONES = frozenset({".heic", ".heif", ".avif"})  # not read, and named instead of passed over
_READ = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".pgm", ".ppm"})
PICTURE_SUFFIXES = _READ | _OF_PHONES
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")  # whatever a file is called; EPS would run programs

_BEHIND = (128, 128, 128)  # shows through transparent pixels: makes the weakest edges
_WIDE_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})


def read_picture(source, *, name=None):
    """Read a picture file in any common format.

    Parameters
    ----------
    source : path-like or bytes
        A file, or a file's content.
    name : str, optional
        What messages call a picture that came as bytes.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB. Turned upright by its EXIF tag; transparency laid over grey; 16 bits reduced to 8; CMYK and
        palettes converted; of a moving picture the first frame.

    Raises
    ------
    DataError
        If there is no such file, it is empty, truncated or no picture, or larger than `MAX_PIXELS` (which is
        found in the header, before anything is decoded).
    """
    if isinstance(source, bytes):
        name, content = name or "picture", source
    else:
        name, content = str(source), _content(Path(source))
    if not content:
        raise DataError(f"{name} is empty (0 bytes); replace it with a picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: the rule here is stricter
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _check_size(image.size, name)
                return _rgb(ImageOps.exif_transpose(image))
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} must have at most {MAX_PIXELS:,} pixels; reduce it first") from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"{name} must be a picture (JPEG, PNG, ...), and is none that can be read; save it as one of these"
        ) from error
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        raise DataError(f"{name} is damaged and cannot be decoded ({error}); replace it") from error


def to_grey(picture):
    """Return a picture as a C-contiguous grey array.

    Parameters
    ----------
    picture : ndarray of shape (height, width, 3) in RGB or (height, width), uint8

    Returns
    -------
    ndarray of shape (height, width), uint8

    Raises
    ------
    InputError
        If the array is of another shape or type, or has no pixels.
    """
    picture = np.asarray(picture)
    right_shape = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
    if not right_shape or picture.dtype != np.uint8 or picture.size == 0:
        raise InputError(
            "picture must be a uint8 array of shape (height, width, 3) in RGB or (height, width), "
            f"got {picture.dtype} {picture.shape}"
        )
    picture = np.ascontiguousarray(picture)
    return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def _content(path):
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; give the path of a picture") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); give the path of a picture") from error


def _check_size(size, name):
    width, height = size
    if width * height > MAX_PIXELS:
        raise DataError(f"{name} must have at most {MAX_PIXELS:,} pixels, got {width} x {height}; reduce it first")


def _rgb(image):
    if image.mode in _WIDE_MODES:
        return np.repeat(_eight_bits(np.asarray(image), image.mode)[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        behind = Image.new("RGBA", image.size, _BEHIND)
        image = Image.alpha_composite(behind, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _eight_bits(values, mode):
    """Return wide grey values as uint8: 16-bit pictures by their full range, others by their own."""
    values = values.astype(np.float64)
    low, high = values.min(), values.max()
    if mode.startswith("I;16") or (low >= 0 and 255 < high <= 65535):
        low, high = 0, 65535
    elif low >= 0 and high <= 255:
        low, high = 0, 255
    return np.round((values - low) * (255 / max(high - low, 1e-12))).clip(0, 255).astype(np.uint8)
