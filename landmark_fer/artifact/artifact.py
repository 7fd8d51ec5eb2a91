"""Save and load artifacts: folders that hold a fitted model, its manifest and its model card.

    model.joblib    the fitted predictor; or model.skops, model.onnx; a network also as model.keras
    manifest.json   versions, hash, classes, extractor settings, data, comparison, scores, seed, probe
    card.md         the model card: the same for people, with licence, limits and misuse

A model is loaded only after its format, its versions and its hash are checked, because unpickling runs code. The hash
detects damage. It does not make a pickle from a stranger safe, because the stranger also writes the manifest. The
other formats hold no code (docs/decisions/0009).
"""

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sklearn

from landmark_fer import __version__
from landmark_fer.artifact.card import render_card
from landmark_fer.artifact.manifest import (
    CARD_NAME,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST_NAME,
    artifact_path,
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
from landmark_fer.core.bundled import is_installed
from landmark_fer.core.errors import ArtifactError, InputError, SinkError
from landmark_fer.core.files import atomic_folder, read_folder, recover_folder
from landmark_fer.core.naming import writable
from landmark_fer.core.types import PathLike

_OF_ONE_COPY = ("format", "format_version", "versions", "model", "files", "probe")  # computed for each copy of a model


@dataclass(frozen=True, eq=False)
class Artifact:
    """A fitted model with its manifest.

    Attributes
    ----------
    predictor : estimator
        Fitted; takes face records.
    manifest : dict
        Content of ``manifest.json``.
    path : Path or None
        Folder that it was loaded from or saved to.
    """

    predictor: Any
    manifest: dict[str, Any]
    path: Path | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The expressions that the model predicts, in the order of `EXPRESSIONS`, as a tuple."""
        return tuple(self.manifest["classes"])


def save_artifact(path, predictor, facts, *, format="joblib", extras=None):
    """Save a fitted predictor as an artifact, atomically.

    The folder is written under a temporary name and then renamed. After a kill, a full disk or Ctrl-C an earlier
    artifact is unchanged.

    Parameters
    ----------
    path : path-like
        The folder. An existing artifact is replaced; a folder with other files is refused.
    predictor : estimator
        Fitted, with ``classes_``.
    facts : dict
        Content of the manifest besides versions, hash and probe: at least ``classes``, ``extractor`` (settings) and
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
        If the path holds something other than an artifact.
    InputError
        If the format is unknown, or the predictor cannot be saved in it.
    DependencyError
        If the format's package is not installed.
    SinkError
        If the folder cannot be written.
    """
    path = Path(path)
    check_destination(path)
    check_model_format(format)
    recover_folder(path)
    try:
        with atomic_folder(path) as folder:
            manifest = _write(folder, predictor, facts, format, extras or {})
    except OSError as error:
        raise SinkError(
            f"artifact {path} could not be written ({error.strerror or error}); free space or choose another --out; "
            "an earlier artifact there is unchanged"
        ) from error
    return Artifact(predictor, manifest, path)


def export_onnx(artifact: Artifact, path: PathLike | None = None) -> Artifact:
    """Save a copy of an artifact as ONNX, which onnxruntime runs in any language with the same probabilities.

    Parameters
    ----------
    artifact : Artifact
        Of a scikit-learn model.
    path : path-like, optional
        The folder; by default `export_path` of the artifact's.

    Returns
    -------
    Artifact
        With the original predictor; `load_artifact` of its path returns the exported one.

    Raises
    ------
    InputError
        If the model has no ONNX form, or the probabilities of its ONNX form differ.
    DependencyError
        If the package onnx is not installed.
    """
    if artifact.manifest["model"]["format"] == "network":
        raise InputError(f"a network is ONNX already; use {artifact.manifest['model']['file']} in {artifact.path}")
    facts = {name: value for name, value in artifact.manifest.items() if name not in _OF_ONE_COPY}
    return save_artifact(path or export_path(artifact.path), artifact.predictor, facts, format="onnx")


def export_path(path):
    """Return the folder for the ONNX form of an artifact: ``artifacts/latest-onnx`` for ``artifacts/latest``.

    The ONNX form of an installed bundled artifact goes to the working folder.
    """
    path = Path(path).absolute() if not Path(path).name else Path(path)
    if is_installed(path):
        return Path(f"{path.name}-onnx")
    return path.with_name(f"{path.name}-onnx")


def load_artifact(path: PathLike | None = None, *, threads: int = 1) -> Artifact:
    """Load an artifact after its format, hash and versions are checked, and verify its probe.

    Parameters
    ----------
    path : path-like, optional
        The folder, or the file of a network as for `read_network_file`. "default" and "cnn" name the bundled
        artifacts if no such path exists. By default "default".
    threads : int, default=1
        Number of faces that an ONNX model computes at the same time. Live uses one thread, because detection and
        drawing need the other cores. Other models use the threads of BLAS.

    Returns
    -------
    Artifact

    Raises
    ------
    ArtifactError
        If it is missing, damaged, of another version, or not an artifact.
    DependencyError
        If a package that the model's format needs is not installed.
    """
    path = artifact_path(path)
    if path.suffix.lower() in NETWORK_SUFFIXES and not path.is_dir():
        return _load_network_file(path, threads)
    manifest, predictor = read_folder(path, lambda folder: _read(folder, threads), ArtifactError)
    check_probe(path, predictor, manifest)
    return Artifact(predictor, manifest, path)


def _read(path, threads):
    manifest = read_manifest(path)
    return manifest, read_model(path, manifest, threads=threads)


def _load_network_file(path, threads):
    from landmark_fer.artifact.network_files import read_network_file

    predictor, manifest = read_network_file(path, threads=threads)
    return Artifact(predictor, {"format": FORMAT, "format_version": FORMAT_VERSION, **manifest}, path)


def check_destination(path):
    """Raise ArtifactError if an artifact cannot be saved at `path`, or would replace something else."""
    path = Path(path)
    if path.is_file():
        raise ArtifactError(f"{path} must be a folder for an artifact, got a file; choose another --out")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise ArtifactError(f"{path} cannot be created, because {parent} is not writable; choose another --out")
    read_folder(path, _check_replaceable, (ArtifactError, FileNotFoundError))  # another process may be replacing it


def _check_replaceable(path):
    if path.is_dir() and any(path.iterdir()) and not is_artifact(path):
        raise ArtifactError(
            f"{path} must be empty or hold an artifact, got other files, which are kept; choose another --out"
        )


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
    return manifest
