"""Pooling what cross-validation saw: calibrated answers to compare, and the pipeline to fit on all faces."""

from dataclasses import replace

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from landmark_fer.evaluation.validation import CandidateResult
from landmark_fer.models.calibration import ENSEMBLE, CalibratedEnsemble
from landmark_fer.models.calibration_fitting import fit_calibration
from landmark_fer.models.candidates import ensemble_members


def calibrated_results(results, expressions, classes, folds, *, members=()):
    """Return cross-validated results with each candidate's answers pooled, and the blend's among them.

    Parameters
    ----------
    results : dict of str to CandidateResult
    expressions : ndarray of shape (n,), str
    classes : sequence of str
    folds : list of (ndarray, ndarray)
    members : sequence of str
        The candidates that make one more together, the blend; none where there are fewer than two.

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
        together = [results[name] for name in members]
        calibrations[ENSEMBLE], probabilities = fit_calibration(
            [each.probabilities for each in together], expressions, classes, folds
        )
        fit_s = [sum(seconds) for seconds in zip(*(each.fit_s for each in together), strict=True)]
        calibrated[ENSEMBLE] = CandidateResult(probabilities, fit_s, sum(each.ms_per_face for each in together))
    return calibrated, calibrations


def pipeline_of_choice(comparison, expressions):
    """Return the unfitted pipeline of what was chosen, with the pool that its out-of-fold answers gave.

    Parameters
    ----------
    comparison : Comparison
    expressions : ndarray of shape (n,), str
        Of the training faces.

    Returns
    -------
    Pipeline
    """
    chosen, candidates = comparison.chosen, comparison.candidates
    names = ensemble_members(candidates) if chosen == ENSEMBLE else [chosen]
    classes = sorted(np.unique(expressions).tolist())
    calibration = comparison.calibrations[chosen].reordered([comparison.classes.index(name) for name in classes])
    pipelines = {name: clone(candidates[name].pipeline) for name in names}
    members = [(name, pipeline[-1]) for name, pipeline in pipelines.items()]
    return Pipeline(
        [("features", pipelines[names[0]][0]), ("classifier", CalibratedEnsemble(members, calibration, classes))]
    )
