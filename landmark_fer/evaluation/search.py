"""Hyperparameter search with Optuna: every candidate's grid, pruned fold after fold, within a limit of time."""

import time
import warnings
from math import isfinite

import joblib
import numpy as np
from joblib import Parallel, delayed
from sklearn import __version__ as sklearn_version
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from landmark_fer import __version__
from landmark_fer.core.errors import InputError
from landmark_fer.core.workers import ending_with_this
from landmark_fer.evaluation.scores import class_columns, log_loss
from landmark_fer.evaluation.search_report import Measurement, SearchOutcome, describe_search, search_rows
from landmark_fer.evaluation.search_study import CandidateStudy, open_storage
from landmark_fer.evaluation.validation import make_folds, sample_rows
from landmark_fer.models.base import fit_predictor, predict_in_order

N_SETTINGS = 24
"""Settings tried of each candidate; a grid with fewer combinations is tried whole."""


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
    """Find good parameters for every candidate with Optuna's TPE sampler [1]_ and its median pruner.

    The default setting is measured first and on all folds. Every other setting is fitted fold after fold; it is pruned
    as soon as its accuracy on the folds so far is below the median of the settings that went through all folds. The
    setting with the best accuracy on all folds is chosen, the default included, so the choice is never worse than the
    default on these folds. Near-duplicates and subjects stay on one side of a fold.

    The accuracy of the chosen setting is optimistic, because the folds that chose it also score it: the best of k
    settings that are equally good is by chance up to one or two standard errors too high (0.3 points each for 25,000
    faces), and less the more their predictions agree. The test faces of the data set take no part.

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
        Limit for all candidates together: no fit begins later. What was measured by then decides.
    n_folds : int, default=5
    folds : list of (ndarray, ndarray), optional
        Existing folds, used instead of making `n_folds`.
    jobs : int, default=1
        Fits at the same time, each on one thread; the result does not depend on it.
    random_state : int, default=0
        Seed of the folds, of the sampler and of the samples of candidates with `fold_sample`.
    bar : bool, default=True
        Whether to show a progress bar on standard error.
    state : path-like, optional
        Journal file of Optuna that keeps every measurement; a search that was stopped resumes from there and ends as if
        it had not been stopped.
    n_settings : int, default=24
        Different settings of each candidate, the default included.

    Returns
    -------
    SearchOutcome

    Raises
    ------
    DependencyError
        If Optuna is not installed.
    InputError
        If there is no candidate, a grid names an unknown parameter, a number is out of its range or `state` is damaged.
    DataError
        If the faces do not make the folds, or no setting of a candidate can be fitted on all folds.
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
    folds = _thin_folds(candidates, expressions, folds, random_state)
    faces = records, expressions, list(classes), votes, folds
    key = joblib.hash((faces, random_state, __version__, sklearn_version), coerce_mmap=True)
    fits = _FoldFits(*faces, jobs=jobs, random_state=random_state, deadline=deadline)
    options = {"n_folds": len(folds), "n_settings": n_settings, "random_state": random_state}
    storage = open_storage(state)
    studies = [CandidateStudy(storage, name, each, key, **options) for name, each in candidates.items()]
    searched = [study for study in studies if study.is_searched]
    with tqdm(desc="search", unit="setting", disable=not bar) as progress:
        progress.total = sum(study.n_settings for study in searched)
        progress.update(sum(study.n_told for study in searched))
        while wave := [(study, trial) for study in searched for trial in study.ask()]:
            _run_wave(wave, fits, len(folds))
            progress.update(sum(study.n_told for study in searched) - progress.n)
    rows, best = [], {}
    for study in studies:
        settings, chosen = study.finish()
        rows += search_rows(study.name, settings, chosen)
        best[study.name] = study.best_candidate(chosen)
    cut = [study.name for study in studies if study.is_cut]
    return SearchOutcome(rows, best, describe_search(rows, len(folds), cut=cut, minutes=minutes))


def check_minutes(minutes):
    """Raise InputError if a limit of time is no positive number; None is no limit."""
    if minutes is not None and not (isfinite(minutes) and minutes > 0):
        raise InputError(f"minutes must be a positive number, got {minutes}; leave it out for no limit")


def _thin_folds(candidates, expressions, folds, random_state):
    """Return the folds with the training faces that some candidate is fitted on, as in cross-validation."""
    most = max(candidate.fold_sample or len(expressions) for candidate in candidates.values())
    return [
        (training[sample_rows(expressions[training], min(most, len(training)), random_state)], test)
        for training, test in folds
    ]


def _run_wave(wave, fits, n_folds):
    """Measure trials fold after fold, without those that are pruned on the way; then tell their studies."""
    first = not any(study.n_told for study, _ in wave)  # the defaults, which nothing prunes
    going = wave
    for folds in [range(n_folds)] if first else [[fold] for fold in range(n_folds)]:
        fits.measure(going, folds)
        going = [(study, trial) for study, trial in going if study.goes_on(trial, folds)]
    for study in {id(study): study for study, _ in wave}.values():
        if not study.is_cut:
            study.tell([trial for owner, trial in wave if owner is study])


class _FoldFits:
    """Fits settings on folds, in parallel and within the limit of time; equal features are computed once a fold.

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
        """Fit the trials on those of the folds that their settings lack, as far as time allows."""
        lacking = {}
        for study, trial in trials:
            setting = study.setting_of(trial.params)
            for fold in folds:
                if fold not in setting.folds and not setting.problem:
                    lacking.setdefault((id(setting), fold), (study, trial, fold, study.pipeline_of(setting)))
        lacking = [(*each, (each[2], joblib.hash(each[3][0]))) for each in lacking.values()]
        self._compute_features({at: pipeline[0] for *_, pipeline, at in lacking})
        for place, measurement in self._in_parallel(self._tasks(lacking)):
            study, trial, fold, *_ = lacking[place]
            study.keep(trial, fold, measurement)

    def _tasks(self, lacking):
        for place, (study, _, fold, pipeline, at) in enumerate(lacking):
            if at not in self._features or self._time_is_up():
                continue
            training, test = self._folds[fold]
            chosen = sample_rows(self._expressions[training], study.candidate.fold_sample, self._random_state)
            rows = training[chosen]
            yield delayed(_measure)(
                place,
                pipeline[1:],
                *self._features[at],
                chosen,
                self._expressions[rows],
                None if self._votes is None else self._votes[rows],
                self._expressions[test],
                self._classes,
            )

    def _compute_features(self, steps):
        tasks = (
            delayed(_describe)(at, step, self._records, self._expressions, *self._folds[at[0]])
            for at, step in steps.items()
            if at not in self._features and not self._time_is_up()
        )
        self._features |= dict(self._in_parallel(tasks))

    def _time_is_up(self):
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _in_parallel(self, tasks):
        return Parallel(n_jobs=self._jobs, return_as="generator_unordered", **ending_with_this())(tasks)


def _describe(at, features, records, expressions, training, test):
    """Return the key, and the features of training and test faces."""
    with threadpool_limits(1):
        return at, (features.fit_transform(records[training], expressions[training]), features.transform(records[test]))


def _measure(place, head, of_training, of_test, chosen, expressions, votes, truth, classes):
    """Return the place, and what a model fitted on the chosen rows predicts for the test faces."""
    start = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            fit_predictor(head, of_training[chosen], expressions, votes)
            probabilities = predict_in_order(head, of_test, classes)
        except (ValueError, ArithmeticError) as error:  # a grid may hold what does not go together; the search goes on
            problem = (str(error).strip().splitlines() or [type(error).__name__])[0]
            return place, Measurement(seconds=time.perf_counter() - start, problem=problem)
    seconds = time.perf_counter() - start
    if not np.isfinite(probabilities).all():
        return place, Measurement(seconds=seconds, problem="its probabilities are not finite")
    columns = class_columns(truth, classes)
    right = int((probabilities.argmax(axis=1) == columns).sum())
    return place, Measurement(right, len(truth), log_loss(probabilities, columns), seconds)
