"""Decode the content of an image file to upright RGB uint8, one frame or page at a time."""

import contextlib
import io
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from landmark_fer.core.errors import DataError, plain_reason
from landmark_fer.perception.image_formats import READ_BY, image_kind
from landmark_fer.perception.wide_images import (
    ValueRange,
    extremes,
    full_range,
    holds,
    opencv_values,
    tiff_pages,
    to_eight_bits,
    usual_range,
    wide_header,
)

MAX_PIXELS = 64_000_000

_BACKGROUND = (128, 128, 128)  # behind transparent pixels; grey makes the weakest edges
_WIDE_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
ANIMATED = frozenset({"GIF", "PNG", "WebP", "AVIF"})  # a JPEG's further images are parts of one photograph
_ORIENTATION = 0x0112


# Notes on images; each completes a sentence about several images.
NOTES = {
    "frames": "hold several frames or pages; the first is read",
    "range": "do not state a range of values, and are scaled by the smallest usual range that holds their values",
    "stated": "hold values outside the range that they state, and are scaled by the smallest usual range for them",
    "numbers": "hold values that are not numbers (NaN), which are read as black",
}

_OF_ONE = {
    "frames": "only {} is read",
    "range": "{}, because the file states no range",
    "stated": "{}, because they lie outside the range that the file states",
    "numbers": "{}, and are read as black",
}


class Note(NamedTuple):
    """A note on a decoded image: a key of `NOTES` and details."""

    kind: str
    detail: str

    def __str__(self):
        return _OF_ONE[self.kind].format(self.detail)


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image.

    Attributes
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        RGB, upright.
    notes : tuple of Note
    guessed : ValueRange or None
        The range by which its values were scaled, if the file states none.
    duration_s : float or None
        Display time of a frame of an animation, in seconds, if the file states it.
    """

    pixels: np.ndarray
    notes: tuple = ()
    guessed: ValueRange | None = None
    duration_s: float | None = None


class ImageFile:
    """An image file from its content; a context manager.

    Parameters
    ----------
    content : bytes
    name : str
        Name for messages.

    Attributes
    ----------
    kind : str
        The format, a key of `READ_BY`.

    Raises
    ------
    DataError
        Here and by every method: if the content is no image, of an unsupported format, damaged, or larger than
        `MAX_PIXELS` (checked in the header, before decoding).
    """

    def __init__(self, content, name):
        if not content:
            raise DataError(f"{name} is empty (0 bytes); replace it with an image")
        self.name, self._content = name, content
        self.kind = image_kind(content)
        if self.kind is None:
            raise DataError(
                f"{name} must be an image (JPEG, PNG, ...), got another kind of file; save it as one of these"
            )
        if self.kind not in READ_BY:
            raise DataError(f"{name} is an image of the kind {self.kind}, which is not read; save it as JPEG or PNG")
        self._stack = contextlib.ExitStack()
        self._pages = tiff_pages(content) if self.kind == "TIFF" else [None]
        self._image = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def size(self):
        """Return (width, height) from the header."""
        with self._errors_translated():
            return self._opened().size

    def n_frames(self):
        """Return the number of frames or pages, including damaged ones."""
        if self.kind == "TIFF":
            return max(1, len(self._pages))
        if self.kind not in ANIMATED:
            return 1
        try:
            with self._errors_translated():
                return max(1, self._opened().n_frames)
        except DataError:  # after the first frame, which may be intact
            return 1

    def is_wide(self):
        """Return whether the samples of the first page do not fill 8 bits exactly, and need scaling."""
        return wide_header(self._content, self.kind, name=self.name) is not None

    def first_of_animation(self):
        """Return the index of the first displayed frame: an APNG may begin with an image for programs without APNG."""
        with self._errors_translated():
            return int(self.kind == "PNG" and bool(self._opened().info.get("default_image")))

    def read(self, index=0, ranges=None):
        """Return one frame or page.

        Parameters
        ----------
        index : int, default=0
            Counted from 0; reading in order is fast.
        ranges : dict of str to ValueRange, optional
            See `images.decode_image`.

        Returns
        -------
        DecodedImage
        """
        with self._errors_translated():
            page = self._pages[index] if self.kind == "TIFF" and self._pages else None
            header = wide_header(self._content, self.kind, name=self.name, page=page)
            if header is not None and header.by_opencv and header.size is not None:
                _check_size(header.size, self.name)
                values, orientation, image = self._by_opencv(header, index), 1, None
            else:
                image = self._opened()
                image.seek(index)
                if header is None and image.mode not in _WIDE_MODES:
                    upright = ImageOps.exif_transpose(image)
                    return DecodedImage(_rgb(upright), duration_s=_duration_s(image))
                if header is not None and header.by_opencv:
                    orientation = image.getexif().get(_ORIENTATION, 1)
                    values = self._by_opencv(header, index)
                else:
                    values, orientation = np.asarray(ImageOps.exif_transpose(image)), 1
                    values = values if header is None else values.astype(header.dtype, copy=False)
            eight, notes, guessed = _eight_bits(values, header, ranges or {}, image, self.kind)
            if orientation != 1:
                eight.getexif()[_ORIENTATION] = orientation
                eight = ImageOps.exif_transpose(eight)
            duration_s = None if image is None else _duration_s(image)
            return DecodedImage(_rgb(eight), notes=notes, guessed=guessed, duration_s=duration_s)

    def _by_opencv(self, header, index):
        return opencv_values(self._content, header, name=self.name, index=index)

    def _opened(self):
        """Return the Pillow image, not decoded yet."""
        if self._image is None:
            file = io.BytesIO(self._content)
            self._image = self._stack.enter_context(Image.open(file, formats=READ_BY[self.kind]))
            _check_size(self._image.size, self.name)
        return self._image

    @contextlib.contextmanager
    def _errors_translated(self):
        """Convert the errors of decoders to a DataError that names the image."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's size warning; MAX_PIXELS is stricter
                yield
        except DataError:
            raise
        except MemoryError as error:
            raise DataError(f"{self.name} needs more memory than there is; make it smaller") from error
        except Image.DecompressionBombError as error:
            raise DataError(f"{self.name} must have at most {MAX_PIXELS:,} pixels; reduce it first") from error
        except UnidentifiedImageError as error:
            raise DataError(
                f"{self.name} is damaged, or a {self.kind} image that cannot be decoded; save it as PNG"
            ) from error
        except Exception as error:  # a damaged file makes Pillow's decoders raise nearly any error
            raise DataError(
                f"{self.name} is damaged and cannot be decoded ({plain_reason(error)}); replace it"
            ) from error


def pillow_pixels(image):
    """Return a Pillow image as `ImageFile.read` returns the pixels of its file.

    Parameters
    ----------
    image : PIL.Image.Image

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB, upright.
    """
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _WIDE_MODES:
        upright, _, _ = _eight_bits(np.asarray(upright), None, {}, upright, upright.format)
    return _rgb(upright)


def _check_size(size, name):
    width, height = size
    if width * height > MAX_PIXELS:
        raise DataError(f"{name} must have at most {MAX_PIXELS:,} pixels, got {width} x {height}; reduce it first")


def _duration_s(image):
    """Return the display time of a frame in seconds, or None."""
    duration_ms = image.info.get("duration")
    return duration_ms / 1000 if isinstance(duration_ms, int | float) and duration_ms > 0 else None


def _rgb(image):
    """Return an 8-bit Pillow image as an RGB array, transparency drawn over grey."""
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, _BACKGROUND)
        image = Image.alpha_composite(background, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _eight_bits(values, header, ranges, image, kind):
    """Return (8-bit image, notes, guessed range or None) of wide values.

    Parameters
    ----------
    values : ndarray of shape (height, width) or (height, width, channels)
        With alpha in the last of 2 or 4 channels.
    header : WideHeader or None
    ranges : dict of str to ValueRange
    image : PIL.Image.Image or None
        The Pillow image, which may state a transparent value.
    kind : str
        Format of the file.
    """
    with_alpha = values.ndim == 3 and values.shape[2] in (2, 4)
    colours, alpha = (values[..., :-1], values[..., -1]) if with_alpha else (values, None)
    if values.ndim == 2 and image is not None and isinstance(transparent := image.info.get("transparency"), int):
        alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
    value_range, notes, guessed = _range_of(colours, header, ranges, kind)
    eight = to_eight_bits(colours, value_range)
    if header is not None and header.white_is_zero:
        eight = 255 - eight
    if values.dtype.kind == "f" and (lost := int(np.isnan(colours).sum())):
        eight[np.isnan(colours)] = 0
        notes = (*notes, Note("numbers", f"{lost:,} values are not numbers (NaN)"))
    if alpha is None:
        return Image.fromarray(eight), notes, guessed
    if alpha.dtype != np.uint8:
        alpha = to_eight_bits(alpha, _range_of_alpha(alpha, value_range))
    if header is not None and header.premultiplied:
        share = 1 - alpha[..., None] / 255
        eight = np.round(eight + share * _BACKGROUND[0]).clip(0, 255).astype(np.uint8)
        return Image.fromarray(eight), notes, guessed
    eight = eight if eight.ndim == 3 else eight[..., None]
    eight = np.broadcast_to(eight, (*eight.shape[:2], 3))
    return Image.fromarray(np.dstack([eight, alpha])), notes, guessed


def _range_of(values, header, ranges, kind):
    """Return (range, notes, guessed range or None), from what the file states or from its values."""
    stated = header.stated if header is not None else ()
    if (matching := next((each for each in stated if holds(each, values)), None)) is not None:
        return matching, (), None
    guessed = usual_range(values)
    guessed = guessed._replace(type=f"{kind} {guessed.type}")  # one format, usually one camera or program
    guessed = guessed.union(ranges.get(guessed.type))
    if not any(extremes(values)):  # all black: the range is unknown
        return guessed, (), None
    full = full_range(values.dtype)
    if full is not None and guessed[1:] == full[1:]:
        return guessed, (), guessed
    low, high = extremes(values)
    detail = f"values from {low:.6g} to {high:.6g} ({values.dtype.name}) are read as {guessed}"
    return guessed, (Note("stated" if stated else "range", detail),), guessed


def _range_of_alpha(alpha, value_range):
    """Return the range of alpha: that of the colours if it holds alpha, else that of the type; 0 to 1 for floats."""
    if alpha.dtype.kind == "f":
        return ValueRange(alpha.dtype.name, 0.0, 1.0 if alpha.max() <= 1 else float(alpha.max()))
    return value_range if alpha.max() <= value_range.high else full_range(alpha.dtype)
