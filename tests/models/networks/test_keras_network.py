"""Tests of Keras networks: files are read only if they hold Keras' own layers."""

import io
import json
import sys
import zipfile

import numpy as np
import pytest

from landmark_fer.core.errors import DependencyError, InputError
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.networks.keras_network import KerasNetwork, keras_content, read_keras
from tests.models.networks.small_networks import CLASSES, random_records

DESCRIPTION = NetworkDescription(NetworkInput(16), CLASSES, "scores")


@pytest.fixture(scope="module")
def network(keras):
    layers = keras.layers
    parts = [keras.Input((16, 16, 1)), layers.Conv2D(2, 3, kernel_regularizer="l2"), layers.Flatten(), layers.Dense(4)]
    return keras.Sequential(parts)


@pytest.fixture(scope="module")
def content(network):
    return keras_content(network)


def changed(content, change):
    """Return the bytes of a Keras file with a changed configuration."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "config.json":
                config = json.loads(part)
                change(config)
                part = json.dumps(config)
            new.writestr(name, part)
    return out.getvalue()


def test_files_survive_saving_and_loading(network, content):
    records = random_records(3)
    expected = KerasNetwork(network, DESCRIPTION).predict_proba(records)
    loaded = KerasNetwork(read_keras(content), DESCRIPTION)
    np.testing.assert_array_equal(loaded.predict_proba(records), expected)
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-5)
    assert loaded.predict_proba(records[:0]).shape == (0, 4) and set(loaded.predict(records)) <= set(CLASSES)


def test_the_compile_configuration_is_ignored(keras, network, content):
    def change_compile_config(config):
        config["compile_config"] = {"loss": {"module": "evil", "class_name": "Loss", "registered_name": "Loss"}}

    assert read_keras(changed(content, change_compile_config)).count_params() == network.count_params()


UNSAFE = {
    "a lambda": {"module": "keras.layers", "class_name": "Lambda", "registered_name": None},
    "a marshalled function": {"class_name": "__lambda__", "config": {"value": "4wEA"}},
    "a class of another module": {"module": "os", "class_name": "system", "registered_name": None},
    "a registered class": {"module": None, "class_name": "Mine", "registered_name": "mine>Mine"},
    "a class in disguise": {"module": "keras.layers", "class_name": "Dense", "registered_name": "mine>Dense"},
    "a function of Keras' that fetches": {"module": "keras.utils", "class_name": "function", "config": "get_file"},
    "a switch of Keras'": {"module": "keras.config", "class_name": "enable_unsafe_deserialization"},
    "a custom function": {"module": "builtins", "class_name": "function", "config": "mine>act"},
    "a saved TensorFlow program": {"module": "keras.layers", "class_name": "TFSMLayer", "registered_name": None},
    "a reader of files": {"module": "keras.layers", "class_name": "StringLookup", "registered_name": None},
    "names that are not text": {"module": ["keras"], "class_name": {"a": 1}},
    "an inner module of Keras'": {"module": "keras.src.saving.saving_lib", "class_name": "load_model"},
}


@pytest.mark.parametrize("part", UNSAFE)
@pytest.mark.parametrize("place", ["a layer", "deep in a layer"])
def test_files_that_could_run_code_are_refused(content, monkeypatch, part, place):
    def insert(config):
        layers = config["config"]["layers"]
        if place == "a layer":
            layers.insert(1, UNSAFE[part])
        else:
            layers[1]["config"]["kernel_initializer"] = {"config": [{"inner": UNSAFE[part]}]}

    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(InputError, match=r"x\.keras must hold only Keras' own layers, got .*could run code"):
        read_keras(changed(content, insert), name="x.keras")


def test_custom_layers_are_refused(keras):
    class Custom(keras.layers.Layer):
        def call(self, values):
            return values

    for layer in (Custom(), keras.layers.Lambda(lambda values: values + 1)):
        network = keras.Sequential([keras.Input((16, 16, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(4)])
        with pytest.raises(InputError, match="could run code"):
            read_keras(keras_content(network))


def test_damaged_files_are_refused_or_read_with_the_same_weights(network, content):
    generator, weights = np.random.default_rng(0), network.get_weights()
    damaged = [content[: int(share * len(content))] for share in (0, 0.01, 0.3, 0.9, 0.999)]
    for _ in range(25):
        flipped = bytearray(content)
        flipped[generator.integers(len(flipped))] ^= 1 << generator.integers(8)
        damaged.append(bytes(flipped))
    for each in damaged:
        try:
            weights_read = read_keras(each, name="x.keras").get_weights()
        except InputError as error:
            assert str(error).startswith("x.keras ")
        else:  # the flipped bit was in a date or a mode of the zip
            assert all(map(np.array_equal, weights_read, weights))


def test_other_files_are_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("letter.txt", "dear")
    with pytest.raises(InputError, match=r"must be a Keras 3 file with config\.json and model\.weights\.h5"):
        read_keras(out.getvalue())
    with pytest.raises(InputError, match=r"must be an undamaged Keras 3 file \("):
        read_keras(b"words")


def test_without_keras_the_message_has_the_command_to_install_it(content, monkeypatch):
    for package in ("keras", "torch"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DependencyError, match=r"needs the package .*run: pip install -r requirements-cnn\.txt"):
        read_keras(content)


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        (
            NetworkDescription(NetworkInput(24), CLASSES),
            r"inputs of the described shape \(24, 24, 1\), got \(16, 16, 1\)",
        ),
        (
            NetworkDescription(NetworkInput(16), CLASSES[:3]),
            r"outputs of the described shape \(3,\), got \(4,\)",
        ),
    ],
)
def test_a_description_of_another_network_is_refused(network, description, sentence):
    with pytest.raises(InputError, match=f"{sentence}; correct its description"):
        KerasNetwork(network, description)
