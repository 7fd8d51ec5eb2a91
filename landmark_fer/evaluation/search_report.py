"""What a hyperparameter search measured: settings, the outcome, sentences on it, and a table."""

from dataclasses import dataclass, field

from landmark_fer.evaluation.comparison import CHOSEN_BY, align_columns
from landmark_fer.evaluation.scores import wilson_interval

COMPLETE, PRUNED, FAILED, UNFINISHED, UNSEARCHED = "complete", "pruned", "failed", "unfinished", "not searched"
"""States of a setting: measured on all folds, pruned, not fitted because of an error, out of time, without a grid."""


@dataclass(frozen=True)
class Measurement:
    """One setting on the test faces of one fold.

    Attributes
    ----------
    right, n : int
        Faces predicted correctly, and all.
    log_loss : float
        Mean over the faces.
    seconds : float
        To fit and to predict, without the features, which settings share.
    problem : str
        Why it could not be fitted; empty where it could.
    """

    right: int = 0
    n: int = 0
    log_loss: float = 0.0
    seconds: float = 0.0
    problem: str = ""


@dataclass(eq=False)
class Setting:
    """One choice of parameters for one candidate.

    Attributes
    ----------
    parameters : dict
        Of the pipeline.
    is_default : bool
        Whether these are the values without a search.
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
        """Return the accuracy on all test faces of the first `n_folds` folds (default: of all that were measured)."""
        parts = [each for fold, each in self.folds.items() if n_folds is None or fold < n_folds]
        return sum(each.right for each in parts) / sum(each.n for each in parts)

    @property
    def log_loss(self):
        """Mean over the test faces of all folds measured."""
        parts = self.folds.values()
        return sum(each.n * each.log_loss for each in parts) / sum(each.n for each in parts)


@dataclass(frozen=True, eq=False)
class SearchOutcome:
    """What a search found.

    Attributes
    ----------
    rows : list of dict
        One for each setting, candidate by candidate, the best first: ``name, parameters, state, folds, accuracy,
        accuracy_interval, log_loss, seconds, default, chosen, problem``. The scores are those of the `folds` folds
        measured, None where there are none. Plain values for JSON.
    best : dict of str to Candidate
        Each candidate with the chosen parameters; its grid is empty.
    text : str
        What was tried, what it gained over the defaults, and whether time ended it early.
    """

    rows: list
    best: dict
    text: str


def search_rows(name, settings, chosen):
    """Return the rows of `SearchOutcome` for one candidate.

    Parameters
    ----------
    name : str
    settings : list of Setting
    chosen : Setting
    """
    return sorted((_row(name, setting, setting is chosen) for setting in settings), key=_place)


def _row(name, setting, chosen):
    folds = setting.folds.values()
    scored = bool(folds) and not setting.problem
    right, n = sum(each.right for each in folds), sum(each.n for each in folds)
    return {
        "name": name,
        "parameters": {parameter: _plain(value) for parameter, value in setting.parameters.items()},
        "state": setting.state,
        "folds": len(folds),
        "accuracy": setting.accuracy() if scored else None,
        "accuracy_interval": wilson_interval(right, n) if scored else None,
        "log_loss": setting.log_loss if scored else None,
        "seconds": sum(each.seconds for each in folds),
        "default": setting.is_default,
        "chosen": chosen,
        "problem": setting.problem,
    }


def _place(row):
    scored = row[CHOSEN_BY] is not None
    return not scored, -row["folds"], -row[CHOSEN_BY] if scored else 0, row["log_loss"] if scored else 0


def _plain(value):
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def describe_search(rows, n_folds, *, cut=(), minutes=None):
    """Return the sentences of `SearchOutcome`.

    Parameters
    ----------
    rows : list of dict
    n_folds : int
    cut : sequence of str
        Candidates whose search the limit of time ended.
    minutes : float, optional
    """
    of = {}
    for row in rows:
        if row["state"] != UNSEARCHED:
            of.setdefault(row["name"], []).append(row)
    if not of:
        return "No model has a grid, so there was nothing to search."
    counts = ", ".join(f"{len(tried)} of {name}" for name, tried in of.items())
    states = [row["state"] for tried in of.values() for row in tried]
    sentences = [
        f"Optuna tried {len(states)} settings ({counts}) on {n_folds} folds: {states.count(COMPLETE)} were measured on "
        f"all folds, {states.count(PRUNED)} pruned before the last"
        + (f", {states.count(FAILED)} could not be fitted" if FAILED in states else "")
        + (f", {states.count(UNFINISHED)} ran out of time" if UNFINISHED in states else "")
        + "."
    ]
    sentences += [_describe_gain(name, tried) for name, tried in of.items()]
    sentences.append("The accuracy of a chosen setting is slightly optimistic, since the same folds chose it.")
    if cut:
        sentences.append(
            f"The limit of {minutes:g} minutes ended the search of {', '.join(cut)} early; the same command resumes it."
        )
    return " ".join(sentences)


def _describe_gain(name, rows):
    chosen = next(row for row in rows if row["chosen"])
    if chosen["default"]:
        return f"{name} keeps its defaults."
    default = next((row for row in rows if row["default"] and row["state"] == COMPLETE), None)
    values = ", ".join(_values(chosen))
    gain = f", {100 * default[CHOSEN_BY]:.1f} % with the defaults" if default else "; the defaults could not be fitted"
    return f"{name}: {100 * chosen[CHOSEN_BY]:.1f} % with {values}{gain}."


def format_search(outcome, *, most=None):
    """Return the rows of a search as a plain-text table.

    Parameters
    ----------
    outcome : SearchOutcome
    most : int, optional
        Rows of each candidate at most, and the default and chosen settings in any case.
    """
    headings = ("setting", "folds", "accuracy", "95 % interval", "log loss", "seconds", "")
    cells, counts = [], {}
    for row in outcome.rows:
        counts[row["name"]] = counts.get(row["name"], 0) + 1
        if most is None or counts[row["name"]] <= most or row["default"] or row["chosen"]:
            cells.append(_cells(row))
    return align_columns([headings, *cells])


def _cells(row):
    scores = ("-", "-", "-")
    if row["accuracy"] is not None:
        interval = "{:.1f} - {:.1f}".format(*(100 * end for end in row["accuracy_interval"]))
        scores = f"{100 * row['accuracy']:.1f}", interval, f"{row['log_loss']:.3f}"
    marks = [word for word in ("chosen", "default") if row[word]]
    marks += [] if row["state"] == COMPLETE else [row["state"]]
    folds = str(row["folds"] or "-")
    return (" ".join((row["name"], *_values(row))), folds, *scores, f"{row['seconds']:.1f}", ", ".join(marks))


def _values(row):
    return [f"{name.rsplit('__', 1)[-1]}={_short(value)}" for name, value in row["parameters"].items()]


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)
