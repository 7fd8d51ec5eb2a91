"""Thumbnails: small images of faces with which recognitions show themselves in notebooks."""

import base64
import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from landmark_fer.core.records import Box
from landmark_fer.drawing.layout import Rectangle
from landmark_fer.drawing.overlay_options import OverlayOptions
from landmark_fer.drawing.panels import Bars, Panel
from landmark_fer.drawing.text import PAPER
from landmark_fer.perception.images import to_rgb

MAX_SIDE = 320
"""Longest side of a thumbnail in pixels."""

MARGIN = 0.3
"""Least distance from the face's box to the edge, in longer sides of the box, where the image goes so far."""

_LETTERS = 14
_QUALITY = 90


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """The part of an image around a face.

    Attributes
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB, at most `MAX_SIDE` pixels a side; never enlarged.
    x, y : int
        The part's first column and row in the image.
    scale : float
        Side of a pixel of the image, in pixels of the thumbnail; at most 1.
    """

    image: np.ndarray
    x: int
    y: int
    scale: float


def make_thumbnail(image, box):
    """Return the `Thumbnail` of a face, or None if its box lies outside the image.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8
        The thumbnail is a copy and keeps no reference to it.
    box : Box
    """
    margin = MARGIN * max(box.width, box.height)
    left, top = (max(0, math.floor(start - margin)) for start in (box.x, box.y))
    right, bottom = (math.ceil(start + side + margin) for start, side in ((box.x, box.width), (box.y, box.height)))
    part = image[top : max(0, bottom), left : max(0, right)]
    if part.size == 0:
        return None
    scale = min(1.0, MAX_SIDE / max(part.shape[:2]))
    return Thumbnail(_resized(to_rgb(part), scale), left, top, scale)


def show_face(recognition):
    """Return a recognition's thumbnail with box and label, and to the right all probabilities as bars.

    Parameters
    ----------
    recognition : Recognition
        With a thumbnail.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB; the thumbnail's longer side is `MAX_SIDE` pixels.
    """
    thumbnail, face = recognition.thumbnail, recognition.face
    zoom = MAX_SIDE / max(thumbnail.image.shape[:2])
    scale = zoom * thumbnail.scale
    box = Box(
        (face.box.x - thumbnail.x) * scale,
        (face.box.y - thumbnail.y) * scale,
        face.box.width * scale,
        face.box.height * scale,
    )
    landmarks = (face.landmarks - np.float32((thumbnail.x, thumbnail.y))) * np.float32(scale)
    moved = replace(recognition, face=replace(face, box=box, landmarks=landmarks))
    drawn = moved.draw(_resized(thumbnail.image, zoom), options=OverlayOptions(landmarks=False, bars=False))
    height, width = drawn.shape[:2]
    bars = Panel((Bars.of(recognition),), _LETTERS)
    panel = Rectangle(width, 0, *bars.size)
    canvas = np.full((max(height, panel.height), panel.right, 3), PAPER, np.uint8)
    canvas[:height, :width] = drawn
    bars.draw(canvas, panel)
    return canvas


def html_image(image, text):
    """Return an RGB image as an HTML element that contains it as JPEG, with a text for readers without images."""
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    encoded = base64.b64encode(content).decode("ascii")
    return f'<img alt="{text}" src="data:image/jpeg;base64,{encoded}">'


def _resized(image, scale):
    """Return a copy of an image enlarged or reduced; no side becomes less than a pixel."""
    width, height = (max(1, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
