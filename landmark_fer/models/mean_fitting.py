"""Fit the mean of an ensemble to probabilities of faces that no member was fitted on.

This module is separate from `ensemble` because live does not need SciPy's optimizers.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from landmark_fer.models.ensemble import MEANS, WeightedMean

WEIGHTS = np.round(np.linspace(0, 1, 21), 2)
"""Weights of the first of two members that are tried."""


@dataclass(frozen=True)
class MeanForm:
    """A kind of mean and which of its parameters are fitted.

    Attributes
    ----------
    kind : str
        One of `MEANS`.
    weight, temperature : bool
        Whether it is fitted. If not, both members have the same weight, and the temperature is 1.
    """

    kind: str
    weight: bool = False
    temperature: bool = False

    @property
    def n_parameters(self):
        """Number of fitted parameters."""
        return self.weight + self.temperature

    @property
    def name(self):
        """Description in words."""
        mean = {"arithmetic": "arithmetic mean", "geometric": "geometric mean"}[self.kind]
        fitted = [word for word in ("weight", "temperature") if getattr(self, word)]
        return f"{mean} with {' and '.join(f'a {word}' for word in fitted)}" if fitted else f"plain {mean}"

    def fit(self, members, truth):
        """Return the mean of this form with the lowest log loss.

        Parameters
        ----------
        members : ndarray of shape (2, n, k)
        truth : ndarray of shape (n,), int
            Column of each face's true class.
        """
        means = [self._with_weight(weight, members, truth) for weight in (WEIGHTS if self.weight else (0.5,))]
        return min(means, key=lambda mean: losses(mean(members), truth).mean())

    def _with_weight(self, weight, members, truth):
        weights = float(weight), float(1 - weight)
        if not self.temperature:
            return WeightedMean(self.kind, weights)

        def loss(log_temperature):
            return losses(WeightedMean(self.kind, weights, np.exp(log_temperature))(members), truth).mean()

        return WeightedMean(
            self.kind, weights, float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))
        )


FORMS = tuple(
    MeanForm(kind, weight, temperature)
    for kind in MEANS
    for weight, temperature in ((False, False), (False, True), (True, False), (True, True))
)
"""The forms that are compared."""


@dataclass(frozen=True, eq=False)
class FittedMean:
    """A chosen mean.

    Attributes
    ----------
    mean : WeightedMean
        Fitted to all faces.
    form : MeanForm
    probabilities : ndarray of shape (n, k)
        Each face is predicted by a mean of this form that was fitted to the other folds.
    rows : list of dict
        One row for each of `FORMS`, the lowest log loss first: ``name, n_parameters, log_loss, above_best,
        standard_error, accuracy``, on held-out folds.
    """

    mean: WeightedMean
    form: MeanForm
    probabilities: np.ndarray
    rows: list


def fit_mean(members, truth, folds):
    """Return the simplest mean that is about as good as the best on held-out folds, fitted to all faces.

    A form is as good as the best if its mean log loss is higher by at most one standard error of the difference of
    both over the faces [1]_. Simple forms have few fitted parameters; of equally simple ones the better is chosen.

    Parameters
    ----------
    members : ndarray of shape (2, n, k)
        Probabilities of two members for faces that neither was fitted on.
    truth : ndarray of shape (n,), int
        Column of each face's true class.
    folds : list of (ndarray, ndarray)
        Positions to fit to and positions that are held out, each face once. Without folds the mean is the plain
        arithmetic mean.

    Returns
    -------
    FittedMean

    References
    ----------
    .. [1] Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, section 7.10, 2009.
    """
    if not folds:
        plain = FORMS[0].fit(members, truth)
        return FittedMean(plain, FORMS[0], plain(members), [])
    held_out = {form: _held_out(form, members, truth, folds) for form in FORMS}
    loss = {form: losses(probabilities, truth) for form, probabilities in held_out.items()}
    best = min(FORMS, key=lambda form: loss[form].mean())
    rows, eligible = {}, []
    for form in sorted(FORMS, key=lambda form: loss[form].mean()):
        difference = loss[form] - loss[best]
        error = difference.std() / np.sqrt(len(truth))
        if difference.mean() <= error:
            eligible.append(form)
        rows[form] = {
            "name": form.name,
            "n_parameters": form.n_parameters,
            "log_loss": float(loss[form].mean()),
            "above_best": float(difference.mean()),
            "standard_error": float(error),
            "accuracy": float((held_out[form].argmax(axis=1) == truth).mean()),
        }
    chosen = min(eligible, key=lambda form: (form.n_parameters, loss[form].mean()))
    return FittedMean(chosen.fit(members, truth), chosen, held_out[chosen], list(rows.values()))


def losses(probabilities, truth):
    """Return the log loss of each face, shape (n,)."""
    return -np.log(probabilities[np.arange(len(truth)), truth])


def _held_out(form, members, truth, folds):
    probabilities = np.empty(members.shape[1:])
    for training, test in folds:
        probabilities[test] = form.fit(members[:, training], truth[training])(members[:, test])
    return probabilities
