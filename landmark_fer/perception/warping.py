"""Moving landmarks of a grey image, and the image with them: what a face would look like with them there."""

import cv2
import numpy as np

from landmark_fer.core.geometry import transform_points

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
