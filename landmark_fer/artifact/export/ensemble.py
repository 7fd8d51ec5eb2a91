"""ONNX operators of an ensemble: its network once for each face, and the mean."""

import numpy as np

from landmark_fer.artifact.export.features import central_pixels
from landmark_fer.core.errors import InputError
from landmark_fer.models.calibration import FLOOR
from landmark_fer.models.networks.images import MIN_DEVIATION
from landmark_fer.models.networks.onnx_network import OnnxNetwork


def append_ensemble(graph, ensemble, append_classical, chip_size):
    """Append the probabilities of an ensemble and return their name.

    Parameters
    ----------
    graph : Graph
    ensemble : Ensemble
    append_classical : callable
        Takes a graph, a pipeline and the size of the chip; appends the pipeline's probabilities and returns their name.
    chip_size : int

    Returns
    -------
    str
        Shape (n, k), float32, columns as in ``classes_``.

    Raises
    ------
    InputError
        If a member has no ONNX form.
    """
    scores = []
    for weight, (_, member) in zip(ensemble.mean.weights, ensemble.members, strict=True):
        append = append_network if isinstance(member, OnnxNetwork) else append_classical
        probabilities = graph.add("Max", append(graph, member, chip_size), FLOOR)
        order = [list(map(str, member.classes_)).index(name) for name in ensemble.classes_.tolist()]
        probabilities = graph.add("Gather", probabilities, order, axis=1)
        if ensemble.mean.kind == "geometric":
            probabilities = graph.add("Log", probabilities)
        scores.append(graph.add("Mul", probabilities, float(weight)))
    total = graph.add("Sum", *scores)
    total = total if ensemble.mean.kind == "geometric" else graph.add("Log", total)
    return graph.add("Softmax", graph.add("Div", total, float(ensemble.mean.temperature)), axis=-1)


def append_network(graph, network, chip_size):
    """Append the probabilities of a network of chips and return their name, as `append_ensemble` does.

    The network's own graph reads one image, so it runs once for each face, and once for its mirror image.
    """
    described = network.description
    if described.input.image != "chip":
        raise InputError(
            f"networks of an ONNX export must read the chip, got one that reads the {described.input.image}; "
            "leave --export out"
        )
    chip = graph.input("chip", np.uint8, (chip_size, chip_size))
    pixels = central_pixels(graph, chip, chip_size, described.input.frame or chip_size, described.input.side)
    if described.mirrored:
        reversed_pixels = graph.add("Slice", pixels, [-1], [-(2**31)], [2], [-1])
        pixels = graph.add("Concat", pixels, reversed_pixels, axis=0)
    predictions = graph.for_each(network.content, _scaled(graph, pixels, described.input))
    if described.output == "scores":
        predictions = graph.add("Softmax", predictions, axis=-1)
    if described.mirrored:
        sides = graph.add("Reshape", predictions, [2, -1, len(described.classes)])
        predictions = graph.add("ReduceMean", sides, [0], keepdims=0)
    return predictions


def _scaled(graph, pixels, network_input):
    """Append images of shape (n, side, side) as network input, as `scaled_images` does."""
    if network_input.scaling == "standardised":
        centred = graph.add("Sub", pixels, graph.add("ReduceMean", pixels, [1, 2], keepdims=1))
        variance = graph.add("ReduceMean", graph.add("Mul", centred, centred), [1, 2], keepdims=1)
        pixels = graph.add("Div", centred, graph.add("Max", graph.add("Sqrt", variance), float(MIN_DEVIATION)))
    elif network_input.scaling == "0..1":
        pixels = graph.add("Div", pixels, 255.0)
    elif network_input.scaling == "-1..1":
        pixels = graph.add("Sub", graph.add("Div", pixels, 127.5), 1.0)
    axis = 3 if network_input.layout == "NHWC" else 1
    plane = graph.add("Unsqueeze", pixels, [axis])
    return plane if network_input.channels == 1 else graph.add("Concat", *[plane] * network_input.channels, axis=axis)
