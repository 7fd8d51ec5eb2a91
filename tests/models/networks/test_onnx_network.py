"""Tests of ONNX networks as predictors, and of damaged or wrongly described files."""

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.core.records import mirror_records
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from landmark_fer.models.onnx_runtime import FLOAT, OnnxModel
from tests.models.networks.small_networks import (
    CLASSES,
    SMALL,
    hand_made_onnx,
    network_images,
    random_records,
    small_convolutions,
)


@pytest.fixture
def network():
    return OnnxNetwork(hand_made_onnx())


def reference(records, description):
    """Return the predictions of the hand-made network, computed with NumPy."""
    k = len(description.classes)
    weights = np.random.default_rng(0).normal(0, 0.1, (int(np.prod(description.input.shape)), k)).astype(np.float32)
    scores = network_images(records, description.input).reshape(len(records), -1) @ weights + np.linspace(-1, 1, k)
    return softmax(scores)


class TestPredictions:
    @pytest.mark.parametrize("output", ["scores", "probabilities"])
    @pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("batch", [1, "n"])
    def test_they_are_those_of_the_graph(self, output, layout, channels, batch):
        network_input = NetworkInput(16, channels=channels, layout=layout, frame=64)
        description = replace(SMALL, input=network_input, output=output)
        network = OnnxNetwork(hand_made_onnx(description, shape=(batch, *network_input.shape)))
        records = random_records(5)
        np.testing.assert_allclose(network.predict_proba(records), reference(records, description), atol=1e-5)

    def test_those_of_one_side_have_the_mean_of_both(self):
        network, plain = OnnxNetwork(hand_made_onnx(replace(SMALL, mirrored=True))), OnnxNetwork(hand_made_onnx())
        records, mirrored = random_records(5), np.array([False, True, True, False, True])
        sides = network.predict_sides(records, mirrored), network.predict_sides(records, ~mirrored)
        np.testing.assert_allclose(np.mean(sides, axis=0), network.predict_proba(records), atol=1e-6)
        expected = plain.predict_proba(np.where(mirrored, mirror_records(records), records))
        np.testing.assert_allclose(sides[0], expected, atol=1e-6)
        assert abs(sides[0] - sides[1]).max(axis=1).min() > 0.01
        assert network.predict_sides(records[:0], mirrored[:0]).shape == (0, len(SMALL.classes))

    @pytest.mark.parametrize("batch", [1, None])
    def test_a_network_that_reads_no_mirror_images_has_one_side(self, batch):
        network, records = OnnxNetwork(hand_made_onnx(shape=(batch, 16, 16, 1)), SMALL), random_records(5)
        sides = network.predict_sides(records, np.ones(5, dtype=bool))
        np.testing.assert_array_equal(sides, network.predict_proba(records))

    def test_they_are_probabilities_in_the_order_of_the_classes(self, network):
        records = random_records(9)
        predictions = network.predict_proba(records)
        np.testing.assert_allclose(predictions.sum(axis=1), 1, atol=1e-5)
        assert predictions.shape == (9, 4) and tuple(network.classes_) == CLASSES
        assert network.predict(records).tolist() == [CLASSES[column] for column in predictions.argmax(axis=1)]
        assert network.predict_proba(records[:0]).shape == (0, 4)

    @pytest.mark.parametrize("batch", [1, "n"])
    @pytest.mark.parametrize("mirrored", [False, True])
    def test_one_at_a_time_equals_all_at_once_in_any_order(self, batch, mirrored):
        network = OnnxNetwork(hand_made_onnx(shape=(batch, 16, 16, 1)), replace(SMALL, mirrored=mirrored))
        records = random_records(6)
        predictions = network.predict_proba(records)
        np.testing.assert_allclose(predictions[::-1], network.predict_proba(records[::-1]), atol=1e-6)
        single = [network.predict_proba(records[[row]])[0] for row in range(6)]
        np.testing.assert_allclose(predictions, single, atol=1e-6)

    @pytest.mark.parametrize(("batch", "expected"), [(1, [1] * 10), ("n", [8, 2])])
    def test_a_network_of_any_number_of_images_reads_faces_and_mirror_images_together(self, batch, expected):
        network = OnnxNetwork(hand_made_onnx(shape=(batch, 16, 16, 1)), replace(SMALL, mirrored=True))
        sizes, run = [], network._model.run
        network._model.run = lambda values, **options: sizes.append(len(values["image"])) or run(values, **options)
        network.predict_proba(random_records(5))
        assert sizes == expected

    def test_a_mirrored_network_predicts_the_same_for_the_mirrored_face(self, network):
        records = random_records(4)
        mirrored_records = records.copy()
        mirrored_records["chip"] = records["chip"][..., ::-1]
        mirrored = OnnxNetwork(hand_made_onnx(), replace(SMALL, mirrored=True))
        mean = (network.predict_proba(records) + network.predict_proba(mirrored_records)) / 2
        np.testing.assert_allclose(mirrored.predict_proba(records), mean, atol=1e-6)
        np.testing.assert_allclose(mirrored.predict_proba(records), mirrored.predict_proba(mirrored_records), atol=1e-6)

    def test_the_described_field_is_read(self):
        description = replace(SMALL, input=NetworkInput(16, image="crop", scaling="0..1"))
        network, records = OnnxNetwork(hand_made_onnx(description)), random_records(3, crop_size=16)
        assert network.fields == ("crop",)
        np.testing.assert_allclose(network.predict_proba(records), reference(records, description), atol=1e-5)
        with pytest.raises(InputError, match="must have the field 'crop', got fields landmarks, chip"):
            network.predict_proba(random_records(3))

    def test_records_are_not_changed(self, network):
        records = random_records(3)
        before = records.tobytes()
        network.predict_proba(records)
        assert records.tobytes() == before

    @pytest.mark.parametrize("threads", [2, 5])
    def test_they_do_not_depend_on_the_threads(self, network, threads):
        records = random_records(9)
        several = OnnxNetwork(hand_made_onnx(), threads=threads)
        np.testing.assert_array_equal(several.predict_proba(records), network.predict_proba(records))
        np.testing.assert_array_equal(several.predict_proba(records[:1]), network.predict_proba(records[:1]))
        assert several.predict_proba(records[:0]).shape == (0, 4)


class TestSharing:
    def test_copies_and_pickles_predict_the_same(self, network):
        records = random_records(3)
        for other in (copy.copy(network), copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
            np.testing.assert_array_equal(other.predict_proba(records), network.predict_proba(records))

    def test_threads_may_share_a_network(self, network):
        faces = [random_records(8, seed=seed) for seed in range(8)]
        expected = [network.predict_proba(records) for records in faces]
        with ThreadPoolExecutor(8) as threads:
            for _ in range(5):
                for predictions, own in zip(threads.map(network.predict_proba, faces), expected, strict=True):
                    np.testing.assert_array_equal(predictions, own)

    @pytest.mark.slow
    def test_it_runs_without_keras_and_onnx(self, tmp_path):
        (tmp_path / "small.onnx").write_bytes(hand_made_onnx())
        code = (
            "import sys, pathlib\n"
            "for name in ('keras', 'onnx', 'onnxscript'): sys.modules[name] = None\n"
            "from landmark_fer.models.networks.onnx_network import OnnxNetwork\n"
            "from landmark_fer.artifact.probe import probe_records\n"
            f"network = OnnxNetwork(pathlib.Path({str(tmp_path / 'small.onnx')!r}).read_bytes())\n"
            "print(network.predict_proba(probe_records(80)).shape, 'torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout == "(4, 4) False\n", done.stderr


@pytest.mark.slow
def test_every_module_of_networks_is_imported_without_keras():
    code = (
        "import sys, pkgutil, importlib\n"
        "for name in ('keras', 'onnxscript', 'onnx', 'matplotlib', 'h5py'): sys.modules[name] = None\n"
        "import landmark_fer.models.networks as package\n"
        "names = [each.name for each in pkgutil.iter_modules(package.__path__)]\n"
        "for name in names:\n"
        "    if not name.startswith('torch_'): importlib.import_module(f'landmark_fer.models.networks.{name}')\n"
        "print('keras_network' in names, len(names) >= 10, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True True False\n", done.stderr


MISFITS = {
    "another side": (
        replace(SMALL, input=NetworkInput(24)),
        "small.onnx must read images of the described shape 1x24x24x1 .NHWC., got 1x16x16x1; correct side",
    ),
    "another layout": (replace(SMALL, input=NetworkInput(16, layout="NCHW")), "1x1x16x16 .NCHW., got 1x16x16x1"),
    "more channels": (replace(SMALL, input=NetworkInput(16, channels=3)), "1x16x16x3 .NHWC., got 1x16x16x1"),
    "fewer classes": (
        replace(SMALL, classes=CLASSES[:3]),
        "small.onnx must predict the 3 described classes, got 1x4; name its classes",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_description_of_another_network_is_refused(misfit):
    description, sentence = MISFITS[misfit]
    with pytest.raises(InputError, match=sentence):
        OnnxNetwork(hand_made_onnx(), description, name="small.onnx")


def test_a_network_that_does_not_describe_itself_needs_a_description():
    content = hand_made_onnx(metadata=False)
    with pytest.raises(InputError, match=r"small\.onnx must have a description in its metadata"):
        OnnxNetwork(content, name="small.onnx")
    assert OnnxNetwork(content, SMALL).fields == ("chip",)


def test_scores_described_as_probabilities_are_refused():
    content = hand_made_onnx(replace(SMALL, output="scores"))
    with pytest.raises(InputError, match=r"must predict probabilities that sum to 1, got .*output as scores"):
        OnnxNetwork(content, SMALL)


def test_infinite_predictions_are_refused():
    with pytest.raises(InputError, match="predicts NaN or infinity"):
        OnnxNetwork(hand_made_onnx(replace(SMALL, output="scores"), factor=np.nan))


@pytest.mark.parametrize("content", [b"", b"words", b"\x00" * 100, b"\x08\x07", b"PK\x03\x04" * 50, bytes(range(256))])
def test_files_that_are_not_onnx_are_refused(content):
    with pytest.raises(
        InputError, match=r"odd.onnx must be a complete ONNX model, but is not \(.*\); get the file again"
    ):
        OnnxNetwork(content, SMALL, name="odd.onnx")


def test_truncated_files_are_refused():
    content = hand_made_onnx()
    for length in range(0, len(content) - 1, 23):
        with pytest.raises(InputError, match=r"get the file again|export it again|must have a description"):
            OnnxNetwork(content[:length])


def test_the_interface_agrees_with_the_package_onnx():
    onnx = pytest.importorskip("onnx")

    content = hand_made_onnx(shape=("n", 16, 16, 1))
    interface, model = OnnxModel(content).interface, onnx.load_model_from_string(content)
    assert interface.inputs == {"image": (FLOAT, (None, 16, 16, 1))}
    assert interface.outputs == {"prediction": (FLOAT, (None, 4))}
    assert interface.metadata == {each.key: each.value for each in model.metadata_props}


def test_weights_listed_as_inputs_are_ignored():
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    model = onnx.load_model_from_string(hand_made_onnx())
    for name, shape in (("weights", (256, 4)), ("offsets", (4,))):
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    content = model.SerializeToString()
    assert list(OnnxModel(content).interface.inputs) == ["image"]
    records = random_records(2)
    predictions = OnnxNetwork(content).predict_proba(records)
    np.testing.assert_allclose(predictions, reference(records, SMALL), atol=1e-5)


class TestDamage:
    def test_a_good_network_is_accepted(self):
        assert OnnxNetwork(small_convolutions()).predict_proba(random_records(2)).shape == (2, 4)

    def test_messages_name_the_file(self):
        with pytest.raises(InputError, match=r"b\.onnx must predict the 3 described classes"):
            OnnxNetwork(hand_made_onnx(), replace(SMALL, classes=CLASSES[:3]), name="b.onnx")

    def test_a_convolution_without_its_weights_is_refused(self):
        with pytest.raises(InputError, match=r"odd\.onnx must be an ONNX model that onnxruntime supports, but is not"):
            OnnxNetwork(small_convolutions(weights=False), SMALL, name="odd.onnx")


WRONG_SHAPES = {
    "two inputs": (lambda graph: graph.input.append(renamed(graph.input[0])), "one input and one output, got 2 and 1"),
    "two outputs": (
        lambda graph: graph.output.append(renamed(graph.output[0], graph.node[0].output[0])),
        "one input and one output, got 1 and 2",
    ),
    "a batch of eight": (lambda graph: resize(graph.input[0], 0, 8), "got 8x16x16x1; correct side"),
    "a flat input": (lambda graph: flatten(graph), "got nx256; correct side"),
    "half precision": (lambda graph: retype(graph, 10), r"must read tensor\(float\), got tensor\(float16\)"),
}


def renamed(value, name="other"):
    """Return a copy of an input or output with another name."""
    copied = copy.deepcopy(value)
    copied.name = name
    return copied


def resize(value, axis, size):
    """Change the size of a dimension of an input."""
    value.type.tensor_type.shape.dim[axis].dim_value = size


def flatten(graph):
    """Change the input of a graph to a vector of 256 values."""
    shape = graph.input[0].type.tensor_type.shape
    del shape.dim[2:]
    resize(graph.input[0], 1, 256)


def retype(graph, element):
    """Change the type of the input of a graph, and cast it."""
    from onnx import helper

    graph.input[0].type.tensor_type.elem_type = element
    nodes = [helper.make_node("Cast", ["image"], ["cast"], to=1), *graph.node]
    nodes[1].input[0] = "cast"
    del graph.node[:]
    graph.node.extend(nodes)


@pytest.mark.parametrize("fault", WRONG_SHAPES)
def test_inputs_and_outputs_of_another_shape_are_refused(fault):
    onnx = pytest.importorskip("onnx")

    change, sentence = WRONG_SHAPES[fault]
    model = onnx.load_model_from_string(hand_made_onnx(shape=("n", 16, 16, 1)))
    del model.graph.value_info[:]
    change(model.graph)
    with pytest.raises(InputError, match=rf"odd\.onnx .*{sentence}"):
        OnnxNetwork(model.SerializeToString(), name="odd.onnx")
