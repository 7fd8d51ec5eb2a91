"""ONNX files run by onnxruntime: the session, and a predictor of face records."""

import contextlib
import json
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import check_landmarks
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.core.records import take_field

FLOAT = "tensor(float)"
"""onnxruntime's name of a float32 tensor."""

PATIENCE_S = 60.0
"""Seconds that opening a model, or running it for the first time, may take."""

_LONGEST_REASON = 240  # characters
_PREFIX = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
# A place in onnxruntime's source, and the signature or the name of the function there.
_PLACE = re.compile(r"\S+\.(?:cc|h):\d+ (?:[^()\"]*\((?:[^()]|\([^()]*\))*\) ?(?:const )?|\w+ (?=[A-Z]))?")


@dataclass(frozen=True)
class GraphInterface:
    """The inputs, outputs and metadata of an ONNX model.

    Attributes
    ----------
    inputs, outputs : dict of str to (str, tuple or None)
        By name: the type in onnxruntime's words, such as `FLOAT`, and the sizes of the dimensions, None where a size is
        not fixed. None in place of the tuple where the model does not state its dimensions.
    metadata : dict of str to str
    """

    inputs: dict
    outputs: dict
    metadata: dict


class OnnxModel:
    """An open ONNX model. Copies and pickles are opened again from its bytes; threads may share one.

    Parameters
    ----------
    content : bytes
    name : str, default="the model"
        What a message calls it.

    Attributes
    ----------
    interface : GraphInterface
    name : str

    Raises
    ------
    InputError
        If the content is no ONNX model, is damaged, needs operators that onnxruntime does not have, or keeps weights in
        other files.
    DependencyError
        If onnxruntime is not installed.
    """

    def __init__(self, content, *, name="the model"):
        self._content, self.name = bytes(content), str(name)
        self.interface = self._open()

    def run(self, values, *, patience_s=None):
        """Return the first output.

        Parameters
        ----------
        values : dict of str to ndarray
            The inputs by name.
        patience_s : float, optional
            Seconds after which the model is stopped, at the end of the operator that runs then.

        Returns
        -------
        ndarray
            Of floating-point numbers.

        Raises
        ------
        InputError
            If the model cannot be run on the values or takes longer, or its output holds something else.
        """
        options = None if patience_s is None else import_onnxruntime().RunOptions()
        with self._explained(), _timer(patience_s, lambda: setattr(options, "terminate", True)):
            output = self._session.run(None, values, options)[0]
        if not isinstance(output, np.ndarray) or output.dtype.kind != "f":
            kind = getattr(output, "dtype", type(output).__name__)
            raise InputError(f"{self.name} must give a tensor of floating-point numbers, got {kind}; export it again")
        return output

    def _open(self):
        """Start the session and return its interface."""
        runtime = import_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # as BLAS has in live
        options.log_severity_level = 4  # fatal errors alone; the others are raised
        options.add_session_config_entry("session.load_model_format", "ONNX")  # its own format is checked less
        # Other files are looked for in this folder, which cannot be one: their hash would not have been checked.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", __file__)
        providers = {"providers": ["CPUExecutionProvider"], "enable_fallback": 0}  # the fallback prints
        with self._explained(), _timer(PATIENCE_S, lambda: options.set_load_cancellation_flag(True)):
            self._session = runtime.InferenceSession(self._content, options, **providers)
            nodes = self._session.get_inputs(), self._session.get_outputs()
            sides = [{node.name: (node.type, _sizes(node.shape)) for node in side} for side in nodes]
            return GraphInterface(*sides, dict(self._session.get_modelmeta().custom_metadata_map))

    @contextlib.contextmanager
    def _explained(self):
        """Raise InputError for whatever onnxruntime raises."""
        try:
            yield
        except Exception as error:  # onnxruntime's errors have no common class but this
            raise InputError(self._sentence(error)) from error

    def _sentence(self, error):
        text = " ".join(str(error).split())
        if __file__ in text or "xternal data" in text or "in-memory" in text:
            return f"{self.name} must hold all of its weights, and keeps some in other files; export it as one file"
        if "terminate flag" in text or "cancel" in text:
            return f"{self.name} must run within {PATIENCE_S:g} seconds, and does not; choose another model"
        reason = _PLACE.sub("", _PREFIX.sub("", text)).strip().rstrip(".")
        reason = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}..."
        if type(error).__name__ == "InvalidProtobuf" or "No graph" in text:
            return f"{self.name} must be a whole ONNX model, and is not ({reason}); get the file again"
        return f"{self.name} must be ONNX that onnxruntime runs, and is not ({reason}); export it again"

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_session"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._open()


def map_in_threads(function, items, threads):
    """Return the results of a function for each item, in their order, from so many threads."""
    if threads == 1 or len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as calibration:
        return list(calibration.map(function, items))


def import_onnxruntime():
    """Return the module ``onnxruntime``, which then sends nothing to its maker and writes nothing to the terminal.

    Raises
    ------
    DependencyError
        If it cannot be imported.
    """
    # Builds from 1.29 on otherwise keep a device's number in the home folder and report over HTTPS.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    first = "onnxruntime" not in sys.modules
    with _silent_stderr() if first else contextlib.nullcontext():
        runtime = import_optional("onnxruntime", purpose="running an ONNX model")
    if first:
        runtime.disable_telemetry_events()  # those of Windows
    return runtime


@contextlib.contextmanager
def _silent_stderr():
    """Discard what is written to the standard error: onnxruntime warns of graphics cards that it cannot identify."""
    try:
        kept = os.dup(2)
    except OSError:  # a program without a standard error
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextlib.contextmanager
def _timer(seconds, stop):
    """Call `stop` in a thread if the body takes longer than some seconds; None waits for ever."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _sizes(shape):
    """Return the sizes of dimensions, None where one has a name or is not positive; None for a shape not stated."""
    if shape is None:
        return None
    return tuple(size if isinstance(size, int) and size > 0 else None for size in shape)


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
