"""Read the manifest of an artifact, and the option types of commands that take an artifact."""

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path

from landmark_fer.core.bundled import bundled, is_installed
from landmark_fer.core.errors import ArtifactError, plain_reason, plain_value
from landmark_fer.core.paths import Input
from landmark_fer.core.types import PathLike

FORMAT = "landmark_fer artifact"
FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"
CARD_NAME = "card.md"
BUNDLED = ("default", "cnn", "ensemble")
"""Names of the bundled artifacts."""

BUNDLED_MEMBERS = ("default", "cnn")
"""Bundled artifacts that an ensemble may refer to instead of holding copies."""

DEFAULT_ARTIFACT = bundled("artifacts/default")

_REQUIRED = {"classes": list, "fields": list, "probe": list, "extractor": dict, "versions": dict, "model": dict}


def artifact_path(path: PathLike | None = None) -> Path:
    """Return the path of an artifact; a name in `BUNDLED` means the bundled one if no such path exists.

    Parameters
    ----------
    path : path-like, optional
        By default the bundled artifact ``default``.

    Returns
    -------
    Path
        It may not exist.
    """
    if path is None:
        return DEFAULT_ARTIFACT
    if os.fspath(path) in BUNDLED and not os.path.lexists(path):
        return bundled(f"artifacts/{os.fspath(path)}")
    return Path(path)


def read_manifest(path):
    """Return the manifest of an artifact without loading its model.

    Raises
    ------
    ArtifactError
        If the folder or the manifest is missing, cannot be read, lacks an entry or has another format version.
    """
    path = Path(path)
    if not path.exists():
        advice = f"fit one with 'python -m landmark_fer.fit --out {path}'"
        raise ArtifactError(
            f"artifact {path} does not exist; {'install landmark_fer again' if is_installed(path) else advice}"
        )
    if not (path / MANIFEST_NAME).is_file():
        raise ArtifactError(f"{path} must be an artifact folder with {MANIFEST_NAME}, got none; name another")
    try:
        manifest = json.loads((path / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{path / MANIFEST_NAME} cannot be read ({plain_reason(error)}); fit the model again"
        ) from error
    missing = _missing(manifest, {"format": str, "format_version": int})
    if not missing:
        _check_format(path, manifest)
        missing = _missing(manifest, _REQUIRED) or _missing(manifest["model"], {"sha256": str})
    if missing:
        raise ArtifactError(f"{path / MANIFEST_NAME} must have {', '.join(missing)}, got none; fit the model again")
    return manifest


def _check_format(path, manifest):
    """Raise ArtifactError if a manifest has another format, with the command that fits the model again."""
    got = [manifest["format"], manifest["format_version"]]
    if got == [FORMAT, FORMAT_VERSION]:
        return
    command = manifest.get("command")
    if not (isinstance(command, str) and command.isprintable()):
        command = f"python -m landmark_fer.fit --out {shlex.quote(str(path))}"
    raise ArtifactError(
        f"{path} must be a {FORMAT} of format version {FORMAT_VERSION}, got {' '.join(map(plain_value, got))}; "
        f"fit the model again: {command}"
    )


def is_artifact(path):
    """Return whether a folder has the manifest of an artifact, of any format version."""
    return _read_leniently(path).get("format") == FORMAT


def artifact_files(text):
    """Return the paths that loading an artifact reads: folder and files of the manifest, or a network's files."""
    path = artifact_path(text)
    if not path.is_dir():
        return [path, path.parent / f"{path.stem}.json"]  # the sidecar of a network
    manifest = _read_leniently(path)
    names = [manifest.get("model", {}).get("file"), *manifest.get("files", {})]
    paths = [path, *(path / name for name in (MANIFEST_NAME, CARD_NAME, *names) if isinstance(name, str))]
    for name in BUNDLED_MEMBERS if manifest.get("model", {}).get("format") == "ensemble" else ():
        paths += [bundled(f"artifacts/{name}"), *bundled(f"artifacts/{name}").glob("model.*")]
    return paths


def _read_leniently(path):
    """Return the manifest in a folder, or an empty dictionary if there is none or it is damaged."""
    try:
        manifest = json.loads((Path(path) / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(manifest, dict):
        return {}
    return manifest if all(isinstance(manifest.get(name, {}), dict) for name in ("model", "files")) else {}


ARTIFACT_HELP = f"artifact folder, or {', '.join(BUNDLED[:-1])} or {BUNDLED[-1]} for a bundled one"
"""Text of ``--help`` for options that name a saved model."""

ARTIFACT = Input(files=artifact_files, holds=lambda path, file: False)
"""Type of a command's option that names a saved model; other files in the folder are not read."""

ARTIFACT_OR_BUNDLED = replace(ARTIFACT, default=lambda: ("the bundled model", DEFAULT_ARTIFACT))
"""The same for options that default to the bundled artifact."""


def _missing(values, required):
    """Return the names of required entries that a dictionary lacks or has with another type."""
    values = values if isinstance(values, dict) else {}
    return [name for name, kind in required.items() if not isinstance(values.get(name), kind)]
