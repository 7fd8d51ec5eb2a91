"""Assessment of a predictor on test faces: all scores, on the classes that model and data share."""

import time

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import in_order
from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.evaluation.rejection import score_accepted
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.splits import TRAINING
from landmark_fer.evaluation.subjects import known_people, scores_by_subject
from landmark_fer.models.base import predict_in_order


def shared_classes(dataset, classes):
    """Return which of a model's classes a data set shows, and which it does not.

    Parameters
    ----------
    dataset : FaceDataset
    classes : sequence of str
        Those of the model.

    Returns
    -------
    shared, absent : list of str
        In the order of `classes`.
    """
    present = set(dataset.expressions.tolist())
    shared = [name for name in classes if name in present]
    return shared, [name for name in classes if name not in present]


def shared_probabilities(probabilities, classes, shared):
    """Return probabilities of a face that is known to show one of some classes.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Columns in the order of `classes`.
    classes : sequence of str
    shared : sequence of str
        Some of them.

    Returns
    -------
    ndarray of shape (n, k)
        0 for the other classes; rows sum to 1. Equal shares where a model gave the shared classes none.
    """
    among = np.isin(np.asarray(classes), list(shared))
    kept = np.where(among, probabilities, 0.0)
    totals = kept.sum(axis=1, keepdims=True)
    equal = np.broadcast_to(among / max(among.sum(), 1), kept.shape)
    return np.divide(kept, totals, out=equal.copy(), where=totals > 0)


SCORED_CLASSES = ("all", "shared")

_TIMED_FACES = 200


def assess(predictor, dataset, classes, *, split=None, against=None, scored_classes="all", cache=None, threshold=None):
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
        The training faces, in which near-duplicates are looked for, and subjects of the same name. Without it the data
        set's own split Training serves; where there is none, or it is what is scored, leak-free scores are None.
    scored_classes : {"all", "shared"}, default="all"
        Whether the model may predict any of its classes, as in front of a camera, or only those that the data set has
        too, as comparisons across data sets do.
    cache : path-like, optional
        As for `find_near_duplicates`.
    threshold : float, optional
        Confidence under which the model names no expression, as from `manifest_threshold`. None: it always does.

    Returns
    -------
    dict
        As from `score`, and ``undetected`` (by expression), ``left_out`` (faces of other expressions),
        ``left_out_by_expression``, ``classes_without_faces`` (of the model, not in the data), ``scored_classes``,
        ``accuracy_all`` and ``accuracy_shared`` (as ``accuracy``, for either word), ``n_subjects`` (0: none known),
        ``interval_by`` (what ``accuracy_interval`` draws anew: "subjects" or "takes" where two or more are known, else
        "faces"), ``ms_per_face`` (features and model, one face at a time on one thread, median), ``rejection`` (as
        from `score_accepted`; None without a threshold).
    DataFrame
        A line a face: ``row, expression, predicted``, one probability for each class, ``near_duplicate_correlation``.

    Raises
    ------
    InputError
        If there is no such split, or `scored_classes` is neither.
    DataError
        If no face shows one of the classes.
    """
    if scored_classes not in SCORED_CLASSES:
        raise InputError(f"scored_classes must be one of {', '.join(SCORED_CLASSES)}, got {scored_classes!r}")
    correlations, leak_free = _near_duplicates(dataset, split, against, cache)
    known = np.isin(dataset.expressions, list(classes))
    asked = np.ones(len(dataset), dtype=bool) if split is None else dataset.splits == split
    if split is not None:
        dataset.of_split(split)  # says which splits there are
    rows = np.flatnonzero(known & asked)
    if not len(rows):
        raise DataError(f"{dataset.source} has no face that shows one of {', '.join(classes)}; score other data")
    faces = dataset.take(rows)
    shared, absent = shared_classes(faces, classes)
    probabilities = predict_in_order(predictor, faces.records, classes)
    among_shared = shared_probabilities(probabilities, classes, shared)
    accuracies = {"all": probabilities, "shared": among_shared}
    if scored_classes == "shared":
        probabilities = among_shared
    clean = None if leak_free is None else leak_free[rows]
    labels = faces.expressions, probabilities, classes
    scores = score(*labels, leak_free=clean) | scores_by_subject(faces, probabilities, classes, leak_free=clean)
    scores["rejection"] = None if threshold is None else score_accepted(*labels, threshold, leak_free=clean)
    scores["undetected"] = faces.undetected_by_class()
    scores |= _left_out(dataset.expressions[asked & ~known]) | {
        "classes_without_faces": absent,
        "scored_classes": scored_classes,
    }
    for word, each in accuracies.items():
        scores[f"accuracy_{word}"] = float(np.mean(np.array(classes)[each.argmax(axis=1)] == faces.expressions))
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


def _left_out(others):
    counts = {name: int((others == name).sum()) for name in in_order(others.tolist())}
    return {"left_out": len(others), "left_out_by_expression": counts}


def _near_duplicates(dataset, split, against, cache):
    """Return near-duplicate correlations (NaN where not known) and the leak-free mask, or None for it."""
    own = against is None
    if own and (split == TRAINING or not (dataset.splits == TRAINING).any()):
        return np.full(len(dataset), np.nan, dtype=np.float32), None
    audit = find_near_duplicates(dataset, against=against, cache=cache)
    if own:
        training = dataset.splits == TRAINING
        return audit.correlations, audit.leak_free & ~training & ~known_people(dataset.subjects, training)
    return audit.correlations, audit.leak_free & ~known_people(dataset.subjects, against=against.subjects)


def _predictions(faces, probabilities, classes, correlations):
    predictions = np.array(classes)[probabilities.argmax(axis=1)]
    table = {"row": faces.rows, "expression": faces.expressions, "predicted": predictions}
    table |= {name: probabilities[:, column] for column, name in enumerate(classes)}
    return pd.DataFrame(table | {"near_duplicate_correlation": correlations})
