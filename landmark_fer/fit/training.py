"""Classical models in ``fit``: cross-validate candidates, calibrate, choose, refit, score on the test faces."""

from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from landmark_fer.artifact.facts import base_facts, votes_of_training
from landmark_fer.core.errors import DataError
from landmark_fer.core.files import cache_folder
from landmark_fer.core.records import rows_of
from landmark_fer.datasets.merging import repeated
from landmark_fer.evaluation.comparison import calibrated_results, choose, comparison_rows, pipeline_of_choice
from landmark_fer.evaluation.cross_validation import cross_validate_candidates, make_folds
from landmark_fer.evaluation.rejection import rejection_facts
from landmark_fer.evaluation.scores import class_columns, split_intervals
from landmark_fer.evaluation.search import search_candidates
from landmark_fer.evaluation.significance import compare_pairs
from landmark_fer.evaluation.splits import prepare_folds, split_faces
from landmark_fer.models.base import fit_predictor
from landmark_fer.models.candidates import CLASSIC_CANDIDATES, stacking_members

FEWEST_FACES = 8  # the dropout MLP holds out a tenth of faces and mirrored faces, one or more of each expression


@dataclass(frozen=True, eq=False)
class Comparison:
    """Result of a cross-validation.

    Attributes
    ----------
    candidates : dict of str to Candidate
    results : dict of str to CandidateResult
        Calibrated out-of-fold predictions of each candidate, and of stacking.
    calibrations : dict of str to Calibration
    rows : list of dict
        As from `comparison_rows`, the best first.
    pairs : list of dict
        As from `compare_pairs`: which differences from the best are significant.
    chosen, reason : str
        Name of the chosen candidate, and why it was chosen.
    split : SplitFaces
    classes : tuple of str
    folds : str
        A sentence on how the folds were made.
    search : SearchOutcome or None
    parts : list of (ndarray, ndarray)
        The folds: positions among the training faces that were fitted on, and that were held out.
    """

    candidates: dict
    results: dict
    calibrations: dict
    rows: list
    pairs: list
    chosen: str
    reason: str
    split: object
    classes: tuple
    folds: str
    search: object = None
    parts: list = ()


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A model fitted on all training faces, and its facts.

    Attributes
    ----------
    predictor : Pipeline
        Features, then a `CalibratedEnsemble`.
    facts : dict
        Facts for `save_artifact`.
    """

    predictor: Pipeline
    facts: dict


def compare(
    dataset,
    candidates,
    *,
    stacking=False,
    choice=None,
    n_folds=5,
    search=False,
    minutes=None,
    jobs=1,
    random_state=0,
    bar=True,
    cache=None,
):
    """Cross-validate candidates on the training faces of a data set.

    Parameters
    ----------
    dataset : FaceDataset
    candidates : dict of str to Candidate
    stacking : bool, default=False
        Whether stacking of all candidates except the dummy competes, too.
    choice : str, optional
        The candidate to choose; by default the best.
    n_folds : int, default=5
    search : bool, default=False
        Whether to search hyperparameters first, with `search_candidates`.
    minutes : float, optional
        Time limit of the search.
    jobs : int, default=1
        Number of folds at the same time.
    random_state : int, default=0
    bar : bool, default=True
        Whether to show a progress bar.
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        If an expression has no training faces or fewer than folds, or a fold leaves too few faces to fit on.
    """
    prepared = prepare_folds(dataset, n_folds=n_folds, random_state=random_state)
    dataset, n_folds = prepared.dataset, prepared.n_folds
    split = split_faces(dataset, n_folds=n_folds, random_state=random_state, cache=cache)
    records, expressions = rows_of(dataset.records, split.training), dataset.expressions[split.training]
    weights = None if dataset.weights is None else dataset.weights[split.training]
    folds = make_folds(expressions, split.groups, n_folds=n_folds, random_state=random_state)
    folds = [(repeated(training, weights), test) for training, test in folds]  # weights repeat fitted faces only
    _check_enough(expressions, folds, dataset.classes, candidates)
    votes, outcome = votes_of_training(dataset, split), None
    if search:
        outcome = search_candidates(
            candidates,
            records,
            expressions,
            split.groups,
            dataset.classes,
            minutes=minutes,
            folds=folds,
            state=cache_folder(cache) / "search" / f"{dataset.key or 'faces'}.journal",
            votes=votes,
            jobs=jobs,
            random_state=random_state,
            bar=bar,
        )
        candidates = outcome.best
    results = cross_validate_candidates(
        candidates,
        records,
        expressions,
        folds,
        dataset.classes,
        votes=votes,
        jobs=jobs,
        random_state=random_state,
        bar=bar,
    )
    members = stacking_members(candidates) if stacking else ()
    results, calibrations = calibrated_results(results, expressions, dataset.classes, folds, members=members)
    rows = comparison_rows(results, expressions, dataset.classes)
    truth = class_columns(expressions, dataset.classes)
    for row in rows:
        right = results[row["name"]].probabilities.argmax(axis=1) == truth
        row |= split_intervals(dataset, split.training, right)
    pairs = compare_pairs(results, expressions, dataset.classes, split.groups, random_state=random_state)
    chosen, reason = choose(rows, choice)
    return Comparison(
        candidates=candidates,
        results=results,
        calibrations=calibrations,
        rows=rows,
        pairs=pairs,
        chosen=chosen,
        reason=reason,
        split=split,
        classes=dataset.classes,
        folds=" ".join([_describe_folds(split, n_folds, candidates), *prepared.sentences]),
        search=outcome,
        parts=folds,
    )


def fit_chosen(dataset, comparison, *, features, without=()):
    """Fit the chosen candidate on all training faces and score it on the test faces, for the first time.

    Parameters
    ----------
    dataset : FaceDataset
        The data set of the comparison.
    comparison : Comparison
    features : str
        Name of the candidates' features.
    without : sequence of int
        Positions among the training faces to leave out of the fit, such as `LabelReview.positions`.

    Returns
    -------
    FittedModel
    """
    training, classes, chosen = comparison.split.training, dataset.classes, comparison.chosen
    expressions, votes = dataset.expressions[training], votes_of_training(dataset, comparison.split)
    predictor = pipeline_of_choice(comparison, expressions)
    fitted = np.setdiff1d(np.arange(len(training)), without)
    fitted = repeated(fitted, None if dataset.weights is None else dataset.weights[training])
    records = rows_of(dataset.records, training[fitted])
    fit_predictor(predictor, records, expressions[fitted], None if votes is None else votes[fitted])
    calibration = predictor[-1].calibration
    facts = base_facts(dataset, comparison.split, predictor) | {
        "fields": list(comparison.candidates[predictor[-1].members[0][0]].fields),
        "features": "its own" if chosen in CLASSIC_CANDIDATES else features,
        "model_name": chosen,
        "calibration": {"kind": calibration.kind, "members": [name for name, _ in predictor[-1].members]},
        "folds": comparison.folds,
        "comparison": comparison.rows,
        "pairs": comparison.pairs,
        "choice": comparison.reason,
        "search": comparison.search and {"text": comparison.search.text, "rows": comparison.search.rows},
        "rejection": rejection_facts(expressions, comparison.results[chosen].probabilities, classes),
    }
    facts["data"]["n_label_errors_dropped"] = len(without)
    return FittedModel(predictor, facts)


def _check_enough(expressions, folds, classes, candidates):
    missing = [name for name in classes if name not in expressions]
    if missing:
        others = ",".join(name for name in classes if name not in missing)
        raise DataError(
            f"{', '.join(missing)} has no training faces; add faces or leave it out with --expressions {others}"
        )
    fewest = min(len(training) for training, _ in folds)
    if fewest < FEWEST_FACES:
        raise DataError(f"each fold must leave {FEWEST_FACES} faces to fit on, got {fewest}; add faces")
    fewest_of_class = min((expressions[training] == name).sum() for training, _ in folds for name in classes)
    needed = 10 * (len(classes) - 1) + 1  # early stopping holds out a tenth, at least one face of each expression
    if "mlp" in candidates and (fewest < needed or fewest_of_class < 2):
        raise DataError(
            f"mlp needs {needed} faces to fit on in each fold, two or more of each expression, got {fewest} and "
            f"{fewest_of_class}; add faces or leave mlp out of --models"
        )


def _describe_folds(split, n_folds, candidates):
    text = f"{n_folds} stratified folds of {len(split.training):,} training faces; "
    text += "near-duplicates and subjects stay together."
    sampled = {name: each.fold_sample for name, each in candidates.items() if each.fold_sample}
    sampled = {name: size for name, size in sampled.items() if size < len(split.training) * (1 - 1 / n_folds)}
    for size in sorted(set(sampled.values())):
        names = ", ".join(name for name, each in sampled.items() if each == size)
        text += f" Within a fold {names}: fitted on a stratified sample of {size:,} faces; the final fit takes all."
    return text
