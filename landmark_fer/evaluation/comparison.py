"""Comparison of cross-validated candidates: calibration, ranking, and the pipeline of the chosen one."""

from dataclasses import replace

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.cross_validation import CandidateResult
from landmark_fer.evaluation.scores import score
from landmark_fer.models.calibration import STACKING, CalibratedEnsemble
from landmark_fer.models.calibration_fitting import fit_calibration
from landmark_fer.models.candidates import stacking_members

CHOSEN_BY = "accuracy"
"""The score that ranks candidates. Folds keep near-duplicates together, so it is the leak-free accuracy."""

_SCORES = ("macro_f1", "balanced_accuracy", "accuracy", "accuracy_interval", "log_loss", "ece", "confusion")


def calibrated_results(results, expressions, classes, folds, *, members=()):
    """Return cross-validated results with calibrated probabilities, and those of stacking.

    Parameters
    ----------
    results : dict of str to CandidateResult
    expressions : ndarray of shape (n,), str
    classes : sequence of str
    folds : list of (ndarray, ndarray)
    members : sequence of str
        The candidates that are stacked, two or more.

    Returns
    -------
    dict of str to CandidateResult
    dict of str to Calibration
    """
    calibrated, calibrations = {}, {}
    for name, result in results.items():
        calibrations[name], probabilities = fit_calibration([result.probabilities], expressions, classes, folds)
        calibrated[name] = replace(result, probabilities=probabilities)
    if len(members) > 1:
        parts = [results[name] for name in members]
        calibrations[STACKING], probabilities = fit_calibration(
            [part.probabilities for part in parts], expressions, classes, folds
        )
        fit_s = [sum(seconds) for seconds in zip(*(part.fit_s for part in parts), strict=True)]
        calibrated[STACKING] = CandidateResult(probabilities, fit_s, sum(part.ms_per_face for part in parts))
    return calibrated, calibrations


def comparison_rows(results, expressions, classes):
    """Return one row of scores for each cross-validated candidate, the best first.

    Parameters
    ----------
    results : dict of str to CandidateResult
    expressions : ndarray of shape (n,), str
    classes : sequence of str

    Returns
    -------
    list of dict
        ``name, macro_f1, balanced_accuracy, accuracy, accuracy_interval, log_loss, ece, confusion, fit_s,
        ms_per_face``; `fit_s` is the mean over folds.
    """
    rows = []
    for name, result in results.items():
        scores = score(expressions, result.probabilities, classes)
        rows.append(
            {
                "name": name,
                **{key: scores[key] for key in _SCORES},
                "fit_s": sum(result.fit_s) / len(result.fit_s),
                "ms_per_face": result.ms_per_face,
            }
        )
    return sorted(rows, key=lambda row: -row[CHOSEN_BY])


def choose(rows, name=None):
    """Return the name of the best candidate, or of the one requested, and the reason as a sentence.

    Parameters
    ----------
    rows : list of dict
        As from `comparison_rows`.
    name : str, optional
        The candidate to choose instead of the best.

    Returns
    -------
    name, reason : str

    Raises
    ------
    InputError
        If the requested candidate is not among the rows.
    """
    best = rows[0]
    if name is not None and name != best["name"]:
        requested = next((row for row in rows if row["name"] == name), None)
        if requested is None:
            raise InputError(
                f"the model to choose must be among {', '.join(row['name'] for row in rows)}, got {name!r}"
            )
        accuracies = f"{100 * requested[CHOSEN_BY]:.1f} % out of fold, {best['name']} {100 * best[CHOSEN_BY]:.1f} %"
        return name, f"{name} was requested; it has {accuracies}."
    if len(rows) == 1:
        return best["name"], f"{best['name']} was the only candidate."
    second = rows[1]
    low, high = best["accuracy_interval"]
    margin = 100 * (best[CHOSEN_BY] - second[CHOSEN_BY])
    reason = (
        f"{best['name']} has the highest out-of-fold accuracy, {100 * best['accuracy']:.1f} % ({100 * low:.1f} to "
        f"{100 * high:.1f}), {margin:.1f} points over {second['name']}; its macro-F1 is {100 * best['macro_f1']:.1f} %."
    )
    return best["name"], reason


def pipeline_of_choice(comparison, expressions):
    """Return the unfitted pipeline of the chosen candidate, with the calibration of its out-of-fold predictions.

    Parameters
    ----------
    comparison : Comparison
    expressions : ndarray of shape (n,), str
        Expressions of the training faces.

    Returns
    -------
    Pipeline
    """
    chosen, candidates = comparison.chosen, comparison.candidates
    names = stacking_members(candidates) if chosen == STACKING else [chosen]
    classes = sorted(np.unique(expressions).tolist())
    calibration = comparison.calibrations[chosen].reordered([comparison.classes.index(name) for name in classes])
    pipelines = {name: clone(candidates[name].pipeline) for name in names}
    members = [(name, pipeline[-1]) for name, pipeline in pipelines.items()]
    return Pipeline(
        [("features", pipelines[names[0]][0]), ("classifier", CalibratedEnsemble(members, calibration, classes))]
    )
