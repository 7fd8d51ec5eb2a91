"""Rejection of uncertain predictions: risk-coverage curves and the confidence threshold of a model."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from landmark_fer.core.errors import ArtifactError, InputError, plain_value
from landmark_fer.evaluation.scores import class_columns, wilson_interval

TARGET = 0.85
"""Accuracy on accepted faces that the threshold aims at."""
MIN_COVERAGE = 0.75
"""Share of faces that must get a prediction, whatever the accuracy."""
CURVE_POINTS = 20


class OperatingPoint(NamedTuple):
    """A confidence threshold, the share of faces that reach it, and the accuracy on those faces."""

    threshold: float
    coverage: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Coverage and accuracy for each threshold, from the highest threshold to the lowest.

    Attributes
    ----------
    coverage : ndarray of shape (m,)
        Share of faces whose confidence is at least the threshold, rising to 1.
    threshold : ndarray of shape (m,)
        The distinct confidences, falling.
    accuracy : ndarray of shape (m,)
        Accuracy on the accepted faces.
    """

    coverage: np.ndarray
    threshold: np.ndarray
    accuracy: np.ndarray


def risk_coverage(expressions, probabilities, classes):
    """Return coverage and accuracy for every confidence threshold [1]_ [2]_.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    probabilities : ndarray of shape (n, k)
        Probabilities of faces that the model was not fitted on, columns in the order of `classes`.
    classes : sequence of str

    Returns
    -------
    RiskCoverage

    Raises
    ------
    InputError
        If there are no faces, or an expression is not among the classes.

    References
    ----------
    .. [1] El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, JMLR 11, 2010.
    .. [2] Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NIPS 2017.
    """
    confidence, right = _confidence_and_right(expressions, probabilities, classes)
    order = np.argsort(-confidence, kind="stable")
    ends = np.flatnonzero(np.diff(confidence[order], append=-1.0))  # equal confidences are accepted together
    n_accepted = ends + 1
    accuracy = np.cumsum(right[order])[ends] / n_accepted
    return RiskCoverage(n_accepted / len(right), confidence[order][ends], accuracy)


def choose_threshold(curve, *, target=TARGET):
    """Return the lowest threshold at which the accuracy on accepted faces reaches a target.

    Points with a coverage below `MIN_COVERAGE` are ignored: uncertain is for faces that cannot be read, and on fewer
    faces any accuracy can be reached. If no other point reaches the target, the most accurate one is chosen, and of
    equally accurate points the one with most coverage.

    Parameters
    ----------
    curve : RiskCoverage
    target : float, default=0.85
        Accuracy to reach.

    Returns
    -------
    OperatingPoint
        The threshold is 0 where all faces are accepted, so that none is ever rejected.

    Raises
    ------
    InputError
        If the target is not between 0 and 1.
    """
    if not 0 <= target <= 1:
        raise InputError(f"target must be an accuracy from 0 to 1, got {target}; try {TARGET}")
    eligible = np.flatnonzero(curve.coverage >= MIN_COVERAGE)
    reached = eligible[curve.accuracy[eligible] >= target]
    if not len(reached):
        reached = eligible[curve.accuracy[eligible] == curve.accuracy[eligible].max()]
    chosen = int(reached[-1])
    accepts_all = chosen == len(curve.coverage) - 1
    threshold = 0.0 if accepts_all else float(curve.threshold[chosen])
    return OperatingPoint(threshold, float(curve.coverage[chosen]), float(curve.accuracy[chosen]))


def curve_points(curve, n_points=CURVE_POINTS):
    """Return about `n_points` points of a curve, evenly spaced in coverage, the last at coverage 1.

    Returns
    -------
    list of [float, float, float]
        ``[coverage, threshold, accuracy]``, coverage rising.
    """
    coverages = np.arange(1, n_points + 1) / n_points
    chosen = np.unique(np.searchsorted(curve.coverage, coverages - 1e-12).clip(max=len(curve.coverage) - 1))
    return np.stack([curve.coverage, curve.threshold, curve.accuracy], axis=1)[chosen].tolist()


def rejection_facts(expressions, probabilities, classes, target=TARGET):
    """Return the entry ``rejection`` of a manifest, as plain values.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    probabilities : ndarray of shape (n, k)
        Out-of-fold, calibrated as those of the saved predictor; columns in the order of `classes`.
    classes : sequence of str
    target : float, default=0.85

    Returns
    -------
    dict
        ``target, min_coverage, threshold, coverage, accuracy, curve``; the curve as from `curve_points`.
    """
    curve = risk_coverage(expressions, probabilities, classes)
    point = choose_threshold(curve, target=target)
    return {"target": float(target), "min_coverage": MIN_COVERAGE, **point._asdict(), "curve": curve_points(curve)}


def manifest_threshold(manifest):
    """Return the confidence below which a saved model rejects a face; None if its manifest has no threshold.

    Raises
    ------
    ArtifactError
        If the threshold is not a probability.
    """
    if "rejection" not in manifest:
        return None
    facts = manifest["rejection"]
    threshold = facts.get("threshold") if isinstance(facts, dict) else None
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise ArtifactError(
            f"rejection in the manifest must have a threshold from 0 to 1, got {plain_value(threshold)}; "
            "fit the model again"
        )
    return float(threshold)


def score_accepted(expressions, probabilities, classes, threshold, *, leak_free=None):
    """Return coverage and accuracy on the accepted faces, official and leak-free, as plain values.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    probabilities : ndarray of shape (n, k)
    classes : sequence of str
    threshold : float
        Faces of this confidence or more are accepted.
    leak_free : ndarray of shape (n,), bool, optional
        As for `score`.

    Returns
    -------
    dict
        ``threshold, coverage, accuracy, accuracy_interval, n_accepted``, and the last four again with the suffix
        ``_leak_free``. An accuracy is None where no face is accepted; all leak-free values are None without
        `leak_free`.
    """
    confidence, right = _confidence_and_right(expressions, probabilities, classes)
    accepted = confidence >= threshold
    scores = _accepted_scores(accepted, right)
    if leak_free is None:
        clean = dict.fromkeys(scores)
    else:
        clean = _accepted_scores(accepted[leak_free], right[leak_free])
    return {"threshold": float(threshold), **scores, **{f"{key}_leak_free": value for key, value in clean.items()}}


def _accepted_scores(accepted, right):
    n_accepted, n_right = int(accepted.sum()), int(right[accepted].sum())
    return {
        "coverage": n_accepted / len(accepted) if len(accepted) else None,
        "accuracy": n_right / n_accepted if n_accepted else None,
        "accuracy_interval": wilson_interval(n_right, n_accepted),
        "n_accepted": n_accepted,
    }


def _confidence_and_right(expressions, probabilities, classes):
    """Return the confidence of each prediction and whether it is correct, both of shape (n,)."""
    if len(expressions) == 0:
        raise InputError("confidence can be judged on one face or more, got none; give faces with labels")
    truth = class_columns(expressions, classes)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
