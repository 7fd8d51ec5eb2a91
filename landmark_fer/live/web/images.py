"""Images as they come over the network and go back: sizes are looked up in the header before anything is decoded."""

import io
import warnings

import cv2
from PIL import Image

from landmark_fer.core.errors import DataError
from landmark_fer.live.web.limits import RefusedError
from landmark_fer.perception.images import read_image

FORMATS = ("JPEG", "PNG")
SHOWN_SIDE = 960  # of a watched image, pixels

_QUALITY = 80


def decode(content, *, most_pixels):
    """Return the image in some bytes, shape (height, width, 3), uint8, RGB.

    Parameters
    ----------
    content : bytes
        A JPEG or PNG file.
    most_pixels : int

    Raises
    ------
    RefusedError
        With status 413 if there are too many pixels, 422 if it is no image or a damaged one.
    """
    width, height = _size(content)
    if width * height > most_pixels:
        raise RefusedError(
            413, f"the image must have at most {most_pixels:,} pixels, got {width} x {height}; reduce it first"
        )
    try:
        return read_image(content, name="the image")
    except DataError as error:
        raise RefusedError(422, str(error)) from error


def encode(image, *, longest_side=SHOWN_SIDE):
    """Return an RGB image as the bytes of a JPEG, reduced to `longest_side`."""
    factor = longest_side / max(image.shape[:2])
    if factor < 1:
        size = [max(1, round(side * factor)) for side in (image.shape[1], image.shape[0])]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return content.tobytes()


def _size(content):
    """Return (width, height) by the header of a JPEG or PNG; other formats are not even tried."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: the rule here is stricter
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                return image.size
    except Image.DecompressionBombError as error:
        raise RefusedError(413, "the image has far too many pixels; reduce it first") from error
    except Exception as error:  # damaged headers make Pillow raise nearly anything
        raise RefusedError(
            422, f"the image must be a {' or '.join(FORMATS)} file, and is none that can be read"
        ) from error
