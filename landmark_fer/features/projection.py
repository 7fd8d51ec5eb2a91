"""Mirror-aware PCA."""

import numpy as np
import scipy.linalg
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import FeatureUnion
from sklearn.utils.validation import check_is_fitted

_BLOCK = 4096  # faces described at a time: a descriptor takes 14 kB


# Neither names its columns, so scikit-learn's wrapper around `transform`, which would make data frames, has no work.
class MirrorPCA(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Principal components [1]_ of the symmetric and the antisymmetric part of a description.

    Parameters
    ----------
    transformer : transformer
        From face records of shape (n,) to float32 of shape (n, d), with ``mirror`` from a description to the mirrored.
        Where that only exchanges columns, ``mirror_pairs`` may say which, and a face costs half of the products.
    n_symmetric, n_antisymmetric : int
        Components of each part. Where the description or the number of faces has fewer, the last ones are 0, so that
        the layout is always the same.
    weight : float, default=1
        The components together get variance ``weight ** 2``, so that blocks of different kinds meet on equal terms
        while, inside a block, what varies more still counts more.
    standardize : bool, default=False
        Whether each column is divided by its standard deviation first: for columns of different units.
    max_faces : int, default=8000
        With more faces the components are found on this many, spread evenly; all the same, they are known to 1 %.

    Attributes
    ----------
    components_ : ndarray of shape (d, k), float16
        Half precision: it changes no component by more than a thousandth and halves the saved model.
    offset_ : ndarray of shape (k,)
        The mean face's components.

    References
    ----------
    .. [1] Yang and Ding, Symmetrical Principal Component Analysis and its Application in Face Recognition, 2003.
    """

    def __init__(self, transformer, n_symmetric, n_antisymmetric, weight=1.0, standardize=False, max_faces=8000):
        self.transformer = transformer
        self.n_symmetric = n_symmetric
        self.n_antisymmetric = n_antisymmetric
        self.weight = weight
        self.standardize = standardize
        self.max_faces = max_faces

    @property
    def mirror_signs(self):
        """1 for each symmetric and -1 for each antisymmetric component, shape (k,).

        `transform` of the mirrored face is `transform` of the face times these.
        """
        return np.repeat([1.0, -1.0], [self.n_symmetric, self.n_antisymmetric]).astype(np.float32)

    def fit(self, X, y=None):
        """Find the components of face records of shape (n,)."""
        described = self.transformer.transform(X[:: -(-len(X) // self.max_faces)])
        mirrored = self.transformer.mirror(described)
        mean = (described.mean(axis=0) + mirrored.mean(axis=0)) / 2
        described, mirrored = described - mean, mirrored - mean
        scale = np.sqrt(((described**2).mean(axis=0) + (mirrored**2).mean(axis=0)) / 2)
        scale = np.where(scale > 0, scale, 1) if self.standardize else np.ones_like(scale)
        alike, alike_variance = _leading_components((described + mirrored) / 2 / scale, self.n_symmetric)
        turned, turned_variance = _leading_components((described - mirrored) / 2 / scale, self.n_antisymmetric)
        spread = np.sqrt(alike_variance.sum() + turned_variance.sum())
        self.factor_ = np.float32(self.weight / spread if spread > 0 else 1.0)
        self.components_ = (np.hstack([alike, turned]) / scale[:, None]).astype(np.float16)
        self.__dict__.pop("_single", None)
        self.offset_ = self._times_components(mean[None])[0]
        return self

    def transform(self, X):
        """Return the components of face records of shape (n,), shape (n, k), float32."""
        check_fitted(self, "components_")
        if 0 < len(X) <= _BLOCK:
            return self._project(X)
        blocks = [self._project(X[start : start + _BLOCK]) for start in range(0, len(X), _BLOCK)]
        return np.vstack(blocks) if blocks else np.empty((0, self.components_.shape[1]), dtype=np.float32)

    def _project(self, X):
        components = self._times_components(self.transformer.transform(X))
        components -= self.offset_
        components *= self.factor_
        return components

    def _times_components(self, described):
        """Return the products of descriptions of shape (n, d) with the components, shape (n, k)."""
        weights = self._weights
        if isinstance(weights, np.ndarray):
            return described @ weights
        (firsts, seconds), alike, turned = weights
        one, other = described.take(firsts, axis=1), described.take(seconds, axis=1)
        return np.concatenate([(one + other) @ alike, (one - other) @ turned], axis=1)

    @property
    def _weights(self):
        """The components in single precision, converted once.

        Where the mirror exchanges columns, symmetric components weigh both of a pair alike, and antisymmetric ones
        oppositely, so half of the weights will do: (pairs, symmetric, antisymmetric).
        """
        if "_single" not in self.__dict__:
            weights = self.components_.astype(np.float32)
            if hasattr(self.transformer, "mirror_pairs"):
                pairs = firsts, seconds = self.transformer.mirror_pairs()
                k = self.n_symmetric
                alike = (weights[firsts, :k] + weights[seconds, :k]) / 2
                weights = pairs, alike, (weights[firsts, k:] - weights[seconds, k:]) / 2
            self._single = weights
        return self._single

    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name != "_single"}


class FeatureBlocks(FeatureUnion, auto_wrap_output_keys=None):
    """scikit-learn's FeatureUnion, asked directly: its workers' ceremony costs a single face more than its features.

    Each transformer checks that it is fitted.
    """

    def transform(self, X):
        """Return the columns of every transformer side by side, shape (n, d)."""
        return np.concatenate([transformer.transform(X) for _, transformer in self.transformer_list], axis=1)


def check_fitted(estimator, learned):
    """Raise scikit-learn's NotFittedError if an estimator lacks what it would have learned.

    `check_is_fitted` first asks for the estimator's tags, which takes longer than describing a face.

    Parameters
    ----------
    estimator : estimator
    learned : str
        Name of an attribute that `fit` sets.
    """
    if learned not in estimator.__dict__:
        check_is_fitted(estimator, learned)


def _leading_components(part, count):
    """Return the leading eigenvectors (d, count) and eigenvalues (count,) of the second moments of rows."""
    size = part.shape[1]
    found = min(count, *part.shape)
    vectors, variances = np.zeros((size, count), dtype=np.float32), np.zeros(count, dtype=np.float32)
    if not found:
        return vectors, variances
    # Fewer rows than columns: their inner products have the same eigenvalues, and are far quicker to take apart.
    by_rows = len(part) < size
    moments = (part @ part.T if by_rows else part.T @ part) / np.float32(len(part))
    last = len(moments) - 1
    values, columns = scipy.linalg.eigh(moments, subset_by_index=(last - found + 1, last), check_finite=False)
    if by_rows:
        columns = part.T @ columns
        columns /= np.maximum(np.linalg.norm(columns, axis=0), 1e-30)
    real = values > 1e-6 * max(values[-1], 1e-30)  # the rest is rounding
    vectors[:, :found] = np.where(real, columns, 0)[:, ::-1]
    variances[:found] = np.where(real, values, 0)[::-1]
    return vectors, variances
