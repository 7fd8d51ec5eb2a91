"""ONNX networks as predictors of face records, run by onnxruntime without Keras."""

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.networks.description import metadata_description
from landmark_fer.models.networks.images import reduced_images, scaled_images
from landmark_fer.models.onnx_runtime import FLOAT, PATIENCE_S, OnnxModel, map_in_threads

_SUM_TOLERANCE = 1e-3  # largest distance of a row's sum from 1
_FACES = 4  # faces of one call, with their mirror images; more of them gain nothing


class OnnxNetwork:
    """An ONNX network as a predictor of face records.

    Parameters
    ----------
    content : bytes or OnnxModel
        An ONNX model of a batch of one image or of any number of images. The latter is faster.
    description : NetworkDescription, optional
        By default the one in the metadata.
    name : str, default="the network"
        Name in messages.
    threads : int, default=1
        Number of blocks of faces that are predicted at the same time. The probabilities do not depend on it.

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
        ((self._input, (_, shape)),) = self._model.interface.inputs.items()
        self._batched = shape is not None and shape[0] is None
        side = self.input_.side
        sample = np.arange(2 * side * side, dtype=np.uint32).reshape(2, side, side).astype(np.uint8)
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
        predict = self._predict_both if self.description.mirrored else self.probabilities
        return self._predict_blocks(reduced_images(X, self.input_), predict)

    def predict_sides(self, X, mirrored):
        """Return probabilities from one side of each face, in half of the time of both.

        The probabilities of a network that reads no mirror images are those of `predict_proba`.

        Parameters
        ----------
        X : ndarray of shape (n,), structured
        mirrored : ndarray of shape (n,), bool
            Whether the mirror image is read instead of the face.
        """
        images = reduced_images(X, self.input_)
        if self.description.mirrored:
            images = np.where(mirrored[:, None, None], images[..., ::-1], images)
        return self._predict_blocks(images, self.probabilities)

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _predict_blocks(self, images, predict):
        """Return what a function predicts for images of shape (n, side, side), in blocks; shape (n, k)."""
        starts = range(0, len(images), _FACES)
        blocks = map_in_threads(lambda start: predict(images[start : start + _FACES]), starts, self.threads)
        return np.concatenate(blocks) if blocks else np.empty((0, len(self.description.classes)), dtype=np.float32)

    def _predict_both(self, images):
        """Return the mean probabilities of images of shape (n, side, side) and their mirror images, shape (n, k)."""
        sides = self.probabilities(np.concatenate([images, images[..., ::-1]]))
        return sides.reshape(2, len(images), -1).mean(axis=0)

    def probabilities(self, images, *, patience_s=None):
        """Return the probabilities of images from `reduced_images`, without mirroring; shape (n, k).

        Parameters
        ----------
        images : ndarray of shape (n, side, side), uint8
        patience_s : float, optional
            As for `OnnxModel.run`.
        """
        values = scaled_images(images, self.input_)
        batches = [values] if self._batched else np.split(values, len(values))
        output = np.concatenate([self._run(batch, patience_s) for batch in batches])
        if not np.isfinite(output).all():
            raise InputError(f"{self._name} predicts NaN or infinity; it is damaged, or its scaling is another")
        if self.description.output == "scores":
            return softmax(output)
        wrong = (output.min(axis=1) < -_SUM_TOLERANCE) | (abs(output.sum(axis=1) - 1) > _SUM_TOLERANCE)
        if wrong.any():
            got = ", ".join(f"{value:.3f}" for value in output[wrong][0])
            raise InputError(
                f"{self._name} must predict probabilities that sum to 1, got {got}; describe its output as scores"
            )
        return output

    def _run(self, batch, patience_s):
        """Return the output of one call, shape (n, k), float32."""
        output = self._model.run({self._input: batch}, patience_s=patience_s)
        expected = len(batch), len(self.description.classes)
        if output.size != expected[0] * expected[1]:
            raise InputError(
                f"{self._name} must predict {expected[1]} values, one for each described class, for each image, "
                f"got {output.size} for {expected[0]}; correct the classes in its description"
            )
        return output.astype(np.float32, copy=False).reshape(expected)


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
