"""Read image files of any common format as upright RGB uint8 arrays."""

import io
import logging
import os
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from landmark_fer.core.errors import DataError, InputError, plain_reason
from landmark_fer.core.naming import show
from landmark_fer.core.paths import is_special
from landmark_fer.core.types import AnyImage, ImageSource
from landmark_fer.perception.decoding import ANIMATED, MAX_PIXELS, NOTES, ImageFile, Note, pillow_pixels
from landmark_fer.perception.image_formats import head_of, image_file_kind, image_kind
from landmark_fer.perception.wide_images import may_be_wide

__all__ = [
    "MAX_PIXELS",
    "NOTES",
    "as_array",
    "decode_image",
    "frame_count",
    "is_animation",
    "read_frames",
    "read_image",
    "to_grey",
    "to_rgb",
]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|data:")

_log = logging.getLogger(__name__)


def read_image(source: ImageSource, *, name: str | None = None) -> np.ndarray:
    """Read an image file in any common format.

    Parameters
    ----------
    source : path-like, bytes, bytearray, memoryview, or a file opened in binary mode
        A file, the content of a file, or an open file, which is read to its end. URLs are not fetched.
    name : str, optional
        Name for messages about an image given as bytes.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB, rotated upright by its EXIF tag; transparency drawn over grey; CMYK and palettes converted. Samples of
        more than 8 bits are scaled to 8, by the range that the file states or else the smallest usual range that holds
        its values (see `wide_images`). The first of several frames or pages. Such conversions are logged as warnings.

    Raises
    ------
    InputError
        If `source` is none of these.
    DataError
        If the file is missing, empty, truncated, no image, of an unsupported format, or larger than `MAX_PIXELS`
        (checked in the header, before decoding).
    """
    content, name = _content_and_name(source, name)
    decoded = _decoded(content, name, None)
    for note in decoded.notes:
        _log.warning("%s: %s", name, note)
    return decoded.pixels


def decode_image(source, *, name=None, ranges=None):
    """Read an image file as `read_image` does, and return notes on it instead of logging them.

    Parameters
    ----------
    source, name
        As for `read_image`.
    ranges : dict of str to ValueRange, optional
        By file format and type of values ("PNG uint16"), the common range of the images of a data set. An image that
        states no range is scaled by this one, extended to hold its values.

    Returns
    -------
    DecodedImage

    Raises
    ------
    InputError, DataError
        As `read_image`.
    """
    return _decoded(*_content_and_name(source, name), ranges)


def common_ranges(paths):
    """Return the common ranges of image files that state none, for the parameter `ranges` of `decode_image`.

    Only images with more than 8 bits per sample are decoded. Files that cannot be read are ignored.
    """
    ranges = {}
    for path in paths:
        head = head_of(path)
        if not may_be_wide(image_kind(head), head):
            continue
        try:
            with ImageFile(*_content_and_name(path, None)) as file:
                guessed = file.read().guessed if file.is_wide() else None
        except DataError:
            continue
        if guessed is not None:
            ranges[guessed.type] = guessed.union(ranges.get(guessed.type))
    return ranges


def read_frames(source, *, name=None):
    """Read all frames of an animation (GIF, APNG, WebP, AVIF), or all pages of a TIFF.

    Parameters
    ----------
    source, name
        As for `read_image`.

    Yields
    ------
    DecodedImage
        A frame as it is displayed, over those before it, or a page. `duration_s` is the time that a frame is displayed,
        or None if the file states none. A still image is one frame.

    Raises
    ------
    InputError, DataError
        As `read_image`, at the first frame. A later frame that is damaged ends the iteration with a logged warning.
    """
    content, name = _content_and_name(source, name)
    ranges = {}
    with ImageFile(content, name) as file:
        n_frames = file.n_frames()
        first = file.first_of_animation() if n_frames > 1 else 0
        for index in range(first, n_frames):
            try:
                decoded = file.read(index, ranges)
            except DataError as error:
                if index == first:
                    raise
                _log.warning("%s ends after %d of %d frames: %s", name, index - first, n_frames - first, error)
                return
            if decoded.guessed is not None:  # the pages of one file share a range
                ranges[decoded.guessed.type] = decoded.guessed
            yield decoded if n_frames > 1 else replace(decoded, duration_s=None)


def image_size(source):
    """Return (width, height) from the header of an image file, before rotation; None if it cannot be read."""
    try:
        with ImageFile(*_content_and_name(source, None)) as file:
            return file.size()
    except DataError:
        return None


def frame_count(source, *, name=None):
    """Return the number of frames or pages that `read_frames` yields; 1 for a still image.

    Raises
    ------
    InputError, DataError
        As `read_image`, for errors that the first bytes show.
    """
    with ImageFile(*_content_and_name(source, name)) as file:
        n_frames = file.n_frames()
        return n_frames - (file.first_of_animation() if n_frames > 1 else 0)


def is_animation(path):
    """Return whether a file is an image with several frames in time; the pages of a TIFF are none."""
    try:
        return image_file_kind(path) in ANIMATED and frame_count(path) > 1
    except DataError:
        return False


def to_grey(image):
    """Return an image as a C-contiguous grey array.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8

    Returns
    -------
    ndarray of shape (height, width), uint8

    Raises
    ------
    InputError
        If the array has another shape or type, or no pixels.
    """
    image = _checked(image)
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def to_rgb(image):
    """Return an image as a C-contiguous RGB array.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8

    Returns
    -------
    ndarray of shape (height, width, 3), uint8

    Raises
    ------
    InputError
        If the array has another shape or type, or no pixels.
    """
    image = _checked(image)
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)


def as_array(image: AnyImage) -> np.ndarray:
    """Return an image as an array: arrays as they are, PIL images as from their files, others by `read_image`."""
    if isinstance(image, np.ndarray):
        return image
    if hasattr(image, "convert") and hasattr(image, "getexif"):
        return pillow_pixels(image)  # a PIL image, by its methods
    return read_image(image)


def _checked(image):
    """Return an image C-contiguous, or raise if it is none."""
    image = np.asarray(image)
    right_shape = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if not right_shape or image.dtype != np.uint8 or image.size == 0:
        raise InputError(
            "image must be a uint8 array of shape (height, width, 3) in RGB or (height, width), "
            f"got {image.dtype} {image.shape}"
        )
    return np.ascontiguousarray(image)


def _decoded(content, name, ranges):
    with ImageFile(content, name) as file:
        decoded, n_frames = file.read(0, ranges), file.n_frames()
    if n_frames == 1:
        return decoded
    unit = "pages" if file.kind == "TIFF" else "frames"
    note = Note("frames", f"the first of {n_frames:,} {unit}")
    return replace(decoded, notes=(note, *decoded.notes))


def _content_and_name(source, name):
    """Return (content as bytes, name for messages) of a source."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), name or "image"
    if hasattr(source, "read"):
        return _content_of_file(source, name)
    try:
        path = os.fsdecode(os.fspath(source))
    except TypeError as error:
        raise InputError(
            f"an image must be a path, bytes, or a file opened in binary mode, got {type(source).__name__}"
        ) from error
    return _content_of_path(path), path


def _content_of_file(file, name):
    file_name = getattr(file, "name", None)
    name = name or (file_name if isinstance(file_name, str) and file_name else "image")
    if isinstance(file, io.TextIOBase):  # reading an image as text raises an unclear error
        raise InputError(f"{name} must be opened in binary mode ('rb'), and is opened as text")
    try:
        content = file.read()
    except Exception as error:  # a file-like object may raise any error
        raise DataError(f"{name} cannot be read ({plain_reason(error)}); give the path of an image") from error
    if not isinstance(content, bytes | bytearray | memoryview):
        raise InputError(f"{name} must be opened in binary mode ('rb'), and gives {type(content).__name__}")
    return bytes(content), name


def _content_of_path(path):
    if is_special(path):
        raise DataError(f"{show(path)} is a pipe or a device, which may never end; open it and give the open file")
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: an invalid name
        if _ADDRESS.match(path):
            message = f"{path[:200]} is a URL, and URLs are not fetched; save the image and give its path"
        elif isinstance(error, FileNotFoundError):
            message = f"{show(path)} does not exist; give the path of an image"
        else:
            message = f"{show(path)} cannot be read ({plain_reason(error)}); give the path of an image"
        raise DataError(message) from error
