"""The ``features`` step in ONNX: descriptions, their mirror components, and several side by side."""

from functools import partial

import numpy as np
from sklearn.pipeline import FeatureUnion

from landmark_fer.artifact.export.geometry import aligned_landmarks, measurements
from landmark_fer.artifact.export.hog import hog_of_chip
from landmark_fer.core.errors import InputError
from landmark_fer.features.projection import FeatureBlocks, MirrorPCA
from landmark_fer.features.transformers import AlignedLandmarks, HogOfChip, Measurements
from landmark_fer.models.streamed import UndescribedFaces


def append_features(graph, step, chip_size):
    """Append what a fitted features step makes of face records and return its name.

    Parameters
    ----------
    graph : Graph
    step : FeatureBlocks, FeatureUnion, MirrorPCA, UndescribedFaces or one of the transformers over face records
    chip_size : int

    Returns
    -------
    str or callable
        Shape (n, d), float32. Of `UndescribedFaces` a function from such a step to this, for the model that has one.

    Raises
    ------
    InputError
        If a step is of a kind that has no ONNX form here.
    """
    known = _KINDS.get(type(step))
    if known is None:
        names = ", ".join(kind.__name__ for kind in _KINDS)
        raise InputError(f"features of an ONNX export must be among {names}, got {type(step).__name__}; use joblib")
    return known(graph, step, chip_size)


def _side_by_side(graph, union, chip_size):
    if union.transformer_weights:
        raise InputError("features of an ONNX export must not have transformer_weights, got some; use joblib")
    blocks = [append_features(graph, step, chip_size) for _, step in union.transformer_list]
    return graph.add("Concat", *blocks, axis=1)


def _components(graph, step, chip_size):
    described = append_features(graph, step.describe, chip_size)
    components = graph.add("MatMul", described, graph.packed(step.components_))
    return graph.add("Mul", graph.add("Sub", components, step.offset_), np.float32(step.factor_))


def _undescribed(graph, step, chip_size):
    return partial(append_features, graph, chip_size=chip_size)


_KINDS = {
    FeatureUnion: _side_by_side,
    FeatureBlocks: _side_by_side,
    MirrorPCA: _components,
    HogOfChip: hog_of_chip,
    AlignedLandmarks: aligned_landmarks,
    Measurements: measurements,
    UndescribedFaces: _undescribed,
}
