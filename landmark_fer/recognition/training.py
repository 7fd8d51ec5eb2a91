"""From a data set to a saved model: compare candidates, choose, temper, refit, test, describe."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from landmark_fer.errors import DataError
from landmark_fer.evaluation.comparison import choose, comparison_rows
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.splits import has_chips, split_faces
from landmark_fer.evaluation.validation import cross_validate_candidates, make_folds
from landmark_fer.models.calibration import TemperedClassifier, fit_temperature
from landmark_fer.models.candidates import FIELDS, expand_grids
from landmark_fer.models.contract import predict_in_order
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.predictor_file import PREDICTOR_SHA256

FEWEST_FACES = 8  # the network keeps a tenth of the faces and mirrored faces back, at least one of each expression


@dataclass(frozen=True, eq=False)
class Comparison:
    """What cross-validation showed.

    Attributes
    ----------
    candidates : dict of str to Candidate
    results : dict of str to CandidateResult
    rows : list of dict
        As from `comparison_rows`, the best first.
    chosen, reason : str
    split : SplitFaces
    folds : str
        A sentence on how the folds were made.
    """

    candidates: dict
    results: dict
    rows: list
    chosen: str
    reason: str
    split: object
    folds: str


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A model fitted on all training faces, and what is known of it.

    Attributes
    ----------
    predictor : TemperedClassifier
    facts : dict
        For `save_artifact`.
    """

    predictor: TemperedClassifier
    facts: dict


def compare(dataset, candidates, *, n_folds=5, search=False, jobs=1, random_state=0, bar=True, cache=None):
    """Cross-validate candidates on the training faces of a data set.

    Parameters
    ----------
    dataset : FaceDataset
    candidates : dict of str to Candidate
    n_folds : int, default=5
    search : bool, default=False
        Whether every value of the candidates' grids is tried.
    jobs : int, default=1
        Folds at the same time.
    random_state : int, default=0
    bar : bool, default=True
        Whether to show a progress bar.
    cache : path-like, optional
        As for `audit_twins`.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        If an expression has no training faces, a class fewer than there are folds, or a fold leaves too few to fit on.
    """
    split = split_faces(dataset, n_folds=n_folds, random_state=random_state, cache=cache)
    if search:
        candidates = expand_grids(candidates)
    records, expressions = dataset.records[split.training], dataset.expressions[split.training]
    folds = make_folds(expressions, split.groups, n_folds=n_folds, random_state=random_state)
    _check_enough(expressions, folds, dataset.classes)
    options = {"jobs": jobs, "random_state": random_state, "bar": bar}
    results = cross_validate_candidates(candidates, records, expressions, folds, dataset.classes, **options)
    rows = comparison_rows(results, expressions, dataset.classes)
    chosen, reason = choose(rows)
    return Comparison(candidates, results, rows, chosen, reason, split, _about_folds(split, n_folds, candidates))


def fit_chosen(dataset, comparison, *, features):
    """Fit the chosen candidate on all training faces and score it on the test faces, which it meets only now.

    Parameters
    ----------
    dataset : FaceDataset
        The one that was compared on.
    comparison : Comparison
    features : str
        The kind of features that the candidates were made with.

    Returns
    -------
    FittedModel
    """
    training, classes = comparison.split.training, dataset.classes
    expressions = dataset.expressions[training]
    held_out = comparison.results[comparison.chosen].probabilities
    probabilities, names = _sorted_columns(held_out, classes)
    temperature = fit_temperature(probabilities, expressions, names)
    pipeline = clone(comparison.candidates[comparison.chosen].pipeline)
    predictor = TemperedClassifier(pipeline.fit(dataset.records[training], expressions), temperature)
    scores = {test.name: _score_test(dataset, predictor, test) for test in comparison.split.tests}
    facts = {
        "classes": list(classes),
        "fields": list(FIELDS[features]),
        "features": features,
        "extractor": ExtractorSettings().to_dict(),
        "shape_predictor_sha256": PREDICTOR_SHA256,
        "model_name": comparison.chosen,
        "temperature": temperature,
        "data": _about_data(dataset, comparison.split),
        "folds": comparison.folds,
        "comparison": comparison.rows,
        "choice": comparison.reason,
        "scores": scores,
    }
    return FittedModel(predictor, facts)


def _check_enough(expressions, folds, classes):
    unseen = [name for name in classes if name not in expressions]
    if unseen:
        seen = ",".join(name for name in classes if name not in unseen)
        raise DataError(
            f"{', '.join(unseen)} has no training faces; add faces or leave it out with --expressions {seen}"
        )
    fewest = min(len(training) for training, _ in folds)
    if fewest < FEWEST_FACES:
        raise DataError(f"each fold must leave {FEWEST_FACES} faces to fit on, and one leaves {fewest}; add faces")


def _score_test(dataset, predictor, test):
    probabilities = predict_in_order(predictor, dataset.records[test.rows], dataset.classes)
    return score(dataset.expressions[test.rows], probabilities, dataset.classes, leak_free=test.leak_free)


def _sorted_columns(probabilities, classes):
    """Return probabilities and classes in alphabetical order, as scikit-learn's metrics take them."""
    order = np.argsort(classes)
    return probabilities[:, order], [classes[column] for column in order]


def _about_data(dataset, split):
    of_training = dataset.take(split.training)
    return {
        "source": dataset.source,
        "key": dataset.key,
        "n_training": len(of_training),
        "n_by_expression": {name: int((of_training.expressions == name).sum()) for name in dataset.classes},
        "n_undetected": int(np.isnan(of_training.detector_scores).sum()),
        "undetected": of_training.undetected_by_class(),
        "n_in_twin_groups": int(len(split.groups) - len(np.unique(split.groups))),
        "n_left_out": len(dataset.problems),
        "cropped": bool(dataset.cropped),
        "has_chips": has_chips(dataset),
    }


def _about_folds(split, n_folds, candidates):
    text = f"{n_folds} stratified folds of {len(split.training):,} training faces; twins and subjects stay together."
    sampled = {name: each.fold_sample for name, each in candidates.items() if each.fold_sample}
    sampled = {name: size for name, size in sampled.items() if size < len(split.training) * (1 - 1 / n_folds)}
    for name, size in sampled.items():
        text += f" Within a fold {name} was fitted on a stratified sample of {size:,} faces; the final fit takes all."
    return text
