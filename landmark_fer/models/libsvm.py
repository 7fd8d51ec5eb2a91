"""The classic RBF support vector machine: fitted by libsvm or by oneDAL, kept and asked as plain arrays."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted, validate_data

MARGIN_LIMIT = 1.5  # a margin beyond it says no more
_BLOCK = 2048


def accelerated_svc():
    """Return scikit-learn-intelex's SVC where it is installed, else scikit-learn's; same parameters, same optimum."""
    try:
        from sklearnex.svm import SVC as AcceleratedSVC
    except ImportError:
        return SVC
    return AcceleratedSVC


class RbfSVC(ClassifierMixin, BaseEstimator):
    """Hinge-loss SVM [1]_ with RBF kernel, one expression against one, asked through BLAS.

    scikit-learn-intelex fits it ten times as fast where it is installed. What is kept are arrays, so the model
    loads without it. Both signs of the mirror are fitted only if `MirroredClassifier` wraps it.

    Parameters
    ----------
    C : float, default=3
    gamma : float, default=1.4
        As for `LeastSquaresSVC`, in units of the features' total variance.

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
