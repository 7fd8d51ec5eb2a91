"""Whether one model is better than another on the same faces, or only luckier: tests on pairs of answers."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, chi2

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.comparison import align_columns
from landmark_fer.evaluation.scores import class_columns

EXACT_BELOW = 25  # faces on which the two disagree; from there on chi-squared is near enough
LEVEL = 0.05


class McNemar(NamedTuple):
    """How often only the first of two models was right, how often only the second, and how likely such odds are."""

    only_a: int
    only_b: int
    p_value: float


class PairedDifference(NamedTuple):
    """The accuracy of the first model less that of the second, with the interval that holds it at 95 %."""

    difference: float
    interval: tuple


def mcnemar(expressions, predictions_a, predictions_b):
    """Test whether two models are right equally often on the same faces.

    The binomial test is used where fewer than `EXACT_BELOW` faces tell the models apart, otherwise chi-squared with
    continuity correction. Every face counts as if it were unrelated to the others; `paired_bootstrap` knows
    near-duplicates.

    Parameters
    ----------
    expressions, predictions_a, predictions_b : ndarray of shape (n,), str
        What the faces show by their labels, and what each model said.

    Returns
    -------
    McNemar
        `p_value` is two-sided, 1 where no face tells the models apart.

    References
    ----------
    .. [1] McNemar, Note on the Sampling Error of the Difference Between Correlated Proportions or Percentages,
       Psychometrika 12(2), 1947.
    """
    right_a, right_b = _right(expressions, predictions_a, predictions_b)
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    apart = only_a + only_b
    if apart == 0:
        p_value = 1.0
    elif apart < EXACT_BELOW:
        p_value = binomtest(only_a, apart).pvalue
    else:
        p_value = chi2.sf(max(abs(only_a - only_b) - 1, 0) ** 2 / apart, df=1)
    return McNemar(only_a, only_b, float(p_value))


def paired_bootstrap(expressions, predictions_a, predictions_b, *, groups=None, n_draws=2000, random_state=0):
    """Return the difference of two models' accuracies on the same faces with its 95 % interval.

    Parameters
    ----------
    expressions, predictions_a, predictions_b : ndarray of shape (n,), str
    groups : ndarray of shape (n,), optional
        Faces of one group (near-duplicates, or images of one subject) are drawn together. None: each face by itself.
    n_draws : int, default=2000
    random_state : int, default=0

    Returns
    -------
    PairedDifference
        The interval goes from the 2.5th to the 97.5th percentile of the draws.

    Raises
    ------
    InputError
        If the faces are of fewer than two groups, so that there is nothing to draw from.

    References
    ----------
    .. [1] Efron and Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993.
    """
    right_a, right_b = _right(expressions, predictions_a, predictions_b)
    gain = right_a.astype(float) - right_b
    names, members = np.unique(np.arange(len(gain)) if groups is None else groups, return_inverse=True)
    if len(members) != len(gain):
        raise InputError(f"groups must have one entry a face, got {len(members)} for {len(gain)}; give them all")
    if len(names) < 2:
        raise InputError(f"a bootstrap needs faces of at least 2 groups, got {len(names)}; add unrelated faces")
    gains, sizes = np.bincount(members, weights=gain), np.bincount(members)
    generator, draws = np.random.default_rng(random_state), np.empty(n_draws)
    for draw in range(n_draws):
        chosen = generator.integers(len(names), size=len(names))
        draws[draw] = gains[chosen].sum() / sizes[chosen].sum()
    low, high = np.quantile(draws, (0.025, 0.975))
    return PairedDifference(float(gain.mean()), (float(low), float(high)))


def holm(p_values):
    """Return p-values corrected for having asked several questions at once, in the order given.

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
    """Compare the most accurate candidate with each other one, face by face.

    Parameters
    ----------
    results : dict of str to CandidateResult
        Anything whose ``probabilities`` of shape (n, k) are out-of-fold.
    expressions : ndarray of shape (n,), str
    classes : sequence of str
        The columns of the probabilities.
    groups : ndarray of shape (n,), optional
        As for `paired_bootstrap`.
    n_draws : int, default=2000
    random_state : int, default=0

    Returns
    -------
    list of dict
        A row for each other candidate, the best of them first: ``best, name, difference, interval, p_value, real``.
        `difference` is the best's accuracy less the other's; `p_value` is McNemar's after Holm's correction; `real`
        says that it is under `LEVEL` and that the interval leaves 0 out. Empty where there is no other.

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
        options = {"groups": groups, "n_draws": n_draws, "random_state": random_state}
        difference, (low, high) = paired_bootstrap(expressions, predictions[best], predictions[name], **options)
        real = p_value < LEVEL and not low <= 0 <= high
        pair = {"best": best, "name": name, "difference": difference, "interval": (low, high)}
        rows.append(pair | {"p_value": p_value, "real": real})
    return rows


def format_pairs(rows):
    """Return the rows of `compare_pairs` as a plain-text table; an empty text where there are none."""
    if not rows:
        return ""
    headings = (f"{rows[0]['best']} less", "points", "95 % interval", "p (Holm)", "difference")
    cells = [
        (
            row["name"],
            f"{100 * row['difference']:+.1f}",
            "{:+.1f} to {:+.1f}".format(*(100 * end for end in row["interval"])),
            "< 0.001" if row["p_value"] < 0.001 else f"{row['p_value']:.3f}",
            "real" if row["real"] else "may be chance",
        )
        for row in rows
    ]
    return align_columns([headings, *cells])


def _right(expressions, predictions_a, predictions_b):
    """Return whether each answer of each model is right, as two arrays of shape (n,), bool."""
    lengths = {len(expressions), len(predictions_a), len(predictions_b)}
    if len(lengths) > 1 or 0 in lengths:
        came = ", ".join(map(str, (len(expressions), len(predictions_a), len(predictions_b))))
        raise InputError(f"labels and both answers must be of the same faces, at least one, got {came}; pair them up")
    expressions = np.asarray(expressions)
    return np.asarray(predictions_a) == expressions, np.asarray(predictions_b) == expressions
