"""Significance tests for two models on the same faces: McNemar's test and the paired bootstrap."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, chi2

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.scores import bootstrap_interval, class_columns

EXACT_BELOW = 25  # discordant pairs; from this number on, chi-squared is close enough
LEVEL = 0.05


class McNemar(NamedTuple):
    """Faces that only the first model predicts correctly, those that only the second does, and the p-value."""

    only_a: int
    only_b: int
    p_value: float


class PairedDifference(NamedTuple):
    """Accuracy of the first model minus that of the second, with its 95 % confidence interval."""

    difference: float
    interval: tuple


def mcnemar(expressions, predictions_a, predictions_b):
    """Test whether two models are right equally often on the same faces.

    The test is the exact binomial test for fewer than `EXACT_BELOW` discordant pairs, otherwise chi-squared with
    continuity correction. It treats faces as independent; use `paired_bootstrap` for groups of near-duplicates.

    Parameters
    ----------
    expressions, predictions_a, predictions_b : ndarray of shape (n,), str
        True labels, and the predictions of each model.

    Returns
    -------
    McNemar
        `p_value` is two-sided, and 1 where no pair is discordant.

    References
    ----------
    .. [1] McNemar, Note on the Sampling Error of the Difference Between Correlated Proportions or Percentages,
       Psychometrika 12(2), 1947.
    """
    right_a, right_b = _right(expressions, predictions_a, predictions_b)
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    discordant = only_a + only_b
    if discordant == 0:
        p_value = 1.0
    elif discordant < EXACT_BELOW:
        p_value = binomtest(only_a, discordant).pvalue
    else:
        p_value = chi2.sf(max(abs(only_a - only_b) - 1, 0) ** 2 / discordant, df=1)
    return McNemar(only_a, only_b, float(p_value))


def paired_bootstrap(expressions, predictions_a, predictions_b, *, groups=None, n_draws=2000, random_state=0):
    """Return the difference between the accuracies of two models on the same faces, with its 95 % interval.

    Parameters
    ----------
    expressions, predictions_a, predictions_b : ndarray of shape (n,), str
    groups : ndarray of shape (n,), optional
        Faces of one group (near-duplicates, or images of one subject) are resampled together. By default every face
        is its own group.
    n_draws : int, default=2000
    random_state : int, default=0

    Returns
    -------
    PairedDifference
        The interval is that of `bootstrap_interval`.

    Raises
    ------
    InputError
        If the faces belong to fewer than two groups.
    """
    right_a, right_b = _right(expressions, predictions_a, predictions_b)
    gain = right_a.astype(float) - right_b
    groups = np.arange(len(gain)) if groups is None else np.asarray(groups)
    if len(groups) != len(gain):
        raise InputError(f"groups must have one entry per face, got {len(groups)} for {len(gain)}; give them all")
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise InputError(f"a bootstrap needs faces of at least 2 groups, got {n_groups}; add unrelated faces")
    interval = bootstrap_interval(gain, groups, n_draws=n_draws, random_state=random_state)
    return PairedDifference(float(gain.mean()), interval)


def holm(p_values):
    """Return p-values corrected for multiple tests, in the order given.

    References
    ----------
    .. [1] Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected


def compare_pairs(results, expressions, classes, groups=None, *, n_draws=2000, random_state=0):
    """Compare the most accurate candidate with each of the others on the same faces.

    Parameters
    ----------
    results : dict of str to CandidateResult
        Any objects with out-of-fold ``probabilities`` of shape (n, k).
    expressions : ndarray of shape (n,), str
    classes : sequence of str
        Order of the columns of the probabilities.
    groups : ndarray of shape (n,), optional
        As for `paired_bootstrap`.
    n_draws : int, default=2000
    random_state : int, default=0

    Returns
    -------
    list of dict
        One row for each other candidate, the best of them first: ``best, name, difference, interval, p_value, real``.
        `difference` is the accuracy of the best minus that of the other. `p_value` is McNemar's with Holm's
        correction. `real` is true if it is below `LEVEL` and the interval excludes 0. Empty for one candidate.

    Raises
    ------
    InputError
        If there are no results, or an expression is not among the classes.
    """
    if not results:
        raise InputError("a comparison needs at least one result, got none; cross-validate candidates first")
    class_columns(expressions, classes)
    predictions = {name: np.array(classes)[result.probabilities.argmax(axis=1)] for name, result in results.items()}
    best, *others = sorted(predictions, key=lambda name: -np.mean(predictions[name] == expressions))
    p_values = holm([mcnemar(expressions, predictions[best], predictions[name]).p_value for name in others])
    rows = []
    for name, p_value in zip(others, p_values.tolist(), strict=True):
        difference, (low, high) = paired_bootstrap(
            expressions,
            predictions[best],
            predictions[name],
            groups=groups,
            n_draws=n_draws,
            random_state=random_state,
        )
        rows.append(
            {
                "best": best,
                "name": name,
                "difference": difference,
                "interval": (low, high),
                "p_value": p_value,
                "real": p_value < LEVEL and not low <= 0 <= high,
            }
        )
    return rows


def _right(expressions, predictions_a, predictions_b):
    """Return whether each prediction of each model is correct, as two arrays of shape (n,), bool."""
    lengths = len(expressions), len(predictions_a), len(predictions_b)
    if len(set(lengths)) > 1 or 0 in lengths:
        raise InputError(
            "labels and the predictions of both models must be of the same faces, at least one, got "
            f"{', '.join(map(str, lengths))}; pair them by face"
        )
    expressions = np.asarray(expressions)
    return np.asarray(predictions_a) == expressions, np.asarray(predictions_b) == expressions
