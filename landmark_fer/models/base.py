"""What every predictor offers, its probabilities in a stated order, and the mirrored classifier."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def predict_in_order(predictor, X, classes):
    """Return probabilities of shape (n, k) with columns in the order of `classes`.

    A class that the predictor never saw gets probability 0.
    """
    ordered = np.zeros((len(X), len(classes)))
    if not len(X):
        return ordered
    columns = {name: column for column, name in enumerate(classes)}
    ordered[:, [columns[str(name)] for name in predictor.classes_]] = _predictions(predictor, X)
    return ordered


def _predictions(predictor, X):
    """Return what ``predict_proba`` does; a Pipeline's own first asks each step for its tags, as long as a face takes.

    Each step checks itself that it is fitted.
    """
    if not isinstance(predictor, Pipeline):
        return predictor.predict_proba(X)
    for _, step in predictor.steps[:-1]:
        X = step.transform(X)
    return predictor.steps[-1][1].predict_proba(X)


def fit_predictor(predictor, X, y, votes=None):
    """Fit a predictor, or a Pipeline that ends in one, and return it; votes reach it if it takes them.

    Parameters
    ----------
    predictor : estimator
    X : ndarray of shape (n, ...)
    y : ndarray of shape (n,), str
    votes : ndarray of shape (n, m), optional
    """
    steps = getattr(predictor, "steps", None)
    name, last = steps[-1] if steps else (None, predictor)
    if votes is None or not getattr(last, "takes_votes", False):
        return predictor.fit(X, y)
    return predictor.fit(X, y, **{f"{name}__votes" if steps else "votes": votes})


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
