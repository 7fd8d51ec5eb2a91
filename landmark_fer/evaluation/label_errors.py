"""Suspected label errors: contradicted by out-of-fold predictions, by near-duplicates or by votes.

Nothing here changes or leaves out a face; people look at the list and decide.
"""

import numpy as np
import pandas as pd

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import FER2013_CODES
from landmark_fer.evaluation.scores import class_columns


def self_confidence(expressions, probabilities, classes):
    """Return the mean probability that faces of each class get for it, shape (k,); NaN for a class without faces."""
    truth = class_columns(expressions, classes)
    own = probabilities[np.arange(len(truth)), truth]
    counts = np.bincount(truth, minlength=len(classes))
    sums = np.bincount(truth, weights=own, minlength=len(classes))
    return np.divide(sums, counts, out=np.full(len(classes), np.nan), where=counts > 0)


def label_errors(expressions, probabilities, classes, *, confidence=0.0):
    """Return the faces whose label an out-of-fold model contradicts with confidence (confident learning).

    A class is likely for a face where its probability reaches the class's mean self-confidence; the likeliest such
    class is suggested where it is another than the label and more probable. The thresholds make up for a model that is
    less sure of some classes than of others.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
        What the faces show by their labels.
    probabilities : ndarray of shape (n, k)
        Out-of-fold, columns in the order of `classes`.
    classes : sequence of str
    confidence : float, default=0
        The least probability of a suggestion, over and above its class's threshold.

    Returns
    -------
    DataFrame
        ``row`` (position among the faces given), ``expression, suggested, confidence`` (probability of the suggestion),
        ``own_probability`` (of the label), by the difference of the two, the largest first.

    Raises
    ------
    InputError
        If `confidence` is no probability, or an expression is not among the classes.

    References
    ----------
    .. [1] Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, Journal of
       Artificial Intelligence Research 70, 2021.
    """
    if not 0 <= confidence <= 1:
        raise InputError(f"confidence must be a probability from 0 to 1, got {confidence}; give another")
    truth = class_columns(expressions, classes)
    rows = np.arange(len(truth))
    thresholds = np.maximum(self_confidence(expressions, probabilities, classes), confidence)
    likely = np.where(probabilities >= thresholds, probabilities, -1.0)  # NaN: no face to learn the class's own from
    suggested = likely.argmax(axis=1)
    sure, own = likely[rows, suggested], probabilities[rows, truth]
    found = np.flatnonzero((suggested != truth) & (sure > own))
    found = found[np.argsort(own[found] - sure[found], kind="stable")]
    return pd.DataFrame(
        {
            "row": found,
            "expression": np.asarray(expressions)[found],
            "suggested": np.array(classes)[suggested[found]],
            "confidence": sure[found],
            "own_probability": own[found],
        }
    )


def contradicting_near_duplicates(expressions, groups):
    """Return the faces whose near-duplicates have other labels.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    groups : ndarray of shape (n,)
        Near-duplicates share a group. Those of one subject must not: a person shows many expressions.

    Returns
    -------
    DataFrame
        ``row, group, expression, majority``, group by group; every face of a group with more than one label. The
        majority is that of more than half of the group, "" where there is none.
    """
    faces = pd.DataFrame({"row": np.arange(len(expressions)), "group": groups, "expression": expressions})
    mixed = faces.groupby("group")["expression"].transform("nunique") > 1
    faces = faces[mixed].sort_values(["group", "row"], kind="stable").reset_index(drop=True)
    majorities = {group: _majority(members) for group, members in faces.groupby("group")["expression"]}
    return faces.assign(majority=np.array([majorities[group] for group in faces["group"]], dtype=str))


def agreement_with_votes(label_errors, votes_majority, *, classes=FER2013_CODES):
    """Return whom an independent labelling sides with: the suggestions, the labels, or neither.

    Parameters
    ----------
    suspects : DataFrame
        As from `label_errors`.
    votes_majority : ndarray of shape (n,), str
        Of the faces that were given to `label_errors`, as from `ferplus.majority`; "" where it has no clear one.
    classes : sequence of str, default=FER2013_CODES
        A majority for anything else is not compared.

    Returns
    -------
    dict
        Counts ``suspects, compared, with_suggestion, with_label, with_neither, not_compared``; the middle three add up
        to `compared`, which with `not_compared` adds up to `label_errors`.

    Raises
    ------
    InputError
        If there are fewer votes than faces.
    """
    votes_majority, rows = np.asarray(votes_majority), label_errors["row"].to_numpy()
    if len(rows) and rows.max() >= len(votes_majority):
        raise InputError(
            f"votes_majority must have an entry for each face, got {len(votes_majority)} and a suspect in row "
            f"{rows.max()}; give the majorities of the same faces"
        )
    votes = votes_majority[rows].astype(str)
    compared = np.isin(votes, list(classes))
    with_suggestion = int(np.sum(compared & (votes == label_errors["suggested"].to_numpy(str))))
    with_label = int(np.sum(compared & (votes == label_errors["expression"].to_numpy(str))))
    return {
        "label_errors": len(rows),
        "compared": int(compared.sum()),
        "with_suggestion": with_suggestion,
        "with_label": with_label,
        "with_neither": int(compared.sum()) - with_suggestion - with_label,
        "not_compared": int(np.sum(~compared)),
    }


def _majority(labels):
    counts = labels.value_counts()
    return str(counts.index[0]) if 2 * counts.iloc[0] > len(labels) else ""
