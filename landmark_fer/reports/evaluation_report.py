"""The report that `evaluate` writes: one saved model on one set of faces."""

import platform
from datetime import UTC, datetime
from html import escape

import numpy as np
import sklearn

from landmark_fer import __version__
from landmark_fer.evaluation.rejection import risk_coverage, thinned
from landmark_fer.figures.rejection import RejectionFigure
from landmark_fer.reports.figures_in_page import Images, side_by_side
from landmark_fer.reports.page import key_numbers, render_page
from landmark_fer.reports.parts import Cited, facts_list, paragraph, section, table
from landmark_fer.reports.report import closing_sections, write_page
from landmark_fer.reports.scores import scores_section, undetected_rows
from landmark_fer.reports.sections import making_section

_OF_MODEL = ("model_name", "model", "classes", "extractor", "shape_predictor_sha256")


def write_scores_report(path, manifest, scores, predictions, *, source, split=None, command=None):
    """Write the report of a saved model's scores.

    Parameters
    ----------
    path : path-like
    manifest : dict
        Of the model.
    scores : dict
    predictions : DataFrame
        Both as from `assess`.
    source : str
        Name of the data.
    split : str, optional
        The only one that was scored.
    command : str, optional
        That made the scores.

    Raises
    ------
    SinkError
        If it cannot be written.
    """
    facts = {name: manifest[name] for name in _OF_MODEL if name in manifest}
    facts |= {
        "scores": scores,
        "curve": _curve(predictions, scores["classes"]),
        "source": source,
        "split": split,
        "learnt_from": manifest.get("data"),
        "model_command": manifest.get("command"),
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "landmark_fer": __version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
    }
    write_page(path, render_scores_report(facts))


def render_scores_report(facts):
    """Return the report as HTML; `facts` are what `write_scores_report` gathers."""
    cited, images = Cited(facts), Images()
    name, of_split = facts.get("model_name", "model"), f", {facts['split']}" if facts["split"] else ""
    parts = [
        _summary(cited),
        _origin(cited),
        scores_section(cited, images, f"Scores on {facts['source']}{of_split}", "scores"),
        _answered(cited, images),
        _undetected(cited),
        *closing_sections(),
        making_section(cited),
    ]
    return render_page(f"{name} on {facts['source']}{of_split}", parts)


def _curve(predictions, classes):
    expressions, probabilities = predictions["expression"].to_numpy(str), predictions[list(classes)].to_numpy(float)
    return thinned(risk_coverage(expressions, probabilities, classes))


def _summary(cited):
    low, high = (cited.percent("scores", "accuracy_interval", end) for end in (0, 1))
    keys = [(cited.percent("scores", "accuracy"), f"accuracy on {cited.count('scores', 'n')} faces ({low} to {high})")]
    if cited.at("scores", "n_leak_free") not in (None, cited.at("scores", "n")):
        keys.append(
            (cited.percent("scores", "accuracy_leak_free"), "accuracy on those without a near-duplicate in training")
        )
    keys.append((cited.percent("scores", "macro_f1"), "macro-F1, every expression counting alike"))
    if cited.at("scores", "rejection", "threshold") and cited.at("scores", "rejection", "accuracy") is not None:
        sure = cited.percent("scores", "rejection", "accuracy")
        coverage = cited.percent("scores", "rejection", "coverage")
        keys.append((sure, f"right of the {coverage} that it is sure enough to answer"))
    return key_numbers(keys)


def _origin(cited):
    left_out = cited.at("scores", "left_out_by_expression") or {}
    others = ", ".join(
        f"{cited.count('scores', 'left_out_by_expression', name)} of {escape(name)}" for name in left_out
    )
    people = f"people, of whom {cited.count('scores', 'n_subjects')} are known"
    rows = [
        ("model", cited.text("model_name") if cited.at("model_name") else "its own"),
        ("learnt from", cited.text("learnt_from", "source") if cited.at("learnt_from") else ""),
        ("scored on", cited.text("source")),
        ("split", cited.text("split") if cited.at("split") else ""),
        ("of other expressions, left out", others),
        ("without faces here", escape(", ".join(cited.at("scores", "classes_without_faces") or []))),
        ("answers among", "the classes that the data have" if cited.at("scores", "scored_classes") == "shared" else ""),
        ("intervals draw", people if cited.at("scores", "interval_by") == "subjects" else ""),
        ("time", f"{cited.decimal('scores', 'ms_per_face', digits=2)} ms a face on one thread"),
        ("model made by", f"<code>{cited.text('model_command')}</code>" if cited.at("model_command") else ""),
    ]
    return section("What was scored on what", facts_list(rows))


def _answered(cited, images):
    facts = cited.at("scores", "rejection")
    at = ("scores", "rejection")
    said = "This model always names an expression; the curve shows what it would gain by saying uncertain."
    point = None
    if facts is not None:
        said = (
            f"With a confidence of {cited.percent(*at, 'threshold')} or more it answers "
            f"{cited.percent(*at, 'coverage')} of the faces, and {cited.percent(*at, 'accuracy')} of them rightly."
        )
        if facts["threshold"] == 0:
            said = f"It always names an expression, and {cited.percent(*at, 'accuracy')} of its answers are right."
        point = tuple(facts[name] for name in ("threshold", "coverage", "accuracy"))
    clean = ""
    if facts is not None and facts.get("coverage_leak_free") is not None:
        clean = (
            f"Of the faces without a near-duplicate among the training faces it answers "
            f"{cited.percent(*at, 'coverage_leak_free')}, and {cited.percent(*at, 'accuracy_leak_free')} rightly."
        )
    curve = np.array(cited.at("curve"))
    drawn = images.draw(
        lambda: RejectionFigure(curve, None if point is None or None in point else point),
        "The share of right answers, if only the surest faces are answered",
    )
    rows = [tuple(cited.percent("curve", row, column) for column in (0, 1, 2)) for row in range(1, len(curve), 2)]
    numbers = table(("faces answered", "confidence, at least", "right"), rows)
    return section("When it says uncertain", paragraph(said, clean), side_by_side(drawn, numbers))


def _undetected(cited):
    rows = undetected_rows(cited, ("scores", "per_class"), ("scores", "undetected"))
    said = "Such faces were taken where images of this kind have their face; their landmarks are less sure."
    return section(
        "Faces that no detector saw", paragraph(said), table(("expression", "faces", "seen by no detector"), rows)
    )
