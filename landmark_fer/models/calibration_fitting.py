"""Fit a calibration to out-of-fold probabilities: temperature or matrix scaling.

This module is separate from `calibration` because live needs neither scikit-learn's linear models nor SciPy's
optimizers.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from landmark_fer.models.calibration import Calibration, logarithms

_C = 0.1  # inverse regularisation of matrix scaling


def fit_calibration(members, expressions, classes, folds):
    """Return the calibration with the lower log loss on held-out folds, and its held-out probabilities.

    Parameters
    ----------
    members : list of ndarray of shape (n, k)
        Out-of-fold probabilities of each member, columns in the order of `classes`.
    expressions : ndarray of shape (n,), str
    classes : sequence of str
    folds : list of (ndarray, ndarray)
        Those of the cross-validation. Each fold is predicted by a calibration fitted on the other folds.

    Returns
    -------
    Calibration
        Temperature or matrix scaling, whichever has the lower log loss on held-out folds; fitted on all faces.
    ndarray of shape (n, k)
        Probabilities of calibrations of that kind, each face predicted by one that was not fitted on it.
    """
    truth = _columns(expressions, classes)
    held_out, losses = {}, {}
    for kind, fit in _KINDS.items():
        held_out[kind] = np.empty((len(truth), len(classes)))
        for _, test in folds:
            training = np.setdiff1d(np.arange(len(truth)), test)
            calibration = fit([member[training] for member in members], truth[training], len(classes))
            held_out[kind][test] = calibration([member[test] for member in members])
        losses[kind] = log_loss(truth, held_out[kind], labels=np.arange(len(classes)))
    best = min(losses, key=losses.get)
    return _KINDS[best](members, truth, len(classes)), held_out[best]


def fit_temperature(members, truth, n_classes):
    """Return temperature scaling: the mean of the members' logarithms divided by one temperature.

    Parameters
    ----------
    members : list of ndarray of shape (n, k)
    truth : ndarray of shape (n,), int
        Column of each face's true class.
    n_classes : int
    """
    direction = np.tile(np.eye(n_classes), (len(members), 1)) / len(members)

    def calibration(log_temperature):
        return Calibration("temperature", direction / np.exp(log_temperature), np.zeros(n_classes))

    def loss(log_temperature):
        return log_loss(truth, calibration(log_temperature)(members), labels=np.arange(n_classes))

    return calibration(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)


def fit_matrix(members, truth, n_classes):
    """Return matrix scaling, fitted by regularised multinomial logistic regression.

    Parameters
    ----------
    members, truth, n_classes
        As for `fit_temperature`.
    """
    present = np.unique(truth)
    if len(present) < 2:
        return fit_temperature(members, truth, n_classes)
    fitted = LogisticRegression(C=_C, solver="newton-cholesky", max_iter=200).fit(logarithms(members), truth)
    weights, offsets = np.zeros((n_classes * len(members), n_classes)), np.full(n_classes, -20.0)
    if len(present) == 2:  # scikit-learn has one row of coefficients for two classes
        weights[:, present[1]], offsets[present] = fitted.coef_[0], [0.0, fitted.intercept_[0]]
    else:
        weights[:, present], offsets[present] = fitted.coef_.T, fitted.intercept_
    return Calibration("matrix", weights, offsets)


_KINDS = {"temperature": fit_temperature, "matrix": fit_matrix}


def _columns(expressions, classes):
    order = {name: column for column, name in enumerate(classes)}
    return np.array([order[name] for name in np.asarray(expressions).tolist()])
