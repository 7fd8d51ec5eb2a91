"""Small networks for tests: hand-made ONNX files, which need no Keras, and random Keras networks."""

import json
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.records import record_dtype
from landmark_fer.models.networks.description import METADATA, NetworkDescription
from landmark_fer.models.networks.images import NetworkInput, reduced_images, scaled_images

CLASSES = ("angry", "happy", "sad", "neutral")
SMALL = NetworkDescription(NetworkInput(16), CLASSES, "probabilities")


def hand_made_onnx(description=SMALL, *, metadata=True, shape=None, factor=1.0, seed=0):
    """Return one layer of weights as the bytes of an ONNX file.

    Parameters
    ----------
    description : NetworkDescription
    metadata : bool, default=True
        Whether the file contains the description.
    shape : tuple, optional
        Of the input, batch first; by default as described.
    factor : float, default=1
        The weights are multiplied by it.
    seed : int, default=0
    """
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    k, shape = len(description.classes), (1, *description.input.shape) if shape is None else shape
    drawn = np.random.default_rng(seed).normal(0, 0.1, (int(np.prod(shape[1:])), k)) * factor
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["row"], axis=1),
            helper.make_node("Gemm", ["row", "weights", "offsets"], ["scores"]),
            *([helper.make_node("Softmax", ["scores"], ["prediction"], axis=1)] * (description.output != "scores")),
        ],
        "hand-made",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("prediction" * (description.output != "scores") or "scores", 1, (shape[0], k))],
        [
            numpy_helper.from_array(drawn.astype(np.float32), "weights"),
            numpy_helper.from_array(np.linspace(-1, 1, k, dtype=np.float32), "offsets"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if metadata:
        helper.set_model_props(model, {METADATA: json.dumps(description.to_dict())})
    return model.SerializeToString()


def small_convolutions(*, weights=True, seed=0):
    """Return a network of two convolutions of 16x16 pixels as the bytes of an ONNX file of about 2 KB.

    Parameters
    ----------
    weights : bool, default=True
        Whether the file contains the weights of the first convolution; without them it is damaged.
    seed : int, default=0
    """
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(seed)
    shapes = {"first": (2, 1, 3, 3), "second": (4, 2, 3, 3)}
    drawn = {name: generator.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    drawn["plane"] = np.array([1, 1, 16, 16])
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", ["image", "plane"], ["grey"]),
            helper.make_node("Conv", ["grey", "first"], ["maps"], kernel_shape=[3, 3]),
            helper.make_node("Relu", ["maps"], ["edges"]),
            helper.make_node("MaxPool", ["edges"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Conv", ["pooled", "second"], ["scores"], pads=[1, 1, 1, 1]),
            helper.make_node("GlobalAveragePool", ["scores"], ["means"]),
            helper.make_node("Flatten", ["means"], ["row"]),
            helper.make_node("Softmax", ["row"], ["prediction"], axis=1),
        ],
        "small convolutions",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 16, 16, 1))],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, (1, 4))],
        [numpy_helper.from_array(value, name) for name, value in drawn.items() if weights or name != "first"],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {METADATA: json.dumps(SMALL.to_dict())})
    return model.SerializeToString()


def network_images(records, network_input):
    """Return face records as network input."""
    return scaled_images(reduced_images(records, network_input), network_input)


def random_records(n, *, chip_size=80, crop_size=None, seed=0):
    """Return face records of random pixels, shape (n,)."""
    records = np.zeros(n, dtype=record_dtype(chip_size, crop_size))
    generator = np.random.default_rng(seed)
    for name in records.dtype.names[1:]:
        records[name] = generator.integers(0, 256, records[name].shape)
    return records


def drawn_classifier(name="aligned_cnn", classes=CLASSES, **options):
    """Return a classifier with random weights and normalization statistics, as if it were trained."""
    from landmark_fer.models.networks.architectures import ARCHITECTURES, build_network
    from landmark_fer.models.networks.classifier import NetworkClassifier
    from landmark_fer.models.networks.recipes import recipe_of

    classifier = NetworkClassifier(name, options=options or None)
    classifier.network_ = build_network(name, len(classes), seed=1, **options)
    generator = np.random.default_rng(0)
    for layer in classifier.network_.layers:
        if type(layer).__name__ == "BatchNormalization":
            shapes = [weights.shape for weights in layer.get_weights()]
            ranges = ((0.5, 1.5), (-0.5, 0.5), (-0.5, 0.5), (0.5, 2.0))
            layer.set_weights([generator.uniform(*each, shape) for each, shape in zip(ranges, shapes, strict=True)])
    classifier.classes_ = np.array(sorted(classes))
    classifier.input_ = ARCHITECTURES[name].input
    classifier.recipe_ = replace(recipe_of(name))
    classifier.history_ = [{"epoch": 1.0, "loss": 1.0, "validation_loss": 1.0}]
    return classifier
