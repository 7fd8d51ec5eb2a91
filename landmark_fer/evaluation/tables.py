"""Plain-text tables of evaluation results."""


def align_columns(rows):
    """Return rows of text with aligned columns: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(lines)


def format_comparison(rows):
    """Return the rows of `comparison_rows` as a table."""
    headings = ("model", "macro-F1", "balanced", "accuracy", "95 % interval", "log loss", "fit s", "ms/face")
    cells = [
        (
            row["name"],
            _percent(row["macro_f1"]),
            _percent(row["balanced_accuracy"]),
            _percent(row["accuracy"]),
            _interval(row["accuracy_interval"]),
            f"{row['log_loss']:.3f}",
            f"{row['fit_s']:.1f}",
            f"{row['ms_per_face']:.3f}",
        )
        for row in rows
    ]
    return align_columns([headings, *cells])


def format_confusion(confusion, classes):
    """Return a confusion matrix as a table: labels in rows, predictions in columns, in per cent of the row."""
    rows = [("label \\ prediction", *classes)]
    for name, counts in zip(classes, confusion, strict=True):
        total = max(sum(counts), 1)
        rows.append((name, *(f"{100 * count / total:.0f}" for count in counts)))
    return align_columns(rows)


def format_groups(rows):
    """Return the rows of `scores_by_group` as a table."""
    suffixes = [name.removeprefix("accuracy") for name in rows[0] if name.startswith("accuracy") and "_int" not in name]
    headings = ("group", "expression", "faces", "people", *(f"accuracy{each.replace('_', ' ')}" for each in suffixes))
    cells = []
    for row in rows:
        shares = (
            f"{_percent(row[f'accuracy{each}'])} ({_interval(row[f'accuracy_interval{each}'], ' to ')})"
            for each in suffixes
        )
        cells.append((row["group"], row["expression"] or "all", f"{row['n']:,}", f"{row['n_subjects']:,}", *shares))
    return align_columns([headings, *cells])


def format_pairs(rows):
    """Return the rows of `compare_pairs` as a table; an empty text where there are none."""
    if not rows:
        return ""
    headings = (f"{rows[0]['best']} minus", "points", "95 % interval", "p (Holm)", "difference")
    cells = [
        (
            row["name"],
            f"{100 * row['difference']:+.1f}",
            "{:+.1f} to {:+.1f}".format(*(100 * end for end in row["interval"])),
            "< 0.001" if row["p_value"] < 0.001 else f"{row['p_value']:.3f}",
            "real" if row["real"] else "may be chance",
        )
        for row in rows
    ]
    return align_columns([headings, *cells])


def format_search(outcome, *, most=None):
    """Return the settings of a hyperparameter search as a table.

    Parameters
    ----------
    outcome : SearchOutcome
    most : int, optional
        Maximum number of rows for each candidate. The default and the chosen setting are always shown.
    """
    headings = ("setting", "folds", "accuracy", "95 % interval", "log loss", "seconds", "")
    cells, counts = [], {}
    for row in outcome.rows:
        counts[row["name"]] = counts.get(row["name"], 0) + 1
        if most is None or counts[row["name"]] <= most or row["default"] or row["chosen"]:
            cells.append(_setting_cells(row))
    return align_columns([headings, *cells])


def format_parameters(parameters):
    """Return the parameters of a pipeline as words such as ``C=10``, without the names of the steps."""
    return [f"{name.rsplit('__', 1)[-1]}={_short(value)}" for name, value in parameters.items()]


def format_learning_curve(rows):
    """Return the rows of `learning_curve` as a table; the gain is that over the row before."""
    cells, previous = [("faces", "accuracy", "95 % interval", "gain")], None
    for row in rows:
        gain = "" if previous is None else f"{100 * (row['accuracy'] - previous):+.1f}"
        cells.append((f"{row['n']:,}", _percent(row["accuracy"]), _interval(row["accuracy_interval"]), gain))
        previous = row["accuracy"]
    return align_columns(cells)


def format_importance(rows):
    """Return the rows of `grouped_importance` as a table, in points of accuracy."""
    cells = [(row["name"], _percent(row["drop"]), _interval(row["interval"], " to ")) for row in rows]
    return align_columns([("region", "points lost", "95 % interval"), *cells])


def format_cross_dataset(rows, key="accuracy"):
    """Return one score of `evaluate_across_datasets` as a table: training data in rows, test data in columns."""
    names = list(dict.fromkeys(row["trained_on"] for row in rows))
    pairs = {(row["trained_on"], row["tested_on"]): row for row in rows}
    lines = [("fitted on \\ tested on", *names)]
    return align_columns(lines + [(own, *(_score_cell(pairs[own, other], key) for other in names)) for own in names])


def _percent(share):
    return f"{100 * share:.1f}"


def _interval(interval, separator=" - "):
    return separator.join(map(_percent, interval))


def _setting_cells(row):
    scores = ("-", "-", "-")
    if row["accuracy"] is not None:
        scores = _percent(row["accuracy"]), _interval(row["accuracy_interval"]), f"{row['log_loss']:.3f}"
    marks = [mark for mark in ("chosen", "default") if row[mark]]
    marks += [] if row["state"] == "complete" else [row["state"]]
    name = " ".join((row["name"], *format_parameters(row["parameters"])))
    return (name, str(row["folds"] or "-"), *scores, f"{row['seconds']:.1f}", ", ".join(marks))


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _score_cell(row, key):
    if row[key] is None:
        return "-"
    low, high = (f"{100 * end:.0f}" for end in row["accuracy_interval"])
    interval = f" ({low} to {high})" if key == "accuracy" else ""
    return f"{_percent(row[key])}{interval}"
