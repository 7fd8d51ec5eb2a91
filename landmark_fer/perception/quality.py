"""How well a face can be read: size, sharpness, brightness and the part of it that lies inside the image."""

from typing import NamedTuple

import cv2
import numpy as np

_SIDE = 64  # pixels; faces are compared at this size


class Quality(NamedTuple):
    """Quality of the image of one face.

    Attributes
    ----------
    detector_score : float
        The detector's margin; NaN where no detector saw the face.
    size_px : float
        The smaller side of the bounding box, in pixels of the image.
    sharpness : float
        Variance of the Laplacian of the face at 64x64 pixels, divided by the variance of its grey values: 0 for a
        smooth face, about 1 for noise. A face smaller than 64 pixels has less.
    brightness : float
        Mean grey value of the chip, from 0 to 1.
    inside : float
        Share of the bounding box that lies inside the image, from 0 to 1.
    """

    detector_score: float
    size_px: float
    sharpness: float
    brightness: float
    inside: float


def face_quality(face, image_shape):
    """Return the quality of a face.

    Parameters
    ----------
    face : Face
    image_shape : tuple of int
        Height and width of the image that the face was found in; more numbers are ignored.

    Returns
    -------
    Quality
    """
    return Quality(
        detector_score=float(face.detector_score),
        size_px=size_px(face.box),
        sharpness=_sharpness(face.chip),
        brightness=brightness(face.chip),
        inside=share_inside(face.box, image_shape),
    )


def size_px(box):
    """Return the shorter side of a `Box` in pixels."""
    return float(min(box.width, box.height))


def brightness(chip):
    """Return the mean grey value of a chip, from 0 to 1."""
    return cv2.mean(chip)[0] / 255


def share_inside(box, image_shape):
    """Return the share of a `Box` that lies inside an image of shape (height, width, ...), from 0 to 1."""
    height, width = image_shape[:2]
    across = max(min(box.x + box.width, width) - max(box.x, 0), 0)
    down = max(min(box.y + box.height, height) - max(box.y, 0), 0)
    return float(across * down / (box.width * box.height))


def _sharpness(chip):
    grey = cv2.resize(chip, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    spread = float(grey.var())
    return float(cv2.Laplacian(grey, cv2.CV_32F).var()) / (20 * spread) if spread > 1e-6 else 0.0
