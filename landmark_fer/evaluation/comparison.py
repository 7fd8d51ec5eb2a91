"""Comparison of candidates by cross-validation, and ensembles of the best."""

from dataclasses import replace

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.validation import CandidateResult
from landmark_fer.models.calibration import ENSEMBLE, CalibratedEnsemble
from landmark_fer.models.calibration_fitting import fit_calibration
from landmark_fer.models.candidates import ensemble_members

CHOSEN_BY = "accuracy"


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
        ``name, macro_f1, balanced_accuracy, accuracy, accuracy_interval, log_loss, ece, fit_s, ms_per_face,
        confusion``; `fit_s` is the mean over folds.
    """
    rows = []
    for name, result in results.items():
        scores = score(expressions, result.probabilities, classes)
        kept = ("macro_f1", "balanced_accuracy", "accuracy", "accuracy_interval", "log_loss", "ece", "confusion")
        rows.append(
            {
                "name": name,
                **{key: scores[key] for key in kept},
                "fit_s": sum(result.fit_s) / len(result.fit_s),
                "ms_per_face": result.ms_per_face,
            }
        )
    return sorted(rows, key=lambda row: -row[CHOSEN_BY])


def choose(rows, name=None):
    """Return the name of the best candidate, or of the one asked for, and the reason as a sentence.

    Accuracy on faces without a near-duplicate in training decides, since that is what a person in front of a camera
    gets.
    """
    best = rows[0]
    if name is not None and name != best["name"]:
        asked = next((row for row in rows if row["name"] == name), None)
        if asked is None:
            raise InputError(
                f"the model to choose must be among {', '.join(row['name'] for row in rows)}, got {name!r}"
            )
        accuracies = f"{100 * asked[CHOSEN_BY]:.1f} % out of fold, {best['name']} {100 * best[CHOSEN_BY]:.1f} %"
        return name, f"{name} was asked for; it has {accuracies}."
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


def format_table(rows):
    """Return comparison rows as a plain-text table."""
    headings = ("model", "macro-F1", "balanced", "accuracy", "95 % interval", "log loss", "fit s", "ms/face")
    cells = [
        (
            row["name"],
            f"{100 * row['macro_f1']:.1f}",
            f"{100 * row['balanced_accuracy']:.1f}",
            f"{100 * row['accuracy']:.1f}",
            "{:.1f} - {:.1f}".format(*(100 * end for end in row["accuracy_interval"])),
            f"{row['log_loss']:.3f}",
            f"{row['fit_s']:.1f}",
            f"{row['ms_per_face']:.3f}",
        )
        for row in rows
    ]
    return align_columns([headings, *cells])


def align_columns(rows):
    """Return rows of text with their columns aligned: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(lines)


def format_confusion(confusion, classes):
    """Return a confusion matrix as a plain-text table: rows are labels, columns answers, in per cent of the row."""
    rows = [("label \\ answer", *classes)]
    for name, counts in zip(classes, confusion, strict=True):
        total = max(sum(counts), 1)
        rows.append((name, *(f"{100 * count / total:.0f}" for count in counts)))
    return align_columns(rows)


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
