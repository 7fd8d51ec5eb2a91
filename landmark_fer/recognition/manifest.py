"""The manifest of an artifact, read: what must be in it is there, and of this format."""

import json
from pathlib import Path

from landmark_fer.errors import ArtifactError

FORMAT = "landmark_fer artifact"
FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"

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


def _missing(values, required):
    """Return the names of what a dictionary lacks or has of another type."""
    return [n for n, kind in required.items() if not isinstance(values, dict) or not isinstance(values.get(n), kind)]
