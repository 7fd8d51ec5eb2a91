"""Export of a fitted predictor as one ONNX file, for programs in any language."""

import base64
import json

import numpy as np
from sklearn.base import BaseEstimator

from landmark_fer import __version__
from landmark_fer.artifact.export.classifiers import CLASSIFIER_TYPES, append_classifier
from landmark_fer.artifact.export.ensemble import append_ensemble
from landmark_fer.artifact.export.features import FEATURE_TYPES, append_features
from landmark_fer.artifact.export.graph import Graph
from landmark_fer.artifact.probe import manifest_probe
from landmark_fer.core.errors import InputError
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.ensemble import Ensemble
from landmark_fer.models.onnx_runtime import OnnxPredictor
from landmark_fer.perception.alignment import CHIP_SIZE, FINEST, chip_template

TOLERANCE = 1e-4
"""Largest difference between a probability of the exported model and the original's."""

_DESCRIPTION = """The expression that a face shows, by landmark_fer.

landmarks (n, 68, 2): the iBUG 300-W points in pixels of the image, x before y, y downwards.
chip (n, S, S): the same face in grey, upright: resampled by the similarity transform that takes the landmarks closest,
in least squares, to chip_landmarks in the metadata. Detail finer than "finest" image pixels a chip pixel is blurred.
probabilities (n, k): a column for each of the classes in the metadata; a row sums to 1.

The metadata's probe has inputs and the probabilities that the model must return for them."""


def has_onnx_form(pipeline):
    """Return whether a model of features and a classifier can be exported, fitted or not.

    Parameters
    ----------
    pipeline : Pipeline

    Returns
    -------
    bool
        False if an estimator anywhere in it is of a type without an ONNX form. Single parameters are only checked by
        `onnx_content`.
    """
    nested = [value for value in pipeline.get_params().values() if isinstance(value, BaseEstimator)]
    return all(type(estimator) in FEATURE_TYPES + CLASSIFIER_TYPES for estimator in nested)


def onnx_content(predictor, facts):
    """Return a fitted predictor as the bytes of an ONNX file.

    Inputs are the fields of face records that it reads. The output is ``probabilities`` with columns in the order of
    ``facts["classes"]``.

    Parameters
    ----------
    predictor : Pipeline or Ensemble
        Fitted; a pipeline of a ``features`` step and a classifier, or an ensemble of one and a network of chips.
    facts : dict
        As for `save_artifact`.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If a step has no ONNX form, or the ONNX model's probabilities of the probe faces differ from the predictor's.
    DependencyError
        If onnx or onnxruntime is not installed.
    """
    graph, size = Graph(), facts["extractor"].get("chip_size", CHIP_SIZE)
    if isinstance(predictor, Ensemble):
        prediction = append_ensemble(graph, predictor, _append_pipeline, size)
    else:
        prediction = _append_pipeline(graph, predictor, size)
    classes = list(facts["classes"])
    fitted_classes = [str(name) for name in predictor.classes_]
    if fitted_classes != classes:
        order = [[float(name == column) for column in classes] for name in fitted_classes]
        prediction = graph.add("MatMul", prediction, order)
    records, predictions = manifest_probe(predictor, facts)
    metadata = _metadata(facts, records, predictions)
    content = graph.content(prediction, "probabilities", len(classes), description=_DESCRIPTION, metadata=metadata)
    _verify(content, classes, records, predictions)
    return content


def _append_pipeline(graph, pipeline, chip_size):
    """Append the probabilities of a fitted pipeline, columns as in its ``classes_``, and return their name."""
    steps = [step for _, step in getattr(pipeline, "steps", [])]
    if len(steps) != 2:
        raise InputError(
            f"a model for ONNX must be a Pipeline of features and a classifier, got {type(pipeline).__name__} "
            f"of {len(steps)} steps; use joblib"
        )
    return append_classifier(graph, steps[1], append_features(graph, steps[0], chip_size))


def _metadata(facts, records, predictions):
    """Return what another program needs to prepare inputs and check outputs, as JSON texts by name."""
    size = facts["extractor"].get("chip_size", CHIP_SIZE)
    probe = {"landmarks": records["landmarks"].tolist(), "probabilities": predictions.tolist()}
    if "chip" in records.dtype.names:
        probe["chip_base64"] = base64.b64encode(records["chip"].tobytes()).decode("ascii")
    metadata = {
        "classes": list(facts["classes"]),
        "extractor": facts["extractor"],
        "chip_landmarks": chip_template(size).round(4).tolist(),
        "finest": FINEST,
        "probe": probe,
        "landmark_fer": __version__,
    }
    return {name: json.dumps(value) for name, value in metadata.items()}


def _verify(content, classes, records, predictions):
    exported = OnnxPredictor(content)
    worst = float(np.abs(predict_in_order(exported, records, classes) - predictions).max())
    if not worst <= TOLERANCE:
        raise InputError(
            f"probabilities of the ONNX model must be within {TOLERANCE} of the original's, got a difference of "
            f"{worst:.3g}; use joblib or skops"
        )
