"""Suspected label errors: labels that out-of-fold predictions, near-duplicates or votes contradict.

Nothing here changes or removes a face. People review the list and decide.
"""

import numpy as np
import pandas as pd

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import FER2013_CODES
from landmark_fer.evaluation.scores import class_columns


def label_errors(expressions, probabilities, classes, *, confidence=0.0):
    """Return the faces whose label an out-of-fold model confidently contradicts (confident learning [1]_).

    A class is likely for a face if its probability reaches the mean self-confidence of the class. The most probable
    likely class is suggested if it differs from the label and is more probable. A threshold for each class makes up
    for a model that is less confident in some classes than in others.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
        Labels.
    probabilities : ndarray of shape (n, k)
        Out-of-fold, columns in the order of `classes`.
    classes : sequence of str
    confidence : float, default=0
        Minimum probability of a suggestion, in addition to the threshold of its class.

    Returns
    -------
    DataFrame
        ``row`` (position among the faces), ``expression, suggested, confidence`` (probability of the suggestion),
        ``own_probability`` (of the label), sorted by the difference of the two, the largest first.

    Raises
    ------
    InputError
        If `confidence` is not a probability, or an expression is not among the classes.

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
    likely = np.where(probabilities >= thresholds, probabilities, -1.0)  # never for NaN, the class of no face
    suggested = likely.argmax(axis=1)
    suggested_probability, own_probability = likely[rows, suggested], probabilities[rows, truth]
    errors = np.flatnonzero((suggested != truth) & (suggested_probability > own_probability))
    errors = errors[np.argsort(own_probability[errors] - suggested_probability[errors], kind="stable")]
    return pd.DataFrame(
        {
            "row": errors,
            "expression": np.asarray(expressions)[errors],
            "suggested": np.array(classes)[suggested[errors]],
            "confidence": suggested_probability[errors],
            "own_probability": own_probability[errors],
        }
    )


def self_confidence(expressions, probabilities, classes):
    """Return the mean probability of each class for the faces labelled with it, shape (k,); NaN without faces."""
    truth = class_columns(expressions, classes)
    own_probability = probabilities[np.arange(len(truth)), truth]
    counts = np.bincount(truth, minlength=len(classes))
    sums = np.bincount(truth, weights=own_probability, minlength=len(classes))
    return np.divide(sums, counts, out=np.full(len(classes), np.nan), where=counts > 0)


def contradicting_near_duplicates(expressions, groups):
    """Return the faces whose near-duplicates have other labels.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    groups : ndarray of shape (n,)
        Near-duplicates share a group. Images of one subject must not: a person shows many expressions.

    Returns
    -------
    DataFrame
        ``row, group, expression, majority`` for every face of a group with more than one label, sorted by group. The
        majority is the label of more than half of the group, "" where there is none.
    """
    faces = pd.DataFrame({"row": np.arange(len(expressions)), "group": groups, "expression": expressions})
    mixed = faces.groupby("group")["expression"].transform("nunique") > 1
    faces = faces[mixed].sort_values(["group", "row"], kind="stable").reset_index(drop=True)
    majorities = {group: _majority(labels) for group, labels in faces.groupby("group")["expression"]}
    return faces.assign(majority=np.array([majorities[group] for group in faces["group"]], dtype=str))


def agreement_with_votes(errors, votes_majority, *, classes=FER2013_CODES):
    """Count how often independent votes agree with the suggestion, with the label, or with neither.

    Parameters
    ----------
    errors : DataFrame
        As from `label_errors`.
    votes_majority : ndarray of shape (n,), str
        Of the faces that were passed to `label_errors`, as from `ferplus.majority`; "" without a clear majority.
    classes : sequence of str, default=FER2013_CODES
        A majority for another class is not compared.

    Returns
    -------
    dict
        Counts ``label_errors, compared, with_suggestion, with_label, with_neither, not_compared``. The three in the
        middle add up to `compared`, which adds up to `label_errors` with `not_compared`.

    Raises
    ------
    InputError
        If there are fewer votes than faces.
    """
    votes_majority, rows = np.asarray(votes_majority), errors["row"].to_numpy()
    if len(rows) and rows.max() >= len(votes_majority):
        raise InputError(
            f"votes_majority must have an entry for each face, got {len(votes_majority)} and a suspected error in row "
            f"{rows.max()}; give the majorities of the same faces"
        )
    votes = votes_majority[rows].astype(str)
    compared = np.isin(votes, list(classes))
    with_suggestion = int(np.sum(compared & (votes == errors["suggested"].to_numpy(str))))
    with_label = int(np.sum(compared & (votes == errors["expression"].to_numpy(str))))
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
