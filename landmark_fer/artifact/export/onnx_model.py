"""A fitted predictor as one ONNX file, for programs in any language."""

import base64
import json

import numpy as np

from landmark_fer import __version__
from landmark_fer.artifact.export.classifiers import append_head
from landmark_fer.artifact.export.features import Graph, append_features
from landmark_fer.artifact.probe import manifest_probe
from landmark_fer.core.errors import InputError
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.onnx_runtime import OnnxPredictor
from landmark_fer.perception.alignment import CHIP_SIZE, FINEST, chip_template

TOLERANCE = 1e-4
"""Most that a probability of the exported model may differ from the original's."""

_ABOUT = """The expression that a face shows, by landmark_fer.

landmarks (n, 68, 2): the iBUG 300-W points in pixels of the image, x before y, y downwards.
chip (n, S, S): the same face in grey, upright: resampled by the similarity transform that takes the landmarks closest,
in least squares, to chip_landmarks in the metadata. No detail finer than finest image pixels a chip pixel is left in.
probabilities (n, k): a column for each of the classes in the metadata; a row sums to 1.

The metadata's probe has inputs and the answers that they must get."""


def onnx_content(predictor, facts):
    """Return a fitted predictor as the bytes of an ONNX file.

    Inputs are the fields of face records that it reads, the output is ``probabilities``, columns in the order of
    ``facts["classes"]``.

    Parameters
    ----------
    predictor : Pipeline
        Of a ``features`` step and a classifier, fitted.
    facts : dict
        As for `save_artifact`.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If a step has no ONNX form here, or the ONNX model answers the probe otherwise than the predictor.
    DependencyError
        If onnx or onnxruntime is not installed.
    """
    graph = Graph()
    steps = [step for _, step in getattr(predictor, "steps", [])]
    if len(steps) != 2:
        raise InputError(
            f"a model for ONNX must be a Pipeline of features and a classifier, got {type(predictor).__name__} "
            f"of {len(steps)} steps; use joblib"
        )
    features = append_features(graph, steps[0], facts["extractor"].get("chip_size", CHIP_SIZE))
    prediction = append_head(graph, steps[1], features)
    classes = list(facts["classes"])
    seen = [str(name) for name in predictor.classes_]
    if seen != classes:
        prediction = graph.add("MatMul", prediction, [[float(name == column) for column in classes] for name in seen])
    records, predictions = manifest_probe(predictor, facts)
    metadata = _metadata(facts, records, predictions)
    content = graph.content(prediction, "probabilities", len(classes), about=_ABOUT, metadata=metadata)
    _verify(content, classes, records, predictions)
    return content


def _metadata(facts, records, predictions):
    """Return what another program needs to know, as JSON texts by name."""
    size = facts["extractor"].get("chip_size", CHIP_SIZE)
    probe = {"landmarks": records["landmarks"].tolist(), "probabilities": predictions.tolist()}
    if "chip" in records.dtype.names:
        probe["chip_base64"] = base64.b64encode(records["chip"].tobytes()).decode("ascii")
    about = {
        "classes": list(facts["classes"]),
        "extractor": facts["extractor"],
        "chip_landmarks": chip_template(size).round(4).tolist(),
        "finest": FINEST,
        "probe": probe,
        "landmark_fer": __version__,
    }
    return {name: json.dumps(value) for name, value in about.items()}


def _verify(content, classes, records, predictions):
    exported = OnnxPredictor(content)
    worst = float(np.abs(predict_in_order(exported, records, classes) - predictions).max())
    if not worst <= TOLERANCE:
        raise InputError(
            f"the ONNX model must answer the probe within {TOLERANCE} of the original, and is {worst:.3g} off; "
            "use joblib or skops"
        )
