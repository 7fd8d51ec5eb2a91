"""Colours and text of the overlay."""

import math
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from landmark_fer.figures.palette import EXPRESSION_COLOURS, rgb

COLOURS = {name: rgb(colour) for name, colour in EXPRESSION_COLOURS.items()}
"""Colour of each expression, RGB."""

FOR, AGAINST = (230, 120, 20), (60, 150, 230)
"""Colours of cues for and against the prediction, also in the heat map."""

INK, DIM, PAPER = (245, 245, 245), (160, 160, 160), (24, 24, 24)
"""Colours of text on a panel, of secondary text and lines, and of the background of labels."""

RECORDING = (222, 45, 38)

_LUMINANCE = (0.299, 0.587, 0.114)


def ink_on(colour):
    """Return black or white, whichever contrasts with a colour."""
    luminance = sum(weight * channel for weight, channel in zip(_LUMINANCE, colour, strict=True))
    return (0, 0, 0) if luminance > 110 else (255, 255, 255)


def text_size(text, size):
    """Return width and height in pixels of a line of text of a font size in pixels."""
    height, width = _mask(text, size).shape[:2]
    return width, height


def write(canvas, text, corner, size, ink):
    """Write a line of text onto a canvas, in place.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
    text : str
    corner : pair of int
        Left and top, x before y; may lie outside.
    size : int
        Font size in pixels.
    ink : tuple of int
        RGB.
    """
    mask, (x, y) = _mask(text, size), corner
    left, top = max(0, -x), max(0, -y)
    part = canvas[y + top : max(0, y + len(mask)), x + left : max(0, x + mask.shape[1])]
    opacity = mask[top : top + part.shape[0], left : left + part.shape[1]]
    part[:] = part + opacity * (np.array(ink, np.float32) - part)


def largest_size(texts, width, *, least, most):
    """Return the largest font size from `least` to `most` at which every text is at most `width` pixels wide."""
    widest = max((text_size(text, most)[0] for text in texts), default=1)
    return most if widest <= width else max(least, math.floor(most * width / widest))


@lru_cache(maxsize=2048)
def _mask(text, size):
    """Return the opacity of each pixel of a text, shape (height, width, 1), float32, from 0 to 1."""
    font = _font(size)
    image = Image.new("L", (max(1, math.ceil(font.getlength(text))), sum(font.getmetrics())))
    ImageDraw.Draw(image).text((0, 0), text, fill=255, font=font)
    mask = np.asarray(image, np.float32)[..., None] / 255
    mask.setflags(write=False)
    return mask


@cache
def _font(size):
    return ImageFont.load_default(max(1, size))
