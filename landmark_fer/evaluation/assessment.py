"""Scoring a finished predictor on a data set: answers, twins, undetected faces, time for each face."""

import time

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from landmark_fer.datasets.twins import audit_twins
from landmark_fer.errors import DataError
from landmark_fer.evaluation.rejection import score_answered
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.splits import TRAINING
from landmark_fer.models.contract import predict_in_order

_TIMED_FACES = 200


def assess(predictor, dataset, classes, *, split=None, against=None, cache=None, threshold=None):
    """Score a predictor on the faces of a data set that show one of its classes.

    Parameters
    ----------
    predictor : estimator
    dataset : FaceDataset
    classes : sequence of str
        Those of the predictor, in the order of `EXPRESSIONS`.
    split : str, optional
        Only the faces of this split.
    against : FaceDataset, optional
        The training faces, in which twins are looked for. Without it the data set's own split Training serves; where
        there is none, or it is what is scored, leak-free scores are None.
    cache : path-like, optional
        As for `audit_twins`.
    threshold : float, optional
        Confidence under which the model names no expression, as from `manifest_threshold`. None: it always does.

    Returns
    -------
    dict
        As from `score`, and ``undetected`` (by expression), ``left_out`` (faces of other expressions),
        ``ms_per_face`` (features and model, one face at a time on one thread, median), ``rejection`` (as from
        `score_answered`; None without a threshold).
    DataFrame
        A line a face: ``row, expression, predicted``, one probability for each class, ``twin_correlation``.

    Raises
    ------
    InputError
        If there is no such split.
    DataError
        If no face shows one of the classes.
    """
    correlations, leak_free = _twins(dataset, split, against, cache)
    known = np.isin(dataset.expressions, list(classes))
    asked = np.ones(len(dataset), dtype=bool) if split is None else dataset.splits == split
    if split is not None:
        dataset.of_split(split)  # says which splits there are
    rows = np.flatnonzero(known & asked)
    if not len(rows):
        raise DataError(f"{dataset.source} has no face that shows one of {', '.join(classes)}; score other data")
    faces = dataset.take(rows)
    probabilities = predict_in_order(predictor, faces.records, classes)
    clean = None if leak_free is None else leak_free[rows]
    labels = faces.expressions, probabilities, classes
    scores = score(*labels, leak_free=clean)
    scores["rejection"] = None if threshold is None else score_answered(*labels, threshold, leak_free=clean)
    scores["undetected"] = faces.undetected_by_class()
    scores["left_out"] = int((asked & ~known).sum())
    scores["ms_per_face"] = milliseconds_per_face(predictor, faces.records)
    return scores, _predictions(faces, probabilities, classes, correlations[rows])


def milliseconds_per_face(predictor, records):
    """Return the median time of features and model for one face at a time on one thread, in milliseconds."""
    times = []
    with threadpool_limits(1):
        for row in range(min(_TIMED_FACES, len(records))):
            start = time.perf_counter()
            predictor.predict_proba(records[row : row + 1])
            times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def _twins(dataset, split, against, cache):
    """Return twin correlations (NaN where not known) and the leak-free mask, or None for it."""
    own = against is None
    if own and (split == TRAINING or not (dataset.splits == TRAINING).any()):
        return np.full(len(dataset), np.nan, dtype=np.float32), None
    audit = audit_twins(dataset, against=against, cache=cache)
    if own and split is None:  # Training faces are scored too, and they are no strangers
        return audit.correlations, audit.leak_free & (dataset.splits != TRAINING)
    return audit.correlations, audit.leak_free


def _predictions(faces, probabilities, classes, correlations):
    answers = np.array(classes)[probabilities.argmax(axis=1)]
    table = {"row": faces.rows, "expression": faces.expressions, "predicted": answers}
    table |= {name: probabilities[:, column] for column, name in enumerate(classes)}
    return pd.DataFrame(table | {"twin_correlation": correlations})
