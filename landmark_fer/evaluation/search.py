"""Looking for better parameters: many settings on few faces, the best of them on more, the last few on all.

scikit-learn's HalvingRandomSearchCV is the well-known tool for successive halving. It is experimental, draws its faces
without regard to their expressions, thins the test faces too, describes every face anew for each setting, forgets
everything when it is stopped and knows no limit of time; hence this small one, on the folds of
`cross_validate_candidates`.
"""

from itertools import chain, zip_longest
from math import ceil

import joblib
from tqdm import tqdm

from landmark_fer.errors import DataError, InputError
from landmark_fer.evaluation.search_fits import FoldFits
from landmark_fer.evaluation.search_log import MeasurementLog
from landmark_fer.evaluation.search_plan import FACTOR, TimeLimit, draw_settings, plan_rungs
from landmark_fer.evaluation.search_report import SearchOutcome, describe_search, search_rows
from landmark_fer.evaluation.validation import make_folds

N_SETTINGS = 24
"""Settings tried of each model."""

_WAVE = 8  # fits begun together for each job: enough to keep all busy, few enough to heed the limit of time


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
    """Find good parameters for every candidate by successive halving [1]_.

    Every setting is fitted on a ninth of the training faces of one fold, the best third of each model on a third of
    them, and the best third of those on all faces of all folds; with fewer stages where faces are few. The default
    setting goes along to the end, whatever its place, since early rungs favour what suits few faces. The test faces of
    a fold are never thinned, and twins and subjects stay on one side.

    The accuracy of the chosen setting flatters it, for the faces that rank the settings also score it. The flattery
    is small: early rungs only say who goes on, and on the last one about four settings of a model meet on all faces;
    the best of four equals is by chance one standard error too high, 0.3 points for 25,000 faces, and less the more
    alike they answer. The test faces of the data set take no part.

    Parameters
    ----------
    candidates : dict of str to Candidate
        Grids map parameters of the pipelines to lists of values or to scipy distributions. A candidate with an empty
        grid is left as it is, and not fitted.
    records : ndarray of shape (n,)
        Face records.
    expressions : ndarray of shape (n,), str
    groups : ndarray of shape (n,)
        As for `make_folds`.
    classes : sequence of str
    votes : ndarray of shape (n, m), optional
        As for `fit_predictor`.
    minutes : float, optional
        Soft limit: no setting is begun on a rung that would end later, judged by the times measured so far. What was
        measured by then decides.
    n_folds : int, default=5
    folds : list of (ndarray, ndarray), optional
        Made already; then `n_folds` does not matter.
    jobs : int, default=1
        Fits at the same time, each on one thread, so that the result does not depend on it.
    random_state : int, default=0
        Makes the folds, draws settings and samples.
    bar : bool, default=True
        Whether to show a progress bar on standard error.
    state : path-like, optional
        A file that keeps every measurement; a search that was stopped takes up from there.
    n_settings : int, default=24
        As for `draw_settings`.

    Returns
    -------
    SearchOutcome

    Raises
    ------
    InputError
        If there is no candidate, a grid names an unknown parameter, or a number is out of its range.
    DataError
        If the faces do not make the folds, or no setting of a model can be fitted on all faces.
    SinkError
        If `state` cannot be written.

    References
    ----------
    .. [1] Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016.
    """
    limit = TimeLimit(minutes, joblib.effective_n_jobs(jobs))
    if not candidates:
        raise InputError("a search needs at least one candidate, got none")
    options = {"n_settings": n_settings, "random_state": random_state}
    drawn = {name: draw_settings(name, candidate, **options) for name, candidate in candidates.items()}
    if folds is None:
        folds = make_folds(expressions, groups, n_folds=n_folds, random_state=random_state)
    rungs = plan_rungs(expressions, folds)
    log = MeasurementLog(state)
    fits = FoldFits(records, expressions, classes, votes, folds, random_state=random_state, limit=limit, log=log)
    with tqdm(desc="search", unit="face", unit_scale=True, disable=not bar) as progress:
        winners, untried = _climb(drawn, rungs, fits, limit, progress)
    best = {name: winners.get(name, settings[0]) for name, settings in drawn.items()}
    rows = search_rows(drawn, rungs, fits, best)
    text = describe_search(drawn, rungs, untried, winners, minutes)
    return SearchOutcome(rows, {name: setting.candidate for name, setting in best.items()}, text)


def _climb(drawn, rungs, fits, limit, progress):
    """Go through the rungs; return the winner of each model that has one, and for each rung what time left out."""
    contests = {name: settings for name, settings in drawn.items() if len(settings) > 1}
    winners, untried = {}, {}
    for rung in rungs:
        progress.set_postfix_str(f"rung {rung.number} of {len(rungs)}")
        progress.total = progress.n + _planned_faces(contests, rungs[rung.number - 1 :])
        untried[rung] = _measure_rung(contests, rung, fits, limit, progress)
        for name, settings in contests.items():
            measured = [setting for setting in settings if fits.result(setting, rung)]
            decided = len(measured) >= min(2, len(settings))  # one alone, for want of time, has won nothing
            ranking = _rank(measured, rung, fits) if decided else []
            winners |= {name: ranking[0]} if ranking else {}
            contests = contests | {name: _promote(settings, ranking, len(measured)) if decided else []}
    return winners, untried


def _measure_rung(contests, rung, fits, limit, progress):
    """Measure all settings on a rung, the models by turns, as far as time allows; return those left out."""
    queue = [setting for setting in chain(*zip_longest(*contests.values())) if setting]
    n_faces, untried = rung.faces * rung.n_folds, []
    while queue:
        wave, queue, forbidden = _next_wave(queue, rung, fits, limit)
        untried += forbidden
        progress.total -= n_faces * len(forbidden)
        progress.update(rung.faces * sum(rung.n_folds - len(fits.missing(setting, rung)) for setting in wave))
        for _ in fits.measure(wave, rung):
            progress.update(rung.faces)
        fits.forget(rung, queue)
    return untried


def _next_wave(queue, rung, fits, limit):
    """Return the settings to measure next, those for later, and those for which there is no time."""
    wave, later, forbidden, untimed, described, work = [], [], [], set(), set(), 0.0
    size = max(1, _WAVE * limit.jobs // rung.n_folds)
    for setting in queue:
        longest, cost, features = fits.cost(setting, rung)
        cost += 0.0 if setting.features in described else features
        wait = limit.seconds is not None and longest is None and setting.name in untimed
        if len(wave) >= size or wait:
            later.append(setting)
        elif not fits.missing(setting, rung) or limit.allows(work + cost, longest or 0.0):
            wave.append(setting)
            described.add(setting.features)
            work += cost
        else:
            forbidden.append(setting)
        if longest is None:  # the first of a model shows how long the others take
            untimed.add(setting.name)
    return wave, later, forbidden


def _rank(measured, rung, fits):
    """Return the settings that gave answers, the best first."""
    results = {setting: fits.result(setting, rung) for setting in measured}
    answered = [setting for setting in measured if not results[setting].problem]
    if measured and not answered and rung.size is None:
        name, problem = measured[0].name, results[measured[0]].problem
        raise DataError(
            f"one setting of {name} at least must be fitted on all faces, and none of {len(measured)} could be: "
            f"{problem}; change its grid or leave {name} out"
        )
    return sorted(answered, key=lambda setting: (-results[setting].accuracy, results[setting].log_loss))


def _promote(settings, ranking, n_measured):
    """Return the settings for the next rung: the best third, and second at the latest the default."""
    kept = ranking[: ceil(n_measured / FACTOR)]
    default = [setting for setting in settings if setting.is_default]
    return list(dict.fromkeys([*kept[:1], *default, *kept[1:]]))


def _planned_faces(contests, rungs):
    """Return how many faces will be fitted if no time is short: the length of the progress bar."""
    total = 0
    for settings in contests.values():
        count = len(settings)
        for rung in rungs:
            total += count * rung.faces * rung.n_folds
            count = min(count, ceil(count / FACTOR) + 1)
    return total
