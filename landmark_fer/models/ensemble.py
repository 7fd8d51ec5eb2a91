"""Ensemble of a classical model and a network: two predictors of face records, one probability of each class."""

from dataclasses import asdict, dataclass

import numpy as np

from landmark_fer.core.errors import InputError, plain_value
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.calibration import FLOOR

MEANS = ("arithmetic", "geometric")


@dataclass(frozen=True)
class WeightedMean:
    """Weighted mean of the members' probabilities [1]_, and a temperature.

    A call takes probabilities of shape (members, n, k) and returns probabilities of shape (n, k).

    Attributes
    ----------
    kind : {"arithmetic", "geometric"}
        Also called the linear and the logarithmic opinion pool.
    weights : tuple of float
        Of the members, from 0; they sum to 1.
    temperature : float
        Divides the logarithms of the mean. Above 1, predictions become less confident.

    References
    ----------
    .. [1] Genest and Zidek, Combining Probability Distributions, Statistical Science 1, 1986.
    """

    kind: str
    weights: tuple
    temperature: float = 1.0

    def __call__(self, members):
        """Return probabilities of shape (n, k) from the members' of shape (members, n, k)."""
        members = np.maximum(np.asarray(members, dtype=np.float64), FLOOR)
        if self.kind == "arithmetic":
            scores = np.log(np.tensordot(self.weights, members, axes=1))
        else:
            scores = np.tensordot(self.weights, np.log(members), axes=1)
        return softmax(scores / self.temperature)

    def to_dict(self):
        """Return the mean as a dictionary of plain values."""
        return asdict(self) | {"weights": list(self.weights)}

    @classmethod
    def from_dict(cls, values):
        """Return the mean from `to_dict`'s result.

        Raises
        ------
        InputError
            If a name or a value is not allowed.
        """
        names = ("kind", "weights", "temperature")
        if not isinstance(values, dict) or set(values) != set(names) or values["kind"] not in MEANS:
            raise InputError(
                f"a weighted mean must have {', '.join(names)}, the kind one of {', '.join(MEANS)}, got "
                f"{plain_value(values)}"
            )
        weights, temperature = values["weights"], values["temperature"]
        numbers = [*weights, temperature] if isinstance(weights, list) else [None]
        if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in numbers):
            raise InputError(
                f"weights and temperature of a mean must be numbers, got {plain_value(weights)} and "
                f"{plain_value(temperature)}"
            )
        if min(weights, default=-1) < 0 or not abs(sum(weights) - 1) < 1e-6 or not 0 < temperature < np.inf:
            raise InputError(
                f"weights of a mean must be 0 or more and sum to 1, and its temperature be more than 0, got "
                f"{plain_value(weights)} and {temperature}"
            )
        return cls(values["kind"], tuple(map(float, weights)), float(temperature))


class Ensemble:
    """Predictor of face records that combines two or more predictors.

    Parameters
    ----------
    members : sequence of (str, predictor)
        Names, all different, and fitted predictors of the same classes.
    mean : WeightedMean
        With a weight for each member.
    classes : sequence of str
        In the order of the columns.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)

    Raises
    ------
    InputError
        If two members have the same name, a member predicts other classes, or the weights are not one for each.
    """

    def __init__(self, members, mean, classes):
        self.members, self.mean, self.classes_ = list(members), mean, np.array(classes)
        names = [name for name, _ in self.members]
        if len(set(names)) < len(names) or len(mean.weights) != len(names):
            raise InputError(
                f"members of an ensemble must have different names and one weight each, got {', '.join(names)} and "
                f"{len(mean.weights)} weights"
            )
        for name, member in self.members:
            if {*map(str, member.classes_)} != {*classes}:
                got = ", ".join(map(str, member.classes_))
                raise InputError(f"members of an ensemble must predict {', '.join(classes)}, got {name} of {got}")

    def member_probabilities(self, X, *, mirrored=None):
        """Return the probabilities of each member for face records of shape (n,), shape (members, n, k).

        `mirrored` as for `predict_in_order`.
        """
        classes = self.classes_.tolist()
        return np.array([predict_in_order(member, X, classes, mirrored=mirrored) for _, member in self.members])

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k)."""
        return self.mean(self.member_probabilities(X))

    def predict_sides(self, X, mirrored):
        """Return probabilities of faces whose sides are read apart by the members that can, as `predict_in_order`."""
        return self.mean(self.member_probabilities(X, mirrored=mirrored))

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
