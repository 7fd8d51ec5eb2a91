"""Whether a hand, a mask or another object covers a face, read from its chip."""

from functools import cache
from pathlib import Path

import numpy as np

from landmark_fer.features.hog import hog, mirror_hog

FRAME, SIDE = 64, 32  # of the chip, and reduced
WEIGHTS = Path(__file__).with_name("cover.npz")


def cover_score(chip):
    """Return how surely a face is covered, as log-odds above the limit: covered if positive.

    A network with one hidden layer reads coarse gradients of the chip and of its mirror image. It learned from FER2013
    faces onto which hands, masks, microphones and other objects were drawn (docs/decisions/0034-labels.md).

    Parameters
    ----------
    chip : ndarray of shape (S, S), uint8

    Returns
    -------
    float
        Minus infinity for chips smaller than 64 pixels, which show too little around the face.
    """
    if len(chip) < FRAME:
        return -np.inf
    hidden, offsets, output, offset = _network()
    units = _gradients(chip[None]) @ hidden + offsets
    return float(np.maximum(units, 0)[0] @ output + offset)


def cover_features(chips):
    """Return the features of chips of shape (n, S, S), then those of the mirrored chips, shape (2 n, 648), float32."""
    features = _gradients(chips)
    return np.concatenate([features, mirror_hog(features, side=SIDE)])


def _gradients(chips):
    return np.sqrt(hog(chips, frame=FRAME, side=SIDE))


@cache
def _network():
    """Return weights (648, 2 units) and offsets of the hidden layer, and weights and offset of the output.

    The second half of the units reads the mirror image: its weights are swapped instead of the features, once, and the
    output is the mean of both.
    """
    with np.load(WEIGHTS) as file:
        names = ("hidden", "offsets", "output", "offset")
        hidden, offsets, output, offset = (file[name].astype(np.float32) for name in names)
    mirrored = mirror_hog(hidden.T, side=SIDE).T
    return np.hstack([hidden, mirrored]), np.tile(offsets, 2), np.tile(output, 2) / 2, offset
