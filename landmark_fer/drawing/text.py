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

INK, DIM, PAPER = (245, 245, 245), (185, 185, 185), (24, 24, 24)
"""Colours of text on a panel, of secondary text and lines, and of the background of labels."""

RECORDING = (222, 45, 38)

MIN_LETTERS = 13
"""Smallest font size in pixels: such text is 12 pixels high from the top of an l to the bottom of a g."""

ELLIPSIS = "…"

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


def shortened(text, width, size):
    """Return a text with its middle left out, so that it is at most `width` pixels wide; at least an ellipsis."""
    length = _font(size).getlength
    short, n_letters = text, len(text)
    while n_letters and length(short) > width:
        n_letters -= 1
        short = text[: (n_letters + 1) // 2] + ELLIPSIS + text[len(text) - n_letters // 2 :]
    return short


def lines_of(text, width, size, *, n_lines):
    """Return a text as at most `n_lines` lines of whole words, the last one shortened to `width` pixels."""
    words, lines = text.split(" "), []
    while len(lines) + 1 < n_lines:
        n_words = len(words)
        while n_words > 1 and _font(size).getlength(" ".join(words[:n_words])) > width:
            n_words -= 1
        lines.append(" ".join(words[:n_words]))
        words = words[n_words:]
    return [shortened(line, width, size) for line in (*lines, " ".join(words)) if line]


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
