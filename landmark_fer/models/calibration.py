"""Calibrated probabilities of one classifier, or of several by stacking."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.utils.multiclass import check_classification_targets

from landmark_fer.core.probabilities import softmax
from landmark_fer.features.projection import check_fitted
from landmark_fer.models.base import ProbabilisticClassifier, fit_predictor

STACKING = "stacking"
"""Name of the candidate that stacks all others on the same features."""

FORMER_NAMES = {"ensemble": STACKING}
"""Former names of candidates, which commands of saved models contain, with the present ones."""

FLOOR = 1e-6  # smallest probability: KNN returns zeros, whose logarithm is infinite


@dataclass(frozen=True, eq=False)
class Calibration:
    """Temperature [1]_ or matrix scaling, of one classifier or stacked [2]_ over several classifiers.

    A call takes the members' probabilities and returns the softmax of a linear function of their logarithms.

    Attributes
    ----------
    kind : {"temperature", "matrix"}
    weights : ndarray of shape (members * k, k)
    offsets : ndarray of shape (k,)

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017.
    .. [2] Wolpert, Stacked Generalization, Neural Networks 5, 1992.
    """

    kind: str
    weights: np.ndarray
    offsets: np.ndarray

    def reordered(self, order):
        """Return the same calibration for classes in another order of columns."""
        order, k = np.asarray(order), len(self.offsets)
        rows = np.concatenate([start + order for start in range(0, len(self.weights), k)])
        return Calibration(self.kind, self.weights[rows][:, order], self.offsets[order])

    def __call__(self, members):
        """Return probabilities of shape (n, k) from a list of the members' probabilities of that shape."""
        return softmax(logarithms(members) @ self.weights + self.offsets)


class CalibratedEnsemble(ProbabilisticClassifier):
    """One or several classifiers on the same features, with calibrated probabilities.

    Parameters
    ----------
    members : list of (str, estimator)
    calibration : Calibration
        With columns in the order of `classes`.
    classes : sequence of str
        In alphabetical order, as ``classes_`` in scikit-learn.
    """

    takes_votes = True

    def __init__(self, members, calibration, classes):
        self.members = members
        self.calibration = calibration
        self.classes = classes

    def fit(self, X, y, votes=None):
        """Fit a clone of each member on X of shape (n, d), y of shape (n,) and, if it uses them, the votes."""
        check_classification_targets(y)
        self.members_ = [(name, fit_predictor(clone(member), X, y, votes)) for name, member in self.members]
        self.classes_ = np.array(self.classes)
        return self

    def predict_proba(self, X):
        """Return calibrated probabilities of shape (n, k)."""
        check_fitted(self, "members_")
        return self.calibration([member.predict_proba(X) for _, member in self.members_])


def logarithms(members):
    """Return the concatenated logarithms of the members' probabilities, shape (n, members * k)."""
    return np.log(np.maximum(np.concatenate(members, axis=1), FLOOR))
