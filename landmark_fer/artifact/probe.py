"""Probe of a saved model: synthetic faces whose probabilities are saved with it and compared when it is loaded."""

import numpy as np

from landmark_fer.core.errors import ArtifactError, plain_reason
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import record_dtype
from landmark_fer.models.base import predict_in_order

N_PROBES = 4
IMAGES = ("chip", "crop")  # fields of face records
TOLERANCE = 1e-3  # processors and libraries round differently; a wrong feature or class order differs by far more


def probe_records(chip_size=None, crop_size=None):
    """Return synthetic face records, the same on every machine: the template with noise, and smooth random images."""
    generator = np.random.default_rng(68)
    records = np.zeros(N_PROBES, dtype=record_dtype(chip_size, crop_size))
    records["landmarks"] = 100 + 40 * (TEMPLATE + generator.normal(0, 0.05, (N_PROBES, *TEMPLATE.shape)))
    for name in records.dtype.names[1:]:
        coarse, size = generator.normal(0, 1, (N_PROBES, 6, 6)), records[name].shape[-1]
        waves = np.cos(np.pi * np.outer(np.arange(6), (np.arange(size) + 0.5) / size))
        records[name] = np.clip(128 + 25 * (waves.T @ coarse @ waves), 0, 255).astype(np.uint8)
    return records


def manifest_probe(predictor, manifest):
    """Return the probe faces for a manifest's model and their probabilities, columns in the order of its classes.

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
    """Raise ArtifactError if a loaded predictor does not predict the probabilities of the probe that were saved."""
    try:
        predictions = np.array(probe_predictions(predictor, manifest))
        worst = float(np.abs(predictions - np.array(manifest["probe"])).max())
    except Exception as error:  # a damaged predictor may raise anything
        raise ArtifactError(
            f"{path} cannot predict its probe faces ({plain_reason(error)}); fit the model again"
        ) from error
    if not worst <= TOLERANCE:
        raise ArtifactError(
            f"{path} must predict its probe faces within {TOLERANCE} of the saved probabilities, got a difference of "
            f"{worst:.3g}; fit the model again"
        )
