"""Cross-validation that no near-duplicate and no subject can cheat: folds, and every candidate on the same ones."""

import time
from dataclasses import dataclass

import joblib
import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from tqdm import tqdm

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.workers import ending_with_this
from landmark_fer.models.base import fit_predictor, predict_in_order


def make_folds(expressions, groups, *, n_folds=5, random_state=0):
    """Return stratified folds that keep each group together, as a list of (training, test) index arrays.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    groups : ndarray of shape (n,)
        Faces with the same group (near-duplicates, or the same subject) are never on both sides.
    n_folds : int, default=5
    random_state : int, default=0

    Raises
    ------
    InputError
        If `n_folds` is less than 2.
    DataError
        If a class has fewer faces than there are folds, or all its faces are in fewer groups.
    """
    if n_folds < 2:
        raise InputError(f"folds must be 2 or more, got {n_folds}")
    classes = np.unique(expressions)
    if len(classes) < 2:
        raise DataError(f"a model needs faces of at least 2 expressions, got {', '.join(map(str, classes)) or 'none'}")
    unrelated = {name: len(np.unique(groups[expressions == name])) for name in classes}
    rarest = min(unrelated, key=unrelated.get)
    if unrelated[rarest] < n_folds:
        n, count = unrelated[rarest], int((expressions == rarest).sum())
        mend = f"add faces or use --folds {n}" if n > 1 else "add faces of other people or moments"
        raise DataError(
            f"each expression needs at least as many unrelated faces as folds ({n_folds}), {rarest} has {n} "
            f"(of {count}; frames of one video and shots of one moment count as one); {mend}"
        )
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
    return list(splitter.split(np.zeros(len(expressions)), expressions, groups))


@dataclass
class CandidateResult:
    """What cross-validation saw of one candidate.

    Attributes
    ----------
    probabilities : ndarray of shape (n, k)
        Out-of-fold, columns in the order of the classes given.
    fit_s : list of float
        Seconds of each fold's fit, shared features included.
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

    Candidates whose first step (``features``) is the same share it within a fold: it is fitted once.

    Parameters
    ----------
    candidates : dict of str to Candidate
    records : ndarray of shape (n,)
        Face records; memory-mapped ones are not copied to the workers.
    expressions : ndarray of shape (n,), str
    folds : list of (ndarray, ndarray)
    classes : sequence of str
        Order of the columns.
    votes : ndarray of shape (n, m), optional
        For candidates that learn from them, as `fit_predictor`.
    jobs : int, default=1
        Folds at the same time.
    random_state : int, default=0
        Draws the samples of candidates with `fold_sample`.
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
    done = Parallel(n_jobs=min(jobs, len(folds)), return_as="generator", **ending_with_this())(tasks)
    for (_, test), outcome in zip(folds, tqdm(done, "folds", len(folds), disable=not bar), strict=True):
        for name, (probabilities, fit_s, ms_per_face) in outcome.items():
            results[name].probabilities[test] = probabilities
            results[name].fit_s.append(fit_s)
            results[name].ms_per_face += ms_per_face / len(folds)
    return results


def _run_fold(candidates, records, expressions, training, test, classes, votes, random_state):
    """Return for each candidate the test probabilities, the seconds to fit and the milliseconds per face."""
    most = max(candidate.fold_sample or len(training) for candidate in candidates.values())
    training = training[sample_rows(expressions[training], most, random_state)]
    features, outcome = {}, {}
    for name, candidate in candidates.items():
        described, head = candidate.pipeline[0], clone(candidate.pipeline[1:])
        if (key := joblib.hash(described)) not in features:
            features[key] = _describe(clone(described), records, expressions, training, test)
        of_training, of_test, describe_s, describe_ms = features[key]
        chosen = sample_rows(expressions[training], candidate.fold_sample, random_state)
        rows = training[chosen]
        start = time.perf_counter()
        fit_predictor(head, of_training[chosen], expressions[rows], None if votes is None else votes[rows])
        fit_s = time.perf_counter() - start + describe_s
        start = time.perf_counter()
        probabilities = predict_in_order(head, of_test, classes)
        ms_per_face = (time.perf_counter() - start) / len(test) * 1000 + describe_ms
        outcome[name] = probabilities, fit_s, ms_per_face
    return outcome


def _describe(features, records, expressions, training, test):
    start = time.perf_counter()
    of_training = features.fit_transform(records[training], expressions[training])
    fitted = time.perf_counter()
    of_test = features.transform(records[test])
    return of_training, of_test, fitted - start, (time.perf_counter() - fitted) / len(test) * 1000


def sample_rows(expressions, size, random_state):
    """Return the indices of a stratified sample, sorted; all of them where `size` is None or not smaller."""
    n = len(expressions)
    if size is None or size >= n:
        return np.arange(n)
    splitter = StratifiedShuffleSplit(1, train_size=size, random_state=random_state)
    return np.sort(next(splitter.split(np.zeros(n), expressions))[0])
