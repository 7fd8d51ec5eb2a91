"""Fitting many settings on samples of the folds: features shared, in parallel, each measurement kept at once."""

import hashlib
import time
import warnings

import joblib
import numpy as np
from joblib import Parallel, delayed
from sklearn import __version__ as sklearn_version
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from landmark_fer import __version__
from landmark_fer.evaluation.scores import class_columns, log_loss
from landmark_fer.evaluation.search_log import Measurement, pool
from landmark_fer.evaluation.search_plan import FEATURES
from landmark_fer.evaluation.validation import sample_rows
from landmark_fer.models.contract import fit_predictor, predict_in_order
from landmark_fer.workers import ending_with_this


class FoldFits:
    """The faces in their folds, and what settings were measured to do on them.

    Parameters
    ----------
    records : ndarray of shape (n,)
    expressions : ndarray of shape (n,), str
    classes : sequence of str
    votes : ndarray of shape (n, m) or None
    folds : list of (ndarray, ndarray)
    random_state : int
    limit : TimeLimit
        Is told every time.
    log : MeasurementLog
        Is asked before and told after every fit.
    """

    def __init__(self, records, expressions, classes, votes, folds, *, random_state, limit, log):
        self.records, self.expressions, self.classes, self.votes = records, expressions, classes, votes
        self.folds = folds
        self.random_state, self.limit, self.log = random_state, limit, log
        decides = (records, expressions, list(classes), votes, folds, random_state, __version__, sklearn_version)
        self._data = joblib.hash(decides, coerce_mmap=True)
        self._rows, self._described = {}, {}

    def missing(self, setting, rung):
        """Return the numbers of the folds of a rung on which a setting was not measured yet."""
        return [fold for fold in range(rung.n_folds) if self.log.get(self._key(setting, rung, fold)) is None]

    def result(self, setting, rung):
        """Return what a setting did on a rung, a Measurement; None if a fold is missing."""
        parts = [self.log.get(self._key(setting, rung, fold)) for fold in range(rung.n_folds)]
        return None if None in parts else pool(parts)

    def cost(self, setting, rung):
        """Return the seconds expected of one fit (None if unknown), of all that are missing, and of the features."""
        missing = self.missing(setting, rung)
        one = self.limit.expect(setting.name, fitted_faces(setting, rung))
        new = [fold for fold in missing if (rung, fold, setting.features) not in self._described]
        features = self.limit.expect(FEATURES, rung.faces) or 0.0
        return one, len(missing) * (one or 0.0), len(new) * features

    def measure(self, settings, rung):
        """Fit settings on what is missing of a rung; yield once for each fit that is done."""
        self._note_known(settings, rung)
        todo = [(setting, fold) for setting in settings for fold in self.missing(setting, rung)]
        self._describe(todo, rung)
        tasks = (
            delayed(_answer)(
                place,
                clone(setting.candidate.pipeline[1:]),
                *self._described[rung, fold, setting.features],
                self._sample(setting, rung, fold),
                self.expressions[self._training(rung, fold)],
                None if self.votes is None else self.votes[self._training(rung, fold)],
                self.expressions[self.folds[fold][1]],
                self.classes,
            )
            for place, (setting, fold) in enumerate(todo)
        )
        for place, measurement in self._in_parallel(tasks):
            setting, fold = todo[place]
            faces = fitted_faces(setting, rung)
            about = {"model": setting.name, "parameters": setting.values, "faces": faces, "fold": fold}
            self.log.add(self._key(setting, rung, fold), measurement, **about)
            self.limit.note(setting.name, faces, measurement.seconds)
            yield setting

    def forget(self, rung, later):
        """Drop the features that none of the settings still to come on this rung needs."""
        needed = {setting.features for setting in later}
        self._described = {at: kept for at, kept in self._described.items() if at[0] == rung and at[2] in needed}

    def _note_known(self, settings, rung):
        """Tell the limit of time what an earlier run took."""
        for setting in settings:
            for fold in range(rung.n_folds):
                if known := self.log.get(self._key(setting, rung, fold)):
                    self.limit.note(setting.name, fitted_faces(setting, rung), known.seconds)

    def _describe(self, todo, rung):
        steps = {(rung, fold, setting.features): setting.candidate.pipeline[0] for setting, fold in todo}
        tasks = (
            delayed(_describe)(
                at, clone(step), self.records, self.expressions, self._training(*at[:2]), self.folds[at[1]][1]
            )
            for at, step in steps.items()
            if at not in self._described
        )
        for at, described, seconds in self._in_parallel(tasks):
            self._described[at] = described
            self.limit.note(FEATURES, rung.faces, seconds)

    def _training(self, rung, fold):
        """Return the training faces of a fold that a rung takes."""
        if (rung, fold) not in self._rows:
            training = self.folds[fold][0]
            chosen = sample_rows(self.expressions[training], rung.size, self.random_state)
            self._rows[rung, fold] = training[chosen]
        return self._rows[rung, fold]

    def _sample(self, setting, rung, fold):
        """Return which of those a setting is fitted on."""
        expressions = self.expressions[self._training(rung, fold)]
        return sample_rows(expressions, setting.candidate.fold_sample, self.random_state)

    def _key(self, setting, rung, fold):
        decides = (self._data, setting.key, rung.size, fold, setting.candidate.fold_sample)
        return hashlib.sha256(repr(decides).encode()).hexdigest()[:32]

    def _in_parallel(self, tasks):
        return Parallel(n_jobs=self.limit.jobs, return_as="generator_unordered", **ending_with_this())(tasks)


def fitted_faces(setting, rung):
    """Return how many faces a setting is fitted on at most in a fold of a rung."""
    return min(rung.faces, setting.candidate.fold_sample or rung.faces)


def _describe(at, features, records, expressions, training, test):
    """Return the place, the features of training and test faces, and the seconds that they took."""
    start = time.perf_counter()
    with threadpool_limits(1):
        described = features.fit_transform(records[training], expressions[training]), features.transform(records[test])
    return at, described, time.perf_counter() - start


def _answer(place, head, of_training, of_test, chosen, expressions, votes, truth, classes):
    """Return the place and what a model, fitted on the chosen rows, answers to the test faces."""
    start = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            fit_predictor(head, of_training[chosen], expressions[chosen], None if votes is None else votes[chosen])
            probabilities = predict_in_order(head, of_test, classes)
        except (ValueError, ArithmeticError) as error:  # parameters that a draw may well give; the search goes on
            return place, Measurement(seconds=time.perf_counter() - start, problem=_first_line(error))
    seconds = time.perf_counter() - start
    if not np.isfinite(probabilities).all():
        return place, Measurement(seconds=seconds, problem="its probabilities are not finite")
    columns = class_columns(truth, classes)
    right = int((probabilities.argmax(axis=1) == columns).sum())
    return place, Measurement(right, len(truth), log_loss(probabilities, columns), seconds)


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
