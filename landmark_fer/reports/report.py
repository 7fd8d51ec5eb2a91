"""The report: what `fit` and `evaluate` leave for someone who was not there, as one HTML file, from a manifest.

Every number in it is one of the manifest's, and says where it stands there; what the manifest does not have was not
measured, and the report says so.
"""

import logging
from html import escape
from pathlib import Path

from landmark_fer.artifact.card import CARE
from landmark_fer.artifact.folders import write_whole
from landmark_fer.artifact.manifest import read_manifest
from landmark_fer.core.errors import SinkError
from landmark_fer.perception.predictor_file import PREDICTOR_LICENCE
from landmark_fer.reports.figures_in_page import Images
from landmark_fer.reports.page import key_numbers, render_page
from landmark_fer.reports.parts import Cited, from_markdown, paragraph, section
from landmark_fer.reports.scores import has_predictions, rejection_section, scores_section
from landmark_fer.reports.sections import (
    care_of_data_section,
    comparison_section,
    importance_section,
    learning_section,
    making_section,
    origin_section,
)

logger = logging.getLogger(__name__)

REPORT_NAME = "report.html"


def render_report(manifest, *, history=None):
    """Return the report of a fitted model as HTML.

    Parameters
    ----------
    manifest : dict
        Of its artifact.
    history : list of dict, optional
        Of a network's training, as from `read_history`.
    """
    cited, images = Cited(manifest), Images()
    parts = [
        _summary(cited),
        origin_section(cited),
        comparison_section(cited, images),
        *(
            scores_section(cited, images, f"{name[:1].upper()}{name[1:]}: faces that it met last", "scores", name)
            for name in manifest.get("scores", {})
        ),
        rejection_section(cited, images),
        learning_section(cited, images, history),
        importance_section(cited, images),
        care_of_data_section(cited),
        *closing_sections(),
        making_section(cited),
    ]
    return render_page(f"Report: {manifest.get('model_name', 'model')}", parts)


def write_report(path, manifest, figures_data=None):
    """Write the report of a fitted model.

    Parameters
    ----------
    path : path-like
        The file; what stood there stays until the new one is whole.
    manifest : dict
        Of its artifact.
    figures_data : dict, optional
        What images need beyond the manifest: ``history``, as for `render_report`.

    Raises
    ------
    SinkError
        If it cannot be written.
    """
    write_page(path, render_report(manifest, **(figures_data or {})))


def report_artifact(folder, path=None):
    """Write the report of a saved artifact from what is saved, without fitting anything.

    Parameters
    ----------
    folder : path-like
        Of the artifact.
    path : path-like, optional
        The file; by default ``report.html`` in the folder.

    Returns
    -------
    Path

    Raises
    ------
    ArtifactError
        If there is no artifact.
    SinkError
        If the report cannot be written.
    """
    folder = Path(folder)
    path = folder / REPORT_NAME if path is None else Path(path)
    write_report(path, read_manifest(folder), {"history": _history(folder)})
    return path


def write_page(path, text):
    """Write a page wholly or not at all.

    Raises
    ------
    SinkError
        If it cannot be written.
    """
    try:
        write_whole(Path(path), text)
    except OSError as error:
        raise SinkError(f"{path} could not be written ({error.strerror or error}); choose another --report") from error


def closing_sections():
    """Return what every report says of people, law and licence."""
    return (
        section("Use, and what it must not be used for", from_markdown(CARE)),
        section("Licence", from_markdown(PREDICTOR_LICENCE)),
    )


def _summary(cited):
    names = list(cited.at("scores") or {})
    if not names:
        return paragraph("It was not scored on faces that it had not seen.", kind="notice")
    first = ("scores", names[0])
    low, high = (cited.percent(*first, "accuracy_interval", end) for end in (0, 1))
    keys = [(cited.percent(*first, "accuracy"), f"accuracy on {cited.count(*first, 'n')} faces ({low} to {high})")]
    if cited.at(*first, "n_leak_free") not in (None, cited.at(*first, "n")):
        keys.append(
            (cited.percent(*first, "accuracy_leak_free"), "accuracy on those without a near-duplicate in training")
        )
    keys.append((cited.percent(*first, "macro_f1"), "macro-F1, every expression counting alike"))
    if cited.at("rejection", "threshold") and has_predictions(cited):  # at 0 it always answers
        sure = cited.percent("rejection", "accuracy")
        keys.append((sure, f"right of the {cited.percent('rejection', 'coverage')} that it is sure enough to answer"))
    day = escape(str(cited.at("created"))[:16].replace("T", " "))
    made = f"{cited.text('data', 'source')}, {day} UTC" if cited.at("data") else f"{day} UTC"
    return paragraph(made, kind="dim") + key_numbers(keys)


def _history(folder):
    """Return the history of a network's training, or None where the artifact has none that can be read."""
    path = folder / "history.csv"
    if not path.is_file():
        return None
    from landmark_fer.models.networks.training import read_history

    try:
        return read_history(path)
    except (OSError, ValueError, KeyError) as error:
        logger.warning("%s could not be read (%s); the report does without", path, error)
        return None
