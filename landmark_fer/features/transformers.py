"""scikit-learn transformers over face records: each a thin shell over a pure function.

None learns anything; each takes the field of the records that it understands, and its ``mirror`` turns the features
of faces into those of the mirrored faces.
"""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from landmark_fer.core.geometry import mirror_landmarks, similarity_transform, transform_points
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import take_field
from landmark_fer.features.hog import hog, hog_size, mirror_hog
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure, mirrored_measurements


class Stateless(TransformerMixin, BaseEstimator):
    """What transformers that learn nothing have in common."""

    def fit(self, X, y=None):
        """Learn nothing; records are checked in `transform`."""
        return self

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        return tags


class Measurements(Stateless):
    """The named measurements of `measure`, shape (n, m), float32.

    Parameters
    ----------
    names : tuple of str, default=MEASUREMENT_NAMES
        Which measurements. A saved model keeps the names that it was fitted with, so the table can grow.
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
        """Return the measurements' names."""
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
    """Square roots of the HOG of the middle of the chip, shape (n, d), float32.

    With the root, Euclidean distance compares histograms as the Hellinger kernel does [1]_, which keeps a few strong
    edges from drowning the weak ones that make an expression.

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
        """Return two index arrays of shape (d / 2,): what the mirror exchanges, which is every column."""
        partners = self.mirror(np.arange(hog_size(side=self.side, cell=self.cell))[None])[0]
        firsts = np.flatnonzero(np.arange(len(partners)) < partners)
        return firsts, partners[firsts]
