"""A hand-written rule set: what a person would say makes an expression, as a table over the named measurements.

Nothing about an expression is learned, so the rules show what knowledge alone is worth. They follow the action units
of FACS [1]_, as the expert systems of the 1990s did [2]_.

References
----------
.. [1] Ekman and Friesen, Facial Action Coding System, 1978.
.. [2] Pantic and Rothkrantz, Expert System for Automatic Analysis of Facial Expressions, Image and Vision Computing
   18(11), 2000.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.features.measurements import MEASUREMENT_NAMES, MEASUREMENTS

MORE, LESS = 1, -1
DEFAULT = "neutral"
LIMIT = 3.0  # standard deviations; what lies beyond is more often a landmark gone astray than a stronger expression


@dataclass(frozen=True)
class Rule:
    """One row of the table: a measurement that speaks for an expression.

    Attributes
    ----------
    expression : str
    measurement : str
        A name of `MEASUREMENT_NAMES`, without ``right_`` or ``left_`` for the mean of both sides. Of one that has a
        sign, the size counts.
    sign : {MORE, LESS}
        Whether a larger or a smaller value than usual speaks for the expression.
    weight : float
        Evidence of one standard deviation.
    """

    expression: str
    measurement: str
    sign: int
    weight: float


RULES = (
    # A smile: lip corners up and apart, cheeks raised.
    Rule("happy", "lip_corner_height", MORE, 1.0),
    Rule("happy", "mouth_width", MORE, 0.8),
    Rule("happy", "lip_corner_to_eye", LESS, 0.5),
    # Mouth open, brows high, eyes wide.
    Rule("surprise", "mouth_opening", MORE, 0.8),
    Rule("surprise", "brow_height", MORE, 0.8),
    Rule("surprise", "eye_aperture", MORE, 0.5),
    Rule("surprise", "mouth_width", LESS, 0.4),
    # Eyes wide and brows drawn up at their inner ends, over a mouth that is pulled wide.
    Rule("fear", "eye_aperture", MORE, 0.6),
    Rule("fear", "brow_slope", MORE, 0.5),
    Rule("fear", "inner_brow_height", MORE, 0.4),
    Rule("fear", "inner_mouth_width", MORE, 0.3),
    # Brows down and together, eyes narrow, lips pressed.
    Rule("angry", "inner_brow_height", LESS, 0.9),
    Rule("angry", "brow_gap", LESS, 0.5),
    Rule("angry", "brow_slope", LESS, 0.4),
    Rule("angry", "upper_lip_thickness", LESS, 0.3),
    # Nose wrinkled, upper lip raised.
    Rule("disgust", "inner_brow_to_nostril", LESS, 0.8),
    Rule("disgust", "lip_to_nose", LESS, 0.7),
    Rule("disgust", "eye_aperture", LESS, 0.5),
    # Lip corners down, inner ends of the brows up, lids low.
    Rule("sad", "lip_corner_height", LESS, 0.9),
    Rule("sad", "brow_slope", MORE, 0.5),
    Rule("sad", "eye_aperture", LESS, 0.3),
    # One lip corner up.
    Rule("contempt", "lip_corner_height_asymmetry", MORE, 1.0),
)
"""All rules. `DEFAULT` has none: it is the answer where nothing speaks for another."""


class ExpressionRules(ClassifierMixin, BaseEstimator):
    """Adds up what each expression's rules find; the softmax of the sums and the classes' shares is the answer.

    Parameters
    ----------
    rules : sequence of Rule, default=RULES
    doubt : float, default=1.0
        Evidence that an expression needs before it stands level with `DEFAULT`.
    names : tuple of str, default=MEASUREMENT_NAMES
        The measurements that the columns of X hold, as in `Measurements`.

    Attributes
    ----------
    medians_, spreads_ : ndarray of shape (r,)
        Of the training faces, for the measurement of each rule.
    priors_ : ndarray of shape (k,)
        Of the classes in training.
    classes_ : ndarray of shape (k,)
    """

    def __init__(self, rules=RULES, doubt=1.0, names=MEASUREMENT_NAMES):
        self.rules = rules
        self.doubt = doubt
        self.names = names

    def fit(self, X, y):
        """Learn what is usual from measurements X of shape (n, m), as `measure`, and shares from y of shape (n,).

        Raises
        ------
        InputError
            If X does not hold the named measurements, or a rule names none of them.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        if X.shape[1] != len(self.names):
            raise InputError(f"measurements must have shape (n, {len(self.names)}), got {X.shape}")
        values = _values(X, self.rules, self.names)
        self.medians_, self.spreads_ = np.median(values, axis=0), values.std(axis=0)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.priors_ = counts / len(y)
        return self

    def predict_proba(self, X):
        """Return probabilities of shape (n, k), the same for a face and the mirrored face."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        away = _values(X, self.rules, self.names) - self.medians_
        away = np.divide(away, self.spreads_, out=np.zeros_like(away), where=self.spreads_ > 1e-9).clip(-LIMIT, LIMIT)
        scores = away @ _weights(self.rules, self.classes_) - self.doubt * (self.classes_ != DEFAULT)
        scores += np.log(self.priors_)
        return softmax(scores)

    def predict(self, X):
        """Return the most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _weights(rules, classes):
    """Return the signed weight of each rule for each class, shape (r, k); 0 but for its own expression."""
    signed = np.array([rule.sign * rule.weight for rule in rules])
    return signed[:, None] * (np.array([rule.expression for rule in rules])[:, None] == classes)


def _values(X, rules, names):
    """Return the measurement of each rule, shape (n, r)."""
    return np.stack([_value(X, rule.measurement, names) for rule in rules], axis=1)


def _value(X, name, names):
    sides = [column for column, own in enumerate(names) if own in (f"right_{name}", f"left_{name}")]
    if sides:
        return X[:, sides].mean(axis=1)
    if name not in names:
        raise InputError(f"rules must name measurements, got {name!r}; see MEASUREMENT_NAMES")
    values = X[:, list(names).index(name)]
    return np.abs(values) if MEASUREMENTS[MEASUREMENT_NAMES.index(name)].signed else values
