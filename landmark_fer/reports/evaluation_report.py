"""The report of `evaluate`: the scores of one saved model on one data set."""

import platform
from datetime import UTC, datetime

import numpy as np
import sklearn

from landmark_fer import __version__
from landmark_fer.evaluation.rejection import curve_points, risk_coverage
from landmark_fer.reports.page import render_page, write_page

_OF_MODEL = ("model_name", "model", "classes", "extractor", "shape_predictor_sha256")


def write_scores_report(path, manifest, scores, predictions, *, source, split=None, command=None):
    """Write the report of a model's scores on a data set.

    Parameters
    ----------
    path : path-like
    manifest : dict
        Of the model.
    scores : dict
        As from `assess`.
    predictions : DataFrame
        As from `assess`.
    source : str
        Name of the data set.
    split : str, optional
        The split that was scored; default the whole data set.
    command : str, optional
        Command line that computed the scores.

    Raises
    ------
    SinkError
        If the report cannot be written.
    """
    classes = list(scores["classes"])
    labels, probabilities = predictions["expression"].to_numpy(str), predictions[classes].to_numpy(float)
    facts = {name: manifest[name] for name in _OF_MODEL if name in manifest}
    facts |= {
        "scores": scores,
        "curve": curve_points(risk_coverage(labels, probabilities, classes)),
        "source": source,
        "split": split,
        "training_data": manifest.get("data"),
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
    """Return the report as HTML, from the facts that `write_scores_report` collects."""
    name_of_data = facts["source"] + (f", {facts['split']}" if facts["split"] else "")
    title = f"{facts.get('model_name', 'model')} on {name_of_data}"
    return render_page("evaluation.html", facts, title=title, name_of_data=name_of_data)
