"""Any classifier, fitted on faces and mirrored faces and asked for both."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted


class MirroredClassifier(ClassifierMixin, BaseEstimator):
    """Fits on features and mirrored features; answers with the mean of both images' probabilities.

    Parameters
    ----------
    classifier : estimator
        With ``predict_proba``.
    mirror_signs : array-like of shape (d,)
        As from `MirrorPCA`: features of the mirrored face are those of the face times these.
    """

    def __init__(self, classifier, mirror_signs):
        self.classifier = classifier
        self.mirror_signs = mirror_signs

    def fit(self, X, y):
        """Fit a clone of the classifier on X of shape (n, d) and its mirror."""
        self.classifier_ = clone(self.classifier).fit(np.vstack([X, X * self._signs]), np.concatenate([y, y]))
        self.classes_ = self.classifier_.classes_
        return self

    def predict_proba(self, X):
        """Return probabilities of shape (n, k), the same for a face and the mirrored face."""
        check_is_fitted(self)
        return (self.classifier_.predict_proba(X) + self.classifier_.predict_proba(X * self._signs)) / 2

    def predict(self, X):
        """Return the most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    @property
    def _signs(self):
        return np.asarray(self.mirror_signs, dtype=np.float32)
