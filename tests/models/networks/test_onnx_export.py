"""Tests of the ONNX export of calibrated networks."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.networks.architectures import ARCHITECTURES
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from landmark_fer.models.onnx_runtime import FLOAT, OnnxModel
from tests.models.networks.small_networks import CLASSES, drawn_classifier, network_images, random_records

SMALLER = {"vgg16_transfer": {"weights": None}, "single_conv": {"filters": 4}}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_onnxruntime_predicts_as_keras_does(keras, name):
    from landmark_fer.models.networks.classifier import CalibratedNetwork
    from landmark_fer.models.networks.onnx_export import onnx_content

    network_input = ARCHITECTURES[name].input
    records = random_records(3, crop_size=network_input.side)
    calibrated = CalibratedNetwork(drawn_classifier(name, **SMALLER.get(name, {})), temperature=0.7)
    exported = OnnxNetwork(onnx_content(calibrated.network_, calibrated.description))
    np.testing.assert_allclose(exported.predict_proba(records), calibrated.predict_proba(records), atol=1e-5)
    assert exported.description == calibrated.description


def test_the_file_contains_its_classes_and_runs_without_the_package(keras):
    import onnxruntime

    from landmark_fer.models.networks.classifier import CalibratedNetwork
    from landmark_fer.models.networks.onnx_export import onnx_content

    calibrated = CalibratedNetwork(drawn_classifier("aligned_cnn", width=4), temperature=2)
    content = onnx_content(calibrated.network_, replace(calibrated.description, mirrored=False))
    interface, records = OnnxModel(content).interface, random_records(1)
    assert json.loads(interface.metadata["classes"]) == sorted(CLASSES)
    assert not re.search(rb"\.py\b|site-packages", content), "the exporter notes source files"
    assert interface.inputs == {"image": (FLOAT, (None, 48, 48, 1))} and list(interface.outputs) == ["probabilities"]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (prediction,) = session.run(None, {"image": network_images(records, calibrated.input_)})
    np.testing.assert_allclose(prediction, OnnxNetwork(content).predict_proba(records), atol=1e-5)


@pytest.mark.parametrize("name", ["aligned_cnn", "mini_xception"])
def test_a_temperature_divides_the_scores(keras, name):
    from landmark_fer.models.networks.classifier import CalibratedNetwork

    classifier = drawn_classifier(name)
    classifier.recipe_ = replace(classifier.recipe_, mirrored=False)
    records = random_records(4, crop_size=64)
    before = classifier.predict_proba(records)
    expected = softmax(np.log(before) / 2.5)
    calibrated = CalibratedNetwork(classifier, temperature=2.5)
    np.testing.assert_allclose(calibrated.predict_proba(records), expected, atol=1e-5)
    np.testing.assert_array_equal(classifier.predict_proba(records), before)
    assert calibrated.network_.count_params() == classifier.network_.count_params()
    assert [type(layer) for layer in calibrated.network_.layers] == [type(each) for each in classifier.network_.layers]


def test_the_fitted_temperature_is_near_the_true_one(keras):
    from landmark_fer.models.networks.classifier import CalibratedNetwork, fit_network_temperature

    classifier, records = drawn_classifier("aligned_cnn", width=4), random_records(300)
    probabilities = CalibratedNetwork(classifier, temperature=0.5).predict_proba(records)
    drawn = probabilities.cumsum(axis=1) > np.random.default_rng(0).random((300, 1))
    labels = classifier.classes_[drawn.argmax(axis=1)]
    assert 0.3 < fit_network_temperature(classifier, records, labels) < 0.8


@pytest.mark.parametrize("temperature", [0, -1.0, np.nan, np.inf])
def test_invalid_temperatures_are_refused(keras, temperature):
    from landmark_fer.models.networks.classifier import CalibratedNetwork

    with pytest.raises(InputError, match="a temperature must be more than 0"):
        CalibratedNetwork(drawn_classifier("aligned_cnn", width=4), temperature=temperature)


def test_networks_without_softmax_cannot_be_calibrated(keras):
    from landmark_fer.models.networks.classifier import tempered_network

    layers = keras.layers
    for last in ([layers.Dense(3, activation="sigmoid")], [layers.Dense(3, activation="relu"), layers.Softmax()]):
        network = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), *last])
        with pytest.raises(InputError, match="must end in a softmax over a linear layer"):
            tempered_network(network, 2.0)


def test_a_wrong_description_is_refused(keras):
    from landmark_fer.models.networks.onnx_export import onnx_content

    flat = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    wrong = NetworkDescription(NetworkInput(16), CLASSES)
    with pytest.raises(InputError, match="must predict the 4 described classes, got nx3"):
        onnx_content(flat, wrong)
