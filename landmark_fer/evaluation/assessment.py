"""Scores of a fitted predictor on a data set whose classes may differ from those of the model."""

import time

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import in_order
from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.evaluation.image_rows import IMAGE_COLUMNS
from landmark_fer.evaluation.personal import (
    baseline_rows,
    groups_of_columns,
    is_scored,
    probabilities_with_baseline,
    scores_by_group,
    scores_with_baseline,
)
from landmark_fer.evaluation.rejection import score_accepted
from landmark_fer.evaluation.scores import score, subject_intervals
from landmark_fer.evaluation.splits import TRAINING
from landmark_fer.evaluation.subjects import in_training
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.neutral_shift import check_neutral

SCORED_CLASSES = ("all", "shared")

_TIMED_FACES = 200


def assess(
    predictor,
    dataset,
    classes,
    *,
    split=None,
    against=None,
    scored_classes="all",
    cache=None,
    threshold=None,
    with_baseline=False,
    by=(),
):
    """Score a predictor on the faces of a data set that show one of its classes.

    Parameters
    ----------
    predictor : estimator
    dataset : FaceDataset
    classes : sequence of str
        Classes of the predictor, in the order of `EXPRESSIONS`.
    split : str, optional
        Score only the faces of this split.
    against : FaceDataset, optional
        The training faces, to search for near-duplicates and for subjects of the same name. By default the split
        Training of the data set. Without that split, or if it is the one that is scored, leak-free scores are None.
    scored_classes : {"all", "shared"}, default="all"
        Whether the model may predict all of its classes, as in live use, or only those that occur in the data, as in
        comparisons across data sets.
    cache : path-like, optional
        As for `find_near_duplicates`.
    threshold : float, optional
        Confidence below which a prediction is rejected, as from `manifest_threshold`.
    with_baseline : bool, default=False
        Whether to predict the faces also given their subject's first neutral face. It is not scored then, and neither
        are subjects without one.
    by : sequence of str
        Attributes of the data set, as for `groups_of_columns`; the scores of their groups are added.

    Returns
    -------
    dict
        The scores of `score`, and ``undetected`` (by expression), ``left_out`` (faces of other expressions),
        ``left_out_by_expression``, ``classes_without_faces`` (classes of the model that do not occur),
        ``scored_classes``, ``accuracy_all`` and ``accuracy_shared`` (the accuracy for either value of
        `scored_classes`), ``n_subjects`` and ``interval_by`` (as from `subject_intervals`), ``ms_per_face``
        (as from `milliseconds_per_face`), ``rejection`` (as from `score_accepted`; None without a threshold). With
        baselines also the entries of `scores_with_baseline` for the same faces, ``n_baselines`` and
        ``left_out_without_baseline``, numbers of faces. ``by`` has the rows of `scores_by_group` by their column.
    DataFrame
        One row per face: ``row, expression, predicted``, one probability for each class, and
        ``near_duplicate_correlation``. With baselines also ``predicted_with_baseline`` and a probability
        ``happy_with_baseline`` for each class, and the columns of `by`; ``row (data)`` if one is called ``row``.

    Raises
    ------
    InputError
        If there is no such split or attribute, `scored_classes` is neither, or no subject has a baseline.
    DataError
        If no face shows one of the classes.
    """
    if scored_classes not in SCORED_CLASSES:
        raise InputError(f"scored_classes must be one of {', '.join(SCORED_CLASSES)}, got {scored_classes!r}")
    has_class = np.isin(dataset.expressions, list(classes))
    in_split = np.ones(len(dataset), dtype=bool) if split is None else dataset.splits == split
    if split is not None:
        dataset.of_split(split)  # raises InputError with the names of the splits
    rows = np.flatnonzero(has_class & in_split)
    if not len(rows):
        raise DataError(f"{dataset.source} has no face that shows one of {', '.join(classes)}; score other data")
    faces = dataset.take(rows)
    groups_of_columns(faces, by)  # raises InputError before faces are compared and predicted
    if with_baseline:
        check_neutral(classes)
    of_baseline = baseline_rows(faces) if with_baseline else None
    correlations, leak_free = _near_duplicates(dataset, split, against, cache)
    all_probabilities, given_baseline, personal = predict_in_order(predictor, faces.records, classes), None, {}
    if with_baseline:
        given_baseline = probabilities_with_baseline(all_probabilities, of_baseline, classes)
        scored = is_scored(of_baseline)
        n_baselines = len(np.unique(of_baseline[scored]))
        personal = {"n_baselines": n_baselines, "left_out_without_baseline": int((~scored).sum()) - n_baselines}
        rows, faces = rows[scored], faces.take(scored)
        all_probabilities, given_baseline = all_probabilities[scored], given_baseline[scored]
    shared, absent = shared_classes(faces, classes)
    among_shared = shared_probabilities(all_probabilities, classes, shared)
    probabilities = among_shared if scored_classes == "shared" else all_probabilities
    clean = None if leak_free is None else leak_free[rows]
    labels = faces.expressions, probabilities, classes
    scores = score(*labels, leak_free=clean) | subject_intervals(faces, probabilities, classes, leak_free=clean)
    others = dataset.expressions[in_split & ~has_class]
    scores |= {
        "rejection": None if threshold is None else score_accepted(*labels, threshold, leak_free=clean),
        "undetected": faces.undetected_by_class(),
        "left_out": len(others),
        "left_out_by_expression": {name: int((others == name).sum()) for name in in_order(others.tolist())},
        "classes_without_faces": absent,
        "scored_classes": scored_classes,
        "accuracy_all": _accuracy(faces, all_probabilities, classes),
        "accuracy_shared": _accuracy(faces, among_shared, classes),
        "ms_per_face": milliseconds_per_face(predictor, faces.records),
    }
    predictions = {"": probabilities}
    if with_baseline:
        if scored_classes == "shared":
            given_baseline = shared_probabilities(given_baseline, classes, shared)
        predictions["_with_baseline"] = given_baseline
        scores |= personal | scores_with_baseline(faces, given_baseline, classes)
    groups = groups_of_columns(faces, by)
    if by:
        scores["by"] = {name: scores_by_group(faces, each, predictions, classes) for name, each in groups.items()}
    return scores, _prediction_table(faces, predictions, classes, correlations[rows], groups)


def shared_classes(dataset, classes):
    """Return the classes of a model that occur in a data set, and those that do not.

    Parameters
    ----------
    dataset : FaceDataset
    classes : sequence of str
        Classes of the model.

    Returns
    -------
    shared, absent : list of str
        In the order of `classes`.
    """
    present = set(dataset.expressions.tolist())
    shared = [name for name in classes if name in present]
    return shared, [name for name in classes if name not in present]


def shared_probabilities(probabilities, classes, shared):
    """Return probabilities conditional on the shared classes.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Columns in the order of `classes`.
    classes : sequence of str
    shared : sequence of str
        Some of the classes.

    Returns
    -------
    ndarray of shape (n, k)
        0 for the other classes; rows sum to 1. A row is uniform over the shared classes where they all had
        probability 0.
    """
    is_shared = np.isin(np.asarray(classes), list(shared))
    masked = np.where(is_shared, probabilities, 0.0)
    totals = masked.sum(axis=1, keepdims=True)
    uniform = np.broadcast_to(is_shared / max(is_shared.sum(), 1), masked.shape)
    return np.divide(masked, totals, out=uniform.copy(), where=totals > 0)


def milliseconds_per_face(predictor, records):
    """Return the median time of features and model for a single face on one thread, in milliseconds."""
    times = []
    with threadpool_limits(1):
        for row in range(min(_TIMED_FACES, len(records))):
            start = time.perf_counter()
            predictor.predict_proba(records[row : row + 1])
            times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def _accuracy(faces, probabilities, classes):
    return float(np.mean(np.array(classes)[probabilities.argmax(axis=1)] == faces.expressions))


def _near_duplicates(dataset, split, against, cache):
    """Return near-duplicate correlations (NaN where unknown) and the leak-free mask, None where unknown."""
    is_training = dataset.splits == TRAINING
    if against is None and (split == TRAINING or not is_training.any()):
        return np.full(len(dataset), np.nan, dtype=np.float32), None
    near_duplicates = find_near_duplicates(dataset, against=against, cache=cache)
    training_subjects = dataset.subjects[is_training] if against is None else against.subjects
    leak_free = near_duplicates.leak_free & ~in_training(dataset.subjects, training_subjects)
    return near_duplicates.correlations, leak_free & ~is_training if against is None else leak_free


def _prediction_table(faces, predictions, classes, correlations, columns):
    """Return a table with one row per face, as `assess` describes."""
    table = {"row": faces.rows, "expression": faces.expressions}
    for suffix, probabilities in predictions.items():
        table[f"predicted{suffix}"] = np.array(classes)[probabilities.argmax(axis=1)]
        table |= {f"{name}{suffix}": column for name, column in zip(classes, probabilities.T, strict=True)}
    table["near_duplicate_correlation"] = correlations
    taken = {*table, *IMAGE_COLUMNS}
    return pd.DataFrame(
        table | {f"{name} (data)" if name in taken else name: faces.attributes[name] for name in columns}
    )
