"""A predictor that is an ONNX model: the same contract, run by onnxruntime instead of scikit-learn."""

import json

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import check_landmarks
from landmark_fer.core.records import take_field
from landmark_fer.models.onnx_runtime import OnnxModel, map_in_threads

_BLOCK = 16  # faces at a time: their gradients stay in the cache of one core
_INPUTS = ("landmarks", "chip")


class OnnxPredictor:
    """Face records in, probabilities out.

    Parameters
    ----------
    content : bytes
        An ONNX model whose inputs are fields of face records and whose only output has a column for each of the
        ``classes`` in its metadata.
    name : str, default="the model"
        What a message calls it.
    threads : int, default=1
        Blocks of faces of one call that are computed at the same time.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
        In the order of the columns.
    fields : tuple of str
        Of the face records, which the model reads.

    Raises
    ------
    InputError
        If the content is no such model.
    DependencyError
        If onnxruntime is not installed.
    """

    def __init__(self, content, *, name="the model", threads=1):
        self._model, self.threads = OnnxModel(content, name=name), threads
        interface = self._model.interface
        self.classes_ = _classes(interface.metadata)
        self._shapes = {each: (sizes or (None,))[1:] for each, (_, sizes) in interface.inputs.items()}
        self.fields = tuple(self._shapes)
        outputs = [sizes for _, sizes in interface.outputs.values()]
        if not set(self.fields) <= set(_INPUTS) or len(outputs) != 1 or (outputs[0] or ())[1:] != (len(self.classes_),):
            raise InputError(
                f"{name} must read {' and '.join(_INPUTS)} and give one probability for each of "
                f"its {len(self.classes_)} classes, got inputs {', '.join(self.fields)} and answers {outputs}; "
                "export it again"
            )

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k), float32.

        Raises
        ------
        InputError
            If the records lack a field, a coordinate is not finite, or a chip has another size than the model's.
        """
        values = {name: self._checked(name, take_field(X, name)) for name in self.fields}
        blocks = map_in_threads(
            lambda start: self._model.run({name: value[start : start + _BLOCK] for name, value in values.items()}),
            range(0, len(X), _BLOCK),
            self.threads,
        )
        return np.concatenate(blocks) if blocks else np.empty((0, len(self.classes_)), dtype=np.float32)

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _checked(self, name, value):
        if value.shape[1:] != self._shapes[name]:
            wanted = ", ".join(map(str, ("n", *self._shapes[name])))
            raise InputError(f"{name} must have shape ({wanted}), got {value.shape}; extract it anew")
        if name == "landmarks":
            return np.ascontiguousarray(check_landmarks(value), dtype=np.float32)
        return np.ascontiguousarray(value)


def _classes(metadata):
    """Return the classes in a model's metadata, none where there are none."""
    try:
        return np.array(json.loads(metadata.get("classes", "[]")), dtype=str)
    except ValueError:
        return np.array([], dtype=str)
