"""Face alignment: chips, crops, and images with moved landmarks."""

import math

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import check_landmarks, similarity_transform, transform_points
from landmark_fer.core.landmarks import TEMPLATE

REACH = 0.12
"""Standard deviation of the Gaussian around a moved landmark, in inter-ocular distances."""

_RIDGE = 0.2  # regularization, so that contradicting landmarks (lips that meet) do not fold the image
_STEP = 2  # pixels between the grid points of the movement, which is interpolated between them


def move_landmarks(image, landmarks, moved, *, interocular, transform=None):
    """Return an image in which landmarks are moved.

    The movement is a sum of Gaussians around the landmarks. It moves each landmark approximately to its target and
    fades with the distance from all of them [1]_.

    Parameters
    ----------
    image : ndarray of shape (height, width), uint8
        Not changed.
    landmarks : ndarray of shape (68, 2)
        Current positions, pixels of the image.
    moved : ndarray of shape (68, 2)
        Target positions, pixels of the result.
    interocular : float
        Inter-ocular distance in pixels of the result.
    transform : ndarray of shape (2, 3), optional
        From the result to the image, for pixels far from any landmark; by default the identity.

    Returns
    -------
    ndarray of shape (height, width), uint8
        Pixels from outside the image repeat its edge.

    References
    ----------
    .. [1] Arad, Dyn, Reisfeld and Yeshurun, Image Warping by Radial Basis Functions: Application to Facial
       Expressions, CVGIP: Graphical Models and Image Processing 56(2), 1994.
    """
    height, width = image.shape
    transform = np.eye(2, 3) if transform is None else transform
    own = landmarks - transform_points(transform, moved)
    reach = REACH * interocular
    x, y = np.arange(0, width + _STEP, _STEP), np.arange(0, height + _STEP, _STEP)
    weights = np.linalg.solve(_gaussian(_squared_distances(moved), reach) + _RIDGE * np.eye(len(moved)), own)
    # The Gaussian is separable in x and y, so that the sum over landmarks is one small matrix product for each axis.
    along, down = (_gaussian((line[:, None] - moved[:, axis]) ** 2, reach) for axis, line in enumerate((x, y)))
    places = np.empty((len(y), len(x), 2))
    for axis, (across, downwards, shift) in enumerate(transform.tolist()):
        places[..., axis] = down @ (along * weights[:, axis]).T + across * x + (downwards * y + shift)[:, None]
    return cv2.remap(image, _at_every_pixel(places, width, height), None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)


def _squared_distances(xy):
    squares = (xy**2).sum(axis=1)
    return squares[:, None] + squares - 2 * xy @ xy.T


def _gaussian(squared_distances, spread):
    return np.exp(squared_distances / (-2 * spread**2))


def _at_every_pixel(values, width, height):
    """Return values of a grid of `_STEP` pixels at every pixel, interpolated, shape (height, width, 2)."""
    to_grid = np.array([[1 / _STEP, 0, 0], [0, 1 / _STEP, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(values.astype(np.float32), to_grid, (width, height), flags=flags)


CHIP_SIZE = 80
CHIP_INTEROCULAR = 26.0  # pixels between the eye centres of the template
CHIP_CENTRE = 0.68  # of the chip, in inter-ocular distances below the line between the eyes

# FER2013 has about 0.68 image pixels per chip pixel. Faces of higher resolution are reduced to that, so that a sharp
# webcam face and a training image give the same kind of chip.
FINEST = 0.68
CROP_FINEST = 40.0  # pixels; the same for crops: a box of FER2013 has about 40 image pixels a side

_EXTRA_VARIANCE = 0.12  # pixels squared, added to the blur; the least with which landmarks do not jitter
_BOX_WEIGHT = 1 / 3  # weight of each of three pixels in the widest blur


def chip_template(size=CHIP_SIZE):
    """Return the template's landmarks in the pixels of a chip, shape (68, 2); mirror-symmetric."""
    return (TEMPLATE - (0.0, CHIP_CENTRE)) * CHIP_INTEROCULAR + (size - 1) / 2


def chip_transform(landmarks, *, size=CHIP_SIZE):
    """Return the transforms from images to chips, shape (..., 2, 3), for landmarks of shape (..., 68, 2)."""
    return similarity_transform(check_landmarks(landmarks), chip_template(size))


def align_landmarks(landmarks, *, size=CHIP_SIZE):
    """Return landmarks of shape (..., 68, 2) in the pixels of their chips."""
    return transform_points(chip_transform(landmarks, size=size), landmarks)


def align_face(grey, landmarks, *, size=CHIP_SIZE):
    """Return the chip of a face: rotated upright, scaled and centred on the template.

    Parameters
    ----------
    grey : ndarray of shape (height, width), uint8
    landmarks : ndarray of shape (68, 2)
        Pixels of `grey`, x before y.
    size : int, default=80
        Side of the chip; a smaller chip is the centre of a larger one.

    Returns
    -------
    ndarray of shape (size, size), uint8

    Raises
    ------
    InputError
        If the image is not a grey uint8 array, or all landmarks coincide.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8:
        raise InputError(f"grey must be a uint8 array of shape (height, width), got {grey.dtype} {grey.shape}")
    matrix = chip_transform(landmarks, size=size)
    if not matrix[:, :2].any():
        raise InputError("landmarks must not all lie on one point")
    return resample(grey, matrix, side=size, finest=FINEST)


def crop_transform(box, *, size, margin=0.0):
    """Return the transform from an image to the crop of a box, shape (2, 3); parameters as for `crop_box`."""
    scale = size / (max(box.width, box.height) * (1 + 2 * margin))
    return np.column_stack([scale * np.eye(2), (size - 1) / 2 - scale * np.array(box.centre)])


def crop_box(grey, box, *, size, margin=0.0):
    """Return the square around a box, not rotated; pixels outside the image repeat its edge.

    Parameters
    ----------
    grey : ndarray of shape (height, width), uint8
    box : Box
    size : int
        Side of the result in pixels.
    margin : float, default=0
        Added on each side, as a share of the box.

    Returns
    -------
    ndarray of shape (size, size), uint8
    """
    matrix = crop_transform(box, size=size, margin=margin)
    return resample(grey, matrix, side=size, finest=min(1.0, CROP_FINEST * (1 + 2 * margin) / size))


def resample(grey, matrix, *, side, finest=1.0, blurred=False):
    """Return a square patch of an image under a similarity transform, with anti-aliasing.

    Pixel centres lie at whole coordinates. An image of higher resolution than the patch is reduced first, because a
    warp alone would sample single pixels of a large face. Pixels outside the image repeat its edge.

    Parameters
    ----------
    grey : ndarray of shape (height, width), uint8
    matrix : ndarray of shape (2, 3)
        From image to patch, as from `similarity_transform`.
    side : int
        Side of the patch in pixels.
    finest : float, default=1
        Maximum number of image pixels per patch pixel, along each axis; a finer image is reduced to this. Below 1, a
        large face gets the resolution of a small image.
    blurred : bool, default=False
        Blur instead of area averaging where the reduction is less than a halving: a fifth of the time, and accurate
        enough for detection and landmarks. After halvings, the rest of a reduction is always a blur.

    Returns
    -------
    ndarray of shape (side, side), uint8
    """
    scale = math.hypot(matrix[0, 0], matrix[1, 0]) * finest
    halvings = max(0, math.floor(-math.log2(scale))) if scale else 0
    part, corner = _part_under(grey, matrix, side=side, block=2**halvings)
    part, halvings = _halved(part, halvings)
    steps, scale = (float(2**halvings),) * 2, scale * 2**halvings
    if scale < 1 and not (blurred or halvings):
        height, width = part.shape
        size = [max(1, round(length * scale)) for length in (width, height)]
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        steps = [step * length / reduced for step, length, reduced in zip(steps, (width, height), size, strict=True)]
    elif 0 < scale < 1:  # landmarks in one point have the scale 0
        part = _blurred(part, 1 / scale)
    # The reduced coordinate r lies at (r + 1/2) * step - 1/2 + corner in the image.
    (across, down), (x, y) = steps, [step / 2 - 0.5 + edge for step, edge in zip(steps, corner, strict=True)]
    onto = np.array([[a * across, b * down, a * x + b * y + shift] for a, b, shift in matrix.tolist()])
    return cv2.warpAffine(part, onto, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _halved(part, halvings):
    """Return an image halved by means of four pixels, and how often its size allowed that."""
    for done in range(halvings):
        height, width = (length // 2 for length in part.shape)
        if not min(height, width):
            return part, done
        part = cv2.resize(part[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return part, halvings


def _blurred(part, ratio):
    """Return an image blurred for a warp that reduces it by a ratio from 1 to 2.

    Interpolated means over squares of `ratio` pixels have variance ``ratio ** 2 / 4`` along each axis. The warp's
    interpolation contributes 1/4 of that, and three pixels weighted ``share, 1 - 2 * share, share`` ``2 * share``.
    """
    share = ((ratio**2 - 1) / 4 + _EXTRA_VARIANCE) / 2
    if share >= _BOX_WEIGHT:
        return cv2.blur(part, (3, 3), borderType=cv2.BORDER_REPLICATE)
    width = math.sqrt(0.5 / math.log((1 - 2 * share) / share))
    return cv2.GaussianBlur(part, (3, 3), width, borderType=cv2.BORDER_REPLICATE)


def _part_under(grey, matrix, *, side, block):
    """Return the part of an image that the patch covers, with a margin for interpolation, and its corner (x, y).

    Its sides are multiples of `block` if the image is large enough. Uses Python numbers, because on so few values each
    NumPy call takes longer than the whole computation.
    """
    (a, b, u), (c, d, v) = matrix.tolist()
    area = a * d - b * c
    if area == 0:
        return grey, (0, 0)
    rim = 3 + 3 * (abs(a) + abs(b) + abs(c) + abs(d)) / abs(area)
    left, right = _span((b * v - d * u) / area, d * side / area, -b * side / area, rim, block, grey.shape[1])
    top, bottom = _span((c * u - a * v) / area, a * side / area, -c * side / area, rim, block, grey.shape[0])
    return grey[top:bottom, left:right], (left, top)


def _span(place, across, down, rim, block, length):
    """Return the range of pixels (low, high) that a square and a margin cover, within `length`; at least one pixel.

    The square is given by the coordinate of a corner and its changes along both sides.

    The pixels added to fill whole blocks are split between both ends, an odd one at the tighter end, so that mirrored
    images have mirrored blocks.
    """
    first = min(max(place + min(across, 0) + min(down, 0) - rim, -length), 2 * length)
    last = min(max(place + max(across, 0) + max(down, 0) + rim, -length), 2 * length)
    low, high = math.floor(first), math.ceil(last)
    added = (low - high) % block
    tighter = first - low < high - last
    low, high = low - (added + tighter) // 2, high + (added + 1 - tighter) // 2
    low = min(max(low, 0), length - 1)
    return low, max(min(high, length), low + 1)
