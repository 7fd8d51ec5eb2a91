"""Hyperparameter search with Optuna: settings of each candidate, pruned after each fold, within a time limit."""

import time
import warnings
from dataclasses import dataclass
from math import isfinite

import joblib
import numpy as np
from joblib import Parallel, delayed
from sklearn import __version__ as sklearn_version
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from landmark_fer import __version__
from landmark_fer.core.errors import InputError, first_line
from landmark_fer.core.workers import end_with_parent
from landmark_fer.evaluation.comparison import CHOSEN_BY
from landmark_fer.evaluation.cross_validation import make_folds, sample_rows, sample_training
from landmark_fer.evaluation.scores import class_columns, log_loss, wilson_interval
from landmark_fer.evaluation.search_study import (
    COMPLETE,
    FAILED,
    PRUNED,
    UNFINISHED,
    UNSEARCHED,
    CandidateStudy,
    Measurement,
    open_storage,
)
from landmark_fer.evaluation.tables import format_parameters
from landmark_fer.models.base import fit_predictor, predict_in_order

N_SETTINGS = 24
"""Number of settings of each candidate. A smaller grid is tried completely."""


@dataclass(frozen=True, eq=False)
class SearchOutcome:
    """Result of a hyperparameter search.

    Attributes
    ----------
    rows : list of dict
        One row for each setting, grouped by candidate, the best first: ``name, parameters, state, folds, accuracy,
        accuracy_interval, log_loss, seconds, default, chosen, problem``. The scores are those on the first `folds`
        folds, None where there are none. Plain values for JSON.
    best : dict of str to Candidate
        Each candidate with the chosen parameters and an empty grid.
    text : str
        A summary in sentences.
    """

    rows: list
    best: dict
    text: str


def search_candidates(
    candidates,
    records,
    expressions,
    groups,
    classes,
    *,
    votes=None,
    minutes=None,
    n_folds=5,
    folds=None,
    jobs=1,
    random_state=0,
    bar=True,
    state=None,
    n_settings=N_SETTINGS,
):
    """Search parameters for every candidate with Optuna's TPE sampler [1]_ and its median pruner.

    The default setting is measured first, on all folds. Every other setting is fitted on one fold after the other and
    pruned when its accuracy so far is below the median of the completed settings. The setting with the best accuracy
    on all folds is chosen. The default is among them, so the choice is never worse than the default on these folds.
    Folds keep near-duplicates and subjects together.

    The accuracy of the chosen setting is optimistic, because the same folds select and score it. The best of k equally
    good settings is by chance up to one or two standard errors too high (0.3 points each for 25,000 faces), and less
    the more their predictions agree. The test faces of the data set are not used.

    Parameters
    ----------
    candidates : dict of str to Candidate
        Grids map parameters of the pipelines to lists of values. A candidate with an empty grid is not fitted.
    records : ndarray of shape (n,)
        Face records.
    expressions : ndarray of shape (n,), str
    groups : ndarray of shape (n,)
        As for `make_folds`.
    classes : sequence of str
    votes : ndarray of shape (n, m), optional
        As for `fit_predictor`.
    minutes : float, optional
        Time limit for all candidates together. No fit starts after it; the settings measured by then are compared.
    n_folds : int, default=5
    folds : list of (ndarray, ndarray), optional
        Folds to use instead of making `n_folds`.
    jobs : int, default=1
        Number of parallel fits, each on one thread. The result does not depend on it.
    random_state : int, default=0
        Seed of the folds, of the sampler and of the samples of candidates with `fold_sample`.
    bar : bool, default=True
        Whether to show a progress bar on standard error.
    state : path-like, optional
        Journal file of Optuna with all measurements. A stopped search resumes from it with the same result.
    n_settings : int, default=24
        Number of different settings of each candidate, including the default.

    Returns
    -------
    SearchOutcome

    Raises
    ------
    DependencyError
        If Optuna is not installed.
    InputError
        If there is no candidate, a grid names an unknown parameter, a number is out of range or `state` is damaged.
    DataError
        If there are too few faces for the folds, or no setting of a candidate can be fitted on all folds.
    SinkError
        If `state` cannot be written.

    References
    ----------
    .. [1] Akiba et al., Optuna: A Next-generation Hyperparameter Optimization Framework, KDD 2019.
    """
    check_minutes(minutes)
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    if not candidates:
        raise InputError("a search needs at least one candidate, got none")
    if n_settings < 1:
        raise InputError(f"the settings of each candidate must be 1 or more, got {n_settings}")
    if folds is None:
        folds = make_folds(expressions, groups, n_folds=n_folds, random_state=random_state)
    folds = [
        (sample_training(candidates.values(), expressions, training, random_state), test) for training, test in folds
    ]
    data = records, expressions, list(classes), votes, folds
    key = joblib.hash((data, random_state, __version__, sklearn_version), coerce_mmap=True)
    fits = _FoldFits(*data, jobs=jobs, random_state=random_state, deadline=deadline)
    storage = open_storage(state)
    studies = [
        CandidateStudy(
            storage,
            name,
            candidate,
            key,
            n_folds=len(folds),
            n_settings=n_settings,
            random_state=random_state,
        )
        for name, candidate in candidates.items()
    ]
    searched = [study for study in studies if study.is_searched]
    with tqdm(desc="search", unit="setting", disable=not bar) as progress:
        progress.total = sum(study.n_settings for study in searched)
        progress.update(sum(study.n_finished for study in searched))
        while batch := [(study, trial) for study in searched for trial in study.ask()]:
            _run_batch(batch, fits, len(folds))
            progress.update(sum(study.n_finished for study in searched) - progress.n)
    rows, best = [], {}
    for study in studies:
        settings, chosen = study.finish()
        rows += sorted((_row(study.name, setting, setting is chosen) for setting in settings), key=_rank)
        best[study.name] = study.candidate_with(chosen)
    timed_out = [study.name for study in studies if study.timed_out]
    return SearchOutcome(rows, best, _describe(rows, len(folds), timed_out, minutes))


def check_minutes(minutes):
    """Raise InputError if a time limit is not a positive number; None is no limit."""
    if minutes is not None and not (isfinite(minutes) and minutes > 0):
        raise InputError(f"minutes must be a positive number, got {minutes}; leave it out for no limit")


def _run_batch(batch, fits, n_folds):
    """Measure trials on one fold after the other, drop those that are pruned, then report them to their studies."""
    are_defaults = not any(study.n_finished for study, _ in batch)  # never pruned: measure all folds at once
    remaining = batch
    for folds in [range(n_folds)] if are_defaults else [[fold] for fold in range(n_folds)]:
        fits.measure(remaining, folds)
        remaining = [(study, trial) for study, trial in remaining if study.should_continue(trial, folds)]
    for study in {id(study): study for study, _ in batch}.values():
        if not study.timed_out:
            study.tell([trial for owner, trial in batch if owner is study])


class _FoldFits:
    """Fits settings on folds, in parallel and within the time limit; equal features are computed once per fold.

    Parameters
    ----------
    records : ndarray of shape (n,)
    expressions : ndarray of shape (n,), str
    classes : sequence of str
    votes : ndarray of shape (n, m) or None
    folds : list of (ndarray, ndarray)
    jobs, random_state : int
    deadline : float or None
        In seconds of `time.monotonic`.
    """

    def __init__(self, records, expressions, classes, votes, folds, *, jobs, random_state, deadline):
        self._records, self._expressions, self._classes, self._votes = records, expressions, classes, votes
        self._folds, self._jobs, self._random_state, self._deadline = folds, jobs, random_state, deadline
        self._features = {}

    def measure(self, trials, folds):
        """Fit the trials on the folds that have no measurement of their settings yet, as far as time allows."""
        missing = {}
        for study, trial in trials:
            setting = study.setting_of(trial.params)
            for fold in folds:
                if fold not in setting.folds and not setting.problem:
                    missing.setdefault((id(setting), fold), (study, trial, fold, study.pipeline_of(setting)))
        missing = list(missing.values())
        keys = [(fold, joblib.hash(pipeline[0])) for *_, fold, pipeline in missing]
        self._compute_features({key: pipeline[0] for key, (*_, pipeline) in zip(keys, missing, strict=True)})
        for index, measurement in self._in_parallel(self._tasks(missing, keys)):
            study, trial, fold, _ = missing[index]
            study.record(trial, fold, measurement)

    def _tasks(self, missing, keys):
        for index, ((study, _, fold, pipeline), key) in enumerate(zip(missing, keys, strict=True)):
            if key not in self._features or self._time_is_up():
                continue
            training, test = self._folds[fold]
            sample = sample_rows(self._expressions[training], study.candidate.fold_sample, self._random_state)
            rows = training[sample]
            X_training, X_test = self._features[key]
            yield delayed(_measure)(
                index,
                pipeline[1:],
                X_training,
                X_test,
                sample,
                self._expressions[rows],
                None if self._votes is None else self._votes[rows],
                self._expressions[test],
                self._classes,
            )

    def _compute_features(self, transformers):
        tasks = (
            delayed(_transform)(key, transformer, self._records, self._expressions, *self._folds[key[0]])
            for key, transformer in transformers.items()
            if key not in self._features and not self._time_is_up()
        )
        self._features |= dict(self._in_parallel(tasks))

    def _time_is_up(self):
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _in_parallel(self, tasks):
        return Parallel(n_jobs=self._jobs, return_as="generator_unordered", **end_with_parent())(tasks)


def _transform(key, transformer, records, expressions, training, test):
    """Return the key and the features of training and test faces."""
    with threadpool_limits(1):
        X_training = transformer.fit_transform(records[training], expressions[training])
        return key, (X_training, transformer.transform(records[test]))


def _measure(index, classifier, X_training, X_test, sample, y, votes, truth, classes):
    """Return the index and the scores of a classifier that is fitted on a sample of the training faces."""
    start = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            fit_predictor(classifier, X_training[sample], y, votes)
            probabilities = predict_in_order(classifier, X_test, classes)
        except (ValueError, ArithmeticError) as error:  # a grid may combine incompatible values; the search continues
            return index, Measurement(seconds=time.perf_counter() - start, problem=first_line(error))
    seconds = time.perf_counter() - start
    if not np.isfinite(probabilities).all():
        return index, Measurement(seconds=seconds, problem="its probabilities are not finite")
    columns = class_columns(truth, classes)
    right = int((probabilities.argmax(axis=1) == columns).sum())
    return index, Measurement(right, len(truth), log_loss(probabilities, columns), seconds)


def _row(name, setting, chosen):
    measurements = setting.folds.values()
    has_scores = bool(measurements) and not setting.problem
    right, n = sum(each.right for each in measurements), sum(each.n for each in measurements)
    return {
        "name": name,
        "parameters": {parameter: _plain(value) for parameter, value in setting.parameters.items()},
        "state": setting.state,
        "folds": len(measurements),
        "accuracy": setting.accuracy() if has_scores else None,
        "accuracy_interval": wilson_interval(right, n) if has_scores else None,
        "log_loss": setting.log_loss if has_scores else None,
        "seconds": sum(each.seconds for each in measurements),
        "default": setting.is_default,
        "chosen": chosen,
        "problem": setting.problem,
    }


def _rank(row):
    has_scores = row[CHOSEN_BY] is not None
    return not has_scores, -row["folds"], -row[CHOSEN_BY] if has_scores else 0, row["log_loss"] if has_scores else 0


def _plain(value):
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _describe(rows, n_folds, timed_out, minutes):
    """Return the text of `SearchOutcome`."""
    by_name = {}
    for row in rows:
        if row["state"] != UNSEARCHED:
            by_name.setdefault(row["name"], []).append(row)
    if not by_name:
        return "No model has a grid, so there was nothing to search."
    counts = ", ".join(f"{len(settings)} of {name}" for name, settings in by_name.items())
    states = [row["state"] for settings in by_name.values() for row in settings]
    sentences = [
        f"Optuna tried {len(states)} settings ({counts}) on {n_folds} folds: {states.count(COMPLETE)} were measured on "
        f"all folds, {states.count(PRUNED)} pruned before the last"
        + (f", {states.count(FAILED)} could not be fitted" if FAILED in states else "")
        + (f", {states.count(UNFINISHED)} ran out of time" if UNFINISHED in states else "")
        + "."
    ]
    sentences += [_describe_gain(name, settings) for name, settings in by_name.items()]
    sentences.append("The accuracy of a chosen setting is slightly optimistic, since the same folds chose it.")
    if timed_out:
        names = ", ".join(timed_out)
        sentences.append(
            f"The limit of {minutes:g} minutes ended the search of {names} early; the same command resumes it."
        )
    return " ".join(sentences)


def _describe_gain(name, rows):
    chosen = next(row for row in rows if row["chosen"])
    if chosen["default"]:
        return f"{name} keeps its defaults."
    default = next((row for row in rows if row["default"] and row["state"] == COMPLETE), None)
    values = ", ".join(format_parameters(chosen["parameters"]))
    gain = f", {100 * default[CHOSEN_BY]:.1f} % with the defaults" if default else "; the defaults could not be fitted"
    return f"{name}: {100 * chosen[CHOSEN_BY]:.1f} % with {values}{gain}."
