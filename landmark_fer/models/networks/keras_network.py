"""Keras networks as predictors of face records, and their files."""

import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import InputError, first_line, plain_reason
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.networks.images import reduced_images, scaled_images
from landmark_fer.models.networks.training import import_keras

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MAX_BYTES = 4 * 2**30
"""Maximum size of an unpacked Keras file."""

_BATCH = 256  # images

_MODULES = ("keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints")
_CLASSES = {("keras", name) for name in ("Sequential", "Functional", "Model", "DTypePolicy")}
_CLASSES |= {("keras.src.models.functional", "Functional"), ("keras.dtype_policies", "DTypePolicy")}
_CLASSES |= {(None, "__keras_tensor__"), (None, "__tuple__")}
# Layers that run code from the file, or read other files.
_REFUSED = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
_REFUSED += ("StringLookup", "IntegerLookup", "TextVectorization")
_IGNORED = ("compile_config",)  # not read with compile=False


class KerasNetwork:
    """A Keras network as a predictor of face records.

    Parameters
    ----------
    network : keras.Model
    description : NetworkDescription
    name : str, default="the network"
        Name in messages.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
        In the order of the columns.
    fields : tuple of str
        Fields of the face records that the network reads.
    input_ : NetworkInput

    Raises
    ------
    InputError
        If the network has other inputs or outputs than its description.
    """

    def __init__(self, network, description, *, name="the network"):
        self.network_, self.description, self._name = network, description, name
        self.input_, self.fields = description.input, description.fields
        self.classes_ = np.array(description.classes)
        expected_shapes = {"input": description.input.shape, "output": (len(description.classes),)}
        for side, expected in expected_shapes.items():
            actual = tuple(getattr(network, f"{side}_shape", ()))[1:]
            if len(actual) != len(expected) or any(a not in (None, b) for a, b in zip(actual, expected, strict=True)):
                raise InputError(
                    f"{name} must have {side}s of the described shape {expected}, got {actual}; correct its description"
                )

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k).

        Raises
        ------
        InputError
            If the records lack the image, or the network predicts NaN or infinity.
        """
        if not len(X):
            return np.empty((0, len(self.classes_)), dtype=np.float32)
        probabilities = predict_images(
            self.network_,
            reduced_images(X, self.input_),
            self.input_,
            mirrored=self.description.mirrored,
            output=self.description.output,
        )
        if not np.isfinite(probabilities).all():
            raise InputError(f"{self._name} predicts NaN or infinity; it is damaged, or its scaling is another")
        return probabilities

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def predict_images(network, images, network_input, *, mirrored, output="probabilities"):
    """Return the probabilities that a Keras network predicts for images, shape (n, k).

    Parameters
    ----------
    network : keras.Model
    images : ndarray of shape (n, side, side), uint8
    network_input : NetworkInput
    mirrored : bool
        Whether to return the mean over an image and the mirrored image.
    output : {"probabilities", "scores"}, default="probabilities"
        What the network returns.
    """
    batches = []
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        sides = (batch, batch[..., ::-1]) if mirrored else (batch,)
        predictions = [np.asarray(network.predict_on_batch(scaled_images(side, network_input))) for side in sides]
        if output == "scores":
            predictions = [softmax(scores.astype(np.float32)) for scores in predictions]
        batches.append(sum(predictions) / len(predictions))
    return np.concatenate(batches)


def keras_content(network):
    """Return a Keras network as the bytes of a Keras file, without an optimizer.

    Parameters
    ----------
    network : keras.Model
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        network.save(path, include_optimizer=False)
        return path.read_bytes()


def read_keras(content, *, name="the network"):
    """Return the network in a Keras file.

    Parameters
    ----------
    content : bytes
    name : str, default="the network"
        Name in messages.

    Returns
    -------
    keras.Model

    Raises
    ------
    InputError
        If it is not a Keras file, is damaged, or holds anything but Keras' own layers. Nothing in it is created then.
    DependencyError
        If Keras is not installed.
    """
    _check_layers(_read_config(content, name), name)
    keras = import_keras(purpose="running a Keras network")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        path.write_bytes(content)
        try:
            return keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises nearly anything
            raise InputError(
                f"{name} cannot be loaded by Keras {keras.__version__} ({first_line(error)}); save it again with that "
                "version"
            ) from error


def _read_config(content, name):
    """Return the configuration of the layers in an undamaged Keras file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            if sum(each.file_size for each in file.infolist()) > MAX_BYTES:
                raise InputError(f"{name} must unpack to {MAX_BYTES // 2**30} GiB at most; get the file again")
            if not {CONFIG, WEIGHTS} <= set(file.namelist()):
                raise InputError(f"{name} must be a Keras 3 file with {CONFIG} and {WEIGHTS}; save it as .keras")
            if damaged := file.testzip():
                raise InputError(f"{name} is damaged in {damaged}; get the file again")
            return json.loads(file.read(CONFIG))
    except InputError:
        raise
    except Exception as error:  # a damaged zip raises errors of zlib, struct, zipfile, Unicode and JSON
        raise InputError(
            f"{name} must be an undamaged Keras 3 file ({plain_reason(error)}); get the file again"
        ) from error


def _check_layers(config, name):
    """Raise InputError if a configuration names classes that are not Keras' own, or that could run code."""
    pending = [config]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            if "class_name" in part or "module" in part:
                _check_class(part, name)
            pending += [value for key, value in part.items() if key not in _IGNORED]
        elif isinstance(part, list):
            pending += part


def _check_class(part, name):
    module, class_name, registered = (part.get(key) for key in ("module", "class_name", "registered_name"))
    are_names = isinstance(class_name, str) and isinstance(module, str | None)
    is_own = are_names and class_name not in _REFUSED and (module in _MODULES or (module, class_name) in _CLASSES)
    if is_own and registered in (None, class_name):
        return
    raise InputError(
        f"{name} must hold only Keras' own layers, got {registered or class_name} of {module or 'another program'}, "
        "which could run code; ask its author for a file without custom objects and Lambda layers, or for ONNX"
    )
