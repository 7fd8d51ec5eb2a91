"""Files of a network: Keras to keep, ONNX to run."""

import io
import json
import logging
import tempfile
import warnings
import zipfile
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.networks.description import METADATA
from landmark_fer.models.networks.images import reduced_images, scaled_images
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from landmark_fer.models.networks.training import import_keras

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
LARGEST = 4 * 2**30
"""Bytes that a Keras file may unpack to."""

_BATCH = 256  # images at a time

_MODULES = ("keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints")
_CLASSES = {("keras", name) for name in ("Sequential", "Functional", "Model", "DTypePolicy")}
_CLASSES |= {("keras.src.models.functional", "Functional"), ("keras.dtype_policies", "DTypePolicy")}
_CLASSES |= {(None, "__keras_tensor__"), (None, "__tuple__")}
# Layers that run what the file says, or read the files that it names.
_REFUSED = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
_REFUSED += ("StringLookup", "IntegerLookup", "TextVectorization")
_UNREAD = ("compile_config",)  # not read with compile=False


def read_keras(content, *, name="the network"):
    """Return the network in a Keras file.

    Parameters
    ----------
    content : bytes
    name : str
        What to call it in a message.

    Returns
    -------
    keras.Model

    Raises
    ------
    InputError
        If it is no Keras file, is damaged, or holds anything but Keras' own layers. Nothing of it was made then.
    DependencyError
        If Keras is not installed.
    """
    _check_layers(_checked_config(content, name), name)
    keras = import_keras(purpose="running a Keras network")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        path.write_bytes(content)
        try:
            return keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises nearly anything
            reason = str(error).strip().partition("\n")[0]
            raise InputError(
                f"{name} cannot be loaded by Keras {keras.__version__} ({reason}); save it anew with that version"
            ) from error


def keras_content(network):
    """Return a network as the bytes of a Keras file, without an optimizer.

    Parameters
    ----------
    network : keras.Model
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        network.save(path, include_optimizer=False)
        return path.read_bytes()


class KerasNetwork:
    """Face records in, probabilities out, run by Keras.

    Parameters
    ----------
    network : keras.Model
    description : NetworkDescription
    name : str
        What to call it in a message.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
        In the order of the columns.
    fields : tuple of str
        Of the face records, which it reads.
    input_ : NetworkInput

    Raises
    ------
    InputError
        If it reads or answers something else than is described.
    """

    def __init__(self, network, description, *, name="the network"):
        self.network_, self.description, self._name = network, description, name
        self.input_, self.fields = description.input, description.fields
        self.classes_ = np.array(description.classes)
        shapes = [tuple(getattr(network, side, ())) for side in ("input_shape", "output_shape")]
        wanted = [(None, *description.input.shape), (None, len(description.classes))]
        for what, came, needed in zip(("read", "prediction"), shapes, wanted, strict=True):
            if len(came) != len(needed) or any(a not in (None, b) for a, b in zip(came[1:], needed[1:], strict=True)):
                raise InputError(f"{name} is described to {what} {needed[1:]}, got {came[1:]}; mend its description")

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k).

        Raises
        ------
        InputError
            If the records lack the image, or the network answers with what are no numbers.
        """
        if not len(X):
            return np.empty((0, len(self.classes_)), dtype=np.float32)
        images, scores = reduced_images(X, self.input_), self.description.output == "scores"
        network = _Softmax(self.network_) if scores else self.network_
        predictions = predict_images(network, images, self.input_, mirrored=self.description.mirrored)
        if not np.isfinite(predictions).all():
            raise InputError(f"{self._name} answers with what are no numbers; it is damaged, or reads another range")
        return predictions

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def predict_images(network, images, wanted, *, mirrored):
    """Return a Keras network's probabilities of images of shape (n, side, side), uint8; shape (n, k).

    Parameters
    ----------
    network : keras.Model
    images : ndarray
    wanted : NetworkInput
    mirrored : bool
        Whether the mean over an image and the mirrored image is returned.
    """
    parts = []
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        sides = (batch, batch[..., ::-1]) if mirrored else (batch,)
        sides = [np.asarray(network.predict_on_batch(scaled_images(side, wanted))) for side in sides]
        probabilities = sum(sides) / len(sides)
        parts.append(probabilities)
    return np.concatenate(parts)


class _Softmax:
    """A network of scores as one of probabilities."""

    def __init__(self, network):
        self._network = network

    def predict_on_batch(self, images):
        scores = np.asarray(self._network.predict_on_batch(images), dtype=np.float32)
        return softmax(scores)


def _checked_config(content, name):
    """Return the layers' description in a Keras file, whose parts are whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            if sum(each.file_size for each in file.infolist()) > LARGEST:
                raise InputError(f"{name} must unpack to {LARGEST // 2**30} GiB at most; get the file anew")
            if not {CONFIG, WEIGHTS} <= set(file.namelist()):
                raise InputError(f"{name} must be a Keras 3 file with {CONFIG} and {WEIGHTS}; save it as .keras")
            if damaged := file.testzip():
                raise InputError(f"{name} is damaged in {damaged}; get the file anew")
            return json.loads(file.read(CONFIG))
    except InputError:
        raise
    except Exception as error:  # a damaged zip raises errors of zlib, struct, zipfile, Unicode and JSON
        raise InputError(f"{name} must be a whole Keras 3 file, and is not ({error}); get the file anew") from error


def _check_layers(config, name):
    """Raise InputError if a description names what is not Keras' own, or would run code."""
    pending = [config]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            if "class_name" in part or "module" in part:
                _check_class(part, name)
            pending += [value for key, value in part.items() if key not in _UNREAD]
        elif isinstance(part, list):
            pending += part


def _check_class(part, name):
    module, word, registered = (part.get(key) for key in ("module", "class_name", "registered_name"))
    words = isinstance(word, str) and isinstance(module, str | None)
    own = words and word not in _REFUSED and (module in _MODULES or (module, word) in _CLASSES)
    if own and registered in (None, word):
        return
    raise InputError(
        f"{name} must hold Keras' own layers alone, and holds {registered or word} of {module or 'another program'}, "
        "which could run code; ask its maker for one without custom objects and Lambda layers, or for ONNX"
    )


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
            prediction = softmax(prediction)
        worst = float(np.abs(ours.probabilities(image) - prediction).max())
        if not worst <= TOLERANCE:
            raise InputError(
                f"the ONNX form must answer as the network does within {TOLERANCE}, and is {worst:.3g} off; "
                "build it of other layers"
            )
