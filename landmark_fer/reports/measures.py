"""What a report shows beyond what fitting finds out anyway: scores of folds, a learning curve, importance of regions.

All of it is measured after the model is fitted; what goes wrong here is said and left out, for no image is worth a
fitted model.
"""

import logging
import time

import numpy as np

from landmark_fer.artifact.facts import votes_of_training
from landmark_fer.evaluation.comparison import pipeline_of_choice
from landmark_fer.evaluation.importance import grouped_importance, region_swaps
from landmark_fer.evaluation.learning import doubling_sizes, learning_curve, stratified_order
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.validation import sample_rows
from landmark_fer.figures.comparison import fold_scores
from landmark_fer.models.calibration import ENSEMBLE
from landmark_fer.models.candidates import ensemble_members

logger = logging.getLogger(__name__)

IMPORTANCE_S = 25.0
MOST_FACES, FEWEST_FACES = 1000, 100
_REPEATS = 3
_TIMED_FACES = 50
_SIZES, _FEWEST_OF_CLASS = 4, 5  # of the learning curve: sizes, and faces of the rarest expression in the least


def report_facts(dataset, comparison, model, *, level="full", random_state=0):
    """Return what the report of a compared and fitted model shows, as plain values for its manifest.

    Parameters
    ----------
    dataset : FaceDataset
    comparison : Comparison
    model : FittedModel
    level : {"full", "quick", "none"}, default="full"
        "quick" leaves out what costs fits and answers, "none" everything.
    random_state : int, default=0

    Returns
    -------
    dict
        ``fold_scores`` and, with "full", ``learning_curve`` and ``importance``; what could not be measured is missing.
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
    """Return what the report of a trained network shows beyond its history; as `report_facts`.

    Parameters
    ----------
    dataset : FaceDataset
    trained : TrainedNetworks
    level, random_state
        As for `report_facts`.
    """
    faces = dataset, trained.split, trained.predictor, trained.facts["fields"], random_state
    return _measured({"importance": lambda: importance(*faces)} if level == "full" else {})


def importance(dataset, split, predictor, fields, random_state=0, *, seconds=IMPORTANCE_S, most=MOST_FACES):
    """Return the importance of regions on test faces, as plain values.

    Parameters
    ----------
    dataset : FaceDataset
    split : SplitFaces
        Of its first test faces, those without a near-duplicate among the training faces are taken, where there are
        enough.
    predictor : estimator
        Fitted.
    fields : sequence of str
        Of the face records that it reads.
    random_state : int, default=0
    seconds : float, default=25
        Of one core, that its answers may take, about; a slow model is asked about fewer faces, never fewer than 100.
    most : int, default=1000
        Faces.

    Returns
    -------
    dict
        ``faces`` (name of the split), ``leak_free, n, n_repeats, rows``; None where a model reads nothing that has
        regions.
    """
    swaps, test = region_swaps(fields), split.tests[0]
    if not swaps:
        return None
    clean = test.rows[test.leak_free]
    leak_free = len(clean) >= FEWEST_FACES
    rows = clean if leak_free else test.rows
    rows = rows[stratified_order(dataset.expressions[rows], random_state=random_state)]
    passes = 1 + _REPEATS * len(swaps)
    n_affordable = _affordable(predictor, dataset.records[np.sort(rows[:_TIMED_FACES])], passes, seconds)
    rows = np.sort(rows[: min(n_affordable, most)])
    known = dataset.records[rows], dataset.expressions[rows], dataset.classes
    found = grouped_importance(predictor, *known, groups=swaps, n_repeats=_REPEATS, random_state=random_state)
    about = {"faces": test.name, "leak_free": leak_free, "n": len(rows), "n_repeats": _REPEATS}
    return about | {"rows": [row | {"interval": list(row["interval"])} for row in found]}


def _affordable(predictor, records, passes, allowed):
    """Return how many faces a model can answer so many times in the seconds allowed."""
    start = time.process_time()  # what else the machine does must not decide how many faces are asked about
    predictor.predict_proba(records)
    seconds = (time.process_time() - start) / len(records)
    return max(int(allowed / (passes * max(seconds, 1e-9))), FEWEST_FACES)


def _fold_scores(dataset, comparison):
    expressions = dataset.expressions[comparison.split.training]
    predictions = {row["name"]: comparison.results[row["name"]].probabilities for row in comparison.rows}
    scores = {
        name: fold_scores(each, expressions, dataset.classes, comparison.parts) for name, each in predictions.items()
    }
    return {"score": "accuracy", "models": scores}


def _learning_curve(dataset, comparison, random_state):
    """Return the curve of the chosen model on the first fold, whose last point cross-validation knows already.

    The others are half of the faces and less, so that all fits together cost less than one more fold.
    """
    split, (training, test) = comparison.split, comparison.parts[0]
    records, expressions = dataset.records[split.training], dataset.expressions[split.training]
    training = training[sample_rows(expressions[training], _fold_sample(comparison), random_state)]
    sizes = doubling_sizes(expressions[training], n_sizes=_SIZES, fewest=_FEWEST_OF_CLASS)
    if len(sizes) < 2:
        return None
    pipeline = pipeline_of_choice(comparison, expressions)
    faces = records, expressions, split.groups, dataset.classes
    drawn = {"votes": votes_of_training(dataset, split), "sizes": sizes[:-1], "random_state": random_state}
    rows = learning_curve(pipeline, *faces, fold=(training, test), **drawn)
    whole = score(expressions[test], comparison.results[comparison.chosen].probabilities[test], dataset.classes)
    last = {"n": sizes[-1], "accuracy": whole["accuracy"], "accuracy_interval": whole["accuracy_interval"]}
    rows.append(last | {"n_held_out": len(test)})
    return {"fold": 0, "rows": [row | {"accuracy_interval": list(row["accuracy_interval"])} for row in rows]}


def _fold_sample(comparison):
    """Return the most faces that the chosen model was fitted on within a fold; None where it took all."""
    candidates = comparison.candidates
    names = ensemble_members(candidates) if comparison.chosen == ENSEMBLE else [comparison.chosen]
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
