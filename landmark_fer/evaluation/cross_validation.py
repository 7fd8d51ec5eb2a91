"""Grouped, stratified cross-validation of several candidates on the same folds."""

import time
from dataclasses import dataclass

import joblib
import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from tqdm import tqdm

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.workers import end_with_parent
from landmark_fer.models.base import fit_predictor, predict_in_order


def make_folds(expressions, groups, *, n_folds=5, random_state=0):
    """Return stratified folds that keep each group on one side, as a list of (training, test) index arrays.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    groups : ndarray of shape (n,)
        Near-duplicates, and images of one subject, share a group.
    n_folds : int, default=5
    random_state : int, default=0

    Raises
    ------
    InputError
        If `n_folds` is less than 2.
    DataError
        If there is only one class, or a class has faces in fewer groups than there are folds.
    """
    if n_folds < 2:
        raise InputError(f"folds must be 2 or more, got {n_folds}")
    classes = np.unique(expressions)
    if len(classes) < 2:
        raise DataError(f"a model needs faces of at least 2 expressions, got {', '.join(map(str, classes)) or 'none'}")
    n_unrelated = {name: len(np.unique(groups[expressions == name])) for name in classes}
    rarest = min(n_unrelated, key=n_unrelated.get)
    if n_unrelated[rarest] < n_folds:
        n, count = n_unrelated[rarest], int((expressions == rarest).sum())
        remedy = f"add faces or use --folds {n}" if n > 1 else "add faces of other people or moments"
        raise DataError(
            f"each expression needs at least as many unrelated faces as folds ({n_folds}), {rarest} has {n} "
            f"(of {count}; frames of one video and shots of one moment count as one); {remedy}"
        )
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
    return list(splitter.split(np.zeros(len(expressions)), expressions, groups))


@dataclass
class CandidateResult:
    """Cross-validated predictions and timings of one candidate.

    Attributes
    ----------
    probabilities : ndarray of shape (n, k)
        Out-of-fold, columns in the order of the classes.
    fit_s : list of float
        Seconds to fit in each fold, shared features included.
    ms_per_face : float
        Mean time of features and model in batches.
    """

    probabilities: np.ndarray
    fit_s: list
    ms_per_face: float


def cross_validate_candidates(
    candidates, records, expressions, folds, classes, *, votes=None, jobs=1, random_state=0, bar=True
):
    """Fit every candidate on every fold and return its out-of-fold probabilities.

    Candidates with an equal first step (``features``) share it: it is fitted once in each fold.

    Parameters
    ----------
    candidates : dict of str to Candidate
    records : ndarray of shape (n,)
        Face records. Worker processes do not copy memory-mapped records.
    expressions : ndarray of shape (n,), str
    folds : list of (ndarray, ndarray)
    classes : sequence of str
        Order of the columns.
    votes : ndarray of shape (n, m), optional
        As for `fit_predictor`.
    jobs : int, default=1
        Number of folds in parallel.
    random_state : int, default=0
        Seed of the samples of candidates with `fold_sample`.
    bar : bool, default=True
        Whether to show a progress bar on standard error.

    Returns
    -------
    dict of str to CandidateResult
    """
    shape = (len(expressions), len(classes))
    results = {name: CandidateResult(np.zeros(shape), [], 0.0) for name in candidates}
    tasks = (
        delayed(_run_fold)(candidates, records, expressions, training, test, classes, votes, random_state)
        for training, test in folds
    )
    outcomes = Parallel(n_jobs=min(jobs, len(folds)), return_as="generator", **end_with_parent())(tasks)
    for (_, test), outcome in zip(folds, tqdm(outcomes, "folds", len(folds), disable=not bar), strict=True):
        for name, (probabilities, fit_s, ms_per_face) in outcome.items():
            results[name].probabilities[test] = probabilities
            results[name].fit_s.append(fit_s)
            results[name].ms_per_face += ms_per_face / len(folds)
    return results


def sample_rows(expressions, size, random_state):
    """Return the sorted indices of a stratified sample; all indices if `size` is None or not smaller."""
    n = len(expressions)
    if size is None or size >= n:
        return np.arange(n)
    splitter = StratifiedShuffleSplit(1, train_size=size, random_state=random_state)
    return np.sort(next(splitter.split(np.zeros(n), expressions))[0])


def sample_training(candidates, expressions, training, random_state):
    """Return the rows of a fold's training side from which all candidates draw their `fold_sample`."""
    largest = max(candidate.fold_sample or len(training) for candidate in candidates)
    return training[sample_rows(expressions[training], largest, random_state)]


def _run_fold(candidates, records, expressions, training, test, classes, votes, random_state):
    """Return for each candidate the test probabilities, the seconds to fit and the milliseconds per face."""
    training = sample_training(candidates.values(), expressions, training, random_state)
    features, outcome = {}, {}
    for name, candidate in candidates.items():
        transformer, classifier = candidate.pipeline[0], clone(candidate.pipeline[1:])
        if (key := joblib.hash(transformer)) not in features:
            features[key] = _transform(clone(transformer), records, expressions, training, test)
        X_training, X_test, transform_s, transform_ms = features[key]
        sample = sample_rows(expressions[training], candidate.fold_sample, random_state)
        rows = training[sample]
        start = time.perf_counter()
        fit_predictor(classifier, X_training[sample], expressions[rows], None if votes is None else votes[rows])
        fit_s = time.perf_counter() - start + transform_s
        start = time.perf_counter()
        probabilities = predict_in_order(classifier, X_test, classes)
        ms_per_face = (time.perf_counter() - start) / len(test) * 1000 + transform_ms
        outcome[name] = probabilities, fit_s, ms_per_face
    return outcome


def _transform(transformer, records, expressions, training, test):
    start = time.perf_counter()
    X_training = transformer.fit_transform(records[training], expressions[training])
    fitted = time.perf_counter()
    X_test = transformer.transform(records[test])
    return X_training, X_test, fitted - start, (time.perf_counter() - fitted) / len(test) * 1000
