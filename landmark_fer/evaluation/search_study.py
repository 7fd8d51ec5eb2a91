"""Optuna study of one candidate: the settings to try, pruning, and the journal that a stopped search resumes from.

Optuna is imported when a search starts; nothing else needs it.
"""

import contextlib
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone

from landmark_fer.core.errors import DataError, InputError, SinkError, plain_reason
from landmark_fer.core.optional_packages import import_optional

COMPLETE, PRUNED, FAILED, UNFINISHED, UNSEARCHED = "complete", "pruned", "failed", "unfinished", "not searched"
"""States of a setting: measured on all folds, pruned, not fitted because of an error, out of time, without a grid."""

_BATCH = 4  # settings drawn and fitted together; the result depends on it, not on the number of jobs
_N_RANDOM = 8  # settings that are drawn at random before the sampler uses the measurements
_MAX_DRAWS = 4  # times the number of settings: stops a sampler that only repeats itself


@dataclass(frozen=True)
class Measurement:
    """Scores of one setting on the test faces of one fold.

    Attributes
    ----------
    right, n : int
        Number of correct predictions, and of faces.
    log_loss : float
        Mean over the faces.
    seconds : float
        To fit and to predict, without the features, which settings share.
    problem : str
        Why the setting could not be fitted; empty if it could.
    """

    right: int = 0
    n: int = 0
    log_loss: float = 0.0
    seconds: float = 0.0
    problem: str = ""


@dataclass(eq=False)
class Setting:
    """One combination of parameters of a candidate, and its measurements.

    Attributes
    ----------
    parameters : dict
        Parameters of the pipeline.
    is_default : bool
        Whether they are the candidate's own values.
    folds : dict of int to Measurement
    state : str
        `COMPLETE`, `PRUNED`, `FAILED`, `UNFINISHED` or `UNSEARCHED`.
    """

    parameters: dict
    is_default: bool
    folds: dict = field(default_factory=dict)
    state: str = UNSEARCHED

    @property
    def problem(self):
        """Why a fold could not be fitted; empty if none failed."""
        return next((each.problem for each in self.folds.values() if each.problem), "")

    def accuracy(self, n_folds=None):
        """Return the accuracy on the test faces of the first `n_folds` folds, by default of all measured folds."""
        parts = [each for fold, each in self.folds.items() if n_folds is None or fold < n_folds]
        return sum(each.right for each in parts) / sum(each.n for each in parts)

    @property
    def log_loss(self):
        """Mean over the test faces of all measured folds."""
        parts = self.folds.values()
        return sum(each.n * each.log_loss for each in parts) / sum(each.n for each in parts)


class CandidateStudy:
    """The Optuna study of one candidate and the settings measured so far.

    The next settings depend on the seed and on the finished trials, not on trials that a stopped search left open. A
    resumed search therefore draws the same settings and takes their measurements from the journal.

    Parameters
    ----------
    storage : optuna.storages.BaseStorage
    name : str
    candidate : Candidate
        Its grid maps parameters of the pipeline to lists of values.
    key : str
        Hash of everything else that a measurement depends on: faces, folds, seed, versions.
    n_folds, n_settings : int
        A grid with at most `n_settings` combinations is tried completely.
    random_state : int

    Attributes
    ----------
    timed_out : bool
        Whether time ran out before the search of the candidate was finished.

    Raises
    ------
    InputError
        If the grid names a parameter that the pipeline does not have.
    """

    def __init__(self, storage, name, candidate, key, *, n_folds, n_settings, random_state):
        self._optuna = import_optuna()
        self.name, self.candidate, self.timed_out = name, candidate, False
        self._n_folds, self._random_state = n_folds, random_state
        defaults = candidate.pipeline.get_params()
        if unknown := [parameter for parameter in candidate.grid if parameter not in defaults]:
            raise InputError(
                f"the grid of {name} must name parameters of its pipeline, got {', '.join(unknown)}; "
                "correct or remove them"
            )
        self._choices = {  # the journal stores text, because JSON has no tuples for layer sizes
            parameter: {str(value): value for value in map(_plain, [defaults[parameter], *values])}
            for parameter, values in sorted(candidate.grid.items())
        }
        distribution = self._optuna.distributions.CategoricalDistribution
        self._space = {parameter: distribution(tuple(values)) for parameter, values in self._choices.items()}
        n_combinations = prod(map(len, self._choices.values()))
        self.n_settings = min(n_settings, n_combinations)
        whole_grid = product(*self._choices.values()) if n_combinations <= n_settings else ()
        self._default = tuple(next(iter(values)) for values in self._choices.values())
        self._planned = list(dict.fromkeys([self._default, *whole_grid]))
        self._settings = {}
        self.setting_of(dict(zip(self._choices, self._default, strict=True)))
        identity = key, candidate.pipeline, candidate.fold_sample, self._choices, n_settings, self._optuna.__version__
        self._study = self._optuna.create_study(
            storage=storage,
            study_name=f"{name}-{joblib.hash(identity)}",
            pruner=self._optuna.pruners.MedianPruner(n_startup_trials=1),
            direction="maximize",
            load_if_exists=True,
        )
        for trial in self._study.trials:  # including open trials of a stopped search, for their measurements
            if trial.user_attrs:
                measurements = {int(fold): Measurement(**values) for fold, values in trial.user_attrs.items()}
                self.setting_of(trial.params).folds |= measurements

    @property
    def is_searched(self):
        """Whether there is more to try than the default."""
        return self.n_settings > 1

    @property
    def n_finished(self):
        """Number of different settings that are complete, pruned or failed."""
        return len({self._key(trial.params) for trial in self._finished_trials()})

    def setting_of(self, params):
        """Return the setting of a trial's parameters."""
        key = self._key(params)
        values = {parameter: self._choices[parameter][text] for parameter, text in params.items()}
        return self._settings.setdefault(key, Setting(values, key == self._default))

    def pipeline_of(self, setting):
        """Return the unfitted pipeline of a setting."""
        return clone(self.candidate.pipeline).set_params(**setting.parameters)

    def ask(self):
        """Return the next trials: first the default alone, then a batch; an empty list when the search is finished."""
        trials = self._finished_trials()
        finished = {self._key(trial.params) for trial in trials}
        is_done = len(finished) >= self.n_settings or len(trials) >= _MAX_DRAWS * self.n_settings
        if self.timed_out or is_done or not self.is_searched:
            return []
        planned = [values for values in self._planned if values not in finished]
        batch = []
        for index in range(min(_BATCH, self.n_settings - len(finished)) if trials else 1):
            if index < len(planned):
                self._study.enqueue_trial(dict(zip(self._choices, planned[index], strict=True)))
            seed = self._random_state + len(trials) + index
            self._study.sampler = self._optuna.samplers.TPESampler(seed=seed, n_startup_trials=_N_RANDOM)
            batch.append(self._study.ask(self._space))
        return batch

    def record(self, trial, fold, measurement):
        """Add a measurement to the trial's setting and to the journal."""
        trial.set_user_attr(str(fold), asdict(measurement))
        self.setting_of(trial.params).folds[fold] = measurement

    def should_continue(self, trial, folds):
        """Report the accuracy after each of these folds; return whether to fit the trial on the next fold."""
        setting = self.setting_of(trial.params)
        if setting.problem:
            return False
        if any(fold not in setting.folds for fold in folds):
            self.timed_out = True
            return False
        for fold in folds:
            trial.report(setting.accuracy(fold + 1), fold)
        return not trial.should_prune()

    def tell(self, trials):
        """Finish trials: complete if measured on all folds, otherwise pruned; failed ones count as pruned."""
        for trial in trials:
            setting = self.setting_of(trial.params)
            if len(setting.folds) == self._n_folds and not setting.problem:
                self._study.tell(trial, setting.accuracy())
            else:
                self._study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)

    def finish(self):
        """Return all settings with their states, and the chosen one.

        Raises
        ------
        DataError
            If settings were tried and none could be fitted.
        """
        finished = {self._key(trial.params) for trial in self._finished_trials()}
        for key, setting in self._settings.items():
            if not self.is_searched:
                setting.state = UNSEARCHED
            elif setting.problem:
                setting.state = FAILED
            elif len(setting.folds) == self._n_folds:
                setting.state = COMPLETE
            else:
                setting.state = PRUNED if key in finished else UNFINISHED
        settings = list(self._settings.values())
        complete = [setting for setting in settings if setting.state == COMPLETE]
        failed = [setting for setting in settings if setting.state == FAILED]
        if failed and len(failed) == len(settings) and not self.timed_out:
            raise DataError(
                f"at least one setting of {self.name} must be fitted on all folds, and none of {len(settings)} could "
                f"be: {failed[0].problem}; change its grid or leave {self.name} out"
            )
        best = max(complete, key=lambda each: (each.accuracy(), -each.log_loss), default=settings[0])
        return settings, best

    def candidate_with(self, setting):
        """Return the candidate with the parameters of a setting and an empty grid."""
        return replace(self.candidate, pipeline=self.pipeline_of(setting), grid={})

    def _finished_trials(self):
        states = self._optuna.trial.TrialState
        return self._study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))

    def _key(self, params):
        return tuple(params[parameter] for parameter in self._choices)


def import_optuna():
    """Return Optuna with its log limited to warnings.

    Raises
    ------
    DependencyError
        If it is not installed.
    """
    optuna = import_optional("optuna", purpose="--search")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def open_storage(path=None):
    """Return a journal file as Optuna storage, or storage in memory if there is no path.

    Raises
    ------
    InputError
        If the file is not a journal of Optuna.
    SinkError
        If it cannot be written, now or later.
    """
    storages = import_optuna().storages
    if path is None:
        return storages.InMemoryStorage()
    path = Path(path)

    class Journal(storages.journal.JournalFileBackend):
        """A journal file that raises SinkError for errors of the disk."""

        def append_logs(self, logs):
            with _disk_errors(path):
                super().append_logs(logs)

    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file:  # cut off the last line if a process was killed while writing it
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        try:
            lock = storages.journal.JournalFileOpenLock(str(path))
            return storages.JournalStorage(Journal(str(path), lock_obj=lock))
        except OSError:
            raise
        except Exception as error:  # Optuna interprets each line, and damage may raise nearly anything
            raise InputError(
                f"the search's file {path} must be a journal of Optuna, got damage ({plain_reason(error)}); "
                "delete it to begin the search again"
            ) from error


@contextlib.contextmanager
def _disk_errors(path):
    """Raise SinkError for errors of the disk."""
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"the search's file {path} cannot be read and written ({error.strerror or error}); "
            "make room, or name another file"
        ) from error


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
