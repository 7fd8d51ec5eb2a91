"""Scores given each subject's neutral face, and scores of groups of people."""

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.datasets.base import NO_VALUE, first_names
from landmark_fer.evaluation.scores import class_columns, grouped_interval, score, subject_intervals, wilson_interval
from landmark_fer.models.neutral_shift import NEUTRAL, given_neutral_face, log_probabilities

MOST_VALUES = 6
"""Numbers of more different values than this, such as ages, are grouped."""
N_BANDS = 3
MOST_GROUPS = 100
"""Words of more different values than this, such as names, make no groups."""
UNKNOWN = "unknown"

_OF_BASELINE = ("n", "accuracy", "accuracy_interval", "per_class", "confusion", "log_loss", "ece")


def baseline_rows(dataset):
    """Return which neutral face serves as the baseline of each face's subject: the first in the order of the data.

    Parameters
    ----------
    dataset : FaceDataset

    Returns
    -------
    ndarray of shape (n,), int
        A position in the data set; -1 for faces of subjects without a neutral face, and of unknown subjects.

    Raises
    ------
    InputError
        If no subject has a neutral face and another face.
    """
    first = {}
    for row in np.flatnonzero((dataset.expressions == NEUTRAL) & (dataset.subjects != "")).tolist():
        first.setdefault(dataset.subjects[row], row)
    rows = np.array([first.get(subject, -1) for subject in dataset.subjects.tolist()], dtype=np.int64)
    if not is_scored(rows).any():
        advice = "score other data" if (dataset.subjects != "").any() else "add a column subject"
        raise InputError(
            f"a baseline needs people with a {NEUTRAL} face and others, and the {len(dataset):,} faces of "
            f"{dataset.source} to score have none; {advice}, or leave out --baseline"
        )
    return rows


def is_scored(rows):
    """Return which faces have a baseline and are not one themselves, for the result of `baseline_rows`."""
    return (rows >= 0) & (rows != np.arange(len(rows)))


def probabilities_with_baseline(probabilities, rows, classes):
    """Return the probabilities of faces given their subjects' neutral faces.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Of all faces, the neutral ones among them; columns in the order of `classes`.
    rows : ndarray of shape (n,), int
        As from `baseline_rows`. Those without a baseline stay.
    classes : sequence of str

    """
    shifted = given_neutral_face(probabilities, log_probabilities(probabilities[rows]), classes)
    return np.where((rows >= 0)[:, None], shifted, probabilities)


def scores_with_baseline(faces, probabilities, classes):
    """Return scores for probabilities given baselines, under names such as ``accuracy_with_baseline``.

    Parameters
    ----------
    faces : FaceDataset
    probabilities : ndarray of shape (n, k)
        Given the baselines, columns in the order of `classes`.
    classes : sequence of str
    """
    scores = score(faces.expressions, probabilities, classes) | subject_intervals(faces, probabilities, classes)
    return {f"{name}_with_baseline": scores[name] for name in _OF_BASELINE}


def groups_of_columns(dataset, columns):
    """Return the groups of the faces by columns of the data.

    Parameters
    ----------
    dataset : FaceDataset
    columns : sequence of str
        Names in its `attributes`; letter case is ignored if no column has that very name.

    Returns
    -------
    dict of str to ndarray of shape (n,), str
        As from `group_names`, by the names of the columns in the data, each once.

    Raises
    ------
    InputError
        If the data have no such column, or its words have more than `MOST_GROUPS` values.
    """
    groups, names = {}, {name.casefold(): name for name in reversed(dataset.attributes)}
    for column in columns:
        name = column if column in dataset.attributes else names.get(column.casefold())
        if name is None:
            present = first_names(len(dataset.attributes), list(dataset.attributes)) or "none"
            raise InputError(f"--by must name a further column of the csv ({present}), got {column!r}; choose another")
        groups[name] = group_names(dataset.attributes[name])
        if (n_groups := len(np.unique(groups[name]))) > MOST_GROUPS:
            raise InputError(
                f"--by must name a column of at most {MOST_GROUPS} different words, or of numbers, and {name} has "
                f"{n_groups:,}; choose another"
            )
    return groups


def scores_by_group(faces, groups, predictions, classes):
    """Return the accuracy of each group of people, over all expressions and for each, with 95 % intervals.

    Parameters
    ----------
    faces : FaceDataset
    groups : ndarray of shape (n,), str
        As from `group_names`.
    predictions : dict of str to ndarray of shape (n, k)
        Probabilities by the suffix of their scores: "" and, with baselines, "_with_baseline".
    classes : sequence of str

    Returns
    -------
    list of dict
        ``group, expression`` ("" for all, if there are several), ``n, n_subjects, accuracy, accuracy_interval``, the
        last two also with the suffixes. Intervals resample people where all are known.
    """
    truth, rows = class_columns(faces.expressions, classes), []
    right = {suffix: each.argmax(axis=1) == truth for suffix, each in predictions.items()}
    expressions = ("", *classes) if len(faces.classes) > 1 else faces.classes
    for group in dict.fromkeys(sorted(groups.tolist(), key=_sort_key)):
        in_group = groups == group
        for expression in expressions:
            mask = in_group & ((faces.expressions == expression) | (expression == ""))
            if not mask.any():
                continue
            subjects = faces.subjects[mask]
            row = {"group": group, "expression": expression, "n": int(mask.sum())}
            row["n_subjects"] = len(np.unique(subjects[subjects != ""]))
            for suffix, each in right.items():
                row[f"accuracy{suffix}"] = float(each[mask].mean())
                row[f"accuracy_interval{suffix}"] = _interval(each[mask], subjects)
            rows.append(row)
    return rows


def group_names(cells):
    """Return the group of each cell: the cell itself, or a range of numbers.

    Cells that differ only in letter case, or are the same number, are one group, named by the first of them. Numbers of
    more than `MOST_VALUES` different values become `N_BANDS` ranges with about as many faces each, named by their first
    and last value: ``18 to 24``. Cells without a value are `UNKNOWN`; "none" is a value among words, such as those of
    glasses.

    Parameters
    ----------
    cells : ndarray of shape (n,), str

    Returns
    -------
    ndarray of shape (n,), str
    """
    cells = [" ".join(cell.split()) for cell in cells.tolist()]  # a line break would break tables
    words = [UNKNOWN if cell.lower() in NO_VALUE else cell for cell in cells]
    numbers = [_number(word) for word in words if word != UNKNOWN]
    are_numbers, first = None not in numbers, {}
    if not are_numbers:
        words = [cell if cell.lower() == "none" else word for cell, word in zip(cells, words, strict=True)]
    has_value = np.array([word != UNKNOWN for word in words], dtype=bool)
    if not are_numbers or len(set(numbers)) <= MOST_VALUES:
        keys = [_number(word) if are_numbers and word != UNKNOWN else word.casefold() for word in words]
        return np.array([first.setdefault(key, word) for key, word in zip(keys, words, strict=True)], dtype=np.str_)
    numbers = np.array(numbers)
    edges = np.unique(np.quantile(numbers, np.arange(1, N_BANDS) / N_BANDS, method="higher"))
    bands = np.searchsorted(edges, numbers, side="right")
    names = np.array(words, dtype=object)
    for band in np.unique(bands):
        members = numbers[bands == band]
        ends = dict.fromkeys(repr(float(end)).removesuffix(".0") for end in (members.min(), members.max()))
        names[np.flatnonzero(has_value)[bands == band]] = " to ".join(ends)
    return names.astype(np.str_)


def _number(word):
    try:
        value = float(word)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _sort_key(name):
    number = _number(name.split(" to ")[0])
    return name == UNKNOWN, number is None, number or 0.0, name


def _interval(right, subjects):
    """Return the interval of an accuracy: people are resampled where all are known and there are several."""
    if (subjects != "").all() and len(np.unique(subjects)) > 1:
        return grouped_interval(right, subjects)
    return wilson_interval(right.sum(), len(right))
