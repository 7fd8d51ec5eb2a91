"""The manifest of a saved model: facts, hashes and the probe that loading checks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import ArtifactError
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.paths import Input
from landmark_fer.core.records import record_dtype, rows_of
from landmark_fer.evaluation.scores import class_columns, score
from landmark_fer.evaluation.splits import has_chips, interval_of_groups
from landmark_fer.models.base import predict_in_order
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.landmarks import PREDICTOR_SHA256

N_PROBES = 4
IMAGES = ("chip", "crop")  # fields of face records
TOLERANCE = 1e-3  # processors and libraries round differently; a wrong feature or class order differs by far more


def probe_records(chip_size=None, crop_size=None):
    """Return made-up face records, the same on every machine: the template with noise, and smooth random images."""
    generator = np.random.default_rng(68)
    records = np.zeros(N_PROBES, dtype=record_dtype(chip_size, crop_size))
    records["landmarks"] = 100 + 40 * (TEMPLATE + generator.normal(0, 0.05, (N_PROBES, *TEMPLATE.shape)))
    for name in records.dtype.names[1:]:
        coarse, size = generator.normal(0, 1, (N_PROBES, 6, 6)), records[name].shape[-1]
        waves = np.cos(np.pi * np.outer(np.arange(6), (np.arange(size) + 0.5) / size))
        records[name] = np.clip(128 + 25 * (waves.T @ coarse @ waves), 0, 255).astype(np.uint8)
    return records


def manifest_probe(predictor, manifest):
    """Return the probe faces that a manifest's model reads and their probabilities, columns as the manifest's classes.

    Returns
    -------
    ndarray of shape (4,)
        Face records.
    ndarray of shape (4, k)
    """
    sizes = [manifest["extractor"].get(f"{name}_size") if name in manifest["fields"] else None for name in IMAGES]
    records = probe_records(*sizes)
    return records, predict_in_order(predictor, records, manifest["classes"])


def probe_predictions(predictor, manifest):
    """Return the probabilities of the probe faces as nested lists, columns in the order of the manifest's classes."""
    return manifest_probe(predictor, manifest)[1].tolist()


def check_probe(path, predictor, manifest):
    """Raise ArtifactError if a loaded predictor does not answer the probe as it did when it was saved."""
    try:
        predictions = np.array(probe_predictions(predictor, manifest))
        worst = float(np.abs(predictions - np.array(manifest["probe"])).max())
    except Exception as error:  # a predictor of other code may raise anything
        raise ArtifactError(f"{path} does not answer its probe ({error}); fit the model anew") from error
    if not worst <= TOLERANCE:
        raise ArtifactError(
            f"{path} must answer its probe within {TOLERANCE} of when it was saved, and is {worst:.3g} off; "
            "fit the model anew"
        )


def base_facts(dataset, split, predictor, *, settings=None):
    """Return the facts for `save_artifact` that any fitted predictor has; it meets the test faces here.

    Parameters
    ----------
    dataset : FaceDataset
    split : SplitFaces
    predictor : estimator
        Fitted on the training faces.
    settings : ExtractorSettings, optional
        With which the faces were extracted.

    Returns
    -------
    dict
    """
    return {
        "classes": list(dataset.classes),
        "extractor": (settings or ExtractorSettings()).to_dict(),
        "shape_predictor_sha256": PREDICTOR_SHA256,
        "data": _about_data(dataset, split),
        "scores": {test.name: _score_test(dataset, predictor, test) for test in split.tests},
    }


def votes_of_training(dataset, split):
    """Return the votes for the training faces, shape (n, 10), or None where there are none."""
    return None if dataset.votes is None else dataset.votes[split.training]


def _score_test(dataset, predictor, test):
    probabilities = predict_in_order(predictor, rows_of(dataset.records, test.rows), dataset.classes)
    expressions = dataset.expressions[test.rows]
    right = probabilities.argmax(axis=1) == class_columns(expressions, dataset.classes)
    scores = score(expressions, probabilities, dataset.classes, leak_free=test.leak_free)
    return scores | interval_of_groups(dataset, test.rows, right, leak_free=test.leak_free)


def _about_data(dataset, split):
    of_training = dataset.take(split.training)
    return {
        "source": dataset.source,
        "key": dataset.key,
        "n_training": len(of_training),
        "n_by_expression": {name: int((of_training.expressions == name).sum()) for name in dataset.classes},
        "n_undetected": int(np.isnan(of_training.detector_scores).sum()),
        "undetected": of_training.undetected_by_class(),
        "n_in_near_duplicate_groups": int(len(split.groups) - len(np.unique(split.groups))),
        "n_left_out": dataset.n_left_out,
        "votes": dataset.votes is not None,
        "cropped": bool(dataset.cropped),
        "has_chips": has_chips(dataset),
        **({} if dataset.origins is None else {"parts": _about_parts(of_training)}),
    }


def _about_parts(dataset):
    """Return name, number of faces and weight of each data set that was joined."""
    names = list(dict.fromkeys(dataset.origins.tolist()))
    own = {name: dataset.origins == name for name in names}
    return [{"name": name, "n": int(own[name].sum()), "weight": int(dataset.weights[own[name]][0])} for name in names]


FORMAT = "landmark_fer artifact"
FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"
CARD_NAME = "card.md"
DEFAULT_ARTIFACT = Path(__file__).resolve().parents[2] / "artifacts" / "default"

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
