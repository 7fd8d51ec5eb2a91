"""The report of a saved model: an HTML page rendered from its manifest alone.

Every number on the page cites its place in the manifest. What the manifest lacks is reported as "not measured".
"""

import logging
from pathlib import Path

from landmark_fer.artifact.card import calibration_text
from landmark_fer.artifact.manifest import read_manifest
from landmark_fer.core.bundled import is_installed
from landmark_fer.reports.page import render_page, write_page

logger = logging.getLogger(__name__)

REPORT_NAME = "report.html"

_FEW_PREDICTIONS = 30  # too few for an accuracy
_BASELINE = "dummy"  # scores so low that the other models could not be distinguished in a figure


def render_report(manifest, *, history=None):
    """Return the report of a saved model as HTML.

    Parameters
    ----------
    manifest : dict
    history : list of dict, optional
        Training history of a network, as from `read_history`.
    """
    return render_page(
        "model.html",
        manifest,
        title=f"Report: {manifest.get('model_name', 'model')}",
        history=history,
        calibration=calibration_text(manifest),
        enough_predictions=_enough_predictions(manifest),
        without_baseline=lambda scores: {name: scores[name] for name in scores if name != _BASELINE} or scores,
    )


def report_artifact(folder, path=None):
    """Write the report of a saved artifact without fitting anything.

    Parameters
    ----------
    folder : path-like
        The artifact.
    path : path-like, optional
        The page; default ``report.html`` in the folder, for an installed bundled artifact in the working folder.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    ArtifactError
        If there is no artifact.
    SinkError
        If the page cannot be written.
    """
    folder = Path(folder)
    if path is None:
        path = REPORT_NAME if is_installed(folder) else folder / REPORT_NAME
    path = Path(path)
    write_page(path, render_report(read_manifest(folder), history=_history(folder)))
    return path


def _enough_predictions(manifest):
    """Return whether enough predictions are above the confidence threshold for an accuracy, as far as is recorded."""
    name = manifest.get("model_name")
    confusions = [row.get("confusion") for row in manifest.get("comparison", []) if row.get("name") == name]
    if not confusions or not confusions[0] or not manifest.get("rejection"):
        return True
    return manifest["rejection"]["coverage"] * sum(map(sum, confusions[0])) >= _FEW_PREDICTIONS


def _history(folder):
    """Return the training history of a network; None if the artifact has none that can be read."""
    path = folder / "history.csv"
    if not path.is_file():
        return None
    from landmark_fer.models.networks.training import read_history

    try:
        return read_history(path)
    except (OSError, ValueError, KeyError) as error:
        logger.warning("%s could not be read (%s); the report has no training curves", path, error)
        return None
