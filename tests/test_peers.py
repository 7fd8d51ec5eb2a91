"""The tutorial's network among the peers: its answers are those of the network itself, and others are refused."""

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
    """The module, which runs as a script beside its helper."""
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
def test_it_predictions_as_the_network_does(changes, tutorial_network, tmp_path, lfw_crops):
    description = replace(WHOLE, input=replace(WHOLE.input, **changes))
    network = OnnxNetwork(artifact(tmp_path, description))
    records = np.zeros(12, dtype=record_dtype(80, 48))
    records["crop"] = lfw_crops[:12]
    expected = network.predict(records).tolist()
    assert len(set(expected)) > 1
    prediction = tutorial_network.answerer(tmp_path)
    assert [prediction(face) for face in lfw_crops[:12]] == expected


def test_a_network_that_was_trained_on_less_of_the_face_gets_less(tutorial_network):
    face = np.arange(100 * 100).reshape(100, 100)
    assert np.array_equal(tutorial_network.seen_part(face, 0.056), face)
    assert np.array_equal(tutorial_network.seen_part(face, 0.0), face[10:100, 6:96])


@pytest.mark.parametrize("reads", ["chip", "nothing"])
def test_what_reads_no_box_is_refused_in_a_sentence(reads, tutorial_network, tmp_path):
    if reads == "chip":
        artifact(tmp_path, NetworkDescription(NetworkInput(48), CLASSES, "probabilities"))
    with pytest.raises(SystemExit, match=r"--network must .*; fit --models relu_vgg_box"):
        tutorial_network.answerer(tmp_path)
