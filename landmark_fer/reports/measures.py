"""Measurements for the report of a fitted model: scores of folds, learning curve, importance of face regions.

They follow the fit. A measurement that fails is logged and left out, so that the fitted model is not lost.
"""

import logging
import time

import numpy as np

from landmark_fer.artifact.facts import votes_of_training
from landmark_fer.evaluation.comparison import pipeline_of_choice
from landmark_fer.evaluation.cross_validation import sample_rows
from landmark_fer.evaluation.importance import grouped_importance, region_swaps
from landmark_fer.evaluation.learning_curve import doubling_sizes, learning_curve, stratified_order
from landmark_fer.evaluation.scores import score
from landmark_fer.figures.comparison import fold_scores
from landmark_fer.models.calibration import STACKING
from landmark_fer.models.candidates import stacking_members

logger = logging.getLogger(__name__)

IMPORTANCE_S = 25.0
MOST_FACES, FEWEST_FACES = 1000, 100
_REPEATS = 3
_TIMED_FACES = 50
_SIZES, _FEWEST_OF_CLASS = 4, 5  # of the learning curve: steps, and faces of the rarest expression in the first


def report_facts(dataset, comparison, model, *, level="full", random_state=0):
    """Return the measurements for the report of a compared and fitted model, as plain values for its manifest.

    Parameters
    ----------
    dataset : FaceDataset
    comparison : Comparison
    model : FittedModel
    level : {"full", "quick", "none"}, default="full"
        "quick" leaves out the learning curve and the importance of regions, "none" everything.
    random_state : int, default=0

    Returns
    -------
    dict
        ``fold_scores`` and, with "full", ``learning_curve`` and ``importance``, without those that failed.
    """
    tasks = {}
    if level != "none":
        tasks["fold_scores"] = lambda: _fold_scores(dataset, comparison)
    if level == "full":
        tasks["learning_curve"] = lambda: _learning_curve(dataset, comparison, random_state)
        fields = model.facts["fields"]
        tasks["importance"] = lambda: importance(dataset, comparison.split, model.predictor, fields, random_state)
    return _measured(tasks)


def network_report_facts(dataset, trained, *, level="full", random_state=0):
    """Return the measurements for the report of a trained network or an ensemble, as `report_facts` does.

    Parameters
    ----------
    dataset : FaceDataset
    trained : TrainedNetworks or FittedEnsemble
    level, random_state
        As for `report_facts`.
    """
    fields = trained.facts["fields"]
    tasks = {"importance": lambda: importance(dataset, trained.split, trained.predictor, fields, random_state)}
    return _measured(tasks if level == "full" else {})


def importance(dataset, split, predictor, fields, random_state=0, *, seconds=IMPORTANCE_S, max_faces=MOST_FACES):
    """Return the importance of face regions on test faces, as plain values.

    Parameters
    ----------
    dataset : FaceDataset
    split : SplitFaces
        The first test set is used: its faces without a near-duplicate in training, or all if these are too few.
    predictor : estimator
        Fitted.
    fields : sequence of str
        Fields of the face records that the predictor reads.
    random_state : int, default=0
    seconds : float, default=25
        Approximate limit of CPU time. A slow model gets fewer faces, but at least 100.
    max_faces : int, default=1000

    Returns
    -------
    dict
        ``faces`` (name of the split), ``leak_free, n, n_repeats, rows``. None for a model that reads no field with
        regions.
    """
    swaps, test = region_swaps(fields), split.tests[0]
    if not swaps:
        return None
    leak_free = test.leak_free.sum() >= FEWEST_FACES
    rows = test.rows[test.leak_free] if leak_free else test.rows
    rows = rows[stratified_order(dataset.expressions[rows], random_state=random_state)]
    n_passes = 1 + _REPEATS * len(swaps)
    n_affordable = _affordable_faces(predictor, dataset.records[np.sort(rows[:_TIMED_FACES])], n_passes, seconds)
    rows = np.sort(rows[: min(n_affordable, max_faces)])
    regions = grouped_importance(
        predictor,
        dataset.records[rows],
        dataset.expressions[rows],
        dataset.classes,
        groups=swaps,
        n_repeats=_REPEATS,
        random_state=random_state,
    )
    return {
        "faces": test.name,
        "leak_free": bool(leak_free),
        "n": len(rows),
        "n_repeats": _REPEATS,
        "rows": [region | {"interval": list(region["interval"])} for region in regions],
    }


def _affordable_faces(predictor, records, n_passes, seconds):
    """Return how many faces a model can predict `n_passes` times in the given CPU time."""
    start = time.process_time()  # CPU time, so that other work on the machine does not change the number of faces
    predictor.predict_proba(records)
    seconds_per_face = (time.process_time() - start) / len(records)
    return max(int(seconds / (n_passes * max(seconds_per_face, 1e-9))), FEWEST_FACES)


def _fold_scores(dataset, comparison):
    expressions = dataset.expressions[comparison.split.training]
    predictions = {row["name"]: comparison.results[row["name"]].probabilities for row in comparison.rows}
    scores = {
        name: fold_scores(each, expressions, dataset.classes, comparison.parts) for name, each in predictions.items()
    }
    return {"score": "accuracy", "models": scores}


def _learning_curve(dataset, comparison, random_state):
    """Return the learning curve of the chosen model on the first fold; its last point is the cross-validated one.

    The other points have at most half of the faces, so that all fits together take less time than one more fold.
    """
    split, (training, test) = comparison.split, comparison.parts[0]
    records, expressions = dataset.records[split.training], dataset.expressions[split.training]
    training = training[sample_rows(expressions[training], _fold_sample(comparison), random_state)]
    sizes = doubling_sizes(expressions[training], n_sizes=_SIZES, min_rarest=_FEWEST_OF_CLASS)
    if len(sizes) < 2:
        return None
    rows = learning_curve(
        pipeline_of_choice(comparison, expressions),
        records,
        expressions,
        split.groups,
        dataset.classes,
        fold=(training, test),
        votes=votes_of_training(dataset, split),
        sizes=sizes[:-1],
        random_state=random_state,
    )
    scores = score(expressions[test], comparison.results[comparison.chosen].probabilities[test], dataset.classes)
    last = {name: scores[name] for name in ("accuracy", "accuracy_interval")}
    rows.append({"n": sizes[-1], **last, "n_held_out": len(test)})
    return {"fold": 0, "rows": [row | {"accuracy_interval": list(row["accuracy_interval"])} for row in rows]}


def _fold_sample(comparison):
    """Return the maximum number of faces that the chosen model was fitted on in a fold; None for all."""
    candidates = comparison.candidates
    names = stacking_members(candidates) if comparison.chosen == STACKING else [comparison.chosen]
    sizes = [candidates[name].fold_sample for name in names]
    return None if None in sizes else max(sizes)


def _measured(tasks):
    facts = {}
    for name, measure in tasks.items():
        try:
            facts[name] = measure()
        except Exception as error:  # of any model and any data
            logger.warning("%s could not be measured for the report (%s)", name.replace("_", " "), error)
    return {name: value for name, value in facts.items() if value is not None}
