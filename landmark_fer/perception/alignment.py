"""Similarity alignment of a face to the template, and its face chip."""

import math

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import check_landmarks, similarity_transform, transform_points
from landmark_fer.core.landmarks import TEMPLATE

REACH = 0.12
"""How far a landmark takes its surroundings along: standard deviation, inter-ocular distances."""

_GIVE = 0.2  # how far landmarks that contradict each other, as lips that meet, give way instead of folding the image
_STEP = 2  # pixels between the places where the movement is computed; it is smooth between them


def move_landmarks(image, landmarks, moved, *, interocular, transform=None):
    """Return a image in which some landmarks lie elsewhere.

    The movement is a sum of Gaussians around the landmarks, which takes each where it should go, or nearly so, and
    dies away from all of them [1]_.

    Parameters
    ----------
    image : ndarray of shape (height, width), uint8
        Left as it is.
    landmarks : ndarray of shape (68, 2)
        Where they lie, pixels of the image.
    moved : ndarray of shape (68, 2)
        Where they should lie, pixels of the result.
    interocular : float
        Inter-ocular distance in pixels of the result.
    transform : ndarray of shape (2, 3), optional
        From the result to the image, for what lies far from any landmark; by default it stays in its place.

    Returns
    -------
    ndarray of shape (height, width), uint8
        What comes from beyond the image repeats its edge.

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
    weights = np.linalg.solve(_gaussian(_squared_distances(moved), reach) + _GIVE * np.eye(len(moved)), own)
    # A Gaussian is a product of one in x and one in y, so that the sum over landmarks is one small matrix product.
    along, down = (_gaussian((line[:, None] - moved[:, axis]) ** 2, reach) for axis, line in enumerate((x, y)))
    summed = down @ (along.T[:, :, None] * weights[:, None]).reshape(len(moved), -1)
    movement = summed.reshape(len(y), len(x), 2)
    places = transform_points(transform, np.stack(np.meshgrid(x, y), axis=2)) + movement
    return cv2.remap(image, _at_every_pixel(places, width, height), None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)


def _squared_distances(xy):
    return ((xy[:, None] - xy) ** 2).sum(axis=2)


def _gaussian(squared_distances, spread):
    return np.exp(squared_distances / (-2 * spread**2))


def _at_every_pixel(values, width, height):
    """Return values given at every `_STEP` pixels at every one, by bilinear interpolation, shape (height, width, 2)."""
    to_grid = np.array([[1 / _STEP, 0, 0], [0, 1 / _STEP, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(values.astype(np.float32), to_grid, (width, height), flags=flags)


CHIP_SIZE = 80
CHIP_INTEROCULAR = 26.0  # pixels between the eye centres of the template
CHIP_CENTRE = 0.68  # of the chip, in inter-ocular distances below the line between the eyes

# FER2013 has about 0.68 image pixels for a chip pixel. Finer faces are brought to that resolution, so that a
# webcam's sharp face and a training image give the same kind of chip.
FINEST = 0.68
CROP_FINEST = 40.0  # the same for crops: a box of FER2013 has about 40 image pixels

_WIDER = 0.12  # pixels squared that a blur is wider than theory asks; the least with which landmarks tremble no more
_FLAT = 1 / 3  # share of each of three pixels in the widest blur


def chip_template(size=CHIP_SIZE):
    """Return the template's landmarks in the pixels of a chip, shape (68, 2); mirror-symmetric about its middle."""
    return (TEMPLATE - (0.0, CHIP_CENTRE)) * CHIP_INTEROCULAR + (size - 1) / 2


def chip_transform(landmarks, *, size=CHIP_SIZE):
    """Return the transforms from images to chips, shape (..., 2, 3), for landmarks of shape (..., 68, 2)."""
    return similarity_transform(check_landmarks(landmarks), chip_template(size))


def align_landmarks(landmarks, *, size=CHIP_SIZE):
    """Return landmarks of shape (..., 68, 2) in the pixels of their chips."""
    return transform_points(chip_transform(landmarks, size=size), landmarks)


def align_face(grey, landmarks, *, size=CHIP_SIZE):
    """Return the chip of a face: turned upright, scaled and centred on the template.

    Parameters
    ----------
    grey : ndarray of shape (height, width), uint8
    landmarks : ndarray of shape (68, 2)
        Pixels of `grey`, x before y.
    size : int, default=80
        Side of the chip; a smaller chip is the middle of a larger one.

    Returns
    -------
    ndarray of shape (size, size), uint8

    Raises
    ------
    InputError
        If the image is not grey uint8, or all landmarks coincide.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8:
        raise InputError(f"grey must be a uint8 array of shape (height, width), got {grey.dtype} {grey.shape}")
    matrix = chip_transform(landmarks, size=size)
    if not matrix[:, :2].any():
        raise InputError("landmarks must not all lie on one point")
    return resample(grey, matrix, side=size, finest=FINEST)


def crop_transform(box, *, size, margin=0.0):
    """Return the transform from a image to the crop of a box, shape (2, 3); parameters as for `crop_box`."""
    scale = size / (max(box.width, box.height) * (1 + 2 * margin))
    return np.column_stack([scale * np.eye(2), (size - 1) / 2 - scale * np.array(box.centre)])


def crop_box(grey, box, *, size, margin=0.0):
    """Return the square around a box, as it stands in the image; what lies outside of it repeats the edge.

    Parameters
    ----------
    grey : ndarray of shape (height, width), uint8
    box : Box
    size : int
        Side of the result in pixels.
    margin : float, default=0
        Added on each side, in sides of the box.

    Returns
    -------
    ndarray of shape (size, size), uint8
    """
    matrix = crop_transform(box, size=size, margin=margin)
    return resample(grey, matrix, side=size, finest=min(1.0, CROP_FINEST * (1 + 2 * margin) / size))


def resample(grey, matrix, *, side, finest=1.0, blurred=False):
    """Return the square patch that a similarity transform makes of a image.

    Pixel centres lie at whole coordinates. Where the image is finer than the patch it is averaged down first: a
    warp alone would pick single pixels out of a large face. Beyond the image its edge is repeated.

    Parameters
    ----------
    grey : ndarray of shape (height, width), uint8
    matrix : ndarray of shape (2, 3)
        From image to patch, as from `similarity_transform`.
    side : int
        Of the patch in pixels.
    finest : float, default=1
        Most source pixels for each pixel of the patch; more are averaged down to this. Below 1 a large face is
        brought to the resolution that a small image would have had.
    blurred : bool, default=False
        Where less than a halving is needed, blur instead of averaging by area: a fifth of the time, and good enough to
        be searched and located in. What is left to average after halvings is always blurred.

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
    elif scale < 1:
        part = _blurred(part, 1 / scale)
    # A reduced coordinate r lies at (r + 1/2) * step - 1/2 + corner in the image.
    (across, down), (x, y) = steps, [step / 2 - 0.5 + edge for step, edge in zip(steps, corner, strict=True)]
    onto = np.array([[a * across, b * down, a * x + b * y + shift] for a, b, shift in matrix.tolist()])
    return cv2.warpAffine(part, onto, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _halved(part, halvings):
    """Return a image reduced so often by means of each four pixels, and how often its size allowed that."""
    for done in range(halvings):
        height, width = (length // 2 for length in part.shape)
        if not min(height, width):
            return part, done
        part = cv2.resize(part[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return part, halvings


def _blurred(part, ratio):
    """Return a image for a warp that reduces it by a ratio from 1 to 2, in a fifth of the time of means by area.

    Means over squares of so many pixels, interpolated, have variance ``ratio ** 2 / 4`` along each axis. The warp's own
    interpolation brings 1/4 of that, three pixels weighted ``share, 1 - 2 * share, share`` bring ``2 * share``.
    """
    share = ((ratio**2 - 1) / 4 + _WIDER) / 2
    if share >= _FLAT:
        return cv2.blur(part, (3, 3), borderType=cv2.BORDER_REPLICATE)
    width = math.sqrt(0.5 / math.log((1 - 2 * share) / share))
    return cv2.GaussianBlur(part, (3, 3), width, borderType=cv2.BORDER_REPLICATE)


def _part_under(grey, matrix, *, side, block):
    """Return the part of a image that the patch covers, with a rim for the interpolation, and its corner (x, y).

    Its sides are multiples of `block` where the image is large enough. In plain numbers: on so few, each call into
    NumPy takes longer than all of them.
    """
    (a, b, u), (c, d, v) = matrix.tolist()
    area = a * d - b * c
    if area == 0:
        return grey, (0, 0)
    corners = [(x - u, y - v) for x in (0, side) for y in (0, side)]
    rim = 3 + 3 * (abs(a) + abs(b) + abs(c) + abs(d)) / abs(area)
    left, right = _span([(d * x - b * y) / area for x, y in corners], rim, block, grey.shape[1])
    top, bottom = _span([(a * y - c * x) / area for x, y in corners], rim, block, grey.shape[0])
    return grey[top:bottom, left:right], (left, top)


def _span(places, rim, block, length):
    """Return from where to where places and a rim about them reach, in a row of so many pixels; at least over one.

    What is added to fill whole blocks is shared by both ends, an odd pixel goes to the tighter one: mirrored images
    have mirrored blocks.
    """
    first, last = (min(max(place, -length), 2 * length) for place in (min(places) - rim, max(places) + rim))
    low, high = math.floor(first), math.ceil(last)
    added = (low - high) % block
    tighter = first - low < high - last
    low, high = low - (added + tighter) // 2, high + (added + 1 - tighter) // 2
    low = min(max(low, 0), length - 1)
    return low, max(min(high, length), low + 1)
