"""Sections of the report that `fit` leaves: data, candidates, training, what the model goes by, how it was made."""

from html import escape

from landmark_fer.figures.comparison import FoldsFigure, HistoryFigure, LearningFigure
from landmark_fer.figures.importance import ImportanceFigure
from landmark_fer.reports.figures_in_page import side_by_side
from landmark_fer.reports.parts import (
    NOT_MEASURED,
    faces_named,
    facts_list,
    folded,
    paragraph,
    section,
    table,
)
from landmark_fer.reports.scores import undetected_rows

_FEWER = (
    f"This was {NOT_MEASURED}: it takes fits on fewer faces. <code>fit --report full</code> makes them, where there "
    "are faces enough."
)
_TRAINING = f"This was {NOT_MEASURED}, or its <code>history.csv</code> is gone; <code>fit</code> keeps one."
_REGIONS = (
    f"This was {NOT_MEASURED}. <code>python -m landmark_fer.report DIR --data PATH</code> does it without a fit, on "
    "the data that the model was fitted on."
)
_NO_REGIONS = (
    f"This was {NOT_MEASURED}: it looks at the detector's crop, in which regions of the face have no fixed place, so "
    "that none can be exchanged for another face's."
)

_FEATURES = {"both": "landmarks, measurements and HOG", "geometry": "landmarks and measurements", "hog": "HOG"}

_FOLDS_LEFT_OUT = "dummy"  # so far below that the others could not be told apart


def origin_section(cited):
    """Return the section on what was fitted on what."""
    data, network = cited.at("data") or {}, cited.at("network") or {}
    votes = "the labels, and FER+'s votes beside them" if data.get("votes") else "the labels"
    dropped = cited.count("data", "n_label_errors_dropped") if data.get("n_label_errors_dropped") else ""
    left_out = cited.count("data", "n_left_out") if data.get("n_left_out") else ""
    rows = [
        ("model", f"{cited.text('model_name')}, {cited.megabytes('model', 'bytes')}"),
        ("network", _network(cited) if "architecture" in network else ""),
        ("expressions", escape(", ".join(map(str, cited.at("classes"))))),
        ("features", _FEATURES.get(cited.at("features"), cited.text("features"))),
        ("data", f"{cited.text('data', 'source')}, {cited.count('data', 'n_training')} training faces" if data else ""),
        ("learnt from", votes if data else ""),
        ("images left out", left_out),
        ("suspicious labels left out", dropped),
        ("calibrated by", _calibration(cited)),
    ]
    return section("What was fitted on what", facts_list(rows))


def _network(cited):
    return (
        f"{cited.text('network', 'source')}; {cited.count('network', 'parameters')} parameters; "
        f"{cited.count('network', 'epochs')} epochs"
    )


def _calibration(cited):
    calibration = cited.at("calibration")
    if not calibration:
        return ""
    several = f", of {', '.join(calibration['members'])}" if len(calibration["members"]) > 1 else ""
    where = "watched faces" if "network" in cited.manifest else "out-of-fold answers"
    how = "one temperature" if calibration["kind"] == "temperature" else "a logistic regression"
    return escape(f"{how} on {where}{several}")


def comparison_section(cited, images):
    """Return the section on the candidates and why one was chosen."""
    rows = [
        (
            escape(row["name"]),
            cited.percent("comparison", place, "macro_f1"),
            cited.percent("comparison", place, "balanced_accuracy"),
            cited.percent("comparison", place, "accuracy"),
            cited.interval("comparison", place, "accuracy_interval"),
            cited.decimal("comparison", place, "log_loss"),
            cited.decimal("comparison", place, "ece"),
            cited.decimal("comparison", place, "fit_s", digits=1),
            cited.decimal("comparison", place, "ms_per_face"),
        )
        for place, row in enumerate(cited.at("comparison") or [])
    ]
    if not rows:
        return section("Candidates", paragraph(f"Candidates were {NOT_MEASURED}."))
    headings = ("model", "macro-F1", "balanced", "accuracy", "95 % interval", "log loss", "ECE", "fit s", "ms/face")
    names = [row["name"] for row in cited.at("comparison")]
    chosen = names.index(cited.at("model_name")) if cited.at("model_name") in names else None
    folds = _folds(cited, images)
    parts = paragraph(cited.text("folds")), table(headings, rows, marked=chosen), paragraph(cited.text("choice"))
    heading = "Networks on the watched faces" if "network" in cited.manifest else "Candidates in cross-validation"
    return section(heading, *parts, _pairs(cited), folds, _search(cited))


def _pairs(cited):
    rows = []
    for place, pair in enumerate(cited.at("pairs") or []):
        low, high = (cited.points("pairs", place, "interval", end) for end in (0, 1))
        real = "real" if pair["real"] else "may be chance"
        chance = cited.decimal("pairs", place, "p_value") if pair["p_value"] >= 0.001 else "&lt; 0.001"
        difference = cited.points("pairs", place, "difference")
        rows.append((escape(pair["name"]), difference, f"{low} to {high}", chance, real))
    if not rows:
        return ""
    best = escape(cited.at("pairs", 0, "best"))
    said = f"Points of accuracy by which {best} is better than each other, face by face:"
    return paragraph(said) + table(("model", "points", "95 % interval", "p (Holm)", "difference"), rows)


def _folds(cited, images):
    scores = cited.at("fold_scores", "models")
    if not scores:
        several = "network" not in cited.manifest
        missing = f"Scores of each fold were {NOT_MEASURED}: only a fit knows them, which keeps them by default."
        return paragraph(missing, kind="dim") if several else ""
    shown = {name: each for name, each in scores.items() if name != _FOLDS_LEFT_OUT} or scores
    caption = f"Accuracy of each fold{'' if len(shown) == len(scores) else f', without {_FOLDS_LEFT_OUT}'}"
    return side_by_side(images.draw(lambda: FoldsFigure(shown, cited.at("fold_scores", "score")), caption))


def _search(cited):
    return paragraph(cited.text("search", "text")) if cited.at("search") else ""


def learning_section(cited, images, history):
    """Return the section on what more faces would be worth; of a network, on how its training went."""
    if history:
        caption = "{} by epoch: of the augmented faces learnt from, and of the watched faces as they are"
        drawn = (
            images.draw(lambda name=name: HistoryFigure(history, name), caption.format(name.capitalize()))
            for name in ("accuracy", "loss")
        )
        return section("How the training went", side_by_side(*drawn))
    rows = cited.at("learning_curve", "rows")
    if not rows:
        if "network" in cited.manifest:
            return section("How the training went", paragraph(_TRAINING))
        return section("What more faces would be worth", paragraph(_FEWER))
    cells = [
        (
            cited.count("learning_curve", "rows", place, "n"),
            cited.percent("learning_curve", "rows", place, "accuracy"),
            cited.interval("learning_curve", "rows", place, "accuracy_interval"),
        )
        for place in range(len(rows))
    ]
    name = cited.at("model_name") or "model"
    said = (
        f"{escape(name)} fitted on parts of one fold's training faces, each scored on the same "
        f"{cited.count('learning_curve', 'rows', -1, 'n_held_out')} held-out faces."
    )
    caption = "Accuracy by faces fitted on, each step twice as many; the band is the 95 % interval"
    drawn = images.draw(lambda: LearningFigure({name: rows}), caption)
    numbers = table(("faces", "accuracy", "95 % interval"), cells)
    return section("What more faces would be worth", paragraph(said), side_by_side(drawn, numbers))


def importance_section(cited, images):
    """Return the section on the regions of the face that the model goes by."""
    heading = "What it goes by"
    rows = cited.at("importance", "rows")
    if not rows:
        return section(heading, paragraph(_NO_REGIONS if cited.at("fields") == ["crop"] else _REGIONS))
    clean = ", none with a near-duplicate among the training faces," if cited.at("importance", "leak_free") else ""
    both = len({row["kind"] for row in rows}) > 1
    where = "in the landmarks or in the image alone" if both else f"in the {escape(rows[0]['kind'])}"
    faces = f"{cited.count('importance', 'n')} {escape(faces_named(cited.at('importance', 'faces')))}"
    said = (
        f"Each region of {faces}{clean} was exchanged for another face's, {cited.count('importance', 'n_repeats')} "
        f"times, {where}; what accuracy falls by is what the model has from there."
    )
    overlap = (
        "Landmarks and image of one region can stand in for each other, so that both together are worth more than "
        "the two added up."
    )
    if not any(row["drop"] for row in rows):
        return section(heading, paragraph(said, "No region changed how many answers are right."))
    cells = [
        (
            escape(row["name"]),
            cited.points("importance", "rows", place, "drop", sign=""),
            " to ".join(cited.points("importance", "rows", place, "interval", end, sign="") for end in (0, 1)),
        )
        for place, row in enumerate(rows)
    ]
    caption = "Points of accuracy lost where a region is another face's, with 95 % intervals"
    drawn = images.draw(lambda: ImportanceFigure(rows), caption)
    numbers = table(("region", "points lost", "95 % interval"), cells)
    return section(heading, paragraph(said, overlap if both else ""), side_by_side(drawn, numbers))


def care_of_data_section(cited):
    """Return the section on near-duplicates and on faces that no detector saw."""
    if not cited.at("data"):
        return ""
    said = (
        "Training faces that show a photograph, or where people are known a person, that another training face shows "
        f"already: {cited.count('data', 'n_in_near_duplicate_groups')}. Folds keep these together, so that no face is "
        "judged by a model that knows its near-duplicate."
    )
    tests = [
        f"Of the {cited.count('scores', name, 'n')} {escape(faces_named(name))}, "
        f"{cited.count('scores', name, 'n_leak_free')} have no near-duplicate among the training faces."
        for name, scores in (cited.at("scores") or {}).items()
        if scores.get("n_leak_free") is not None
    ]
    undetected = (
        f"{cited.count('data', 'n_undetected')} training faces were seen by no detector and taken where such images "
        "have their face; their landmarks are less sure."
    )
    if cited.at("data", "n_undetected") == 0:
        undetected = "Every training face was seen by a detector."
    rows = undetected_rows(cited, ("data", "n_by_expression"), ("data", "undetected"))
    heading = "Near-duplicates, and faces that no detector saw"
    columns = "expression", "training faces", "seen by no detector"
    return section(heading, paragraph(said, *tests), paragraph(undetected), table(columns, rows))


def making_section(cited):
    """Return the section on how to make the same again."""
    commands = [escape(each) for each in (cited.at("command"), cited.at("importance", "command")) if each]
    versions = ", ".join(f"{escape(name)} {escape(str(version))}" for name, version in cited.at("versions").items())
    rows = [
        ("seed", cited.text("seed") if cited.at("seed") is not None else ""),
        ("made", cited.text("created")),
        ("with", versions),
        ("time", f"{cited.decimal('fit_s', digits=0)} s" if cited.at("fit_s") is not None else ""),
        ("model file", f"{cited.text('model', 'file')}, SHA-256 <code>{cited.text('model', 'sha256')}</code>"),
        ("faces", f"key <code>{cited.text('data', 'key')}</code>" if cited.at("data") else ""),
        ("shape predictor", f"SHA-256 <code>{cited.text('shape_predictor_sha256')}</code>"),
    ]
    made = f"<pre>{'<br>'.join(commands)}</pre>" if commands else ""
    extractor = escape(", ".join(f"{name} {value}" for name, value in cited.at("extractor").items()))
    settings = folded("Extractor's settings", paragraph(extractor))
    return section("To make the same again", made, facts_list(rows), settings)
