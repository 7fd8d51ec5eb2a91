"""ONNX networks as predictors of face records, run by onnxruntime without Keras."""

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.networks.description import metadata_description
from landmark_fer.models.networks.images import reduced_images, scaled_images
from landmark_fer.models.onnx_runtime import FLOAT, PATIENCE_S, OnnxModel, map_in_threads

_SUM_TOLERANCE = 1e-3  # largest distance of a row's sum from 1


class OnnxNetwork:
    """An ONNX network as a predictor of face records, one face at a time.

    Parameters
    ----------
    content : bytes or OnnxModel
        An ONNX model.
    description : NetworkDescription, optional
        By default the one in the metadata.
    name : str, default="the network"
        Name in messages.
    threads : int, default=1
        Number of faces of one call to predict in parallel. The probabilities do not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
        In the order of the columns.
    fields : tuple of str
        Fields of the face records that the network reads.
    description : NetworkDescription
    input_ : NetworkInput

    Raises
    ------
    InputError
        If it is not an ONNX model, onnxruntime cannot run it, or it has other inputs or outputs than its description.
    DependencyError
        If onnxruntime is not installed.
    """

    def __init__(self, content, description=None, *, name="the network", threads=1):
        self._model = content if isinstance(content, OnnxModel) else OnnxModel(content, name=name)
        self._name, self.threads = str(name), threads
        description = description or metadata_description(self._model.interface, name=name)
        if description is None:
            raise InputError(f"{name} must have a description in its metadata; add FILE.json next to it")
        _check_interface(self._model.interface, description, name)
        self.description = description
        side = self.input_.side
        sample = np.arange(side * side, dtype=np.uint32).reshape(side, side).astype(np.uint8)
        self.probabilities(sample, patience_s=PATIENCE_S)

    @property
    def content(self):
        """The ONNX model as bytes."""
        return self._model.content

    @property
    def classes_(self):
        """Classes in the order of the columns."""
        return np.array(self.description.classes)

    @property
    def fields(self):
        """Fields of the face records that the network reads."""
        return self.description.fields

    @property
    def input_(self):
        """Input of the network."""
        return self.description.input

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k), float32.

        Raises
        ------
        InputError
            If the records lack the image, or the output of the network is not as described.
        """
        rows = map_in_threads(self._predict_face, reduced_images(X, self.input_), self.threads)
        return np.array(rows, dtype=np.float32).reshape(len(rows), len(self.description.classes))

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _predict_face(self, image):
        """Return the probabilities of one image of shape (side, side), shape (k,)."""
        sides = (image, image[:, ::-1]) if self.description.mirrored else (image,)
        return np.mean([self.probabilities(side) for side in sides], axis=0)

    def probabilities(self, image, *, patience_s=None):
        """Return the probabilities of one image from `reduced_images`, without mirroring; shape (k,).

        Parameters
        ----------
        image : ndarray of shape (side, side), uint8
        patience_s : float, optional
            As for `OnnxModel.run`.
        """
        (name,) = self._model.interface.inputs
        output = self._model.run({name: scaled_images(image[None], self.input_)}, patience_s=patience_s)
        output = output.astype(np.float32, copy=False).ravel()
        if len(output) != len(self.description.classes):
            raise InputError(
                f"{self._name} must predict {len(self.description.classes)} values, one for each described class, "
                f"got {len(output)}; correct the classes in its description"
            )
        if not np.isfinite(output).all():
            raise InputError(f"{self._name} predicts NaN or infinity; it is damaged, or its scaling is another")
        if self.description.output == "scores":
            return softmax(output)
        if output.min() < -_SUM_TOLERANCE or abs(output.sum() - 1) > _SUM_TOLERANCE:
            raise InputError(
                f"{self._name} must predict probabilities that sum to 1, got {np.round(output, 3).tolist()}; "
                "describe its output as scores"
            )
        return output


def _check_interface(interface, description, name):
    """Raise InputError if a graph has other inputs or outputs than its description."""
    expected = (1, *description.input.shape)
    if len(interface.inputs) != 1 or len(interface.outputs) != 1:
        counts = f"{len(interface.inputs)} and {len(interface.outputs)}"
        raise InputError(f"{name} must have one input and one output, got {counts}; choose another network")
    ((element_type, input_shape),), ((_, output_shape),) = interface.inputs.values(), interface.outputs.values()
    if element_type != FLOAT:
        raise InputError(f"{name} must read {FLOAT}, got {element_type}; export it again")
    if input_shape is not None and not _fits(input_shape, expected):
        raise InputError(
            f"{name} must read images of the described shape {_text(expected)} ({description.input.layout}), got "
            f"{_text(input_shape)}; correct side, channels or layout in its description"
        )
    if output_shape and output_shape[-1] not in (None, len(description.classes)):
        raise InputError(
            f"{name} must predict the {len(description.classes)} described classes, got {_text(output_shape)}; name "
            "its classes in its own order"
        )


def _fits(shape, expected):
    return len(shape) == len(expected) and all(size in (None, each) for size, each in zip(shape, expected, strict=True))


def _text(shape):
    return "x".join("n" if size is None else str(size) for size in shape)
