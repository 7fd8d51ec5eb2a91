"""Helpers for all predictors: fitting with votes, probabilities in a given class order, mirrored classification."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted


def predict_in_order(predictor, X, classes, *, mirrored=None):
    """Return probabilities of shape (n, k) with columns in the order of `classes`.

    A class that the predictor was not fitted on gets probability 0.

    Parameters
    ----------
    predictor : estimator
    X : ndarray of shape (n, ...)
    classes : sequence of str
    mirrored : ndarray of shape (n,), bool, optional
        For each face which side a predictor reads that averages over a face and its mirror image and can read them
        apart; it has the method ``predict_sides``. Others predict as without it.
    """
    ordered = np.zeros((len(X), len(classes)))
    if not len(X):
        return ordered
    columns = {name: column for column, name in enumerate(classes)}
    in_sides = mirrored is not None and hasattr(predictor, "predict_sides")
    predictions = predictor.predict_sides(X, mirrored) if in_sides else _predictions(predictor, X)
    ordered[:, [columns[name] for name in predictor.classes_.tolist()]] = predictions
    return ordered


def _predictions(predictor, X):
    """Return the result of ``predict_proba``, without Pipeline's own checks, which take as long as one face.

    Each step checks that it is fitted.
    """
    if not isinstance(predictor, Pipeline):
        return predictor.predict_proba(X)
    for _, step in predictor.steps[:-1]:
        X = step.transform(X)
    return predictor.steps[-1][1].predict_proba(X)


def fit_predictor(predictor, X, y, votes=None):
    """Fit a predictor or a Pipeline and return it; votes are passed on if its classifier uses them.

    Parameters
    ----------
    predictor : estimator
    X : ndarray of shape (n, ...)
    y : ndarray of shape (n,), str
    votes : ndarray of shape (n, m), optional
        How many people chose each of m labels for each face.
    """
    steps = getattr(predictor, "steps", None)
    name, last = steps[-1] if steps else (None, predictor)
    if votes is None or not getattr(last, "takes_votes", False):
        return predictor.fit(X, y)
    return predictor.fit(X, y, **{f"{name}__votes" if steps else "votes": votes})


class ProbabilisticClassifier(ClassifierMixin, BaseEstimator):
    """Base of this project's classifiers; subclasses add `fit` and `predict_proba`."""

    def predict(self, X):
        """Return the most probable class of each face."""
        probabilities = self.predict_proba(X)  # before `classes_`, which an unfitted classifier does not have
        return self.classes_[probabilities.argmax(axis=1)]


class MirroredClassifier(ProbabilisticClassifier):
    """Classifier fitted on features and mirrored features; averages the probabilities of a face and its mirror image.

    Parameters
    ----------
    classifier : estimator
        With ``predict_proba``.
    mirror_signs : array-like of shape (d,)
        From `MirrorPCA`: the features of a mirrored face are those of the face times these signs.
    """

    def __init__(self, classifier, mirror_signs):
        self.classifier = classifier
        self.mirror_signs = mirror_signs

    def fit(self, X, y):
        """Fit a clone of the classifier on X of shape (n, d) and the mirrored features."""
        check_classification_targets(y)
        self.classifier_ = clone(self.classifier).fit(np.vstack([X, X * self._signs]), np.concatenate([y, y]))
        self.classes_ = self.classifier_.classes_
        return self

    def predict_proba(self, X):
        """Return probabilities of shape (n, k), equal for a face and its mirror image."""
        check_is_fitted(self)
        return (self.classifier_.predict_proba(X) + self.classifier_.predict_proba(X * self._signs)) / 2

    @property
    def _signs(self):
        return np.asarray(self.mirror_signs, dtype=np.float32)
