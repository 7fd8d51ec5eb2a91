"""The photographs of the demo's person: as taken, with her lips closed, sad, and with the dark of an open mouth.

Those that were not taken are made of the one that was: the smile's folds are smoothed away, and the lips are brought
together or what lies behind them is painted. Points are pixels of the photograph.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from skimage import data

from landmark_fer.core.landmarks import points
from landmark_fer.core.naming import library_path
from landmark_fer.live.sources.demo_tables import (
    AT_REST,
    FOLDS,
    LANDMARKS,
    LOWER_LIP_EDGE,
    NOSE,
    OUTLINE,
    SEAM,
    SHADOWS,
    UPPER_LIP_EDGE,
)
from landmark_fer.live.sources.demo_warp import evaluate_warp, fit_warp

HEAD_TOP_LEFT, HEAD_SIZE = (136, 0), (184, 224)  # the part that is warped

# What only turns with the head: the hair, the creases over the eyes (brows rise without them), the head's rim. What
# stays where it is: the collar.
HEAD = np.array(
    [(172, 82), (198, 64), (225, 56), (254, 64), (281, 84), (225, 34), (185, 50), (268, 50)]
    + [(197, 94), (204, 93.5), (210, 96), (239, 97.5), (246, 96), (253, 96)]
    + [(x, y) for x, y in OUTLINE if y < 148 and y != 147],
    dtype=float,
)
FIXED = np.array([(150, 170), (160, 205), (190, 214), (225, 218), (260, 214), (285, 205), (300, 190)], dtype=float)

_TEETH, _TONGUE = np.array((196.0, 182.0, 170.0)), np.array((58.0, 18.0, 20.0))  # RGB
_OF_SKIN = np.array((0.85, 1.0, 1.02))  # how much a shadow on skin takes of each colour
_INSET = np.array([(0, 0), *[(0, 0.6)] * 3, (0, 0), *[(0, -0.6)] * 3])  # filling colours the rim too
_INNER_LIPS = points("inner_lips")
_UPPER_LIP, _LOWER_LIP = (49, 50, 51, 52, 53), (55, 56, 57, 58, 59)
_PORES, _SHADE = 1.0, 12.0  # what is finer than the one stays, what is coarser than the other stays


class Photograph(NamedTuple):
    """A image of the person, shape (512, 512, 3), uint8, RGB, and her landmarks in it, shape (68, 2)."""

    image: np.ndarray
    landmarks: np.ndarray


@cache
def photograph(name):
    """Return a photograph, made when it is first asked for; not to be written to.

    Parameters
    ----------
    name : str
        ``smile``, as taken, ``rest``, ``sad`` or ``open``.
    """
    made = {
        "smile": lambda: Photograph(_taken(), LANDMARKS),
        "rest": lambda: Photograph(_rounded(_resting()), AT_REST),
        "sad": lambda: Photograph(_rounded(_with_shadows(_resting())), AT_REST),
        "open": lambda: Photograph(_rounded(_with_cavity(_relaxed())), LANDMARKS),
    }[name]()
    made.image.setflags(write=False)
    return made


@cache
def _relaxed():
    return _without_folds(photograph("smile").image.astype(np.float32))


@cache
def _resting():
    return _with_lips_closed(_relaxed())


def _taken():
    """Return `skimage.data.astronaut` without what scikit-image loads to read it, which takes as long as the rest."""
    image = cv2.imread(library_path(Path(data.__file__).with_name("astronaut.png")))
    return data.astronaut() if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def filled(contour, shape):
    """Return a mask of the given shape, uint8: 255 inside a contour of shape (n, 2), smooth at its edge."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(np.asarray(contour) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def _rounded(image):
    return np.clip(image, 0, 255).round().astype(np.uint8)


def _cheeks(shape):
    """Return a mask, float32: 1 on the skin from the eyes to the chin, without lips and nose."""
    middle = np.array((225.0, 130.0))
    below_eyes = [(266, 112), (250, 112), (225, 112), (200, 110), (185, 110)]
    skin = filled(np.vstack([middle + 0.95 * (LANDMARKS[1:16] - middle), below_eyes]), shape)
    mouth = np.maximum(filled(LANDMARKS[48:60], shape), filled(LANDMARKS[60:68], shape))
    mouth = cv2.dilate(mouth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    return cv2.subtract(cv2.subtract(skin, mouth), filled(NOSE, shape)).astype(np.float32) / 255


def _drawn(lines, shape, width, softness):
    """Return a mask, float32: 1 on lines of points, softened."""
    mask = np.zeros(shape, np.uint8)
    lines = [np.round(np.asarray(line) * 16).astype(np.int32) for line in lines]
    cv2.polylines(mask, lines, False, 255, width, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), softness).astype(np.float32) / 255


def _without_folds(photograph):
    """Return the photograph with what a smile does to the cheeks smoothed away; pores and broad shades stay."""
    mask = _cheeks(photograph.shape[:2])
    folds = np.clip(1.6 * _drawn(FOLDS, photograph.shape[:2], 4, 1.0), 0, 1)
    weights = mask * (1 - folds) ** 2 + 1e-4

    def blurred(sigma):
        share = cv2.GaussianBlur(weights, (0, 0), sigma)[..., None]
        return cv2.GaussianBlur(photograph * weights[..., None], (0, 0), sigma) / share

    pores = (photograph - blurred(_PORES)) * (1 - folds[..., None])
    soft = (cv2.GaussianBlur(mask, (0, 0), 1.2) * mask)[..., None]
    return photograph + (blurred(_SHADE) + pores - photograph) * soft


def _with_lips_closed(photograph):
    """Return the photograph with the lips brought together at the seam: one warp for what is above, one below."""
    upper = _towards_rest(photograph, _LOWER_LIP, UPPER_LIP_EDGE)
    lower = _towards_rest(photograph, _UPPER_LIP, LOWER_LIP_EDGE)
    rows, columns = np.arange(photograph.shape[0])[:, None], np.arange(photograph.shape[1])
    below = rows - np.interp(columns, *SEAM.T)[None]
    share = np.clip(below + 0.5, 0, 1)[..., None]
    along = (columns - SEAM[0, 0]) / (SEAM[-1, 0] - SEAM[0, 0])
    shadow = 0.5 * np.exp(-((below / 0.75) ** 2)) * np.clip(12 * np.minimum(along + 0.04, 1.04 - along), 0, 1)
    return (upper * (1 - share) + lower * share) * (1 - shadow[..., None])


def _towards_rest(photograph, other_lip, edge):
    """Return the photograph warped to the landmarks at rest, but for one lip; the edge of the other meets the seam."""
    kept = np.setdiff1d(np.arange(68), [*other_lip, *_INNER_LIPS])
    source = np.vstack([LANDMARKS[kept], edge, HEAD, FIXED])
    target = np.vstack([AT_REST[kept], SEAM, HEAD, FIXED])
    (left, top), (width, height) = HEAD_TOP_LEFT, HEAD_SIZE
    weights = fit_warp(target, source - target)
    shift = evaluate_warp(weights, target, corner=HEAD_TOP_LEFT, size=HEAD_SIZE, step=1.0, pixels=HEAD_SIZE)
    shift *= fading(HEAD_SIZE, 14)
    rows, columns = np.mgrid[top : top + height, left : left + width].astype(np.float32)
    warped = photograph.copy()
    warped[top : top + height, left : left + width] = cv2.remap(
        photograph, columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_CUBIC
    )
    return warped


def _with_shadows(photograph):
    """Return the photograph with the lines of sadness."""
    for lines, width, softness, darkness in SHADOWS:
        shadow = darkness * _drawn(lines, photograph.shape[:2], width, softness)
        photograph = photograph * (1 - shadow[..., None] * _OF_SKIN)
    return photograph


def _with_cavity(photograph):
    """Return the photograph with the dark of an open mouth behind the upper teeth."""
    mask = filled(LANDMARKS[_INNER_LIPS] + _INSET, photograph.shape[:2]) / 255
    left, right = LANDMARKS[_INNER_LIPS[[0, 4]]]
    columns = np.arange(photograph.shape[1])
    upper = np.interp(columns, *LANDMARKS[_INNER_LIPS[:5]].T)
    depth = np.arange(photograph.shape[0])[:, None] - upper[None]
    middle = 1 - ((columns - (left[0] + right[0]) / 2) / ((right[0] - left[0]) / 2)) ** 2
    teeth = np.clip((2.2 - depth) / 1.6, 0, 1) * np.clip(middle * 2.0 - 0.7, 0, 1)
    inside = _TONGUE + (_TEETH - _TONGUE) * teeth[..., None]
    return photograph * (1 - mask[..., None]) + inside * mask[..., None]


def fading(size, width):
    """Return a window of shape (height, width, 1), float32, that falls to 0 at its edges within `width` pixels."""
    ramps = [np.clip(np.minimum(i, i[::-1]) / width, 0, 1) for i in (np.arange(size[1]), np.arange(size[0]))]
    return np.outer(*ramps).astype(np.float32)[..., None]
