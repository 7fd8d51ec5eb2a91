"""What every predictor offers, and the one place where its columns are put in order.

A predictor has ``fit(records, expressions)``, ``predict_proba(records)``, and ``classes_``: scikit-learn sorts its
classes alphabetically, people and reports read them in the order of `EXPRESSIONS`. One that also learns from votes says
so with ``takes_votes``, and its ``fit`` has a third argument for them.
"""

import numpy as np
from sklearn.pipeline import Pipeline


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
