"""A network as an ONNX file, run by OpenCV: the same contract as when Keras runs it, with no framework installed."""

import threading

import cv2
import numpy as np

from landmark_fer.errors import InputError
from landmark_fer.models.cnn.onnx_wire import FLOAT, graph_interface
from landmark_fer.models.cnn.pictures import reduced_pictures, scaled_pictures
from landmark_fer.models.cnn.sidecar import metadata_description

_SUM_TOLERANCE = 1e-3  # of a row of probabilities, from 1


class OnnxNetwork:
    """Face records in, probabilities out, one face at a time.

    Reading a damaged file may end the interpreter: OpenCV checks little (decision 15). Give it files whose hash was
    checked, or that `try_network` has tried.

    Parameters
    ----------
    content : bytes
        An ONNX model.
    description : NetworkDescription, optional
        By default what its metadata say.
    name : str, default="the network"
        What to call it in a message.

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
        If it is no ONNX model, one that OpenCV does not run, or another than it is described to be.
    """

    def __init__(self, content, description=None, *, name="the network"):
        interface = graph_interface(content, name=name)
        description = description or metadata_description(interface, name=name)
        if description is None:
            raise InputError(f"{name} must say in its metadata what it reads, and does not; describe it beside it")
        _check_interface(interface, description, name)
        self._content, self.description, self._name = bytes(content), description, str(name)
        self._start()

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
            If the records lack the picture, or the network answers with what are no probabilities.
        """
        pictures = reduced_pictures(X, self.input_)
        answers = np.empty((len(pictures), len(self.description.classes)), dtype=np.float32)
        for row, picture in enumerate(pictures):
            answers[row] = self._answer(picture)
        return answers

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _answer(self, picture):
        """Return the probabilities of one picture of shape (side, side), shape (k,)."""
        sides = (picture, picture[:, ::-1]) if self.description.mirrored else (picture,)
        return np.mean([self.probabilities(side) for side in sides], axis=0)

    def probabilities(self, picture):
        """Return the probabilities of one picture as `reduced_pictures` makes it, not mirrored; shape (k,).

        Parameters
        ----------
        picture : ndarray of shape (side, side), uint8
        """
        values = scaled_pictures(picture[None], self.input_)
        with self._lock:
            self._net.setInput(values)
            answer = np.array(self._net.forward(), dtype=np.float32).ravel()
        if len(answer) != len(self.description.classes):
            raise InputError(
                f"{self._name} must answer with {len(self.description.classes)} numbers, one for each of its classes, "
                f"got {len(answer)}; describe the classes that it has"
            )
        if not np.isfinite(answer).all():
            raise InputError(f"{self._name} answers with what are no numbers; it is damaged, or reads another range")
        if self.description.output == "scores":
            answer = np.exp(answer - answer.max())
            return answer / answer.sum()
        if answer.min() < -_SUM_TOLERANCE or abs(answer.sum() - 1) > _SUM_TOLERANCE:
            raise InputError(
                f"{self._name} must answer with probabilities, which sum to 1, got {np.round(answer, 3).tolist()}; "
                "describe its output as scores"
            )
        return answer

    def _start(self):
        """Let OpenCV read the model, and look at what it answers to a picture."""
        self._lock = threading.Lock()  # a network of OpenCV's keeps its last input
        side = self.input_.side
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(self._content, dtype=np.uint8))
            self._net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
            self.probabilities(np.arange(side * side, dtype=np.uint32).reshape(side, side).astype(np.uint8))
        except cv2.error as error:
            reason = " ".join((error.err or str(error)).split())
            raise InputError(f"{self._name} must be ONNX that OpenCV runs, and is not ({reason})") from error

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name not in ("_net", "_lock")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._start()


def _check_interface(interface, description, name):
    """Raise InputError if a graph has another input or output than its description says."""
    wanted = description.input.shape
    if len(interface.inputs) != 1 or len(interface.outputs) != 1:
        came = f"{len(interface.inputs)} and {len(interface.outputs)}"
        raise InputError(f"{name} must have one input and one output, got {came}; choose another network")
    ((element, taken),), ((_, given),) = interface.inputs.values(), interface.outputs.values()
    if element != FLOAT:
        raise InputError(f"{name} must read float32, got the type {element} of ONNX; export it anew")
    if taken is not None and not _fits(taken, (1, *wanted)):
        raise InputError(
            f"{name} is described to read pictures of shape {_text((1, *wanted))} ({description.input.layout}), and "
            f"reads {_text(taken)}; mend side, channels or layout"
        )
    if given and given[-1] not in (None, len(description.classes)):
        raise InputError(
            f"{name} is described to have {len(description.classes)} classes, and answers {_text(given)}; name its "
            "classes in its own order"
        )


def _fits(sizes, wanted):
    return len(sizes) == len(wanted) and all(size in (None, each) for size, each in zip(sizes, wanted, strict=True))


def _text(sizes):
    return "x".join("n" if size is None else str(size) for size in sizes)
