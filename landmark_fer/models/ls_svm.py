"""Least-squares SVM with an RBF kernel that treats a face and its mirror image alike.

scikit-learn's SVM solves a quadratic program, which takes minutes on FER2013 and makes nearly every face a support
vector. The squared loss leads to one system of linear equations for all classes, which a Cholesky factorization solves
in seconds to a minute. docs/decisions/0004 compares the alternatives.
"""

import logging

import numpy as np
import scipy.linalg
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from landmark_fer.core.probabilities import softmax
from landmark_fer.models.base import ProbabilisticClassifier

_LOG = logging.getLogger(__name__)
_BLOCK = 2048  # rows of the kernel at a time
_LEVELS = 127  # largest value of a signed byte
SHARPNESS = 5.0  # factor of the scores in uncalibrated probabilities; calibration on held-out faces corrects it


class LeastSquaresSVM(ProbabilisticClassifier):
    """Least-squares SVM [1]_, one class against the rest, with an RBF kernel.

    Parameters
    ----------
    gamma : float, default=0.8
        ``k(x, v) = exp(-gamma * |x - v|^2 / V)``, where V is the total variance of the features.
    alpha : float, default=0.3
        Regularisation: the inverse of the C of an SVM.
    mirror_signs : array-like of shape (d,), optional
        From `MirrorPCA`: the features of a mirrored face are those of the face times these signs. The kernel is then
        ``k(x, v) + k(mirrored x, v)``. The result equals fitting on faces and mirrored faces and averaging the
        predictions for both, without the extra cost.
    max_vectors : int, default=30000
        From more faces, a stratified sample of this size is fitted. The kernel matrix takes 4 bytes for each pair of
        faces, 3.6 GB for 30,000.
    random_state : int, default=0
        Seed of that sample.

    Attributes
    ----------
    vectors_ : ndarray of shape (n, d), int8
        Training features in multiples of `steps_`. The weights are fitted to these rounded vectors.
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
        """Fit the weights to features X of shape (n, d) and expressions y of shape (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, columns = np.unique(y, return_inverse=True)
        rows = self._sample(columns)
        self._fit_vectors(X[rows])
        targets = np.eye(len(self.classes_), dtype=np.float32)[columns[rows]]
        self.prior_ = targets.mean(axis=0)
        self.weights_ = self._solve(targets - self.prior_)
        return self

    def decision_function(self, X):
        """Return a score for each class, shape (n, k): regressed on 1 for the class and 0 for the others."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return self._kernel_product(X, self.weights_) + self.prior_

    def predict_proba(self, X):
        """Return ``softmax(5 * decision_function(X))``, shape (n, k)."""
        return softmax(SHARPNESS * self.decision_function(X))

    def predict(self, X):
        """Return the class of the highest decision value of each row."""
        scores = self.decision_function(X)
        return self.classes_[scores.argmax(axis=1)]

    def _sample(self, columns):
        if len(columns) <= self.max_vectors:
            return np.arange(len(columns))
        _LOG.warning("the SVM is fitted on a stratified sample of %d of %d faces", self.max_vectors, len(columns))
        from sklearn.model_selection import StratifiedShuffleSplit  # slow to import, and live does not need it

        splitter = StratifiedShuffleSplit(1, train_size=self.max_vectors, random_state=self.random_state)
        return np.sort(next(splitter.split(columns, columns))[0])

    def _fit_vectors(self, X):
        variance = float(X.var(axis=0).sum())
        self.width_ = self.gamma / variance if variance > 0 else self.gamma
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
        # The transpose of the symmetric matrix is in column order, so LAPACK works in place.
        factor = scipy.linalg.cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False)
        return scipy.linalg.cho_solve(factor, targets, check_finite=False).astype(np.float32)

    def _kernel_product(self, X, weights):
        blocks = [self._kernel(X[start : start + _BLOCK]) @ weights for start in range(0, len(X), _BLOCK)]
        return np.vstack(blocks) if blocks else np.empty((0, weights.shape[1]), dtype=np.float32)

    def _kernel(self, X):
        """Return the kernel between rows of X and the training vectors, shape (len(X), n), float32."""
        symmetric, antisymmetric, vectors_symmetric, vectors_antisymmetric, squares = self._prepared
        common = -self.width_ * ((X**2).sum(axis=1)[:, None] + squares)
        common += 2 * self.width_ * (X[:, symmetric] @ vectors_symmetric.T)
        if not antisymmetric.size:
            return np.exp(common)
        change = 2 * self.width_ * (X[:, antisymmetric] @ vectors_antisymmetric.T)
        return np.exp(common + change) + np.exp(common - change)

    @property
    def _prepared(self):
        """Symmetric and antisymmetric columns, the training vectors in each, and the vectors' squared lengths."""
        if "_single" not in self.__dict__:
            signs = np.ones(len(self.steps_)) if self.mirror_signs is None else np.asarray(self.mirror_signs)
            symmetric, antisymmetric = np.flatnonzero(signs > 0), np.flatnonzero(signs <= 0)
            vectors = self.vectors_ * self.steps_
            parts = (np.ascontiguousarray(vectors[:, columns]) for columns in (symmetric, antisymmetric))
            self._single = symmetric, antisymmetric, *parts, (vectors**2).sum(axis=1)
        return self._single

    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name != "_single"}
