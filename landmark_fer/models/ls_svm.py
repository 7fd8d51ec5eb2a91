"""A least-squares SVM with an RBF kernel that knows the mirror.

scikit-learn's SVM solves a quadratic program, which takes minutes for FER2013 and keeps nearly every face as a support
vector. With squared loss the program becomes one system of linear equations: a Cholesky factorization of seconds to a
minute, for all expressions at once. docs/decisions/0004 has the reasons and what was tried.
"""

import logging

import numpy as np
import scipy.linalg
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from landmark_fer.core.probabilities import softmax

_LOG = logging.getLogger(__name__)
_BLOCK = 2048  # rows of the kernel at a time
_LEVELS = 127  # of a signed byte
SHARPNESS = 5.0  # of raw probabilities; a temperature fitted on held-out faces corrects it


class LeastSquaresSVM(ClassifierMixin, BaseEstimator):
    """Least-squares SVM [1]_, one expression against the rest, RBF kernel.

    Parameters
    ----------
    gamma : float, default=0.8
        ``k(x, v) = exp(-gamma * |x - v|^2 / V)``, where V is the total variance of the features.
    alpha : float, default=0.3
        Regularisation: the inverse of an SVM's C.
    mirror_signs : array-like of shape (d,), optional
        As from `MirrorPCA`: the features of a mirrored face are those of the face times these. The kernel is then
        ``k(x, v) + k(mirrored x, v)``, which is the same as fitting on the mirrored faces too and asking for both
        images, at the cost of neither.
    max_vectors : int, default=30000
        With more faces a stratified sample of this many is fitted: the kernel matrix takes 4 bytes for each pair
        (3.6 GB for 30,000).
    random_state : int, default=0
        Draws that sample.

    Attributes
    ----------
    vectors_ : ndarray of shape (n, d), int8
        Training features in steps of `steps_`; the equations are solved for these rounded vectors.
    weights_ : ndarray of shape (n, k), float32
    classes_ : ndarray of shape (k,)

    References
    ----------
    .. [1] Suykens and Vandewalle, Least Squares Support Vector Machine Classifiers, Neural Processing Letters 9, 1999.
    """

    def __init__(self, gamma=0.8, alpha=0.3, mirror_signs=None, max_vectors=30_000, random_state=0):
        self.gamma = gamma
        self.alpha = alpha
        self.mirror_signs = mirror_signs
        self.max_vectors = max_vectors
        self.random_state = random_state

    def fit(self, X, y):
        """Solve for the weights of features X of shape (n, d) with expressions y of shape (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        self.classes_, columns = np.unique(y, return_inverse=True)
        chosen = self._sample(columns)
        self._fit_vectors(X[chosen])
        targets = np.eye(len(self.classes_), dtype=np.float32)[columns[chosen]]
        self.prior_ = targets.mean(axis=0)
        self.weights_ = self._solve(targets - self.prior_)
        return self

    def decision_function(self, X):
        """Return for each class about its probability in excess of its share in training, shape (n, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return self._kernel_times(X, self.weights_) + self.prior_

    def predict_proba(self, X):
        """Return ``softmax(5 * decision_function(X))``, shape (n, k)."""
        scores = SHARPNESS * self.decision_function(X)
        return softmax(scores)

    def predict(self, X):
        """Return the class of the highest decision value of each row."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]

    def _sample(self, columns):
        if len(columns) <= self.max_vectors:
            return np.arange(len(columns))
        _LOG.warning("the SVM is fitted on a stratified sample of %d of %d faces", self.max_vectors, len(columns))
        from sklearn.model_selection import StratifiedShuffleSplit  # live has no use for it, and would wait for it

        splitter = StratifiedShuffleSplit(1, train_size=self.max_vectors, random_state=self.random_state)
        return np.sort(next(splitter.split(columns, columns))[0])

    def _fit_vectors(self, X):
        spread = float(X.var(axis=0).sum())
        self.width_ = self.gamma / spread if spread > 0 else self.gamma
        self.steps_ = np.maximum(np.abs(X).max(axis=0) / _LEVELS, 1e-12).astype(np.float32)
        self.vectors_ = np.rint(X / self.steps_).astype(np.int8)
        self.__dict__.pop("_single", None)

    def _solve(self, targets):
        n = len(self.vectors_)
        kernel = np.empty((n, n), dtype=np.float32)
        for start in range(0, n, _BLOCK):
            rows = slice(start, start + _BLOCK)
            kernel[rows] = self._kernel(self.vectors_[rows] * self.steps_)
        kernel[np.diag_indices(n)] += self.alpha
        # Transposed, the symmetric matrix has the column order that LAPACK works on in place.
        factor = scipy.linalg.cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False)
        return scipy.linalg.cho_solve(factor, targets, check_finite=False).astype(np.float32)

    def _kernel_times(self, X, weights):
        blocks = [self._kernel(X[start : start + _BLOCK]) @ weights for start in range(0, len(X), _BLOCK)]
        return np.vstack(blocks) if blocks else np.empty((0, weights.shape[1]), dtype=np.float32)

    def _kernel(self, X):
        """Return the kernel between rows of X and the training vectors, shape (len(X), n), float32."""
        alike, turned, vectors_alike, vectors_turned, squares = self._prepared
        fixed = -self.width_ * ((X**2).sum(axis=1)[:, None] + squares)
        fixed += 2 * self.width_ * (X[:, alike] @ vectors_alike.T)
        if not turned.size:
            return np.exp(fixed)
        change = 2 * self.width_ * (X[:, turned] @ vectors_turned.T)
        return np.exp(fixed + change) + np.exp(fixed - change)

    @property
    def _prepared(self):
        """Columns that the mirror keeps and turns, their part of the training vectors, and squared lengths."""
        if "_single" not in self.__dict__:
            signs = np.ones(len(self.steps_)) if self.mirror_signs is None else np.asarray(self.mirror_signs)
            alike, turned = np.flatnonzero(signs > 0), np.flatnonzero(signs <= 0)
            vectors = self.vectors_ * self.steps_
            parts = (np.ascontiguousarray(vectors[:, columns]) for columns in (alike, turned))
            self._single = alike, turned, *parts, (vectors**2).sum(axis=1)
        return self._single

    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name != "_single"}
