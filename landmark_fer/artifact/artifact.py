"""Artifact: a folder that holds a fitted model, what it was made from, and a card for people.

    model.joblib    the fitted predictor; or model.skops, model.onnx; a network also as model.keras
    manifest.json   versions, hash, classes, extractor settings, data, comparison, scores, seed, probe
    card.md         the same for people, with licence, limits and misuse

A model is loaded only after the manifest's format and versions and the file's hash were checked: unpickling runs
code. The hash finds damage; it does not make a stranger's pickle safe, because a stranger writes the manifest, too. The
other formats hold no code (docs/decisions/0009).
"""

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sklearn

from landmark_fer import __version__
from landmark_fer.artifact.card import render_card
from landmark_fer.artifact.folders import read_steadily, recover, replaced
from landmark_fer.artifact.manifest import (
    CARD_NAME,
    DEFAULT_ARTIFACT,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST_NAME,
    is_artifact,
    read_manifest,
)
from landmark_fer.artifact.model_files import (
    NETWORK_SUFFIXES,
    check_model_format,
    file_facts,
    format_versions,
    read_model,
    write_model,
)
from landmark_fer.artifact.probe import check_probe, probe_predictions
from landmark_fer.core.errors import ArtifactError, InputError, SinkError
from landmark_fer.core.naming import writable

_WRITTEN_ANEW = ("format", "format_version", "versions", "model", "files", "probe")  # with each copy of a model


@dataclass(frozen=True, eq=False)
class Artifact:
    """A verified model.

    Attributes
    ----------
    predictor : estimator
        Fitted; takes face records.
    manifest : dict
        What was saved about it.
    path : Path or None
        Where it was loaded from.
    """

    predictor: object
    manifest: dict
    path: Path | None = None

    @property
    def classes(self):
        """The expressions that the model tells apart, in the order of `EXPRESSIONS`, as a tuple."""
        return tuple(self.manifest["classes"])


def save_artifact(path, predictor, facts, *, format="joblib", extras=None):
    """Save a fitted predictor as an artifact, wholly or not at all.

    The folder is written beside its place and then renamed, so that a kill, a full disk or Ctrl-C leaves an earlier
    artifact as it was.

    Parameters
    ----------
    path : path-like
        The folder. An artifact that stands there is replaced; anything else is refused.
    predictor : estimator
        Fitted, with ``classes_``.
    facts : dict
        What the manifest says beyond versions, hash and probe: at least ``classes``, ``extractor`` (settings) and
        ``fields`` (of the face records).
    format : {"joblib", "skops", "onnx", "network"}, default="joblib"
        Of the model file. skops is safe to share; onnx is for other languages; network is for networks.
    extras : dict of str to bytes, optional
        More files for the folder, by name. The manifest lists them under ``files``.

    Returns
    -------
    Artifact

    Raises
    ------
    ArtifactError
        If something that is no artifact stands in the place.
    InputError
        If there is no such format, or the predictor has no form in it.
    DependencyError
        If the format's package is not installed.
    SinkError
        If the folder cannot be written.
    """
    path = Path(path)
    check_destination(path)
    check_model_format(format)
    recover(path)
    try:
        with replaced(path) as folder:
            manifest = _write(folder, predictor, facts, format, extras or {})
    except OSError as error:
        raise SinkError(
            f"artifact {path} could not be written ({error.strerror or error}); free space or choose another --out; "
            "an earlier artifact there is unchanged"
        ) from error
    return Artifact(predictor, manifest, path)


def export_onnx(artifact, path=None):
    """Save a fitted model once more, as ONNX, which onnxruntime runs in any language with the same probabilities.

    Parameters
    ----------
    artifact : Artifact
        Of a model that scikit-learn runs.
    path : path-like, optional
        The folder; by default `export_path` of the artifact's.

    Returns
    -------
    Artifact
        With the original predictor; `load_artifact` of its path gives the exported one.

    Raises
    ------
    InputError
        If the model has no ONNX form, or its ONNX form answers the probe otherwise.
    DependencyError
        If the package onnx is not installed.
    """
    if artifact.manifest["model"].get("format") == "network":
        raise InputError(f"a network is ONNX already; take {artifact.manifest['model']['file']} of {artifact.path}")
    facts = {name: value for name, value in artifact.manifest.items() if name not in _WRITTEN_ANEW}
    return save_artifact(path or export_path(artifact.path), artifact.predictor, facts, format="onnx")


def export_path(path):
    """Return the folder beside an artifact's for its ONNX form: ``artifacts/latest`` has ``artifacts/latest-onnx``."""
    path = Path(path).absolute() if not Path(path).name else Path(path)
    return path.with_name(f"{path.name}-onnx")


def load_artifact(path=None, *, threads=1):
    """Load and verify an artifact: format, versions, hash, then the model, then its probe.

    Parameters
    ----------
    path : path-like, optional
        The folder; without it the bundled default artifact. Or the file of a network, as for `read_network_file`.
    threads : int, default=1
        How many faces of one call an ONNX model computes at the same time. Live has one thread, since detection and
        drawing need the other cores. Other models go by the threads of BLAS.

    Returns
    -------
    Artifact

    Raises
    ------
    ArtifactError
        If it is missing, damaged, of another version, or not an artifact.
    DependencyError
        If what its model's format needs is not installed.
    """
    path = Path(path) if path is not None else DEFAULT_ARTIFACT
    if path.suffix.lower() in NETWORK_SUFFIXES and not path.is_dir():
        return _of_file(path, threads)
    manifest, predictor = read_steadily(path, lambda folder: _read(folder, threads), ArtifactError)
    check_probe(path, predictor, manifest)
    return Artifact(predictor, manifest, path)


def _read(path, threads):
    manifest = read_manifest(path)
    return manifest, read_model(path, manifest, threads=threads)


def _of_file(path, threads):
    from landmark_fer.artifact.network_files import read_network_file

    predictor, manifest = read_network_file(path, threads=threads)
    return Artifact(predictor, {"format": FORMAT, "format_version": FORMAT_VERSION, **manifest}, path)


def check_destination(path):
    """Raise ArtifactError if an artifact could not be saved at `path` without harm to something else."""
    path = Path(path)
    if path.is_file():
        raise ArtifactError(f"{path} must be a folder for an artifact, and is a file; choose another --out")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise ArtifactError(f"{path} cannot be made, because {parent} cannot be written; choose another --out")
    read_steadily(path, _check_nothing_else, (ArtifactError, FileNotFoundError))  # another fit may just replace it


def _check_nothing_else(path):
    if path.is_dir() and any(path.iterdir()) and not is_artifact(path):
        raise ArtifactError(f"{path} holds something that is no artifact and stays untouched; choose another --out")


def _write(folder, predictor, facts, format, extras):
    """Write the files into an empty folder and return the manifest."""
    for name, content in extras.items():
        (folder / name).write_bytes(content)
    model = write_model(folder, predictor, facts, format)
    files = {file.name: file_facts(file) for file in sorted(folder.iterdir()) if file.name != model["file"]}
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "landmark_fer": __version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            **format_versions(format),
        },
        "model": model,
        **({"files": files} if files else {}),
        **facts,
    }
    manifest["probe"] = probe_predictions(predictor, manifest)
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST_NAME).write_text(writable(text) + "\n", encoding="utf-8")
    (folder / CARD_NAME).write_text(writable(render_card(manifest)), encoding="utf-8")
    folder.chmod(0o755)
    for file in folder.iterdir():
        with open(file, "rb") as written:
            os.fsync(written.fileno())
    return manifest
