"""Hand-written rules that recognize expressions from geometric measurements.

The rules are not learned, so their accuracy shows what expert knowledge alone achieves. They follow the action units of
FACS [1]_, like the expert systems of the 1990s [2]_.

References
----------
.. [1] Ekman and Friesen, Facial Action Coding System, 1978.
.. [2] Pantic and Rothkrantz, Expert System for Automatic Analysis of Facial Expressions, Image and Vision Computing
   18(11), 2000.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.features.measurements import MEASUREMENT_NAMES, MEASUREMENTS
from landmark_fer.models.base import ProbabilisticClassifier

MORE, LESS = 1, -1
DEFAULT = "neutral"
LIMIT = 3.0  # standard deviations; larger values are more often misplaced landmarks than stronger expressions


@dataclass(frozen=True)
class Rule:
    """One row of `RULES`: a measurement that is evidence for an expression.

    Attributes
    ----------
    expression : str
    measurement : str
        A name of `MEASUREMENT_NAMES`; without ``right_`` or ``left_``, the mean of both sides. For a signed
        measurement, its absolute value.
    sign : {MORE, LESS}
        Whether a larger or a smaller value than the median is evidence.
    weight : float
        Evidence per standard deviation.
    """

    expression: str
    measurement: str
    sign: int
    weight: float


RULES = (
    # Smile: lip corners up and apart, cheeks raised.
    Rule("happy", "lip_corner_height", MORE, 1.0),
    Rule("happy", "mouth_width", MORE, 0.8),
    Rule("happy", "lip_corner_to_eye", LESS, 0.5),
    # Mouth open, brows high, eyes wide.
    Rule("surprise", "mouth_opening", MORE, 0.8),
    Rule("surprise", "brow_height", MORE, 0.8),
    Rule("surprise", "eye_aperture", MORE, 0.5),
    Rule("surprise", "mouth_width", LESS, 0.4),
    # Eyes wide, inner ends of the brows raised, mouth stretched.
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
"""All rules. `DEFAULT` has none: it is predicted without evidence for another expression."""


class ExpressionRules(ProbabilisticClassifier):
    """Classifier that adds up the evidence for each expression; no relation to an expression is learned.

    Probabilities are the softmax of the sums plus the logarithms of the class frequencies.

    Parameters
    ----------
    rules : sequence of Rule, default=RULES
    doubt : float, default=1.0
        Evidence at which an expression is as probable as `DEFAULT`.
    names : tuple of str, default=MEASUREMENT_NAMES
        Names of the columns of X, as in `Measurements`.

    Attributes
    ----------
    medians_, spreads_ : ndarray of shape (r,)
        Median and standard deviation of each rule's measurement over the training faces.
    priors_ : ndarray of shape (k,)
        Frequency of each class in training.
    classes_ : ndarray of shape (k,)
    """

    def __init__(self, rules=RULES, doubt=1.0, names=MEASUREMENT_NAMES):
        self.rules = rules
        self.doubt = doubt
        self.names = names

    def fit(self, X, y):
        """Fit medians and deviations to measurements X of shape (n, m), and class frequencies to y of shape (n,).

        Raises
        ------
        InputError
            If X has another number of columns than `names`, or a rule names no measurement.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        if X.shape[1] != len(self.names):
            raise InputError(f"measurements must have shape (n, {len(self.names)}), got {X.shape}")
        values = _values(X, self.rules, self.names)
        self.medians_, self.spreads_ = np.median(values, axis=0), values.std(axis=0)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.priors_ = counts / len(y)
        return self

    def predict_proba(self, X):
        """Return probabilities of shape (n, k), equal for a face and its mirror image."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        offsets = _values(X, self.rules, self.names) - self.medians_
        deviations = np.divide(offsets, self.spreads_, out=np.zeros_like(offsets), where=self.spreads_ > 1e-9)
        scores = deviations.clip(-LIMIT, LIMIT) @ _weights(self.rules, self.classes_) - self.doubt * (
            self.classes_ != DEFAULT
        )
        scores += np.log(self.priors_)
        return softmax(scores)


def _weights(rules, classes):
    """Return the signed weight of each rule for each class, shape (r, k); 0 for other expressions than its own."""
    signed = np.array([rule.sign * rule.weight for rule in rules])
    return signed[:, None] * (np.array([rule.expression for rule in rules])[:, None] == classes)


def _values(X, rules, names):
    """Return the measurement of each rule, shape (n, r)."""
    return np.stack([_value(X, rule.measurement, names) for rule in rules], axis=1)


def _value(X, name, names):
    sides = [column for column, each in enumerate(names) if each in (f"right_{name}", f"left_{name}")]
    if sides:
        return X[:, sides].mean(axis=1)
    if name not in names:
        raise InputError(f"rules must name measurements, got {name!r}; see MEASUREMENT_NAMES")
    values = X[:, list(names).index(name)]
    return np.abs(values) if MEASUREMENTS[MEASUREMENT_NAMES.index(name)].signed else values
