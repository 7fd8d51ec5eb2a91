"""What a search tries, on how many faces, and for how long: settings, rungs and the limit of time.

Nothing here fits a model; `landmark_fer.evaluation.search` does.
"""

import time
from dataclasses import dataclass, replace
from math import ceil, isfinite, log

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, ParameterSampler

from landmark_fer.errors import InputError
from landmark_fer.models.candidates import Candidate

FACTOR = 3
"""Each rung has this many times the faces of the one before, and keeps one in this many settings."""

FEWEST_FACES = 1000
"""Faces of the first rung at least: with fewer, chance ranks the settings."""

FEATURES = "features"
"""The name under which `TimeLimit` knows the features step, which settings share."""

_GROWTH = 2.0  # power of the faces that a fit takes until two sizes have shown it: between linear and a kernel's cubic


@dataclass(frozen=True, eq=False)
class Setting:
    """One choice of parameters for one model.

    Attributes
    ----------
    name : str
        Of the model.
    values : dict
        Parameters of the pipeline.
    candidate : Candidate
        The pipeline with the values set; its grid is empty.
    key, features : str
        Hashes of the pipeline, and of its first step.
    is_default : bool
        Whether these are the values that the model has without a search.
    """

    name: str
    values: dict
    candidate: Candidate
    key: str
    features: str
    is_default: bool


@dataclass(frozen=True)
class Rung:
    """One stage of the search.

    Attributes
    ----------
    number : int
        From 1.
    faces : int
        To train on in each fold.
    size : int or None
        The same, as `sample_rows` takes it; None on the last rung: all faces of the fold.
    n_folds : int
        So many of the folds, from the first.
    """

    number: int
    faces: int
    size: int | None
    n_folds: int


def draw_settings(name, candidate, *, n_settings, random_state):
    """Return the settings of one candidate: its default first, then the whole grid or a draw from it.

    Parameters
    ----------
    name : str
    candidate : Candidate
        Its grid maps parameters to lists of values, or to scipy distributions.
    n_settings : int
        In all, the default among them; a grid of lists with fewer combinations is taken whole.
    random_state : int

    Returns
    -------
    list of Setting
        Each different.

    Raises
    ------
    InputError
        If `n_settings` is less than 1, or the pipeline has no parameter of a name in the grid.
    """
    if n_settings < 1:
        raise InputError(f"settings of each model must be 1 or more, got {n_settings}")
    has = candidate.pipeline.get_params()
    if unknown := [parameter for parameter in candidate.grid if parameter not in has]:
        raise InputError(
            f"the grid of {name} must name parameters of its pipeline, got {', '.join(unknown)}; mend or remove them"
        )
    default = {parameter: has[parameter] for parameter in sorted(candidate.grid)}
    settings = {}
    for index, values in enumerate([default, *_draw(candidate.grid, n_settings, random_state)]):
        chosen = replace(candidate, pipeline=clone(candidate.pipeline).set_params(**values), grid={})
        key, features = joblib.hash(chosen.pipeline), joblib.hash(chosen.pipeline[0])
        settings.setdefault(key, Setting(name, values, chosen, key, features, index == 0))
    return list(settings.values())[:n_settings]


def _draw(grid, n_settings, random_state):
    """Return dicts of plain values: all combinations of lists where they are few, else as many as asked for."""
    listed = not any(hasattr(values, "rvs") for values in grid.values())
    if not listed or len(drawn := ParameterGrid(grid)) >= n_settings:
        drawn = ParameterSampler(grid, n_settings, random_state=random_state)
    return [
        {name: value.item() if isinstance(value, np.generic) else value for name, value in sorted(values.items())}
        for values in drawn
    ]


def plan_rungs(expressions, folds):
    """Return the rungs: growing samples of one fold's faces, then all faces of all folds.

    The first has a ninth of the faces, `FEWEST_FACES` at least. Where there are hardly more, or too few of one
    expression to draw from, the last rung is the only one.
    """
    n = min(len(training) for training, _ in folds)
    rarest = min(np.unique(expressions[training], return_counts=True)[1].min() for training, _ in folds)
    sizes = []
    size = max(FEWEST_FACES, ceil(n / FACTOR**2))
    while size <= n / 1.5 and rarest >= 2:
        sizes.append(size)
        size *= FACTOR
    early = [Rung(number, size, size, 1) for number, size in enumerate(sizes, 1)]
    return [*early, Rung(len(sizes) + 1, n, None, len(folds))]


class TimeLimit:
    """Says whether work may begin, judged by how long such work took.

    The seconds of a fit grow with a power of the faces, taken from the two largest numbers of faces measured.

    Parameters
    ----------
    minutes : float or None
        From now; None: no limit.
    jobs : int
        Fits at the same time.

    Raises
    ------
    InputError
        If `minutes` is not a positive number.
    """

    def __init__(self, minutes, jobs):
        if minutes is not None and not (isfinite(minutes) and minutes > 0):
            raise InputError(f"minutes must be a positive number, got {minutes}; leave it out for no limit")
        self.seconds = None if minutes is None else 60 * minutes
        self.jobs = jobs
        self._start = time.perf_counter()
        self._times = {}

    def note(self, name, faces, seconds):
        """Remember that work of this name took so many seconds."""
        self._times.setdefault(name, {}).setdefault(faces, []).append(seconds)

    def expect(self, name, faces):
        """Return the seconds that work of this name will take, or None where none was measured."""
        known = sorted((size, float(np.mean(seconds))) for size, seconds in self._times.get(name, {}).items())
        if not known:
            return None
        (few, quick), (most, slow) = known[max(len(known) - 2, 0)], known[-1]
        growth = 1.0 if name == FEATURES else _GROWTH
        if few < most and quick > 0 and slow > 0:
            growth = min(max(log(slow / quick) / log(most / few), 0.0), 3.0)
        return slow * (faces / most) ** growth

    def allows(self, work, longest):
        """Whether this many seconds of work, no part longer than `longest`, would end within the limit."""
        if self.seconds is None:
            return True
        return time.perf_counter() - self._start + max(work / self.jobs, longest) <= self.seconds
