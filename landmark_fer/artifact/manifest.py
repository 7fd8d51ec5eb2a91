"""The manifest of an artifact, read: what must be in it is there, and of this format."""

import json
from dataclasses import replace
from pathlib import Path

from landmark_fer.core.bundled import bundled
from landmark_fer.core.errors import ArtifactError
from landmark_fer.core.paths import Input

FORMAT = "landmark_fer artifact"
FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"
CARD_NAME = "card.md"
DEFAULT_ARTIFACT = bundled("artifacts/default")

_REQUIRED = {"format": str, "format_version": int, "classes": list, "fields": list, "probe": list}
_REQUIRED |= {"extractor": dict, "versions": dict, "model": dict}


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


def is_artifact(path):
    """Return whether the manifest in a folder says that the folder is an artifact, of whatever version."""
    return _read_leniently(path).get("format") == FORMAT


def files_of_artifact(text):
    """Return the paths that are read for an artifact: its folder and what its manifest names, or a network's files."""
    path = Path(text)
    if not path.is_dir():
        return [path, path.parent / f"{path.stem}.json"]  # the sidecar of a network
    manifest = _read_leniently(path)
    named = [manifest.get("model", {}).get("file"), *manifest.get("files", {})]
    return [path, *(path / name for name in (MANIFEST_NAME, CARD_NAME, *named) if isinstance(name, str))]


def _read_leniently(path):
    """Return the manifest in a folder, or an empty one where there is none that can be used."""
    try:
        manifest = json.loads((Path(path) / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    parts = manifest if isinstance(manifest, dict) else {}
    return parts if all(isinstance(parts.get(name, {}), dict) for name in ("model", "files")) else {}


ARTIFACT = Input(files=files_of_artifact, holds=lambda path, file: False)
"""The type of a command's option that names a saved model; the folder may have other files, which are not read."""

ARTIFACT_OR_BUNDLED = replace(ARTIFACT, default=lambda: ("the bundled model", DEFAULT_ARTIFACT))


def _missing(values, required):
    """Return the names of what a dictionary lacks or has of another type."""
    return [n for n, kind in required.items() if not isinstance(values, dict) or not isinstance(values.get(n), kind)]
