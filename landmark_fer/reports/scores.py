"""What a report says of scores on a set of faces, of saying uncertain, and of faces that no detector saw."""

from html import escape

from landmark_fer.figures.per_class import ClassesFigure, ConfusionFigure
from landmark_fer.figures.rejection import RejectionFigure, ReliabilityFigure
from landmark_fer.reports.figures_in_page import side_by_side
from landmark_fer.reports.parts import NOT_MEASURED, folded, paragraph, section, table

_FEW = 100  # faces, under which an interval says more than an accuracy
_FEW_PREDICTIONS = 30  # under which a share of right ones says next to nothing
_FEW_FACES = "So few faces tell little: go by the interval, and score more faces before you rely on it."
_CURVE_ROWS = 10  # of the table of confidence; a longer curve is shown every other point, the last always


def scores_section(cited, images, heading, *path):
    """Return the section on one set of faces.

    Parameters
    ----------
    cited : Cited
    images : Images
    heading : str
        Plain text.
    *path : str
        To a dict as from `score`.
    """
    scores = cited.at(*path)
    return section(
        heading,
        paragraph(_main_scores(cited, *path), _FEW_FACES if scores["n"] < _FEW else ""),
        paragraph(_near_duplicates(cited, *path)),
        _images(images, scores),
        side_by_side(
            images.draw(lambda: ClassesFigure.from_scores(scores), "Scores of each expression (faces)"),
            _per_class(cited, scores, *path),
        ),
        _counts(cited, scores, *path),
    )


def _main_scores(cited, *path):
    return (
        f"{cited.count(*path, 'n')} faces. Accuracy {cited.percent(*path, 'accuracy')}, with 95 % confidence "
        f"{cited.interval(*path, 'accuracy_interval')}; macro-F1 {cited.percent(*path, 'macro_f1')}, balanced accuracy "
        f"{cited.percent(*path, 'balanced_accuracy')}, log loss {cited.decimal(*path, 'log_loss')}, expected "
        f"calibration error {cited.decimal(*path, 'ece')}."
    )


def _near_duplicates(cited, *path):
    if cited.at(*path, "accuracy_leak_free") is None:
        return (
            "How many of these faces have a near-duplicate, the same photograph, among the training faces is not "
            "known; <code>evaluate --against TRAINING_DATA</code> looks."
        )
    if cited.at(*path, "n_leak_free") == cited.at(*path, "n"):
        return "None of them has a near-duplicate (the same photograph) among the training faces."
    return (
        f"On the {cited.count(*path, 'n_leak_free')} faces without a near-duplicate (the same photograph) among the "
        f"training faces accuracy is {cited.percent(*path, 'accuracy_leak_free')} "
        f"({cited.interval(*path, 'accuracy_leak_free_interval')}): what to expect of faces it has never seen."
    )


def _images(images, scores):
    drawn = [images.draw(lambda: ConfusionFigure.from_scores(scores), "Answers in per cent of each label's faces")]
    if scores.get("reliability"):
        caption = "Right answers by confidence; on the dashed line a model is as sure as it is right"
        drawn.append(images.draw(lambda: ReliabilityFigure.from_scores(scores), caption))
    note = "" if scores.get("reliability") else paragraph(f"Accuracy by confidence was {NOT_MEASURED}.", kind="dim")
    return side_by_side(*drawn) + note


def _per_class(cited, scores, *path):
    rows = [
        (
            escape(name),
            cited.count(*path, "per_class", name, "n"),
            *(cited.percent(*path, "per_class", name, key) for key in ("precision", "recall", "f1")),
        )
        for name in scores["per_class"]
    ]
    return table(("expression", "faces", "precision", "recall", "F1"), rows)


def _counts(cited, scores, *path):
    classes = scores["classes"]
    rows = [
        (escape(name), *(cited.count(*path, "confusion", row, column) for column in range(len(classes))))
        for row, name in enumerate(classes)
    ]
    return folded("The answers counted: a row for each label", table(("label \\ answer", *classes), rows))


def rejection_section(cited, images):
    """Return the section on when a model says uncertain, from ``rejection`` in its manifest."""
    facts = cited.at("rejection")
    heading = "When it says uncertain"
    if facts is None:
        return section(heading, paragraph(f"What it gains by answering only where it is sure was {NOT_MEASURED}."))
    rule = f"Under a confidence of {cited.percent('rejection', 'threshold')} it says uncertain"
    if facts["threshold"] == 0:
        rule = "It never does, but always names an expression"
    wanted = f"{cited.percent('rejection', 'target')} of its answers should be right"
    if facts["accuracy"] < facts["target"]:
        wanted += ", which it does not reach for a useful share of faces; the threshold is where it comes closest"
    seen = (
        f"It named an expression for {cited.percent('rejection', 'coverage')} of the training faces that it had not "
        f"seen, and {cited.percent('rejection', 'accuracy')} of those answers were right."
    )
    few = "" if has_predictions(cited) else "That is too few answers to rely on."
    caption = "The share of right answers, if only the surest faces are answered"
    drawn = images.draw(lambda: RejectionFigure.from_facts(facts), caption)
    numbers = _curve(cited, facts["curve"])
    return section(heading, paragraph(f"{rule}; {wanted}.", seen, few), side_by_side(drawn, numbers))


def has_predictions(cited):
    """Return whether what is said of sure answers rests on enough of them, as far as a manifest tells."""
    rows = [row for row in cited.at("comparison") or [] if row.get("name") == cited.at("model_name")]
    if not rows or not rows[0].get("confusion"):
        return True
    return cited.at("rejection", "coverage") * sum(map(sum, rows[0]["confusion"])) >= _FEW_PREDICTIONS


def _curve(cited, curve):
    positions = list(range(len(curve)))
    positions = positions[::-2][::-1] if len(curve) > _CURVE_ROWS else positions
    rows = [tuple(cited.percent("rejection", "curve", row, column) for column in (0, 1, 2)) for row in positions]
    return table(("faces answered", "confidence, at least", "right"), rows)


def undetected_rows(cited, counts, undetected):
    """Return rows of a table of faces by expression: how many, and how many of them no detector saw.

    Parameters
    ----------
    cited : Cited
    counts, undetected : tuple of str
        Paths to dictionaries of expression to number; `counts` may lead to dictionaries with ``n``.
    """
    rows = []
    for name, of_it in (cited.at(*counts) or {}).items():
        faces = (*counts, name, "n") if isinstance(of_it, dict) else (*counts, name)
        rows.append((escape(name), cited.count(*faces), cited.count(*undetected, name)))
    return rows
