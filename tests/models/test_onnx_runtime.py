"""ONNX files run or are refused with one sentence; they read no other file, end in time and send no telemetry."""

import copy
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from landmark_fer.core.errors import DependencyError, InputError
from landmark_fer.models import onnx_runtime
from landmark_fer.models.onnx_runtime import OnnxModel
from tests.models.networks.small_networks import hand_made_onnx

onnx = pytest.importorskip("onnx")

ROOT = Path(__file__).parents[2]
IMAGE = {"image": np.linspace(0, 1, 256, dtype=np.float32).reshape(1, 16, 16, 1)}


def changed(change):
    """The hand-made network with its parsed model changed, as bytes."""
    model = onnx.load_model_from_string(hand_made_onnx())
    change(model)
    return model.SerializeToString()


def external(tensor, location):
    """Refer to a file for the values of a tensor."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "4096")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def external_initializer(model, location):
    """Move weights to another file."""
    external(model.graph.initializer[0], location)


def external_constant(model, location):
    """Move weights to another file, in a constant operator."""
    weights = model.graph.initializer[0]
    external(weights, location)
    node = onnx.helper.make_node("Constant", [], ["weights"], value=weights)
    nodes = [node, *model.graph.node]
    del model.graph.initializer[0], model.graph.node[:]
    model.graph.node.extend(nodes)


def another_domain(model):
    """Use an operator of a custom domain."""
    model.graph.node[0].op_type, model.graph.node[0].domain = "Nameless", "maker"
    model.opset_import.append(onnx.helper.make_opsetid("maker", 1))


def unknown_operator(model):
    """Use an operator that the standard does not have."""
    model.graph.node[0].op_type = "Nameless"


def opset(version):
    """Require a version of the standard operators."""

    def change(model):
        model.opset_import[0].version = version

    return change


def no_opset(model):
    """State no version of the operators."""
    del model.opset_import[:]


def future_format(model):
    """State a version of the format that does not exist."""
    model.ir_version = 99


REFUSED = {
    "an operator of a custom domain": (another_domain, "maker:Nameless"),
    "an unknown operator": (unknown_operator, "No Op registered for Nameless"),
    "operators of a future version": (opset(99), "Opset 99 is under development"),
    "operators of the first version": (opset(1), r"Gemm\(1\)"),
    "no version of operators": (no_opset, "Missing opset"),
    "a future version of the format": (future_format, "Unsupported model IR version: 99"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_unsupported_models_are_refused_with_a_reason(fault):
    change, reason = REFUSED[fault]
    with pytest.raises(
        InputError, match=rf"^x\.onnx must be an ONNX model that onnxruntime supports, but .*{reason}"
    ) as caught:
        OnnxModel(changed(change), name="x.onnx")
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1 and ".cc:" not in sentence and "ONNXRuntimeError" not in sentence


@pytest.mark.parametrize("content", [b"", b"words", bytes(100), b"PK\x03\x04" * 50, b" \x00\x00\x00ORTM" + bytes(200)])
def test_files_that_are_not_onnx_are_refused(content):
    with pytest.raises(InputError, match=r"^x\.onnx must be a complete ONNX model, but is not \(.*\); get the file"):
        OnnxModel(content, name="x.onnx")


@pytest.mark.parametrize("place", [external_initializer, external_constant])
@pytest.mark.parametrize(
    "location",
    ["weights.bin", "./weights.bin", "folder/weights.bin", "../weights.bin", "../../etc/hosts", "folder/../../x",
     "/etc/hosts", "/dev/zero", "/proc/self/mem", "{folder}/weights.bin", "__init__.py", "../__init__.py",
     "*/_ORT_MEM_ADDR_/*", "."],
)  # fmt: skip
def test_weights_in_other_files_are_refused(place, location, tmp_path, monkeypatch):
    for path in (tmp_path / "weights.bin", tmp_path / "here" / "weights.bin", tmp_path / "here/folder/weights.bin"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(4096))
    monkeypatch.chdir(tmp_path / "here")
    location = location.format(folder=tmp_path)
    with pytest.raises(InputError, match=r"^x\.onnx must contain all of its weights, but some are in other files"):
        OnnxModel(changed(lambda model: place(model, location)), name="x.onnx")


def endless():
    """A loop of 2 ** 62 iterations."""
    helper, numbers = onnx.helper, onnx.numpy_helper.from_array
    row = ["v", "w"]
    ends = [helper.make_tensor_value_info(name, 1, [1, 256]) for name in row]
    flags = [helper.make_tensor_value_info(name, onnx.TensorProto.BOOL, []) for name in ("on", "still")]
    count = helper.make_tensor_value_info("round", onnx.TensorProto.INT64, [])
    nodes = [helper.make_node("Identity", ["on"], ["still"]), helper.make_node("Add", ["v", "v"], ["w"])]
    body = helper.make_graph(nodes, "body", [count, flags[0], ends[0]], [flags[1], ends[1]])
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["row"]),
            helper.make_node("Loop", ["rounds", "true", "row"], ["prediction"], body=body),
        ],
        "endless",
        [helper.make_tensor_value_info("image", 1, [1, 16, 16, 1])],
        [helper.make_tensor_value_info("prediction", 1, None)],
        [numbers(np.array(2**62), "rounds"), numbers(np.array(True), "true")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def test_a_model_that_takes_too_long_is_stopped():
    model = OnnxModel(endless(), name="x.onnx")
    with pytest.raises(
        InputError, match=r"^x\.onnx must run within 60 seconds, but takes longer; choose another model$"
    ):
        model.run(IMAGE, patience_s=0.2)


def test_the_first_run_of_a_network_has_a_time_limit(monkeypatch):
    from dataclasses import replace

    from landmark_fer.models.networks import onnx_network
    from tests.models.networks.small_networks import SMALL

    monkeypatch.setattr(onnx_network, "PATIENCE_S", 0.2)
    with pytest.raises(InputError, match="must run within"):
        onnx_network.OnnxNetwork(endless(), replace(SMALL, output="scores"))


@pytest.mark.parametrize("sizes", [[2**40], [2**20] * 4, [-1]])
def test_too_large_arrays_are_reported(sizes):
    def change(model):
        shape = onnx.numpy_helper.from_array(np.array(sizes), "sizes")
        model.graph.initializer.append(shape)
        nodes = [onnx.helper.make_node("ConstantOfShape", ["sizes"], ["large"]), *model.graph.node]
        nodes.append(onnx.helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0))
        nodes.append(onnx.helper.make_node("Add", ["prediction", "sum"], ["more"]))
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        model.graph.output[0].name = "more"

    with pytest.raises(
        InputError, match=r"^x\.onnx must be an ONNX model that onnxruntime supports, but is not \(.*\)"
    ):
        OnnxModel(changed(change), name="x.onnx").run(IMAGE)


def test_outputs_that_are_not_floating_point_are_refused():
    def change(model):
        model.graph.node.append(onnx.helper.make_node("ArgMax", ["prediction"], ["label"], axis=1))
        del model.graph.output[:]
        model.graph.output.append(onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, [1, 1]))

    with pytest.raises(InputError, match="must return a tensor of floating-point numbers, got int64"):
        OnnxModel(changed(change)).run(IMAGE)


def test_inputs_of_another_shape_are_reported():
    with pytest.raises(
        InputError, match=r"^x\.onnx must be an ONNX model that onnxruntime supports, but is not \(Got invalid dim"
    ):
        OnnxModel(hand_made_onnx(), name="x.onnx").run({"image": np.zeros((1, 3, 3, 1), np.float32)})


def _prediction(model):
    """Run in a worker process."""
    return model.run(IMAGE).tolist()


def test_copies_pickles_and_spawned_processes_predict_the_same():
    model = OnnxModel(hand_made_onnx())
    expected = model.run(IMAGE)
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.run(IMAGE), expected)
        assert other.interface == model.interface
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        assert executor.submit(_prediction, model).result() == expected.tolist()


def run_in(code, **environment):
    """Return the output and the standard error of a fresh Python."""
    content = hand_made_onnx()
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; content = sys.stdin.buffer.read(); {code}"],
        input=content, capture_output=True, cwd=ROOT, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip(), done.stderr.decode()


OPEN = "from landmark_fer.models.onnx_runtime import OnnxModel; model = OnnxModel(content);"


def test_no_telemetry_is_sent_and_no_file_written(tmp_path):
    home = {name: str(tmp_path) for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA", "APPDATA")}
    code = (
        f"import os; os.environ.pop('ORT_DISABLE_TELEMETRY', None); {OPEN} print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    assert run_in(code, **home) == ("1", "")
    assert list(tmp_path.rglob("*")) == []


def test_the_requirement_excludes_builds_with_telemetry():
    """Wheels from 1.29 on contain Microsoft's telemetry library, which is enabled by default."""
    from packaging.requirements import Requirement

    lines = (ROOT / "requirements.txt").read_text().splitlines()
    (requirement,) = [Requirement(line) for line in lines if line.startswith("onnxruntime")]
    assert not any(requirement.specifier.contains(version) for version in ("1.29.0", "1.32.0", "1.27.0"))
    assert requirement.specifier.contains("1.28.0")


def test_import_warnings_are_discarded_and_standard_error_is_restored(tmp_path):
    (tmp_path / "onnxruntime.py").write_text(
        "import contextlib, os\nwith contextlib.suppress(OSError): os.write(2, b'[W:onnxruntime] no such card')\n"
        "def disable_telemetry_events(): print('disabled')\n"
    )
    code = "from landmark_fer.models.onnx_runtime import import_onnxruntime; import os; import_onnxruntime();"
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    assert run_in(f"{code} import_onnxruntime(); os.write(2, b'back')", PYTHONPATH=path) == ("disabled", "back")
    assert run_in(f"import os; os.close(2); {code}", PYTHONPATH=path) == ("disabled", "")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not list a process's threads")
def test_a_model_starts_no_threads():
    code = (
        f"{OPEN} import numpy as np, os, time; count = lambda: len(os.listdir('/proc/self/task'));"
        "model.run({'image': np.zeros((1, 16, 16, 1), np.float32)}, patience_s=9); end = time.monotonic() + 9\n"
        "while count() > 1 and time.monotonic() < end: time.sleep(0.01)\n"
        "print(count())"
    )
    assert run_in(code, OMP_NUM_THREADS="1") == ("1", "")


def test_a_missing_onnxruntime_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DependencyError, match=r"needs the package onnxruntime, .*run: pip install -r requirements.txt"):
        OnnxModel(hand_made_onnx())


def test_map_in_threads_returns_results_in_order():
    for threads in (1, 3):
        assert onnx_runtime.map_in_threads(lambda number: number**2, range(20), threads) == [n**2 for n in range(20)]


def test_metadata_are_read():
    described = json.loads(OnnxModel(hand_made_onnx()).interface.metadata["landmark_fer_network"])
    assert described["output"] == "probabilities"
