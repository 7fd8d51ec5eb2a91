"""scikit-learn transformers of face records; each calls a pure function on one field of the records.

They have nothing to fit. Their method ``mirror`` takes the features of faces and returns those of the mirrored faces.
"""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from landmark_fer.core.geometry import mirror_landmarks, similarity_transform, transform_points
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import take_field
from landmark_fer.features.hog import hog, hog_size, mirror_hog
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure, mirrored_measurements


class Stateless(TransformerMixin, BaseEstimator):
    """Base class of transformers that have nothing to fit."""

    def fit(self, X, y=None):
        """Do nothing; `transform` checks the records."""
        return self

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        return tags


class Measurements(Stateless):
    """Geometric measurements of the landmarks, shape (n, m), float32.

    Parameters
    ----------
    names : tuple of str, default=MEASUREMENT_NAMES
        Which measurements. A saved model stores the names it was fitted with, so the table can grow.
    """

    def __init__(self, names=MEASUREMENT_NAMES):
        self.names = names

    def transform(self, X):
        """Return the measurements of face records of shape (n,)."""
        return measure(take_field(X, "landmarks"), names=self.names).astype(np.float32)

    def mirror(self, values):
        """Return the measurements of the mirrored faces."""
        return mirrored_measurements(values, names=self.names)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the measurements."""
        return np.array(self.names, dtype=object)


class AlignedLandmarks(Stateless):
    """Landmarks after Procrustes alignment to the template, shape (n, 136), float32, in inter-ocular distances."""

    def transform(self, X):
        """Return the aligned coordinates x0, y0, x1, ... of face records of shape (n,)."""
        landmarks = take_field(X, "landmarks")
        aligned = transform_points(similarity_transform(landmarks, TEMPLATE), landmarks.astype(np.float64))
        return aligned.reshape(len(aligned), 2 * TEMPLATE.shape[0]).astype(np.float32)

    def mirror(self, values):
        """Return the coordinates of the mirrored faces."""
        return mirror_landmarks(values.reshape(len(values), *TEMPLATE.shape)).reshape(values.shape)

    def get_feature_names_out(self, input_features=None):
        """Return ``x0, y0, x1, ...``."""
        return np.array([f"{axis}{point}" for point in range(len(TEMPLATE)) for axis in "xy"], dtype=object)


class HogOfChip(Stateless, auto_wrap_output_keys=None):
    """Square roots of the HOG descriptors of the chips, shape (n, d), float32.

    With square roots, Euclidean distance compares histograms like the Hellinger kernel [1]_, so a few strong edges do
    not dominate the weak ones that make an expression.

    Parameters
    ----------
    frame, side, cell : int
        As for `hog`.

    References
    ----------
    .. [1] Arandjelovic and Zisserman, Three things everyone should know to improve object retrieval, CVPR 2012.
    """

    def __init__(self, frame=64, side=64, cell=8):
        self.frame = frame
        self.side = side
        self.cell = cell

    def transform(self, X):
        """Return the descriptors of face records of shape (n,)."""
        return np.sqrt(hog(take_field(X, "chip"), frame=self.frame, side=self.side, cell=self.cell))

    def mirror(self, values):
        """Return the descriptors of the mirrored chips."""
        return mirror_hog(values, side=self.side, cell=self.cell)

    def mirror_pairs(self):
        """Return two index arrays of shape (d / 2,): the pairs of columns that the mirror swaps."""
        partners = self.mirror(np.arange(hog_size(side=self.side, cell=self.cell))[None])[0]
        firsts = np.flatnonzero(np.arange(len(partners)) < partners)
        return firsts, partners[firsts]
