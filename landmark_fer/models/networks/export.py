"""A Keras network as an ONNX file that onnxruntime runs, and that says itself what it reads."""

import io
import json
import logging
import warnings
from contextlib import redirect_stdout

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.models.networks.description import METADATA
from landmark_fer.models.networks.images import scaled_images
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from landmark_fer.models.networks.training import import_keras

OPSET = 18
"""Version of ONNX's operators: old enough for every reader, new enough for every layer of the architectures."""
TOLERANCE = 1e-4
"""Most that a probability of the exported network may differ from Keras'."""

_TRIED = 4  # images


def network_content(network, description):
    """Return a Keras network as the bytes of an ONNX file, one image at a time.

    Parameters
    ----------
    network : keras.Model
        From images of shape ``(n, *description.input.shape)``.
    description : NetworkDescription
        Goes into the metadata, and its classes by themselves, too.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If it has no ONNX form that onnxruntime runs with the same answers.
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
        form = OnnxForm(network, softmax=description.output == "probabilities").eval()
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # it talks of its steps
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                form,
                (torch.zeros(1, *description.input.shape),),
                dynamo=True,
                opset_version=OPSET,
                input_names=["image"],
                output_names=[description.output],
                verbose=False,
            )
        model = program.model_proto
    except Exception as error:  # of a layer that has no ONNX form, nearly anything
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"the network has no ONNX form ({reason}); build it of other layers") from error
    metadata = {METADATA: json.dumps(description.to_dict()), "classes": json.dumps(list(description.classes))}
    onnx.helper.set_model_props(model, metadata)
    content = model.SerializeToString()
    _verify(content, network, description)
    return content


def _verify(content, network, description):
    """Raise InputError if onnxruntime answers otherwise than Keras."""
    ours, random = OnnxNetwork(content), np.random.default_rng(0)
    side = description.input.side
    for image in random.integers(0, 256, (_TRIED, side, side), dtype=np.uint8):
        prediction = np.asarray(network.predict_on_batch(scaled_images(image[None], description.input)))[0]
        if description.output == "scores":
            prediction = np.exp(prediction - prediction.max()) / np.exp(prediction - prediction.max()).sum()
        worst = float(np.abs(ours.probabilities(image) - prediction).max())
        if not worst <= TOLERANCE:
            raise InputError(
                f"the ONNX form must answer as the network does within {TOLERANCE}, and is {worst:.3g} off; "
                "build it of other layers"
            )
