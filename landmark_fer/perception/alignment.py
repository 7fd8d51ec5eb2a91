"""Aligning a face: from a picture and its landmarks to an upright grey chip."""

import numpy as np

from landmark_fer.errors import InputError
from landmark_fer.face.geometry import check_landmarks, similarity_transform, transform_points
from landmark_fer.face.template import TEMPLATE
from landmark_fer.perception.resampling import resample

CHIP_SIZE = 80
CHIP_INTEROCULAR = 26.0  # pixels between the eye centres of the template
CHIP_CENTRE = 0.68  # of the chip, in inter-ocular distances below the line between the eyes

# FER2013 has about 0.68 picture pixels for a chip pixel. Finer faces are brought to that resolution, so that a
# webcam's sharp face and a training picture give the same kind of chip.
FINEST = 0.68
CROP_FINEST = 40.0  # the same for crops: a box of FER2013 has about 40 picture pixels


def chip_template(size=CHIP_SIZE):
    """Return the template's landmarks in the pixels of a chip, shape (68, 2); mirror-symmetric about its middle."""
    return (TEMPLATE - (0.0, CHIP_CENTRE)) * CHIP_INTEROCULAR + (size - 1) / 2


def chip_transform(landmarks, *, size=CHIP_SIZE):
    """Return the transforms from pictures to chips, shape (..., 2, 3), for landmarks of shape (..., 68, 2)."""
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
        If the picture is not grey uint8, or all landmarks coincide.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8:
        raise InputError(f"grey must be a uint8 array of shape (height, width), got {grey.dtype} {grey.shape}")
    matrix = chip_transform(landmarks, size=size)
    if not matrix[:, :2].any():
        raise InputError("landmarks must not all lie on one point")
    return resample(grey, matrix, side=size, finest=FINEST)


def crop_transform(box, *, size, margin=0.0):
    """Return the transform from a picture to the crop of a box, shape (2, 3); parameters as for `crop_box`."""
    scale = size / (max(box.width, box.height) * (1 + 2 * margin))
    return np.column_stack([scale * np.eye(2), (size - 1) / 2 - scale * np.array(box.centre)])


def crop_box(grey, box, *, size, margin=0.0):
    """Return the square around a box, as it stands in the picture; what lies outside of it repeats the edge.

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
