"""Making confidences mean what they say: one temperature for all classes, found on faces not trained on."""

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import log_loss

_FLOOR = 1e-6  # KNN gives exact zeros, which no temperature could mend


def temper(probabilities, temperature):
    """Return probabilities made flatter (temperature over 1) or sharper (under 1); the order of classes stays.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    temperature : float

    Returns
    -------
    ndarray of shape (n, k)
        ``softmax(log(p) / temperature)``.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017.
    """
    scores = np.log(np.clip(probabilities, _FLOOR, None)) / temperature
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def fit_temperature(probabilities, expressions, classes):
    """Return the temperature with the least log loss.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Of faces that the model was not fitted on, such as out-of-fold probabilities.
    expressions : ndarray of shape (n,), str
    classes : sequence of str
        The columns of `probabilities`, sorted as a predictor's ``classes_``.

    Returns
    -------
    float
    """

    def loss(log_temperature):
        return log_loss(expressions, temper(probabilities, np.exp(log_temperature)), labels=classes)

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


class TemperedClassifier(ClassifierMixin, BaseEstimator):
    """A fitted predictor whose probabilities are tempered.

    Parameters
    ----------
    predictor : estimator
        Already fitted; `fit` fits it anew.
    temperature : float, default=1
    """

    def __init__(self, predictor, temperature=1.0):
        self.predictor = predictor
        self.temperature = temperature

    def fit(self, X, y):
        """Fit the predictor; the temperature stays as given."""
        self.predictor.fit(X, y)
        return self

    @property
    def classes_(self):
        """The predictor's classes."""
        return self.predictor.classes_

    def predict_proba(self, X):
        """Return tempered probabilities of shape (n, k)."""
        return temper(self.predictor.predict_proba(X), self.temperature)

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
