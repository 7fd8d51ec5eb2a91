"""Export of Keras networks to ONNX."""

import io
import json
import logging
import warnings
from contextlib import redirect_stdout

import numpy as np

from landmark_fer.core.errors import InputError, first_line
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.networks.description import METADATA
from landmark_fer.models.networks.images import scaled_images
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from landmark_fer.models.networks.training import import_keras

OPSET = 18
"""Version of the ONNX operators: old enough for every runtime, new enough for every layer of the architectures."""
TOLERANCE = 1e-4
"""Maximum difference between a probability of the exported network and that of Keras."""

_N_COMPARED = 4  # images


def onnx_content(network, description):
    """Return a Keras network as the bytes of an ONNX file for any number of images.

    Parameters
    ----------
    network : keras.Model
        From images of shape ``(n, *description.input.shape)``.
    description : NetworkDescription
        Stored in the metadata; its classes are also stored by themselves.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If the network cannot be exported, or onnxruntime predicts other probabilities.
    DependencyError
        If Keras, PyTorch, onnx or onnxscript is not installed.
    """
    import_keras(purpose="exporting a network")
    onnx = import_optional("onnx", purpose="exporting a network")
    import_optional("onnxscript", purpose="exporting a network")
    import torch

    from landmark_fer.models.networks.torch_network import OnnxForm

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        module = OnnxForm(network, softmax=description.output == "probabilities").eval()
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # the exporter prints its progress
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                (torch.zeros(2, *description.input.shape),),  # the exporter takes a batch of 1 for a fixed size
                dynamic_shapes={"image": {0: torch.export.Dim("n")}},
                dynamo=True,
                opset_version=OPSET,
                input_names=["image"],
                output_names=[description.output],
                verbose=False,
            )
        model = program.model_proto
    except Exception as error:  # a layer without an ONNX form raises nearly anything
        raise InputError(f"the network has no ONNX form ({first_line(error)}); build it of other layers") from error
    metadata = {METADATA: json.dumps(description.to_dict()), "classes": json.dumps(list(description.classes))}
    for node in model.graph.node:  # the exporter notes source files, with paths of the machine
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.metadata_props[:]
    onnx.helper.set_model_props(model, metadata)
    content = model.SerializeToString()
    _verify(content, network, description)
    return content


def _verify(content, network, description):
    """Raise InputError if onnxruntime predicts other probabilities than Keras."""
    exported, side = OnnxNetwork(content), description.input.side
    images = np.random.default_rng(0).integers(0, 256, (_N_COMPARED, side, side), dtype=np.uint8)
    expected = np.asarray(network.predict_on_batch(scaled_images(images, description.input)))
    if description.output == "scores":
        expected = softmax(expected)
    difference = float(np.abs(exported.probabilities(images) - expected).max())
    if not difference <= TOLERANCE:
        raise InputError(
            f"the ONNX form must predict as the network does within {TOLERANCE}, and differs by {difference:.3g}; "
            "build it of other layers"
        )
