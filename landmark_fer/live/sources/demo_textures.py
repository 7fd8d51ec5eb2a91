"""Photographs and landmarks of the demo clip's person, and the warp between landmarks."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from skimage import data

from landmark_fer.core.landmarks import points
from landmark_fer.core.naming import library_path


def fit_warp(centres, values):
    """Return the weights of a radial interpolation with distance as its kernel.

    Parameters
    ----------
    centres : ndarray of shape (n, 2)
    values : ndarray of shape (n, k)
        At the centres.

    Returns
    -------
    ndarray of shape (n + 1, k), float32
        The last row is the constant.
    """
    n = len(centres)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = np.linalg.norm(centres[:, None] - centres[None], axis=-1) - 0.05 * np.eye(n)
    system[:n, n] = system[n, :n] = 1
    # OpenCV's solver and product run on one thread; NumPy's threads would wait for cores that the recognizer uses.
    _, weights = cv2.solve(system, np.vstack([values, np.zeros(values.shape[1])]), flags=cv2.DECOMP_LU)
    return weights.astype(np.float32)


class WarpGrid(NamedTuple):
    """A rectangle in which a warp is computed on a grid, and enlarged.

    Attributes
    ----------
    corner, size : pair of float
        Corner and size of the rectangle, in the unit of the centres.
    step : float
        Step of the grid, in the same unit.
    pixels : pair of int
        Width and height of the result.
    """

    corner: tuple
    size: tuple
    step: float
    pixels: tuple


def evaluate_warp(weights, centres, grid):
    """Return the interpolated values in a rectangle.

    Parameters
    ----------
    weights : ndarray of shape (n + 1, k), float32
        As from `fit_warp`; k at most 4.
    centres : ndarray of shape (n, 2)
    grid : WarpGrid

    Returns
    -------
    ndarray of shape (height, width, k), float32
    """
    columns, rows = (max(2, round(length / grid.step)) for length in grid.size)
    x = grid.corner[0] + (np.arange(columns, dtype=np.float32) + 0.5) * (grid.size[0] / columns) - 0.5
    y = grid.corner[1] + (np.arange(rows, dtype=np.float32) + 0.5) * (grid.size[1] / rows) - 0.5
    x, y = x.astype(np.float32), y.astype(np.float32)
    across = (x[:, None] - centres[None, :, 0].astype(np.float32)) ** 2
    down = (y[:, None] - centres[None, :, 1].astype(np.float32)) ** 2
    distances = np.sqrt(down[:, None] + across[None])
    values = cv2.gemm(distances.reshape(-1, len(centres)), weights[:-1], 1, None, 0) + weights[-1]
    size = [int(side) for side in grid.pixels]
    return cv2.resize(values.reshape(rows, columns, -1), size, interpolation=cv2.INTER_LINEAR)


LANDMARKS = np.array([
    (179.2, 104.4), (179.8, 116.5), (180.5, 127.3), (181.7, 138.7), (184.9, 150.3), (190.6, 160.1), (199.6, 168.9),
    (209.3, 175.7), (220.0, 178.2), (231.4, 177.0), (242.5, 171.3), (252.4, 163.6), (259.9, 154.6), (264.3, 143.4),
    (267.5, 131.6), (270.1, 120.4), (272.0, 108.4),
    (186.2, 93.5), (192.2, 88.1), (200.5, 86.7), (208.6, 88.4), (216.0, 92.0),
    (236.1, 93.8), (243.9, 91.0), (252.2, 90.2), (259.7, 91.9), (265.0, 97.9),
    (225.6, 102.0), (225.7, 110.9), (225.3, 118.4), (225.4, 127.3),
    (214.4, 131.1), (219.4, 132.7), (224.4, 134.2), (229.5, 133.2), (234.0, 131.6),
    (195.3, 100.9), (200.5, 97.4), (206.8, 98.4), (212.2, 103.8), (205.8, 104.1), (199.5, 103.7),
    (237.4, 105.2), (243.4, 100.5), (249.7, 100.2), (255.2, 104.3), (250.0, 105.9), (243.4, 106.2),
    (200.0, 139.2), (208.9, 139.0), (217.7, 139.5), (224.0, 141.1), (229.7, 140.2), (237.3, 140.0), (245.5, 140.5),
    (237.3, 150.8), (228.9, 154.7), (222.5, 155.6), (216.2, 154.6), (207.7, 149.7),
    (203.2, 140.0), (217.5, 143.3), (223.2, 144.3), (229.5, 143.4), (242.3, 141.6), (229.2, 149.7), (222.8, 150.6),
    (216.5, 149.6),
])  # fmt: skip

# The neutral face; in the photograph she smiles. The difference is that of FER2013's median faces, happy to neutral,
# with a slightly higher mouth.
NEUTRAL_LANDMARKS = np.array([
    (179.6, 104.0), (180.4, 116.1), (181.4, 127.0), (182.7, 138.3), (185.7, 149.7), (191.0, 159.4), (199.7, 167.8),
    (209.5, 173.9), (220.1, 176.0), (231.4, 175.2), (242.5, 170.2), (252.1, 162.9), (259.2, 153.9), (263.3, 142.9),
    (266.6, 131.2), (269.6, 120.0), (271.6, 108.0),
    (186.3, 92.7), (192.3, 87.3), (200.8, 86.1), (209.0, 88.0), (216.6, 91.6),
    (235.6, 93.3), (243.6, 90.6), (252.0, 89.6), (259.6, 91.1), (265.0, 97.1),
    (225.6, 101.7), (225.7, 110.6), (225.3, 118.0), (225.4, 126.8),
    (215.3, 132.2), (219.9, 133.4), (224.4, 134.4), (229.0, 133.9), (233.0, 132.6),
    (195.3, 100.8), (200.4, 97.1), (207.0, 98.0), (212.3, 103.6), (205.9, 104.6), (199.3, 104.2),
    (237.3, 105.0), (243.3, 100.1), (249.8, 99.9), (255.2, 104.2), (250.1, 106.5), (243.3, 106.6),
    (206.3, 148.6), (212.7, 145.7), (219.0, 144.4), (223.3, 145.8), (227.8, 144.9), (234.0, 146.9), (240.0, 150.4),
    (233.8, 153.3), (227.6, 155.2), (222.8, 155.4), (218.1, 154.7), (212.2, 152.2),
    (209.2, 148.9), (218.5, 148.7), (223.1, 149.1), (227.8, 148.7), (237.1, 150.4), (227.8, 149.0), (223.1, 149.4),
    (218.5, 149.0),
])  # fmt: skip

# Edges of the lips along the teeth in the photograph, just inside the lips, and the seam where they meet when closed.
UPPER_LIP_EDGE = np.array([
    (203.2, 139.6), (209.8, 141.0), (216.5, 142.5), (223.2, 143.5), (229.8, 142.6), (236.5, 141.6), (242.6, 140.6),
])  # fmt: skip
LOWER_LIP_EDGE = np.array([
    (203.6, 141.2), (209.8, 147.2), (216.5, 149.8), (223.2, 150.5), (229.8, 149.6), (236.5, 147.6), (242.4, 142.6),
])  # fmt: skip
SEAM = np.array([
    (209.2, 148.9), (213.8, 149.2), (218.5, 148.8), (223.1, 149.2), (227.8, 148.8), (232.4, 149.4), (237.1, 150.4),
])  # fmt: skip

FOLDS = (  # from the nostrils around the corners of the smiling mouth
    ((213.5, 129.5), (209, 130), (204.8, 131.6), (200, 134.5), (197.3, 137), (196.6, 140), (198.5, 143)),
    ((236, 128.5), (240, 129.5), (244, 132), (247.5, 135), (250.5, 138.5), (251.5, 141.5), (249, 145)),
)
# Shadows of the sad face: lines, their width and softness in pixels, darkness.
_AROUND_MOUTH = (
    ((212, 133), (206, 138), (202, 144), (200, 150)),
    ((238, 133), (243, 138), (246, 145), (247, 151)),
)
_BETWEEN_BROWS = (((220.5, 90), (219.5, 97)), ((231.5, 91), (233, 98)))
_UNDER_EYES = (
    ((193, 103.5), (197, 107), (203, 108.5), (209, 107.5)),
    ((239, 109.5), (245, 111), (252, 110), (257, 107)),
)
SHADOWS = ((_AROUND_MOUTH, 2, 2.2, 0.22), (_BETWEEN_BROWS, 1, 1.2, 0.16), (_UNDER_EYES, 2, 1.5, 0.25))

NOSE = np.array([
    (219, 112), (231, 112), (236, 124), (238, 131), (232, 135.5), (224, 137), (216, 135.5), (211, 130), (213, 123),
])  # fmt: skip

OUTLINE = np.array([
    (193, 29), (185, 38), (174, 43), (163, 51), (156, 58), (153, 68), (154, 92), (157, 104), (170, 117), (170, 121),
    (174, 128), (182, 133), (183, 147), (157, 150), (140, 158), (131, 167), (123, 178), (120, 193), (115, 197),
    (113, 204), (90, 227), (76, 235), (65, 246), (55, 262), (50, 271), (44, 282), (40, 294), (39, 306), (34, 315),
    (29, 336), (26, 342), (26, 366), (21, 383), (20, 415), (24, 432), (23, 460), (26, 484), (26, 511), (500, 511),
    (497, 480), (490, 472), (490, 455), (496, 449), (494, 426), (488, 405), (478, 384), (455, 361), (436, 351),
    (418, 345), (393, 344), (374, 348), (365, 349), (360, 343), (359, 336), (362, 330), (357, 323), (356, 302),
    (352, 287), (346, 279), (345, 272), (340, 262), (319, 243), (303, 233), (299, 219), (289, 203), (276, 189),
    (255, 173), (256, 163), (264, 149), (266, 138), (275, 134), (290, 117), (296, 107), (299, 96), (299, 72),
    (296, 58), (288, 43), (276, 31), (248, 18), (235, 16), (219, 18), (205, 21),
])  # fmt: skip

# Motion of points at full amount, in inter-ocular distances: away from the midline, and down.
ACTIONS = {
    "mouth_open": (
        ((50, 51, 52, 61, 62, 63), 0.0, -0.03), ((48, 54, 60, 64), -0.03, 0.12),
        ((55, 59), 0.0, 0.30), ((56, 58), 0.02, 0.38), ((57,), 0.0, 0.39), ((65, 67), 0.02, 0.39), ((66,), 0.0, 0.41),
        ((7, 8, 9), 0.0, 0.27), ((6, 10), 0.0, 0.24), ((5, 11), 0.0, 0.18), ((4, 12), 0.0, 0.09), ((3, 13), 0.0, 0.03),
    ),
    "brows_up": (
        ((17, 26), 0.0, -0.10), ((18, 19, 20, 21, 22, 23, 24, 25), 0.0, -0.16), ((37, 38, 43, 44), 0.0, -0.04),
        ((40, 41, 46, 47), 0.0, 0.025),
    ),
    "corners_down": (
        ((48, 54), -0.02, 0.115), ((60, 64), -0.02, 0.11), ((49, 53), -0.01, 0.04), ((55, 59), -0.01, 0.09),
        ((61, 62, 63, 65, 66, 67), 0.0, 0.015), ((50, 51, 52), 0.0, 0.0), ((56, 57, 58), 0.0, 0.03),
        ((21, 22), -0.02, -0.12), ((20, 23), -0.02, -0.07), ((19, 24), -0.01, -0.005), ((18, 25), 0.0, 0.03),
        ((17, 26), 0.0, 0.04), ((37, 38, 43, 44), 0.0, 0.05), ((40, 41, 46, 47), 0.0, -0.02),
        ((7, 8, 9), 0.0, -0.05), ((6, 10), 0.0, -0.03),
    ),
}  # fmt: skip


HEAD_TOP_LEFT, HEAD_SIZE = (136, 0), (184, 224)  # the warped part of the photograph, in pixels

# HEAD: points that only turn with the head, on the hair, the creases above the eyes and the rim of the head.
# FIXED: points on the collar, which do not move.
HEAD = np.array(
    [(172, 82), (198, 64), (225, 56), (254, 64), (281, 84), (225, 34), (185, 50), (268, 50)]
    + [(197, 94), (204, 93.5), (210, 96), (239, 97.5), (246, 96), (253, 96)]
    + [(x, y) for x, y in OUTLINE if y < 148 and y != 147],
    dtype=float,
)
FIXED = np.array([(150, 170), (160, 205), (190, 214), (225, 218), (260, 214), (285, 205), (300, 190)], dtype=float)

_TEETH, _TONGUE = np.array((196.0, 182.0, 170.0)), np.array((58.0, 18.0, 20.0))  # RGB
_SKIN_SHADOW = np.array((0.85, 1.0, 1.02))  # absorption of a shadow on skin, by colour
_INSET = np.array([(0, 0), *[(0, 0.6)] * 3, (0, 0), *[(0, -0.6)] * 3])  # since a filled polygon includes its rim
_INNER_LIPS = points("inner_lips")
_UPPER_LIP, _LOWER_LIP = (49, 50, 51, 52, 53), (55, 56, 57, 58, 59)
_PORES, _SHADE = 1.0, 12.0  # details finer than the first and coarser than the second stay


class Photograph(NamedTuple):
    """An image of the person, shape (512, 512, 3), uint8, RGB, and its landmarks, shape (68, 2)."""

    image: np.ndarray
    landmarks: np.ndarray


@cache
def photograph(name):
    """Return a photograph, made on first use. Do not change it.

    Parameters
    ----------
    name : str
        ``smile`` (the original), ``neutral``, ``sad`` or ``open``.
    """
    made = {
        "smile": lambda: Photograph(_original(), LANDMARKS),
        "neutral": lambda: Photograph(_rounded(_neutral()), NEUTRAL_LANDMARKS),
        "sad": lambda: Photograph(_rounded(_with_shadows(_neutral())), NEUTRAL_LANDMARKS),
        "open": lambda: Photograph(_rounded(_with_cavity(_relaxed())), LANDMARKS),
    }[name]()
    made.image.setflags(write=False)
    return made


@cache
def _relaxed():
    return _without_folds(photograph("smile").image.astype(np.float32))


@cache
def _neutral():
    return _with_lips_closed(_relaxed())


def _original():
    """Return `skimage.data.astronaut` without importing scikit-image's readers, which takes as long as the rest."""
    image = cv2.imread(library_path(Path(data.__file__).with_name("astronaut.png")))
    return data.astronaut() if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def filled(contour, shape):
    """Return an anti-aliased mask, uint8: 255 inside a contour of shape (n, 2)."""
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
    """Return a softened mask of lines, float32, 1 on the lines."""
    mask = np.zeros(shape, np.uint8)
    lines = [np.round(np.asarray(line) * 16).astype(np.int32) for line in lines]
    cv2.polylines(mask, lines, False, 255, width, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), softness).astype(np.float32) / 255


def _without_folds(photograph):
    """Return the photograph with the folds of the smile smoothed away; pores and broad shades stay."""
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
    """Return the photograph with the lips closed at the seam: one warp above it, another below."""
    upper = _towards_neutral(photograph, _LOWER_LIP, UPPER_LIP_EDGE)
    lower = _towards_neutral(photograph, _UPPER_LIP, LOWER_LIP_EDGE)
    rows, columns = np.arange(photograph.shape[0])[:, None], np.arange(photograph.shape[1])
    below = rows - np.interp(columns, *SEAM.T)[None]
    share = np.clip(below + 0.5, 0, 1)[..., None]
    along = (columns - SEAM[0, 0]) / (SEAM[-1, 0] - SEAM[0, 0])
    shadow = 0.5 * np.exp(-((below / 0.75) ** 2)) * np.clip(12 * np.minimum(along + 0.04, 1.04 - along), 0, 1)
    return (upper * (1 - share) + lower * share) * (1 - shadow[..., None])


def _towards_neutral(photograph, other_lip, edge):
    """Return the photograph warped to the neutral landmarks without one lip; the other lip's edge is on the seam."""
    members = np.setdiff1d(np.arange(68), [*other_lip, *_INNER_LIPS])
    source = np.vstack([LANDMARKS[members], edge, HEAD, FIXED])
    target = np.vstack([NEUTRAL_LANDMARKS[members], SEAM, HEAD, FIXED])
    (left, top), (width, height) = HEAD_TOP_LEFT, HEAD_SIZE
    weights = fit_warp(target, source - target)
    shift = evaluate_warp(weights, target, WarpGrid(HEAD_TOP_LEFT, HEAD_SIZE, 1.0, HEAD_SIZE))
    shift *= fading(HEAD_SIZE, 14)
    rows, columns = np.mgrid[top : top + height, left : left + width].astype(np.float32)
    warped = photograph.copy()
    warped[top : top + height, left : left + width] = cv2.remap(
        photograph, columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_CUBIC
    )
    return warped


def _with_shadows(photograph):
    """Return the photograph with the shadows of a sad face."""
    for lines, width, softness, darkness in SHADOWS:
        shadow = darkness * _drawn(lines, photograph.shape[:2], width, softness)
        photograph = photograph * (1 - shadow[..., None] * _SKIN_SHADOW)
    return photograph


def _with_cavity(photograph):
    """Return the photograph with a dark open mouth behind the upper teeth."""
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
