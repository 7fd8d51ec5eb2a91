"""ONNX models run by onnxruntime: a checked session, and a predictor of face records."""

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
"""onnxruntime's name for a float32 tensor."""

PATIENCE_S = 60.0
"""Time limit in seconds for opening a model and for its first run."""

_LONGEST_REASON = 240  # characters
_PREFIX = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
# A location in onnxruntime's source code, with the signature or name of the function.
_PLACE = re.compile(r"\S+\.(?:cc|h):\d+ (?:[^()\"]*\((?:[^()]|\([^()]*\))*\) ?(?:const )?|\w+ (?=[A-Z]))?")


@dataclass(frozen=True)
class GraphInterface:
    """The inputs, outputs and metadata of an ONNX model.

    Attributes
    ----------
    inputs, outputs : dict of str to (str, tuple or None)
        By name: onnxruntime's name for the type, such as `FLOAT`, and the sizes of the dimensions, None where a size
        is not fixed. Instead of the tuple, None if the model does not state its dimensions.
    metadata : dict of str to str
    """

    inputs: dict
    outputs: dict
    metadata: dict


class OnnxModel:
    """Open ONNX model. Copies and unpickled models are opened again from its bytes; threads can share one.

    Parameters
    ----------
    content : bytes
    name : str, default="the model"
        Name of the model in error messages.

    Attributes
    ----------
    content : bytes
    interface : GraphInterface
    name : str

    Raises
    ------
    InputError
        If the content is not an ONNX model, is damaged, needs operators that onnxruntime does not have, or refers to
        weights in other files.
    DependencyError
        If onnxruntime is not installed.
    """

    def __init__(self, content, *, name="the model"):
        self.content, self.name = bytes(content), str(name)
        self.interface = self._open()

    def run(self, values, *, patience_s=None):
        """Run the model and return its first output.

        Parameters
        ----------
        values : dict of str to ndarray
            Inputs by name.
        patience_s : float, optional
            Time limit in seconds. The model stops after the operator that runs at that time.

        Returns
        -------
        ndarray
            Floating-point numbers.

        Raises
        ------
        InputError
            If the model fails on the values, exceeds the time limit, or returns anything else.
        """
        options = None if patience_s is None else import_onnxruntime().RunOptions()
        with self._explained_errors(), _timer(patience_s, lambda: setattr(options, "terminate", True)):
            output = self._session.run(None, values, options)[0]
        if not isinstance(output, np.ndarray) or output.dtype.kind != "f":
            kind = getattr(output, "dtype", type(output).__name__)
            raise InputError(f"{self.name} must return a tensor of floating-point numbers, got {kind}; export it again")
        return output

    def _open(self):
        """Open a session and return the interface of the model."""
        runtime = import_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # like BLAS in live
        options.log_severity_level = 4  # fatal errors only; other errors are raised
        options.add_session_config_entry(
            "session.load_model_format", "ONNX"
        )  # onnxruntime's own format is checked less strictly
        # External weights would escape the check of hashes, so their folder is set to a path that is not a folder.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", __file__)
        providers = {"providers": ["CPUExecutionProvider"], "enable_fallback": 0}  # the fallback prints messages
        with self._explained_errors(), _timer(PATIENCE_S, lambda: options.set_load_cancellation_flag(True)):
            self._session = runtime.InferenceSession(self.content, options, **providers)
            nodes = self._session.get_inputs(), self._session.get_outputs()
            sides = [{node.name: (node.type, _sizes(node.shape)) for node in side} for side in nodes]
            return GraphInterface(*sides, dict(self._session.get_modelmeta().custom_metadata_map))

    @contextlib.contextmanager
    def _explained_errors(self):
        """Raise an InputError for any error of onnxruntime."""
        try:
            yield
        except Exception as error:  # onnxruntime's errors have no common base class
            raise InputError(self._sentence(error)) from error

    def _sentence(self, error):
        text = " ".join(str(error).split())
        if __file__ in text or "xternal data" in text or "in-memory" in text:
            return f"{self.name} must contain all of its weights, but some are in other files; export it as one file"
        if "terminate flag" in text or "cancel" in text:
            return f"{self.name} must run within {PATIENCE_S:g} seconds, but takes longer; choose another model"
        reason = _PLACE.sub("", _PREFIX.sub("", text)).strip().rstrip(".")
        reason = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}..."
        if type(error).__name__ == "InvalidProtobuf" or "No graph" in text:
            return f"{self.name} must be a complete ONNX model, but is not ({reason}); get the file again"
        return f"{self.name} must be an ONNX model that onnxruntime supports, but is not ({reason}); export it again"

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_session"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._open()


def map_in_threads(function, items, threads):
    """Return the results of a function for each item, in order, computed in several threads."""
    if threads == 1 or len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as executor:
        return list(executor.map(function, items))


def import_onnxruntime():
    """Return the module ``onnxruntime`` with telemetry and its import warnings disabled.

    Raises
    ------
    DependencyError
        If it cannot be imported.
    """
    # From 1.29 on, onnxruntime otherwise stores a device id in the home folder and reports over HTTPS.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    first_import = "onnxruntime" not in sys.modules
    with _silent_stderr() if first_import else contextlib.nullcontext():
        runtime = import_optional("onnxruntime", purpose="running an ONNX model")
    if first_import:
        runtime.disable_telemetry_events()  # on Windows
    return runtime


@contextlib.contextmanager
def _silent_stderr():
    """Discard standard error: onnxruntime warns about graphics cards that it cannot identify."""
    try:
        stderr = os.dup(2)
    except OSError:  # the process has no standard error
        yield
        return
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


@contextlib.contextmanager
def _timer(seconds, stop):
    """Call `stop` in a thread if the body takes longer than a number of seconds; None sets no limit."""
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
    """Return the sizes of dimensions, None for one that is not fixed; None for a shape that is not stated."""
    if shape is None:
        return None
    return tuple(size if isinstance(size, int) and size > 0 else None for size in shape)


_BLOCK = 16  # faces at a time, so that their image gradients fit in the cache of one core
_INPUTS = ("landmarks", "chip")


class OnnxPredictor:
    """Predictor that runs an exported model: face records in, probabilities out.

    Parameters
    ----------
    content : bytes
        An ONNX model whose inputs are fields of face records. Its only output has a column for each of the ``classes``
        in its metadata.
    name : str, default="the model"
        Name of the model in error messages.
    threads : int, default=1
        Number of blocks of faces that are computed at the same time.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
        In the order of the columns.
    fields : tuple of str
        Fields of the face records that the model reads.

    Raises
    ------
    InputError
        If the content is not such a model.
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
                f"{name} must read {' and '.join(_INPUTS)} and return one probability for each of "
                f"its {len(self.classes_)} classes, got inputs {', '.join(self.fields)} and outputs {outputs}; "
                "export it again"
            )

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k), float32.

        Raises
        ------
        InputError
            If the records lack a field, a coordinate is not finite, or a chip has another size than the model needs.
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
            expected = ", ".join(map(str, ("n", *self._shapes[name])))
            raise InputError(f"{name} must have shape ({expected}), got {value.shape}; extract it again")
        if name == "landmarks":
            return np.ascontiguousarray(check_landmarks(value), dtype=np.float32)
        return np.ascontiguousarray(value)


def _classes(metadata):
    """Return the classes in the metadata of a model, or none."""
    try:
        return np.array(json.loads(metadata.get("classes", "[]")), dtype=str)
    except ValueError:
        return np.array([], dtype=str)
