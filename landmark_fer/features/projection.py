"""Mirror-aware PCA, and its concatenation over blocks of features."""

import numpy as np
import scipy.linalg
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import FeatureUnion
from sklearn.utils.validation import check_is_fitted

_BLOCK = 4096  # faces transformed at a time: a descriptor takes 14 kB


# No output names: without scikit-learn's wrapper around `transform`, one face takes less time.
class MirrorPCA(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """PCA that projects the symmetric and the antisymmetric part of the features separately [1]_.

    Parameters
    ----------
    transformer : transformer
        From face records of shape (n,) to float32 of shape (n, d). Its method ``mirror`` takes features and returns
        those of the mirrored faces. If that only swaps columns, ``mirror_pairs`` may return the pairs, which halves
        the cost of a face.
    n_symmetric, n_antisymmetric : int
        Components of each part. If there are fewer features or faces, the last components are 0, so the layout is
        always the same.
    weight : float, default=1
        Total variance of the components is ``weight ** 2``: blocks of features become comparable, and components
        keep their relative variances.
    standardize : bool, default=False
        Whether each feature is divided by its standard deviation first, for features of different units.
    max_faces : int, default=8000
        From more faces, this many are taken at even intervals to fit the components; they vary by about 1 %.

    Attributes
    ----------
    components_ : ndarray of shape (d, k), float16
        Half precision changes no component by more than 0.1 % and halves the saved model.
    offset_ : ndarray of shape (k,)
        Components of the mean face.

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

        The components of a mirrored face are those of the face times these signs.
        """
        return np.repeat([1.0, -1.0], [self.n_symmetric, self.n_antisymmetric]).astype(np.float32)

    def fit(self, X, y=None):
        """Fit the components on face records of shape (n,)."""
        features = self.transformer.transform(X[:: -(-len(X) // self.max_faces)])
        mirrored = self.transformer.mirror(features)
        mean = (features.mean(axis=0) + mirrored.mean(axis=0)) / 2
        features, mirrored = features - mean, mirrored - mean
        scale = np.sqrt(((features**2).mean(axis=0) + (mirrored**2).mean(axis=0)) / 2)
        scale = np.where(scale > 0, scale, 1) if self.standardize else np.ones_like(scale)
        symmetric, symmetric_variance = _leading_components((features + mirrored) / 2 / scale, self.n_symmetric)
        antisymmetric, antisymmetric_variance = _leading_components(
            (features - mirrored) / 2 / scale, self.n_antisymmetric
        )
        deviation = np.sqrt(symmetric_variance.sum() + antisymmetric_variance.sum())
        self.factor_ = np.float32(self.weight / deviation if deviation > 0 else 1.0)
        self.components_ = (np.hstack([symmetric, antisymmetric]) / scale[:, None]).astype(np.float16)
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

    def _times_components(self, features):
        """Return the product of features of shape (n, d) and the components, shape (n, k)."""
        weights = self._weights
        if isinstance(weights, np.ndarray):
            return features @ weights
        (firsts, seconds), symmetric, antisymmetric = weights
        one, other = features.take(firsts, axis=1), features.take(seconds, axis=1)
        return np.concatenate([(one + other) @ symmetric, (one - other) @ antisymmetric], axis=1)

    @property
    def _weights(self):
        """Components in single precision, converted once.

        If the mirror swaps pairs of columns, a symmetric component has equal weights for a pair and an antisymmetric
        one opposite weights. Half of the weights are enough then: (pairs, symmetric, antisymmetric).
        """
        if "_single" not in self.__dict__:
            weights = self.components_.astype(np.float32)
            if hasattr(self.transformer, "mirror_pairs"):
                pairs = firsts, seconds = self.transformer.mirror_pairs()
                k = self.n_symmetric
                symmetric = (weights[firsts, :k] + weights[seconds, :k]) / 2
                weights = pairs, symmetric, (weights[firsts, k:] - weights[seconds, k:]) / 2
            self._single = weights
        return self._single

    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name != "_single"}


class FeatureBlocks(FeatureUnion, auto_wrap_output_keys=None):
    """scikit-learn's FeatureUnion without its parallel workers, which take longer than the features of one face."""

    def transform(self, X):
        """Return the concatenated features of all transformers, shape (n, d)."""
        return np.concatenate([transformer.transform(X) for _, transformer in self.transformer_list], axis=1)


def check_fitted(estimator, attribute):
    """Raise scikit-learn's NotFittedError if an estimator is not fitted.

    scikit-learn's `check_is_fitted` collects the estimator's tags first, which takes longer than one face's features.

    Parameters
    ----------
    estimator : estimator
    attribute : str
        One that `fit` sets.
    """
    if attribute not in estimator.__dict__:
        check_is_fitted(estimator, attribute)


def _leading_components(part, count):
    """Return the leading eigenvectors (d, count) and eigenvalues (count,) of the second moments of rows."""
    size = part.shape[1]
    n_components = min(count, *part.shape)
    vectors, variances = np.zeros((size, count), dtype=np.float32), np.zeros(count, dtype=np.float32)
    if not n_components:
        return vectors, variances
    # With fewer rows than columns, the rows' inner products have the same eigenvalues in a smaller matrix.
    by_rows = len(part) < size
    moments = (part @ part.T if by_rows else part.T @ part) / np.float32(len(part))
    last = len(moments) - 1
    values, columns = scipy.linalg.eigh(moments, subset_by_index=(last - n_components + 1, last), check_finite=False)
    if by_rows:
        columns = part.T @ columns
        columns /= np.maximum(np.linalg.norm(columns, axis=0), 1e-30)
    real = values > 1e-6 * max(values[-1], 1e-30)  # smaller ones are rounding errors
    vectors[:, :n_components] = np.where(real, columns, 0)[:, ::-1]
    variances[:n_components] = np.where(real, values, 0)[::-1]
    return vectors, variances
