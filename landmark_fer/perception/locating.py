"""Locating the 68 landmarks of a face, in a detector's box or around the landmarks of the picture before."""

import os
from pathlib import Path

import numpy as np

from landmark_fer.errors import DependencyError
from landmark_fer.face.geometry import similarity_transform, transform_back
from landmark_fer.face.landmarks import N_LANDMARKS
from landmark_fer.face.template import TEMPLATE
from landmark_fer.perception.predictor_file import find_predictor
from landmark_fer.perception.predictor_tables import load_shape_predictor
from landmark_fer.perception.resampling import resample

FRAME_SIDE = 150  # of the box in the patch, in pixels
FRAME_MARGIN = 52  # around it: chin and brows lie outside of dlib's boxes

# Where dlib's box lies around the template: its side and the height of its centre in inter-ocular distances.
_BOX_SIDE, _BOX_CENTRE = 2.32, 0.48


def template_in_box(side, margin):
    """Return the template's landmarks where dlib's detector would see it in a box of a side, shape (68, 2).

    Parameters
    ----------
    side, margin : int
        Of the box and around it, in pixels.
    """
    return (TEMPLATE - (0.0, _BOX_CENTRE)) * (side / _BOX_SIDE) + margin + (side - 1) / 2


_PATCH_TEMPLATE = template_in_box(FRAME_SIDE, FRAME_MARGIN)


class LandmarkPredictor:
    """dlib's ensemble of regression trees for the 68 points [1]_, asked twice.

    The trees compare single pixels, answer in whole pixels, and lean on the box that they are given. So a face is
    resampled to a fixed size first (small faces get fractions of a pixel, large ones are averaged, a face cut by
    the picture's edge sees the edge repeated), and once found it is turned upright, framed by its own landmarks
    instead of the detector's coarse box, and located again. docs/decisions/0002 holds what that is worth.

    Parameters
    ----------
    path : path-like, optional
        As for `find_predictor`.

    Raises
    ------
    DependencyError
        If the file is missing, damaged, or no shape predictor of 68 points.

    References
    ----------
    .. [1] Kazemi and Sullivan, One Millisecond Face Alignment with an Ensemble of Regression Trees, CVPR 2014.
    """

    def __init__(self, path=None):
        self._asked = path if path is None else os.path.abspath(path)
        path = Path(find_predictor(path))
        self._predictor = load_shape_predictor(path)
        if self._predictor.n_landmarks != N_LANDMARKS:
            came = self._predictor.n_landmarks
            raise DependencyError(f"the shape predictor must have {N_LANDMARKS} points, got {came} in {path}")

    def __reduce__(self):
        return LandmarkPredictor, (self._asked,)  # the file is read again, not carried along

    def locate(self, grey, box):
        """Return the landmarks of the face in a detector's box, shape (68, 2), float32, in pixels of `grey`.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        box : Box
        """
        scale = FRAME_SIDE / max(box.width, box.height, 1.0)
        shifts = [FRAME_MARGIN + scale * (0.5 - edge) - 0.5 for edge in (box.x, box.y)]  # between pixel centres
        matrix = np.array([[scale, 0, shifts[0]], [0, scale, shifts[1]]])
        first = self._in_patches(grey, [matrix], scale * box.width, scale * box.height)
        return self.refine(grey, first)[0]

    def refine(self, grey, landmarks):
        """Return landmarks located anew around given ones: first guesses, or the faces in the frame before.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        landmarks : ndarray of shape (n, 68, 2), or a sequence of n
            One for each face, pixels of `grey`.

        Returns
        -------
        ndarray of shape (n, 68, 2), float32
        """
        if not len(landmarks):
            return np.empty((0, N_LANDMARKS, 2), dtype=np.float32)
        matrices = [similarity_transform(face, _PATCH_TEMPLATE) for face in landmarks]
        return self._in_patches(grey, matrices, FRAME_SIDE, FRAME_SIDE)

    def _in_patches(self, grey, matrices, width, height):
        """Return the landmarks of faces that transforms bring into the patch's inner frame of the given size."""
        side = FRAME_SIDE + 2 * FRAME_MARGIN
        patches = [resample(grey, matrix, side=side, blurred=True) for matrix in matrices]
        size = round(width) - 1, round(height) - 1
        located = self._predictor.locate(patches, corner=FRAME_MARGIN, size=size)
        return transform_back(np.stack(matrices), located).astype(np.float32)
