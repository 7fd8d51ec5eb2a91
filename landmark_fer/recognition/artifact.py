"""Artifact: a folder that holds a fitted model, what it was made from, and a card for people.

    model.joblib    the fitted predictor
    manifest.json   versions, hash, classes, extractor settings, data, comparison, scores, seed, probe
    card.md         the same for people, with licence, limits and misuse

A model is unpickled only after the manifest's format and versions and the file's hash were checked: unpickling runs
code. The hash finds damage; it does not make a stranger's file safe, because a stranger writes the manifest, too.
"""

import hashlib
import io
import json
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import joblib
import sklearn

from landmark_fer import __version__
from landmark_fer.errors import ArtifactError, SinkError
from landmark_fer.recognition.card import render_card
from landmark_fer.recognition.probe import check_probe, probe_answers

FORMAT = "landmark_fer artifact"
FORMAT_VERSION = 1
MODEL_NAME, MANIFEST_NAME, CARD_NAME = "model.joblib", "manifest.json", "card.md"
DEFAULT_ARTIFACT = Path(__file__).resolve().parents[2] / "artifacts" / "default"

_REQUIRED = {"format": str, "format_version": int, "classes": list, "fields": list, "probe": list}
_REQUIRED |= {"extractor": dict, "versions": dict, "model": dict}


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


def save_artifact(path, predictor, facts):
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

    Returns
    -------
    Artifact

    Raises
    ------
    ArtifactError
        If something that is no artifact stands in the place.
    SinkError
        If the folder cannot be written.
    """
    path = Path(path)
    check_destination(path)
    _recover(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent))
        try:
            manifest = _write(beside, predictor, facts)
            _swap(beside, path)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise SinkError(
            f"artifact {path} could not be written ({error.strerror or error}); free space or choose another --out; "
            "an earlier artifact there is unchanged"
        ) from error
    return Artifact(predictor, manifest, path)


def load_artifact(path=None):
    """Load and verify an artifact: format, versions, hash, then the model, then its probe.

    Parameters
    ----------
    path : path-like, optional
        The folder; without it the bundled default artifact.

    Returns
    -------
    Artifact

    Raises
    ------
    ArtifactError
        If it is missing, damaged, of another version, or not an artifact.
    """
    path = Path(path) if path is not None else DEFAULT_ARTIFACT
    _recover(path)
    manifest = read_manifest(path)
    model = path / MODEL_NAME
    content = _checked_content(model, manifest["model"]["sha256"])
    _check_versions(path, manifest["versions"])
    try:
        predictor = joblib.load(io.BytesIO(content))  # the very bytes that were checked
    except Exception as error:  # a pickle of other code raises nearly anything
        raise ArtifactError(f"{model} cannot be loaded ({error}); fit the model anew") from error
    check_probe(path, predictor, manifest)
    return Artifact(predictor, manifest, path)


def read_manifest(path):
    """Return the manifest of an artifact without loading its model.

    Raises
    ------
    ArtifactError
        If the folder or the manifest is missing, unreadable or of another format.
    """
    path = Path(path)
    if not path.exists():
        raise ArtifactError(f"artifact {path} does not exist; fit one with 'python -m landmark_fer.fit --out {path}'")
    if not (path / MANIFEST_NAME).is_file():
        raise ArtifactError(f"{path} must be an artifact folder with {MANIFEST_NAME}, and has none; name another")
    try:
        manifest = json.loads((path / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path / MANIFEST_NAME} cannot be read ({error}); fit the model anew") from error
    missing = _missing(manifest, _REQUIRED) or _missing(manifest["model"], {"sha256": str})
    if missing:
        raise ArtifactError(f"{path / MANIFEST_NAME} must have {', '.join(missing)}, and lacks it; fit the model anew")
    if (manifest["format"], manifest["format_version"]) != (FORMAT, FORMAT_VERSION):
        came = f"{manifest['format']} {manifest['format_version']}"
        raise ArtifactError(f"{path} must be a {FORMAT} of version {FORMAT_VERSION}, got {came}; fit the model anew")
    return manifest


def _missing(values, required):
    """Return the names of what a dictionary lacks or has of another type."""
    return [n for n, kind in required.items() if not isinstance(values, dict) or not isinstance(values.get(n), kind)]


def check_destination(path):
    """Raise ArtifactError if an artifact could not be saved at `path` without harm to something else."""
    path = Path(path)
    if path.is_file():
        raise ArtifactError(f"{path} must be a folder for an artifact, and is a file; choose another --out")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise ArtifactError(f"{path} cannot be made, because {parent} cannot be written; choose another --out")
    if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST_NAME).is_file():
        raise ArtifactError(f"{path} holds something that is no artifact and stays untouched; choose another --out")


def _write(folder, predictor, facts):
    """Write the three files into an empty folder and return the manifest."""
    joblib.dump(predictor, folder / MODEL_NAME, compress=("zlib", 6))
    content = (folder / MODEL_NAME).read_bytes()
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "landmark_fer": __version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            **{name: version(name) for name in ("numpy", "joblib")},
        },
        "model": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)},
        **facts,
    }
    manifest["probe"] = probe_answers(predictor, manifest)
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")
    (folder / CARD_NAME).write_text(render_card(manifest), encoding="utf-8")
    folder.chmod(0o755)
    for file in folder.iterdir():
        with open(file, "rb") as written:
            os.fsync(written.fileno())
    return manifest


def _swap(beside, path):
    """Put the new folder in the place of the old one."""
    if not path.exists():
        beside.rename(path)
        return
    old = _backup(path)
    shutil.rmtree(old, ignore_errors=True)
    path.rename(old)
    beside.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _backup(path):
    return path.parent / f".{path.name}.old"


def _recover(path):
    """Bring back an artifact whose replacement was killed between two renames."""
    if not path.exists() and _backup(path).is_dir():
        _backup(path).rename(path)


def _checked_content(model, sha256):
    try:
        content = model.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{model} cannot be read ({error.strerror}); fit the model anew") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(f"{model} must have the SHA-256 in its manifest, and has not: it is damaged or replaced")
    return content


def _check_versions(path, versions):
    saved, here = versions.get("scikit-learn", "none"), sklearn.__version__
    if saved.split(".")[:2] != here.split(".")[:2]:
        raise ArtifactError(
            f"{path} was fitted with scikit-learn {saved} and {here} is installed; a fitted model is tied to its minor "
            f"version: install scikit-learn {'.'.join(saved.split('.')[:2])} or fit the model anew"
        )
