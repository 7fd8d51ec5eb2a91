"""Image files become RGB uint8, upright, whatever they hold; what cannot be read is said in a sentence."""

import io
import logging
import os
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.naming import show
from landmark_fer.core.paths import is_special
from landmark_fer.perception.decoding import MAX_PIXELS, MOVING, NOTES, ImageFile, Note
from landmark_fer.perception.image_formats import head_of, image_file_kind, image_kind
from landmark_fer.perception.wide_images import may_be_wide

__all__ = [
    "MAX_PIXELS",
    "NOTES",
    "decode_image",
    "frame_count",
    "is_animation",
    "read_frames",
    "read_image",
    "to_grey",
]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|data:")

_log = logging.getLogger(__name__)


def read_image(source, *, name=None):
    """Read an image file in any common format.

    Parameters
    ----------
    source : path-like, bytes, bytearray, memoryview, or a file opened in binary mode
        A file, or a file's content; of an open file what is left of it. Addresses are not fetched.
    name : str, optional
        What messages call an image that came as bytes.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB. Turned upright by its EXIF tag; transparency laid over grey; CMYK and palettes converted. More than 8 bits
        a sample are reduced to 8, by the range that the file states or the smallest usual one that holds its values
        (see `value_ranges`). Of several frames or pages the first. A warning in the log says what was particular.

    Raises
    ------
    InputError
        If `source` is none of these.
    DataError
        If there is no such file, it is empty, truncated, no image or one of a kind that is not read, or larger than
        `MAX_PIXELS` (which is found in the header, before anything is decoded).
    """
    content, name = _content_and_name(source, name)
    decoded = _decoded(content, name, None)
    for note in decoded.notes:
        _log.warning("%s: %s", name, note)
    return decoded.pixels


def decode_image(source, *, name=None, ranges=None):
    """Read an image file as `read_image` does, and return what is particular about it instead of logging it.

    Parameters
    ----------
    source, name
        As for `read_image`.
    ranges : dict of str to ValueRange, optional
        For each kind of file and type of values ("PNG uint16") the range that the images of a data set have in common.
        An image that states none is read by this one, or by one that holds its values as well.

    Returns
    -------
    DecodedImage

    Raises
    ------
    InputError, DataError
        As `read_image` does.
    """
    return _decoded(*_content_and_name(source, name), ranges)


def common_ranges(paths):
    """Return the ranges by which all of some image files are to be read that state none, as for `decode_image`.

    Only images of more than eight bits a sample are decoded for that. What cannot be read does not count.
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
        Its `pixels` are a frame as it is shown, over those before it, or a page; `duration_s` is how long a frame is
        shown, None where the file does not say. Any other image is one frame.

    Raises
    ------
    InputError, DataError
        As `read_image` does, when the first frame is asked for. A later frame that is damaged ends the frames, with
        a warning in the log.
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
            if decoded.guessed is not None:  # of the pages of one file, none is to be brighter than it is
                ranges[decoded.guessed.type] = decoded.guessed
            yield decoded if n_frames > 1 else replace(decoded, duration_s=None)


def image_size(source):
    """Return (width, height) by the header of an image file, as it is stored; None where it has none to read."""
    try:
        with ImageFile(*_content_and_name(source, None)) as file:
            return file.size()
    except DataError:
        return None


def frame_count(source, *, name=None):
    """Return how many frames (or pages) an image file has, as for `read_frames`; 1 where it is a still image.

    Raises
    ------
    InputError, DataError
        As `read_image` does, for what the first bytes tell.
    """
    with ImageFile(*_content_and_name(source, name)) as file:
        n_frames = file.n_frames()
        return n_frames - (file.first_of_animation() if n_frames > 1 else 0)


def is_animation(path):
    """Return whether a file is an image with several frames that are shown one after another; pages are not."""
    try:
        return image_file_kind(path) in MOVING and frame_count(path) > 1
    except DataError:
        return False


def to_grey(image):
    """Return a image as a C-contiguous grey array.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8

    Returns
    -------
    ndarray of shape (height, width), uint8

    Raises
    ------
    InputError
        If the array is of another shape or type, or has no pixels.
    """
    image = np.asarray(image)
    right_shape = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if not right_shape or image.dtype != np.uint8 or image.size == 0:
        raise InputError(
            "image must be a uint8 array of shape (height, width, 3) in RGB or (height, width), "
            f"got {image.dtype} {image.shape}"
        )
    image = np.ascontiguousarray(image)
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _decoded(content, name, ranges):
    with ImageFile(content, name) as file:
        decoded, n_frames = file.read(0, ranges), file.n_frames()
    if n_frames == 1:
        return decoded
    what = "pages" if file.kind == "TIFF" else "frames"
    note = Note("frames", f"the first of {n_frames:,} {what}")
    return replace(decoded, notes=(note, *decoded.notes))


def _content_and_name(source, name):
    """Return what a source holds as bytes, and what messages call it."""
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
    own = getattr(file, "name", None)
    name = name or (own if isinstance(own, str) and own else "image")
    if isinstance(file, io.TextIOBase):  # most images are no text, and to read one as text would say only that
        raise InputError(f"{name} must be opened in binary mode ('rb'), and is opened as text")
    try:
        content = file.read()
    except Exception as error:  # whatever a file of somebody else's making raises
        reason = str(error) or type(error).__name__
        raise DataError(f"{name} cannot be read ({reason}); give the path of a image") from error
    if not isinstance(content, bytes | bytearray | memoryview):
        raise InputError(f"{name} must be opened in binary mode ('rb'), and gives {type(content).__name__}")
    return bytes(content), name


def _content_of_path(path):
    if is_special(path):
        raise DataError(f"{show(path)} is a pipe or a device, which may never end; open it, and give what was opened")
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        if _ADDRESS.match(path):
            sentence = f"{path[:200]} is an address, and addresses are not fetched; save the image and give its path"
        elif isinstance(error, FileNotFoundError):
            sentence = f"{show(path)} does not exist; give the path of a image"
        else:
            reason = getattr(error, "strerror", None) or error
            sentence = f"{show(path)} cannot be read ({reason}); give the path of a image"
        raise DataError(sentence) from error
