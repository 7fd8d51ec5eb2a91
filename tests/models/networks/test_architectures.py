"""Tests of the architectures: numbers of parameters, predictions, memory."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.models.networks import NETWORKS, architectures
from landmark_fer.models.networks.architectures import ARCHITECTURES, build_network

pytestmark = pytest.mark.usefixtures("keras")

COUNTS = {
    ("aligned_cnn", 7): 576_167,
    ("residual", 7): 1_561_127,
    ("dlib_resnet", 7): 1_786_023,
    ("elu_vgg", 5): 1_328_037,
    ("relu_vgg", 7): 555_623,
    ("relu_vgg_box", 7): 555_623,
    ("wide_cnn", 7): 4_478_727,
    ("single_conv", 7): 18_449_095,
    ("pixel_mlp", 7): 2_888_711,
    ("ferplus_vgg13", 8): 8_757_704,
    ("mini_xception", 7): 58_423,
}
OFFLINE = [name for name in ARCHITECTURES if name != "vgg16_transfer"]


@pytest.mark.parametrize("name, n_classes", COUNTS)
def test_the_number_of_parameters_is_as_in_the_source(name, n_classes):
    assert build_network(name, n_classes).count_params() == COUNTS[name, n_classes]
    assert architectures.count_parameters(name, n_classes) == COUNTS[name, n_classes]


def test_the_list_of_names_is_complete():
    assert tuple(ARCHITECTURES) == NETWORKS


def test_every_architecture_has_a_count():
    assert {name for name, _ in COUNTS} == set(OFFLINE)


@pytest.mark.parametrize("name", OFFLINE)
def test_predictions_are_probabilities(name, generator):
    network = build_network(name, 7)
    images = generator.normal(size=(3, *ARCHITECTURES[name].input.shape)).astype(np.float32)
    predictions = np.asarray(network.predict_on_batch(images))
    assert predictions.shape == (3, 7)
    assert predictions.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert network.layers[-1].name == "expression"


def test_the_residual_network_has_three_stages_of_two_blocks():
    network = build_network("residual", 7)
    assert network.get_layer("stem_relu").output.shape == (None, 24, 24, 32)
    shapes = [
        network.get_layer(f"stage{stage}_block{block}_add").output.shape for stage in (1, 2, 3) for block in (1, 2)
    ]
    assert shapes == [(None, side, side, n) for side, n in ((24, 48), (12, 96), (6, 192)) for _ in range(2)]


def test_weights_depend_on_the_seed():
    first, same, other = (build_network("mini_xception", 7, seed=seed).get_weights()[0] for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_vgg16_loads_weights_from_a_file(tmp_path):
    network = build_network("vgg16_transfer", 5, weights=None)
    base = network.get_layer("block5_conv3")
    assert base.count_params() == 2_359_808
    assert network.output.shape == (None, 5)
    assert not base.trainable
    with pytest.raises(InputError, match=r"--weights FILE"):
        build_network("vgg16_transfer", 5, weights=str(tmp_path / "missing.weights.h5"))


def test_too_little_memory_is_refused(monkeypatch):
    monkeypatch.setattr(architectures, "free_bytes", lambda: 1e9)
    with pytest.raises(InputError, match=r"aligned_cnn: 576,167 parameters, about .* GB.*1.0 GB are free"):
        architectures.check_memory("aligned_cnn", 7)
    monkeypatch.setattr(architectures, "free_bytes", lambda: None)
    assert "GB of memory" in architectures.check_memory("aligned_cnn", 7)


def test_memory_is_estimated_without_building_the_network(monkeypatch):
    assert architectures.count_parameters("single_conv", 7, filters=5000) == 1_440_101_007
    monkeypatch.setattr(architectures, "free_bytes", lambda: 16e9)
    with pytest.raises(InputError, match=r"1,440,101,007 parameters, about 35.8 GB.*fewer --filters"):
        architectures.check_memory("single_conv", 7, filters=5000)
    assert "18,449,095 parameters" in architectures.check_memory("single_conv", 7)
