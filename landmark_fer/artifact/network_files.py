"""Files of networks: write those of an artifact, and read network files that belong to no artifact."""

import hashlib
import json
from pathlib import Path

from landmark_fer.artifact.model_files import checked_content
from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.core.expressions import in_order
from landmark_fer.core.files import time_text
from landmark_fer.models.networks.classifier import CalibratedNetwork
from landmark_fer.models.networks.description import description_of, read_sidecar, sidecar_path
from landmark_fer.models.networks.keras_network import KerasNetwork, keras_content, read_keras
from landmark_fer.models.networks.onnx_export import onnx_content
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from landmark_fer.models.onnx_runtime import OnnxModel

KERAS_FILE = "model.keras"
"""Name of the network in Keras format in an artifact's folder."""

MAX_BYTES = 2 * 2**30
"""Largest size of a network's file; a protocol buffer cannot be larger."""


def write_network(path, predictor, facts):
    """Write a network as ONNX and in Keras format, with a sidecar that describes both.

    Parameters
    ----------
    path : Path
        The ONNX file.
    predictor : CalibratedNetwork
    facts : dict
        As for `save_artifact`.

    Raises
    ------
    InputError
        If the predictor is not a `CalibratedNetwork`, or the probabilities of its ONNX form differ.
    """
    if not isinstance(predictor, CalibratedNetwork):
        raise InputError(f"a network must be a CalibratedNetwork to be saved as one, got {type(predictor).__name__}")
    if tuple(facts["fields"]) != predictor.fields:
        got = ", ".join(facts["fields"])
        raise InputError(f"the facts of a network must have the fields {', '.join(predictor.fields)}, got {got}")
    path.write_bytes(onnx_content(predictor.network_, predictor.description))
    path.with_name(KERAS_FILE).write_bytes(keras_content(predictor.network_))
    text = json.dumps(predictor.description.to_dict(), indent=1)
    sidecar_path(path).write_text(text + "\n", encoding="utf-8")


def read_network_file(path, *, threads=1):
    """Return the predictor in a network file that belongs to no artifact, and a manifest for it.

    Parameters
    ----------
    path : Path
        ``FILE.onnx``, described by a sidecar ``FILE.json``, its metadata or a known contract, or ``FILE.keras``
        with a sidecar.
    threads : int, default=1
        As for `load_artifact`.

    Returns
    -------
    OnnxNetwork or KerasNetwork
    dict
        With what `Artifact.manifest` must have.

    Raises
    ------
    ArtifactError
        If it is missing, damaged, not described, or differs from its description.
    DependencyError
        If it is a Keras file and Keras is not installed.
    """
    content = _content(path)
    try:
        predictor = _READERS[path.suffix.lower()](path, content, threads)
    except InputError as error:
        raise ArtifactError(str(error)) from error
    description = predictor.description
    model = {"file": path.name, "format": "network", "bytes": len(content)}
    return predictor, {
        "created": time_text(path.stat().st_mtime, "seconds"),
        "versions": {},
        "model": model | {"sha256": hashlib.sha256(content).hexdigest()},
        "classes": list(in_order(description.classes)),
        "fields": list(description.fields),
        "extractor": description.extractor_settings().to_dict(),
        "model_name": path.stem,
        "features": "pixels",
        "network": description.to_dict(),
        "probe": [],
    }


def load_keras_network(path, manifest):
    """Return the Keras network of an artifact for fine-tuning, after its hash is checked.

    Parameters
    ----------
    path : path-like
        The artifact's folder.
    manifest : dict
        The artifact's manifest.

    Returns
    -------
    keras.Model

    Raises
    ------
    ArtifactError
        If the artifact has no Keras network, or it is damaged.
    DependencyError
        If Keras is not installed.
    """
    file, entry = Path(path) / KERAS_FILE, manifest.get("files", {}).get(KERAS_FILE)
    if entry is None:
        raise ArtifactError(f"{path} must be an artifact of a network with {KERAS_FILE}, got none; name another")
    try:
        return read_keras(checked_content(file, entry["sha256"]), name=str(file))
    except InputError as error:
        raise ArtifactError(str(error)) from error


def _content(path):
    try:
        if path.exists() and not path.is_file():  # reading a pipe would block
            raise ArtifactError(f"{path} must be a regular file with a network, got a folder or a device; name another")
        if path.stat().st_size > MAX_BYTES:
            raise ArtifactError(f"{path} must have at most {MAX_BYTES // 2**30} GiB; choose a smaller network")
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"network {path} cannot be read ({error.strerror}); name another file") from error


def _read_onnx(path, content, threads):
    model = OnnxModel(content, name=path)
    return OnnxNetwork(model, description_of(path, model.interface), name=path, threads=threads)


def _read_keras(path, content, threads):
    description = read_sidecar(path)
    if description is None:
        raise InputError(f"{path} must be described by {sidecar_path(path)}, which does not exist; write it")
    return KerasNetwork(read_keras(content, name=path), description, name=path)


_READERS = {".onnx": _read_onnx, ".keras": _read_keras}
