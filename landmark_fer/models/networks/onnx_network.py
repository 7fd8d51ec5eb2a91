"""A network as an ONNX file, run by onnxruntime: the contract of every predictor, without Keras and TensorFlow."""

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.networks.description import metadata_description
from landmark_fer.models.networks.images import reduced_images, scaled_images
from landmark_fer.models.onnx_runtime import FLOAT, PATIENCE_S, OnnxModel, map_in_threads

_SUM_TOLERANCE = 1e-3  # of a row of probabilities, from 1


class OnnxNetwork:
    """Face records in, probabilities out, one face at a time.

    Parameters
    ----------
    content : bytes or OnnxModel
        An ONNX model.
    description : NetworkDescription, optional
        By default the one in its metadata.
    name : str, default="the network"
        What a message calls it.
    threads : int, default=1
        Faces of one call that are computed at the same time. The probabilities do not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
        In the order of the columns.
    fields : tuple of str
        Of the face records, which it reads.
    description : NetworkDescription
    input_ : NetworkInput

    Raises
    ------
    InputError
        If it is no ONNX model, one that onnxruntime does not run, or another than its description says.
    DependencyError
        If onnxruntime is not installed.
    """

    def __init__(self, content, description=None, *, name="the network", threads=1):
        self._model = content if isinstance(content, OnnxModel) else OnnxModel(content, name=name)
        self._name, self.threads = str(name), threads
        description = description or metadata_description(self._model.interface, name=name)
        if description is None:
            raise InputError(f"{name} must say in its metadata what it reads, and does not; describe it beside it")
        _check_interface(self._model.interface, description, name)
        self.description = description
        side = self.input_.side
        sample = np.arange(side * side, dtype=np.uint32).reshape(side, side).astype(np.uint8)
        self._probabilities(sample, patience_s=PATIENCE_S)

    @property
    def classes_(self):
        """Expressions in the order of the columns."""
        return np.array(self.description.classes)

    @property
    def fields(self):
        """Of the face records, which the network reads."""
        return self.description.fields

    @property
    def input_(self):
        """What the network reads."""
        return self.description.input

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k), float32.

        Raises
        ------
        InputError
            If the records lack the image, or the network's output holds no probabilities.
        """
        rows = map_in_threads(self._predict_face, reduced_images(X, self.input_), self.threads)
        return np.array(rows, dtype=np.float32).reshape(len(rows), len(self.description.classes))

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def probabilities(self, image):
        """Return the probabilities of one image as `reduced_images` makes it, not mirrored; shape (k,).

        Parameters
        ----------
        image : ndarray of shape (side, side), uint8
        """
        return self._probabilities(image)

    def _predict_face(self, image):
        """Return the probabilities of one image of shape (side, side), shape (k,)."""
        sides = (image, image[:, ::-1]) if self.description.mirrored else (image,)
        return np.mean([self._probabilities(side) for side in sides], axis=0)

    def _probabilities(self, image, patience_s=None):
        (name,) = self._model.interface.inputs
        output = self._model.run({name: scaled_images(image[None], self.input_)}, patience_s=patience_s)
        output = output.astype(np.float32, copy=False).ravel()
        if len(output) != len(self.description.classes):
            raise InputError(
                f"{self._name} must answer with {len(self.description.classes)} numbers, one for each of its classes, "
                f"got {len(output)}; describe the classes that it has"
            )
        if not np.isfinite(output).all():
            raise InputError(f"{self._name} answers with what are no numbers; it is damaged, or reads another range")
        if self.description.output == "scores":
            return softmax(output)
        if output.min() < -_SUM_TOLERANCE or abs(output.sum() - 1) > _SUM_TOLERANCE:
            raise InputError(
                f"{self._name} must answer with probabilities, which sum to 1, got {np.round(output, 3).tolist()}; "
                "describe its output as scores"
            )
        return output


def _check_interface(interface, description, name):
    """Raise InputError if a graph has another input or output than its description says."""
    expected = (1, *description.input.shape)
    if len(interface.inputs) != 1 or len(interface.outputs) != 1:
        came = f"{len(interface.inputs)} and {len(interface.outputs)}"
        raise InputError(f"{name} must have one input and one output, got {came}; choose another network")
    ((kind, taken),), ((_, given),) = interface.inputs.values(), interface.outputs.values()
    if kind != FLOAT:
        raise InputError(f"{name} must read {FLOAT}, got {kind}; export it again")
    if taken is not None and not _fits(taken, expected):
        raise InputError(
            f"{name} is described to read images of shape {_text(expected)} ({description.input.layout}), and "
            f"reads {_text(taken)}; mend side, channels or layout"
        )
    if given and given[-1] not in (None, len(description.classes)):
        raise InputError(
            f"{name} is described to have {len(description.classes)} classes, and answers {_text(given)}; name its "
            "classes in its own order"
        )


def _fits(sizes, expected):
    return len(sizes) == len(expected) and all(size in (None, each) for size, each in zip(sizes, expected, strict=True))


def _text(sizes):
    return "x".join("n" if size is None else str(size) for size in sizes)
