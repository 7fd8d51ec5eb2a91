"""Scores of probabilities against known expressions, each accuracy with its interval, official and leak-free."""

import numpy as np

from landmark_fer.core.errors import InputError

ECE_BINS = 15


def wilson_interval(right, total, *, z=1.96):
    """Return the interval that holds a share with 95 % confidence, as (low, high).

    References
    ----------
    .. [1] Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 1927.
    """
    if total == 0:
        return 0.0, 1.0
    share = right / total
    centre = share + z**2 / (2 * total)
    reach = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    return float((centre - reach) / scale), float((centre + reach) / scale)


def expected_calibration_error(probabilities, right, *, bins=ECE_BINS):
    """Return the mean distance between confidence and accuracy over equal bins of confidence.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    right : ndarray of shape (n,), bool
        Whether the most probable class was the true one.
    bins : int, default=15

    Returns
    -------
    float
        0 where 70 % of the answers given with 70 % confidence are right, and so on.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017.
    """
    confidence = probabilities.max(axis=1)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = (abs(np.sum(confidence[which == bin_] - right[which == bin_])) for bin_ in range(bins))
    return float(sum(gaps) / len(confidence))


def reliability_table(probabilities, right, *, bins=ECE_BINS):
    """Return how confident and how right a model is in equal bins of confidence, as plain values.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    right : ndarray of shape (n,), bool
    bins : int, default=15

    Returns
    -------
    list of dict
        ``low, high, n, confidence, accuracy`` of each bin, from 0 to 1; means are None where a bin has no face. The
        gaps of the means, weighted by `n`, are `expected_calibration_error`.
    """
    confidence = probabilities.max(axis=1)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    table = []
    for bin_ in range(bins):
        inside = which == bin_
        means = (float(confidence[inside].mean()), float(right[inside].mean())) if inside.any() else (None, None)
        edges = {"low": bin_ / bins, "high": (bin_ + 1) / bins, "n": int(inside.sum())}
        table.append(edges | dict(zip(("confidence", "accuracy"), means, strict=True)))
    return table


def log_loss(probabilities, truth):
    """Return the mean negative log-probability of the true class.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    truth : ndarray of shape (n,), int
        Column of the true class.
    """
    of_truth = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(of_truth, 1e-15, 1)).mean())


def class_columns(expressions, classes):
    """Return for each expression the column of its class.

    Raises
    ------
    InputError
        If an expression is not among the classes.
    """
    classes = list(classes)
    unknown = sorted(set(map(str, expressions)) - set(classes))
    if unknown:
        raise InputError(f"expressions must be among {', '.join(classes)}, got {', '.join(unknown)}")
    column = {name: index for index, name in enumerate(classes)}
    return np.array([column[str(name)] for name in expressions], dtype=int)


def score(expressions, probabilities, classes, *, leak_free=None):
    """Return every score of one model on one set of faces, as plain values for JSON.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
        What the faces show by their labels.
    probabilities : ndarray of shape (n, k)
        Columns in the order of `classes`.
    classes : sequence of str
    leak_free : ndarray of shape (n,), bool, optional
        The faces without a near-duplicate among the training faces. None: not known, so the leak-free scores are None.

    Returns
    -------
    dict
        ``n, accuracy, accuracy_interval, accuracy_leak_free, accuracy_leak_free_interval, n_leak_free, macro_f1,
        balanced_accuracy, log_loss, ece, reliability, classes, per_class, confusion`` (rows: label, columns: answer).
        Means over classes are over those that occur.

    Raises
    ------
    InputError
        If there are no faces, or an expression is not among the classes.
    """
    from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support  # live must not wait for it

    if len(expressions) == 0:
        raise InputError("a score needs at least one face, got none; does the data set hold the split asked for?")
    truth = class_columns(expressions, classes)
    prediction = probabilities.argmax(axis=1)
    right = prediction == truth
    labels = np.arange(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(truth, prediction, labels=labels, zero_division=0)
    present = support > 0
    clean = None if leak_free is None else right[leak_free]
    return {
        "n": len(truth),
        "accuracy": float(right.mean()),
        "accuracy_interval": wilson_interval(right.sum(), len(right)),
        "accuracy_leak_free": float(clean.mean()) if clean is not None and len(clean) else None,
        "accuracy_leak_free_interval": wilson_interval(clean.sum(), len(clean)) if clean is not None else None,
        "n_leak_free": None if clean is None else len(clean),
        "macro_f1": float(f1_score(truth, prediction, labels=labels[present], average="macro", zero_division=0)),
        "balanced_accuracy": float(recall[present].mean()),
        "log_loss": log_loss(probabilities, truth),
        "ece": expected_calibration_error(probabilities, right),
        "reliability": reliability_table(probabilities, right),
        "classes": list(classes),
        "per_class": {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "n": int(support[i]),
            }
            for i, name in enumerate(classes)
        },
        "confusion": confusion_matrix(truth, prediction, labels=labels).tolist(),
    }
