"""A predictor that is an ONNX model: the same contract, run by onnxruntime instead of scikit-learn."""

import json

import numpy as np

from landmark_fer.errors import InputError
from landmark_fer.face.geometry import check_landmarks
from landmark_fer.face.records import take_field
from landmark_fer.models.optional_packages import import_optional

_BLOCK = 16  # faces at a time: their gradients stay in the cache of one core
_INPUTS = ("landmarks", "chip")


class OnnxPredictor:
    """Face records in, probabilities out, on one thread.

    Parameters
    ----------
    content : bytes
        An ONNX model whose inputs are fields of face records and whose only output has a column for each of the
        ``classes`` in its metadata.

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

    def __init__(self, content):
        runtime = import_optional("onnxruntime", purpose="running an ONNX model")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors alone; they are raised, too
        try:
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common class but this
            reason = " ".join(str(error).split())
            raise InputError(f"the model must be ONNX that onnxruntime runs, and is not ({reason})") from error
        self._content = content
        self.classes_ = _classes(self._session)
        self._shapes = {each.name: tuple(each.shape[1:]) for each in self._session.get_inputs()}
        self.fields = tuple(self._shapes)
        answers = [answer.shape for answer in self._session.get_outputs()]
        if not set(self.fields) <= set(_INPUTS) or len(answers) != 1 or answers[0][1:] != [len(self.classes_)]:
            raise InputError(
                f"the model must read {' and '.join(_INPUTS)} and give one probability for each of "
                f"its {len(self.classes_)} classes, got inputs {', '.join(self.fields)} and answers {answers}; "
                "export it anew"
            )

    def __reduce__(self):
        return OnnxPredictor, (self._content,)

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k), float32.

        Raises
        ------
        InputError
            If the records lack a field, a coordinate is not finite, or a chip has another size than the model's.
        """
        values = {name: self._checked(name, take_field(X, name)) for name in self.fields}
        blocks = [
            self._session.run(None, {name: value[start : start + _BLOCK] for name, value in values.items()})[0]
            for start in range(0, len(X), _BLOCK)
        ]
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


def _classes(session):
    """Return the classes in a model's metadata, none where there are none."""
    try:
        return np.array(json.loads(session.get_modelmeta().custom_metadata_map.get("classes", "[]")), dtype=str)
    except ValueError:
        return np.array([], dtype=str)
