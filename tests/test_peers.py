"""The tutorial's network in the comparison with other software: same predictions as the package, clear refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.records import record_dtype
from landmark_fer.models.networks.architectures import ARCHITECTURES
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from tests.models.networks.small_networks import CLASSES, hand_made_onnx

pytest.importorskip("onnx")

WHOLE = NetworkDescription(ARCHITECTURES["relu_vgg_box"].input, CLASSES, "probabilities")


@pytest.fixture
def tutorial_network(monkeypatch):
    """The module; it runs as a script next to its helper."""
    monkeypatch.syspath_prepend("benchmarks/peers")
    import tutorial_network

    return tutorial_network


def artifact(folder, description):
    content = hand_made_onnx(description)
    (folder / "model.onnx").write_bytes(content)
    (folder / "model.json").write_text(json.dumps(description.to_dict()))
    return content


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scaling": "standardised"},
        {"scaling": "-1..1", "layout": "NCHW"},
        {"scaling": "standardised", "channels": 3},
    ],
)
def test_it_predicts_what_the_package_predicts(changes, tutorial_network, tmp_path, lfw_crops):
    description = replace(WHOLE, input=replace(WHOLE.input, **changes))
    network = OnnxNetwork(artifact(tmp_path, description))
    records = np.zeros(12, dtype=record_dtype(80, 48))
    records["crop"] = lfw_crops[:12]
    expected = network.predict(records).tolist()
    assert len(set(expected)) > 1
    predict = tutorial_network.load_network(tmp_path)
    assert [predict(face) for face in lfw_crops[:12]] == expected


def test_a_network_gets_the_part_of_the_face_it_was_trained_on(tutorial_network):
    face = np.arange(100 * 100).reshape(100, 100)
    assert np.array_equal(tutorial_network.cut_box(face, 0.056), face)
    assert np.array_equal(tutorial_network.cut_box(face, 0.0), face[10:100, 6:96])


@pytest.mark.parametrize("reads", ["chip", "nothing"])
def test_artifacts_that_do_not_read_the_box_are_refused(reads, tutorial_network, tmp_path):
    if reads == "chip":
        artifact(tmp_path, NetworkDescription(NetworkInput(48), CLASSES, "probabilities"))
    with pytest.raises(SystemExit, match=r"--network must .*; fit --models relu_vgg_box"):
        tutorial_network.load_network(tmp_path)
