"""One candidate's Optuna study: what it tries next, what is pruned, and the journal that a killed search leaves.

Optuna is imported when a search begins; nothing else needs it.
"""

import contextlib
from dataclasses import asdict, replace
from itertools import product
from math import prod
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone

from landmark_fer.core.errors import DataError, InputError, SinkError
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.evaluation.search_report import COMPLETE, FAILED, PRUNED, UNFINISHED, UNSEARCHED, Measurement, Setting

_BATCH = 4  # settings drawn together, and fitted at the same time where there are jobs: the result depends on it
_N_RANDOM = 8  # settings that are drawn at random before the sampler follows what was measured
_MOST_DRAWS = 4  # times the settings wanted: a sampler that only repeats itself stops here


def import_optuna():
    """Return Optuna, silent but for warnings.

    Raises
    ------
    DependencyError
        If it is not installed.
    """
    optuna = import_optional("optuna", purpose="--search")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class CandidateStudy:
    """One candidate, its study and the settings measured so far.

    What is drawn depends on the seed and on the trials that ended, not on those that a killed search left open: a
    resumed search draws the same settings, and takes their measurements from the journal.

    Parameters
    ----------
    storage : optuna.storages.BaseStorage
    name : str
    candidate : Candidate
        Its grid maps parameters of the pipeline to lists of values.
    key : str
        Hash of all else that decides a measurement: faces, folds, seed, versions.
    n_folds, n_settings : int
        A grid with no more than `n_settings` combinations is tried whole.
    random_state : int

    Attributes
    ----------
    is_cut : bool
        Whether time ran out before its search was done.

    Raises
    ------
    InputError
        If the pipeline has no parameter of a name in the grid.
    """

    def __init__(self, storage, name, candidate, key, *, n_folds, n_settings, random_state):
        self._optuna = import_optuna()
        self.name, self.candidate, self.is_cut = name, candidate, False
        self._n_folds, self._random_state = n_folds, random_state
        defaults = candidate.pipeline.get_params()
        if unknown := [parameter for parameter in candidate.grid if parameter not in defaults]:
            raise InputError(
                f"the grid of {name} must name parameters of its pipeline, got {', '.join(unknown)}; "
                "correct or remove them"
            )
        self._choices = {  # the journal keeps text: a tuple of layer sizes is no value of JSON
            parameter: {str(value): value for value in map(_plain, [defaults[parameter], *values])}
            for parameter, values in sorted(candidate.grid.items())
        }
        distribution = self._optuna.distributions.CategoricalDistribution
        self._space = {parameter: distribution(tuple(values)) for parameter, values in self._choices.items()}
        n_combinations = prod(map(len, self._choices.values()))
        self.n_settings = min(n_settings, n_combinations)
        whole = product(*self._choices.values()) if n_combinations <= n_settings else ()
        self._default = tuple(next(iter(values)) for values in self._choices.values())
        self._planned = list(dict.fromkeys([self._default, *whole]))
        self._settings = {}
        self.setting_of(dict(zip(self._choices, self._default, strict=True)))
        decides = key, candidate.pipeline, candidate.fold_sample, self._choices, n_settings, self._optuna.__version__
        self._study = self._optuna.create_study(
            storage=storage,
            study_name=f"{name}-{joblib.hash(decides)}",
            pruner=self._optuna.pruners.MedianPruner(n_startup_trials=1),
            direction="maximize",
            load_if_exists=True,
        )
        for trial in self._study.trials:  # those of a killed search too, which stay open and count for nothing else
            if trial.user_attrs:
                kept = {int(fold): Measurement(**measurement) for fold, measurement in trial.user_attrs.items()}
                self.setting_of(trial.params).folds |= kept

    @property
    def is_searched(self):
        """Whether there is more than the default to try."""
        return self.n_settings > 1

    @property
    def n_told(self):
        """Different settings that are done with."""
        return len({self._key(trial.params) for trial in self._told()})

    def setting_of(self, params):
        """Return the setting of a trial's parameters."""
        key = self._key(params)
        values = {parameter: self._choices[parameter][text] for parameter, text in params.items()}
        return self._settings.setdefault(key, Setting(values, key == self._default))

    def pipeline_of(self, setting):
        """Return the unfitted pipeline of a setting."""
        return clone(self.candidate.pipeline).set_params(**setting.parameters)

    def ask(self):
        """Return the next trials: the default alone, then a few at a time; none when the search is done."""
        told = self._told()
        done = {self._key(trial.params) for trial in told}
        finished = len(done) >= self.n_settings or len(told) >= _MOST_DRAWS * self.n_settings
        if self.is_cut or finished or not self.is_searched:
            return []
        planned = [values for values in self._planned if values not in done]
        trials = []
        for place in range(min(_BATCH, self.n_settings - len(done)) if told else 1):
            if place < len(planned):
                self._study.enqueue_trial(dict(zip(self._choices, planned[place], strict=True)))
            seed = self._random_state + len(told) + place
            self._study.sampler = self._optuna.samplers.TPESampler(seed=seed, n_startup_trials=_N_RANDOM)
            trials.append(self._study.ask(self._space))
        return trials

    def keep(self, trial, fold, measurement):
        """Keep a measurement, in the journal too."""
        trial.set_user_attr(str(fold), asdict(measurement))
        self.setting_of(trial.params).folds[fold] = measurement

    def goes_on(self, trial, folds):
        """Report the accuracy after each of these folds; return whether the trial goes on to the next."""
        setting = self.setting_of(trial.params)
        if setting.problem:
            return False
        if any(fold not in setting.folds for fold in folds):
            self.is_cut = True
            return False
        for fold in folds:
            trial.report(setting.accuracy(fold + 1), fold)
        return not trial.should_prune()

    def tell(self, trials):
        """End trials: complete on all folds, or pruned, as settings that cannot be fitted are too."""
        for trial in trials:
            setting = self.setting_of(trial.params)
            if len(setting.folds) == self._n_folds and not setting.problem:
                self._study.tell(trial, setting.accuracy())
            else:
                self._study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)

    def finish(self):
        """Return all settings with their states, and the one that is chosen.

        Raises
        ------
        DataError
            If settings were tried and none could be fitted.
        """
        done = {self._key(trial.params) for trial in self._told()}
        for key, setting in self._settings.items():
            ended = PRUNED if key in done else UNFINISHED
            state = FAILED if setting.problem else COMPLETE if len(setting.folds) == self._n_folds else ended
            setting.state = state if self.is_searched else UNSEARCHED
        settings = list(self._settings.values())
        complete = [setting for setting in settings if setting.state == COMPLETE]
        failed = [setting for setting in settings if setting.state == FAILED]
        if failed and len(failed) == len(settings) and not self.is_cut:
            raise DataError(
                f"at least one setting of {self.name} must be fitted on all folds, and none of {len(settings)} could "
                f"be: {failed[0].problem}; change its grid or leave {self.name} out"
            )
        best = max(complete, key=lambda each: (each.accuracy(), -each.log_loss), default=settings[0])
        return settings, best

    def best_candidate(self, setting):
        """Return the candidate with a setting's parameters and no grid."""
        return replace(self.candidate, pipeline=self.pipeline_of(setting), grid={})

    def _told(self):
        states = self._optuna.trial.TrialState
        return self._study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))

    def _key(self, params):
        return tuple(params[parameter] for parameter in self._choices)


def open_storage(path=None):
    """Return Optuna's storage: a journal file, or the memory where there is no path.

    Raises
    ------
    InputError
        If the file is no journal of Optuna.
    SinkError
        If it cannot be written, now or later.
    """
    storages = import_optuna().storages
    if path is None:
        return storages.InMemoryStorage()
    path = Path(path)

    class Journal(storages.journal.JournalFileBackend):
        """The journal, with errors of the disk in a sentence."""

        def append_logs(self, logs):
            with _writing(path):
                super().append_logs(logs)

    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file:  # the last line, if a process was killed while it wrote it, is cut off
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        try:
            lock = storages.journal.JournalFileOpenLock(str(path))
            return storages.JournalStorage(Journal(str(path), lock_obj=lock))
        except OSError:
            raise
        except Exception as error:  # Optuna interprets each line, and damage may raise nearly anything
            raise InputError(
                f"the search's file {path} must be a journal of Optuna, got {type(error).__name__} ({error}); "
                "delete it to begin the search again"
            ) from error


@contextlib.contextmanager
def _writing(path):
    """Turn an error of the disk into a sentence."""
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"the search's file {path} cannot be read and written ({error.strerror or error}); "
            "make room, or name another file"
        ) from error


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
