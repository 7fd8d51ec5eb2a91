"""The reject option: how sure a model must be before it names an expression, and what that costs in faces."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.evaluation.scores import class_columns, wilson_interval

TARGET = 0.85
LEAST_COVERAGE = 0.1
CURVE_POINTS = 20


class OperatingPoint(NamedTuple):
    """A threshold of confidence, the share of faces that reach it, and the accuracy on those."""

    threshold: float
    coverage: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """What each threshold of confidence gives, from the highest, which few faces reach, to the lowest.

    Attributes
    ----------
    coverage : ndarray of shape (m,)
        Share of the faces whose confidence is the threshold or more; the last is 1.
    threshold : ndarray of shape (m,)
        The distinct confidences, falling.
    accuracy : ndarray of shape (m,)
        On the faces that are answered.
    """

    coverage: np.ndarray
    threshold: np.ndarray
    accuracy: np.ndarray

    @property
    def area(self):
        """Area under the share of wrong answers over coverage: 0 is best, the error rate is what no knowledge gives."""
        return float(np.sum((1 - self.accuracy) * np.diff(self.coverage, prepend=0)))


def risk_coverage(expressions, probabilities, classes):
    """Return accuracy and coverage for every threshold of confidence.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    probabilities : ndarray of shape (n, k)
        Of faces that the model was not fitted on, columns in the order of `classes`.
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
    confidence, right = _predictions(expressions, probabilities, classes)
    order = np.argsort(-confidence, kind="stable")
    ends = np.flatnonzero(np.diff(confidence[order], append=-1.0))  # equal confidences are answered together or not
    accepted = ends + 1
    accuracy = np.cumsum(right[order])[ends] / accepted
    return RiskCoverage(accepted / len(right), confidence[order][ends], accuracy)


def choose_threshold(curve, *, target=TARGET):
    """Return the least threshold at which the faces answered are right often enough.

    Points that answer fewer than `LEAST_COVERAGE` of the faces do not count: a few lucky answers are no promise. Where
    no other point reaches the target, the most accurate one is taken, of equals that which answers most.

    Parameters
    ----------
    curve : RiskCoverage
    target : float, default=0.85
        Share of the answers that should be right.

    Returns
    -------
    OperatingPoint
        Its threshold is 0 where all faces are answered, so that none is ever rejected.

    Raises
    ------
    InputError
        If the target is no share.
    """
    if not 0 <= target <= 1:
        raise InputError(f"target must be a share of right answers from 0 to 1, got {target}; try {TARGET}")
    counting = np.flatnonzero(curve.coverage >= LEAST_COVERAGE)
    reached = counting[curve.accuracy[counting] >= target]
    if not len(reached):
        reached = counting[curve.accuracy[counting] == curve.accuracy[counting].max()]
    chosen = int(reached[-1])
    everyone = chosen == len(curve.coverage) - 1
    threshold = 0.0 if everyone else float(curve.threshold[chosen])
    return OperatingPoint(threshold, float(curve.coverage[chosen]), float(curve.accuracy[chosen]))


def thinned(curve, n_points=CURVE_POINTS):
    """Return about `n_points` points of a curve, evenly spread in coverage, the last at coverage 1.

    Returns
    -------
    list of [float, float, float]
        ``[coverage, threshold, accuracy]``, coverage rising.
    """
    wanted = np.arange(1, n_points + 1) / n_points
    chosen = np.unique(np.searchsorted(curve.coverage, wanted - 1e-12).clip(max=len(curve.coverage) - 1))
    return np.stack([curve.coverage, curve.threshold, curve.accuracy], axis=1)[chosen].tolist()


def rejection_facts(expressions, probabilities, classes, target=TARGET):
    """Return what a manifest says on rejection, as plain values for its key ``rejection``.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    probabilities : ndarray of shape (n, k)
        Out-of-fold and tempered, as the saved predictor's will be; columns in the order of `classes`.
    classes : sequence of str
    target : float, default=0.85

    Returns
    -------
    dict
        ``target, threshold, coverage, accuracy, curve``; the curve as from `thinned`.
    """
    curve = risk_coverage(expressions, probabilities, classes)
    point = choose_threshold(curve, target=target)
    return {"target": float(target), **point._asdict(), "curve": thinned(curve)}


def manifest_threshold(manifest):
    """Return the confidence under which a saved model names no expression; None where its manifest does not say.

    Raises
    ------
    ArtifactError
        If what it says is no probability.
    """
    if "rejection" not in manifest:
        return None
    facts = manifest["rejection"]
    threshold = facts.get("threshold") if isinstance(facts, dict) else None
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise ArtifactError(
            f"rejection in the manifest must have a threshold from 0 to 1, got {threshold!r}; fit the model anew"
        )
    return float(threshold)


def score_accepted(expressions, probabilities, classes, threshold, *, leak_free=None):
    """Return coverage and accuracy on the faces that a model answers, official and leak-free, as plain values.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    probabilities : ndarray of shape (n, k)
    classes : sequence of str
    threshold : float
        Faces of this confidence or more are answered.
    leak_free : ndarray of shape (n,), bool, optional
        As for `score`.

    Returns
    -------
    dict
        ``threshold, coverage, accuracy, accuracy_interval, n_accepted`` and, but for the threshold, the same with
        ``_leak_free`` at the end. An accuracy is None where no face is answered; all leak-free ones are where
        near-duplicates are not known.
    """
    confidence, right = _predictions(expressions, probabilities, classes)
    accepted = confidence >= threshold
    of_all = _answered_scores(accepted, right)
    if leak_free is None:
        clean = dict.fromkeys(of_all)
    else:
        clean = _answered_scores(accepted[leak_free], right[leak_free])
    return {"threshold": float(threshold), **of_all, **{f"{key}_leak_free": value for key, value in clean.items()}}


def _answered_scores(accepted, right):
    n_accepted, n_right = int(accepted.sum()), int(right[accepted].sum())
    return {
        "coverage": n_accepted / len(accepted) if len(accepted) else None,
        "accuracy": n_right / n_accepted if n_accepted else None,
        "accuracy_interval": wilson_interval(n_right, n_accepted),
        "n_accepted": n_accepted,
    }


def _predictions(expressions, probabilities, classes):
    """Return the confidence of each answer and whether it is right, both of shape (n,)."""
    if len(expressions) == 0:
        raise InputError("confidence needs at least one face to be judged on, got none; give faces with labels")
    truth = class_columns(expressions, classes)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
