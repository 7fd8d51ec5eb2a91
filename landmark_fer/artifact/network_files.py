"""Networks as files: those of an artifact, written, and those of strangers, read with what stands beside them."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from landmark_fer.artifact.model_files import checked_content
from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.core.expressions import in_order
from landmark_fer.models.networks.classifier import CalibratedNetwork
from landmark_fer.models.networks.description import description_of, read_sidecar, sidecar_path
from landmark_fer.models.networks.keras_files import KerasNetwork, keras_content, network_content, read_keras
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from landmark_fer.models.onnx_runtime import OnnxModel

KERAS_FILE = "model.keras"
"""Name, in an artifact's folder, of the network as Keras keeps it."""

LARGEST = 2 * 2**30
"""Bytes of a network's file; a protocol buffer cannot have more."""


def write_network(path, predictor, facts):
    """Write a network as ONNX, and beside it for Keras, each described by the same sidecar.

    Parameters
    ----------
    path : Path
        Of the ONNX file.
    predictor : CalibratedNetwork
    facts : dict
        As for `save_artifact`.

    Raises
    ------
    InputError
        If the predictor is no such network, or its ONNX form answers otherwise.
    """
    if not isinstance(predictor, CalibratedNetwork):
        raise InputError(f"a network must be a CalibratedNetwork to be saved as one, got {type(predictor).__name__}")
    if tuple(facts["fields"]) != predictor.fields:
        came = ", ".join(facts["fields"])
        raise InputError(f"the facts of a network must have the fields {', '.join(predictor.fields)}, got {came}")
    path.write_bytes(network_content(predictor.network_, predictor.description))
    path.with_name(KERAS_FILE).write_bytes(keras_content(predictor.network_))
    text = json.dumps(predictor.description.to_dict(), indent=1)
    sidecar_path(path).write_text(text + "\n", encoding="utf-8")


def read_network_file(path, *, threads=1):
    """Return the predictor in a network's file that belongs to no artifact, and a manifest for it.

    Parameters
    ----------
    path : Path
        ``FILE.onnx``, described by a sidecar ``FILE.json``, by its metadata or by a known contract, or ``FILE.keras``
        with a sidecar.
    threads : int, default=1
        As for `load_artifact`.

    Returns
    -------
    OnnxNetwork or KerasNetwork
    dict
        What `Artifact.manifest` must have.

    Raises
    ------
    ArtifactError
        If it is missing, damaged, not described, or another network than is described.
    DependencyError
        If a Keras file is asked for without Keras.
    """
    content = _content(path)
    try:
        predictor = _READERS[path.suffix.lower()](path, content, threads)
    except InputError as error:
        raise ArtifactError(str(error)) from error
    description = predictor.description
    model = {"file": path.name, "format": "network", "bytes": len(content)}
    return predictor, {
        "created": datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds"),
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
    """Return the network of an artifact for Keras, to train it further, once its hash is right.

    Parameters
    ----------
    path : path-like
        The artifact's folder.
    manifest : dict
        Its.

    Returns
    -------
    keras.Model

    Raises
    ------
    ArtifactError
        If the artifact has none, or it is damaged.
    DependencyError
        If Keras is not installed.
    """
    file, entry = Path(path) / KERAS_FILE, manifest.get("files", {}).get(KERAS_FILE)
    if entry is None:
        raise ArtifactError(f"{path} must be an artifact of a network that Keras trained, and is not; name another")
    try:
        return read_keras(checked_content(file, entry["sha256"]), name=str(file))
    except InputError as error:
        raise ArtifactError(str(error)) from error


def _content(path):
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ArtifactError(f"{path} must be a file with a network, and is none; name another")
        if path.stat().st_size > LARGEST:
            raise ArtifactError(f"{path} must have {LARGEST // 2**30} GiB at most; choose a smaller network")
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"network {path} cannot be read ({error.strerror}); name another file") from error


def _read_onnx(path, content, threads):
    model = OnnxModel(content, name=path)
    return OnnxNetwork(model, description_of(path, model.interface), name=path, threads=threads)


def _read_keras(path, content, threads):
    description = read_sidecar(path)
    if description is None:
        raise InputError(f"{path} must be described by {sidecar_path(path)}, and there is none; write one")
    return KerasNetwork(read_keras(content, name=path), description, name=path)


_READERS = {".onnx": _read_onnx, ".keras": _read_keras}
