"""Support vector machines with an RBF kernel: one of squared loss that knows the mirror, and the classic one.

The support vector machine of scikit-learn solves a quadratic programme, minutes for FER2013, and keeps nearly every
face as a support vector all the same. With squared loss the programme becomes one system of linear equations: a
Cholesky factorisation, seconds to a minute, all expressions at once. docs/decisions/0004 has the reasons and what was
tried.
"""

import logging

import numpy as np
import scipy.linalg
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

_LOG = logging.getLogger(__name__)
MARGIN_LIMIT = 1.5  # a margin between two classes that is wider says no more
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
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

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


def accelerated_svc():
    """Return scikit-learn-intelex's SVC where it is installed, else scikit-learn's; same parameters, same optimum."""
    try:
        from sklearnex.svm import SVC
    except ImportError:
        from sklearn.svm import SVC
    return SVC


class RbfSVC(ClassifierMixin, BaseEstimator):
    """Hinge-loss SVM [1]_ with RBF kernel, one expression against one, asked through BLAS.

    scikit-learn-intelex fits it ten times as fast where it is installed. What is kept are arrays, so the model
    loads without it. Both signs of the mirror are fitted only if `MirroredClassifier` wraps it.

    Parameters
    ----------
    C : float, default=3
    gamma : float, default=1.4
        As for `LeastSquaresSVM`, in units of the features' total variance.

    References
    ----------
    .. [1] Cortes and Vapnik, Support-Vector Networks, Machine Learning 20, 1995.
    """

    def __init__(self, C=3.0, gamma=1.4):
        self.C = C
        self.gamma = gamma

    def fit(self, X, y):
        """Fit on features X of shape (n, d) and expressions y of shape (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        self.classes_, columns = np.unique(y, return_inverse=True)
        spread = float(X.var(axis=0).sum())
        self.width_ = self.gamma / spread if spread > 0 else self.gamma
        machine = accelerated_svc()(C=self.C, gamma=self.width_, cache_size=2000).fit(X, columns)
        self.vectors_ = np.asarray(machine.support_vectors_, dtype=np.float32)
        self.pair_weights_, self.pair_intercepts_ = _by_pair(machine, len(self.classes_))
        return self

    def predict_proba(self, X):
        """Return the softmax of each class's mean margin over the others, shape (n, k); needs a temperature."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        margins = np.vstack([self._margins(X[start : start + _BLOCK]) for start in range(0, len(X), _BLOCK)])
        n_classes = len(self.classes_)
        scores = np.zeros((len(X), n_classes))
        for column, (first, second) in enumerate(class_pairs(n_classes)):
            bounded = np.clip(margins[:, column], -MARGIN_LIMIT, MARGIN_LIMIT)
            scores[:, first] += bounded
            scores[:, second] -= bounded
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Return the most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _margins(self, X):
        squares = (X**2).sum(axis=1)[:, None] + (self.vectors_**2).sum(axis=1) - 2 * (X @ self.vectors_.T)
        return np.exp(-self.width_ * squares) @ self.pair_weights_ + self.pair_intercepts_


def class_pairs(n_classes):
    """Return the pairs of classes in libsvm's order, as tuples of columns."""
    return [(first, second) for first in range(n_classes) for second in range(first + 1, n_classes)]


def _by_pair(machine, n_classes):
    """Return dual weights of shape (vectors, pairs) and intercepts (pairs,), positive for a pair's first class.

    libsvm stores the weights of a vector of class i against class j in row j - 1 (j > i) or j (j < i), vectors
    sorted by class.
    """
    dual = np.asarray(machine.dual_coef_)
    ends = np.cumsum(machine.n_support_)
    spans = [slice(end - count, end) for end, count in zip(ends, machine.n_support_, strict=True)]
    pairs = class_pairs(n_classes)
    weights = np.zeros((dual.shape[1], len(pairs)), dtype=np.float32)
    for column, (first, second) in enumerate(pairs):
        weights[spans[first], column] = dual[second - 1, spans[first]]
        weights[spans[second], column] = dual[first, spans[second]]
    intercepts = np.asarray(machine.intercept_, dtype=np.float32)
    if n_classes == 2:  # scikit-learn turns the sign of a single pair
        return -weights, -intercepts
    return weights, intercepts
