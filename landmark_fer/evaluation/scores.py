"""Scores of predicted probabilities, official and leak-free, with confidence intervals."""

import numpy as np

from landmark_fer.core.errors import InputError

ECE_BINS = 15


def score(expressions, probabilities, classes, *, leak_free=None):
    """Return every score of one model on one set of faces, as plain values for JSON.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
        True labels.
    probabilities : ndarray of shape (n, k)
        Columns in the order of `classes`.
    classes : sequence of str
    leak_free : ndarray of shape (n,), bool, optional
        The faces that have no near-duplicate among the training faces. Without it, the leak-free scores are None.

    Returns
    -------
    dict
        ``n, accuracy, accuracy_interval, accuracy_leak_free, accuracy_leak_free_interval, n_leak_free, macro_f1,
        balanced_accuracy, log_loss, ece, reliability, classes, per_class, confusion`` (rows: label, columns:
        prediction). Averages over classes include only the classes that occur.

    Raises
    ------
    InputError
        If there are no faces, or an expression is not among the classes.
    """
    from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support  # slow to import for live

    if len(expressions) == 0:
        raise InputError("a score needs at least one face, got none; does the data set have this split?")
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


def class_columns(expressions, classes):
    """Return the column index of each expression's class.

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


def log_loss(probabilities, truth):
    """Return the mean negative log-probability of the true class.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    truth : ndarray of shape (n,), int
        Column of the true class.
    """
    of_truth = probabilities[np.arange(len(truth)), truth]
    return float(np.log(1 / np.clip(of_truth, 1e-15, 1)).mean())


def expected_calibration_error(probabilities, right, *, bins=ECE_BINS):
    """Return the mean distance between confidence and accuracy over equal-width bins of confidence.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    right : ndarray of shape (n,), bool
        Whether the most probable class is the true one.
    bins : int, default=15

    Returns
    -------
    float
        0 where 70 % of the predictions with 70 % confidence are correct, and so on.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017.
    """
    confidence, bin_of = _confidence_bins(probabilities, bins)
    gaps = (abs(np.sum(confidence[bin_of == bin_] - right[bin_of == bin_])) for bin_ in range(bins))
    return float(sum(gaps) / len(confidence))


def reliability_table(probabilities, right, *, bins=ECE_BINS):
    """Return mean confidence and accuracy in equal-width bins of confidence, as plain values.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
    right : ndarray of shape (n,), bool
    bins : int, default=15

    Returns
    -------
    list of dict
        ``low, high, n, confidence, accuracy`` of each bin, from 0 to 1. The means are None for an empty bin. The gaps
        between the means, weighted by `n`, add up to `expected_calibration_error`.
    """
    confidence, bin_of = _confidence_bins(probabilities, bins)
    table = []
    for bin_ in range(bins):
        inside = bin_of == bin_
        table.append(
            {
                "low": bin_ / bins,
                "high": (bin_ + 1) / bins,
                "n": int(inside.sum()),
                "confidence": float(confidence[inside].mean()) if inside.any() else None,
                "accuracy": float(right[inside].mean()) if inside.any() else None,
            }
        )
    return table


def wilson_interval(right, total, *, z=1.96):
    """Return the 95 % confidence interval of a share, as (low, high).

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


def bootstrap_interval(values, groups, *, n_draws=2000, random_state=0):
    """Return the 95 % confidence interval of a mean when whole groups are resampled (cluster bootstrap) [1]_.

    Parameters
    ----------
    values : ndarray of shape (n,)
    groups : ndarray of shape (n,)
        At least two different groups.
    n_draws : int, default=2000
    random_state : int, default=0

    Returns
    -------
    low, high : float
        The 2.5th and the 97.5th percentile of the resampled means.

    References
    ----------
    .. [1] Efron and Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993.
    """
    members = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(members, weights=values), np.bincount(members)
    generator, means = np.random.default_rng(random_state), np.empty(n_draws)
    for draw in range(n_draws):
        drawn = generator.integers(len(sizes), size=len(sizes))
        means[draw] = sums[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def grouped_interval(right, groups):
    """Return the 95 % confidence interval of an accuracy when whole groups of faces are resampled.

    Predictions for one person are right or wrong together, so a hundred faces of ten people carry little more
    information than ten faces. The interval is never narrower than that of unrelated faces, because a few people who
    are all predicted correctly are no proof of a high accuracy.

    Parameters
    ----------
    right : ndarray of shape (n,), bool
    groups : ndarray of shape (n,)
        At least two different groups.

    Returns
    -------
    low, high : float
    """
    low, high = bootstrap_interval(right, groups)
    least, most = wilson_interval(np.sum(right), len(right))
    return min(low, least), max(high, most)


def subject_intervals(dataset, probabilities, classes, *, leak_free=None):
    """Return the entries that replace the intervals of `score` where faces are grouped by subject or take.

    Parameters
    ----------
    dataset : FaceDataset
    probabilities : ndarray of shape (n, k)
        Probabilities of its faces, columns in the order of `classes`.
    classes : sequence of str
    leak_free : ndarray of shape (n,), bool, optional
        As for `score`.

    Returns
    -------
    dict
        ``n_subjects`` (0 where subjects are unknown) and ``interval_by``: "subjects" if every face belongs to one of
        two or more subjects, else "takes" if every face belongs to one of two or more takes, else "faces"; with the
        intervals from `split_intervals`.
    """
    groupings = {"subjects": dataset.subjects, "takes": dataset.takes}
    right = np.array(classes)[probabilities.argmax(axis=1)] == dataset.expressions
    return {
        "n_subjects": len(np.unique(dataset.subjects[dataset.subjects != ""])),
        "interval_by": next((name for name, groups in groupings.items() if _are_several(groups)), "faces"),
        **split_intervals(dataset, np.arange(len(dataset)), right, leak_free=leak_free),
    }


def split_intervals(dataset, rows, right, *, leak_free=None):
    """Return the intervals of an accuracy on some faces of a data set when subjects or takes are resampled.

    Parameters
    ----------
    dataset : FaceDataset
    rows : ndarray of shape (m,), int
    right : ndarray of shape (m,), bool
    leak_free : ndarray of shape (m,), bool, optional
        As for `score`.

    Returns
    -------
    dict
        ``accuracy_interval``, and ``accuracy_leak_free_interval`` where some of the faces are leak-free. Empty where
        the faces are unrelated, so that the intervals of `score` apply.
    """
    masks = {"accuracy_interval": np.ones(len(rows), dtype=bool), "accuracy_leak_free_interval": leak_free}
    intervals = {}
    for name, mask in masks.items():
        groups = None if mask is None else _resampled_groups(dataset, rows[mask])
        if groups is None:
            continue
        low, high = grouped_interval(right[mask], groups)
        if dataset.takes is not None:  # faces of a take are video frames: count each group as one face
            n_groups = len(np.unique(groups))
            least, most = wilson_interval(np.mean(right[mask]) * n_groups, n_groups)
            low, high = min(low, least), max(high, most)
        intervals[name] = low, high
    return intervals


def _resampled_groups(dataset, rows):
    """Return the subjects of some faces, else their takes, where all are known and there are several; else None."""
    for groups in (dataset.subjects, dataset.takes):
        if groups is not None and _are_several(groups[rows]):
            return groups[rows]
    return None


def _are_several(groups):
    return groups is not None and bool((groups != "").all()) and len(np.unique(groups)) > 1


def _confidence_bins(probabilities, bins):
    """Return the confidence of each prediction and the index of its bin, both of shape (n,)."""
    confidence = probabilities.max(axis=1)
    return confidence, np.minimum((confidence * bins).astype(int), bins - 1)
