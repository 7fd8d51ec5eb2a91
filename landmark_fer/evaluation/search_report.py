"""What a search found: its outcome, a sentence on it, and a table."""

from dataclasses import dataclass

from landmark_fer.evaluation.comparison import CHOSEN_BY, align_columns


@dataclass(frozen=True, eq=False)
class SearchOutcome:
    """What a search found.

    Attributes
    ----------
    rows : list of dict
        One for each setting, model by model, in each the farthest and best first: ``name, parameters, rung, faces,
        folds, accuracy, accuracy_interval, log_loss, seconds, default, chosen, problem``. The scores are those of the
        farthest rung reached, `seconds` those of all its fits; a setting that was not tried has rung 0, no faces and
        None for scores. Plain values for JSON.
    best : dict of str to Candidate
        Each candidate with the parameters chosen; its grid is empty.
    text : str
        What was done, and whether time cut it short.
    """

    rows: list
    best: dict
    text: str


def search_rows(drawn, rungs, fits, best):
    """Return the rows of `SearchOutcome`.

    Parameters
    ----------
    drawn : dict of str to list of Setting
    rungs : list of Rung
    fits : FoldFits
    best : dict of str to Setting
    """
    rows = []
    for name, settings in drawn.items():
        of_model = [_row(setting, rungs, fits, setting is best[name]) for setting in settings]
        rows += sorted(of_model, key=_place)
    return rows


def _row(setting, rungs, fits, chosen):
    results = {rung: result for rung in rungs if (result := fits.result(setting, rung))}
    last = max(results, key=lambda rung: rung.number, default=None)
    result = results.get(last)
    return {
        "name": setting.name,
        "parameters": {parameter: _plain(value) for parameter, value in setting.values.items()},
        "rung": last.number if last else 0,
        "faces": last.faces if last else 0,
        "folds": last.n_folds if last else 0,
        "accuracy": result.accuracy if result else None,
        "accuracy_interval": result.interval if result else None,
        "log_loss": result.log_loss if result and not result.problem else None,
        "seconds": sum(each.seconds for each in results.values()),
        "default": setting.is_default,
        "chosen": chosen,
        "problem": result.problem if result else "",
    }


def _place(row):
    tried = row[CHOSEN_BY] is not None
    return -row["rung"], not tried, -row[CHOSEN_BY] if tried else 0, row["log_loss"] if tried else 0


def _plain(value):
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def describe_search(drawn, rungs, untried, winners, minutes):
    """Return the sentences of `SearchOutcome`.

    Parameters
    ----------
    drawn : dict of str to list of Setting
    rungs : list of Rung
    untried : dict of Rung to list of Setting
        What was left out for want of time.
    winners : dict of str to Setting
        Of the models for which a rung was decided.
    minutes : float or None
    """
    searched = [name for name, settings in drawn.items() if len(settings) > 1]
    if not searched:
        return "No model has a grid, so there was nothing to search."
    counts = ", ".join(f"{len(drawn[name])} of {name}" for name in searched)
    stages = [f"{rung.faces:,} faces of one fold" for rung in rungs[:-1]]
    stages.append(f"all ({rungs[-1].faces:,}) training faces of {rungs[-1].n_folds} folds")
    text = f"Successive halving of settings ({counts}) on {', then '.join(stages)}"
    text += "; of each model the best third and the default went on." if len(rungs) > 1 else "."
    return " ".join([text, *_describe_cut(searched, rungs, untried, winners, minutes)])


def _describe_cut(searched, rungs, untried, winners, minutes):
    for rung in rungs:
        if left_out := untried[rung]:
            names = dict.fromkeys(setting.name for setting in left_out)
            counts = ", ".join(f"{sum(each.name == name for each in left_out)} of {name}" for name in names)
            yield (
                f"The limit of {minutes:g} minutes cut it short: {len(left_out)} settings were not tried on rung "
                f"{rung.number} of {len(rungs)} ({counts})."
            )
    if undecided := [name for name in searched if name not in winners]:
        yield f"Nothing was decided for {', '.join(undecided)}, which keep their defaults."


def format_search(outcome, *, most=None):
    """Return the rows of a search as a plain-text table.

    Parameters
    ----------
    outcome : SearchOutcome
    most : int, optional
        Rows of each model at most, and the default setting in any case.
    """
    headings = ("setting", "rung", "faces", "folds", "accuracy", "95 % interval", "log loss", "seconds", "")
    cells, counts = [], {}
    for row in outcome.rows:
        counts[row["name"]] = counts.get(row["name"], 0) + 1
        if most is None or counts[row["name"]] <= most or row["default"] or row["chosen"]:
            cells.append(_cells(row))
    return align_columns([headings, *cells])


def _cells(row):
    values = (f"{name.rsplit('__', 1)[-1]}={_short(value)}" for name, value in row["parameters"].items())
    scores = ("-", "-", "-")
    if row["accuracy"] is not None:
        interval = "{:.1f} - {:.1f}".format(*(100 * end for end in row["accuracy_interval"]))
        scores = f"{100 * row['accuracy']:.1f}", interval, f"{row['log_loss']:.3f}"
    marks = [word for word in ("chosen", "default") if row[word]] + (["failed"] if row["problem"] else [])
    sizes = (f"{row[name]:,}" if row["rung"] else "-" for name in ("rung", "faces", "folds"))
    return (" ".join((row["name"], *values)), *sizes, *scores, f"{row['seconds']:.1f}", ", ".join(marks))


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)
