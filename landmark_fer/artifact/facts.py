"""Facts of a fitted model that every manifest has: classes, extractor, data, scores on the test faces."""

import numpy as np

from landmark_fer.core.records import rows_of
from landmark_fer.evaluation.scores import class_columns, score, split_intervals
from landmark_fer.evaluation.splits import has_chips
from landmark_fer.models.base import predict_in_order
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.predictor_file import PREDICTOR_SHA256


def base_facts(dataset, split, predictor, *, settings=None):
    """Return the facts for `save_artifact` that every fitted predictor has, with its scores on the test faces.

    Parameters
    ----------
    dataset : FaceDataset
    split : SplitFaces
    predictor : estimator
        Fitted on the training faces.
    settings : ExtractorSettings, optional
        Settings that the faces were extracted with.

    Returns
    -------
    dict
    """
    return {
        "classes": list(dataset.classes),
        "extractor": (settings or ExtractorSettings()).to_dict(),
        "shape_predictor_sha256": PREDICTOR_SHA256,
        "data": _data_facts(dataset, split),
        "scores": {test.name: _score_test(dataset, predictor, test) for test in split.tests},
    }


def votes_of_training(dataset, split):
    """Return the votes for the training faces, shape (n, 10), or None if the data set has none."""
    return None if dataset.votes is None else dataset.votes[split.training]


def _score_test(dataset, predictor, test):
    probabilities = predict_in_order(predictor, rows_of(dataset.records, test.rows), dataset.classes)
    expressions = dataset.expressions[test.rows]
    correct = probabilities.argmax(axis=1) == class_columns(expressions, dataset.classes)
    scores = score(expressions, probabilities, dataset.classes, leak_free=test.leak_free)
    return scores | split_intervals(dataset, test.rows, correct, leak_free=test.leak_free)


def _data_facts(dataset, split):
    training = dataset.take(split.training)
    return {
        "source": dataset.source,
        "key": dataset.key,
        "n_training": len(training),
        "n_by_expression": {name: int((training.expressions == name).sum()) for name in dataset.classes},
        "n_undetected": int(np.isnan(training.detector_scores).sum()),
        "undetected": training.undetected_by_class(),
        "n_in_near_duplicate_groups": int(len(split.groups) - len(np.unique(split.groups))),
        "n_left_out": dataset.n_left_out,
        "votes": dataset.votes is not None,
        "cropped": bool(dataset.cropped),
        "has_chips": has_chips(dataset),
        **({} if dataset.origins is None else {"parts": _parts(training)}),
    }


def _parts(dataset):
    """Return name, number of faces and weight of each merged data set."""
    names = list(dict.fromkeys(dataset.origins.tolist()))
    rows = {name: dataset.origins == name for name in names}
    return [{"name": name, "n": int(rows[name].sum()), "weight": int(dataset.weights[rows[name]][0])} for name in names]
