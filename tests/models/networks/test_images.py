"""Tests of the input images of networks."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import mirror_records, record_dtype
from landmark_fer.models.networks.images import NetworkInput, reduced_images, scaled_images
from tests.models.networks.small_networks import network_images


@pytest.fixture
def records(generator):
    records = np.zeros(5, dtype=record_dtype(80, 64))
    records["chip"] = generator.integers(0, 256, (5, 80, 80))
    records["crop"] = generator.integers(0, 256, (5, 64, 64))
    records["landmarks"] = generator.normal(100, 20, (5, 68, 2))
    return records


@pytest.mark.parametrize("layout, shape", [("NHWC", (5, 48, 48, 3)), ("NCHW", (5, 3, 48, 48))])
def test_images_have_the_size_channels_and_layout_of_the_input(records, layout, shape):
    network_input = NetworkInput(48, channels=3, frame=64, layout=layout)
    images = network_images(records, network_input)
    assert images.shape == shape
    assert images.dtype == np.float32
    assert network_input.shape == shape[1:]


def test_the_frame_is_the_centre_of_the_chip(records):
    assert np.array_equal(reduced_images(records, NetworkInput(64, frame=64)), records["chip"][:, 8:72, 8:72])
    assert np.array_equal(reduced_images(records, NetworkInput(80)), records["chip"])
    assert np.array_equal(reduced_images(records, NetworkInput(64, image="crop")), records["crop"])


def test_reducing_averages_areas():
    records = np.zeros(1, dtype=record_dtype(64))
    records["chip"] = np.indices((64, 64)).sum(axis=0) % 2 * 200
    assert np.all(reduced_images(records, NetworkInput(32)) == 100)


@pytest.mark.parametrize("scaling, low, high", [("0..1", 0.0, 1.0), ("-1..1", -1.0, 1.0), ("0..255", 0.0, 255.0)])
def test_grey_values_are_scaled_to_the_range(scaling, low, high):
    images = np.array([[[0, 255]] * 2], dtype=np.uint8)
    scaled = scaled_images(images, NetworkInput(8, scaling=scaling))
    assert scaled.min() == low
    assert scaled.max() == high


def test_standardised_images_do_not_depend_on_brightness_and_contrast(records):
    network_input = NetworkInput(48, frame=64)
    darker = records.copy()
    darker["chip"] = 20 + records["chip"] // 2
    plain, dark = network_images(records, network_input), network_images(darker, network_input)
    assert plain.mean(axis=(1, 2, 3)) == pytest.approx(0, abs=1e-4)
    assert plain.std(axis=(1, 2, 3)) == pytest.approx(1, abs=1e-4)
    assert dark == pytest.approx(plain, abs=0.05)


def test_flat_images_are_finite():
    records = np.zeros(1, dtype=record_dtype(80))
    assert np.array_equal(network_images(records, NetworkInput(48, frame=64)), np.zeros((1, 48, 48, 1)))


def test_mirrored_faces_give_mirrored_images(records):
    for network_input in (NetworkInput(48, frame=64), NetworkInput(64, image="crop")):
        mirrored = network_images(mirror_records(records), network_input)
        assert mirrored == pytest.approx(network_images(records, network_input)[:, :, ::-1], abs=1e-5)


def test_one_at_a_time_equals_all_at_once(records):
    before, network_input = records.copy(), NetworkInput(48, frame=64)
    together = network_images(records, network_input)
    assert np.array_equal(together[3:4], network_images(records[3:4], network_input))
    assert np.array_equal(before, records)
    assert network_images(records[:0], network_input).shape == (0, 48, 48, 1)


def test_an_input_survives_its_dictionary():
    network_input = NetworkInput(64, image="crop", margin=0.1, scaling="-1..1", layout="NCHW")
    assert NetworkInput.from_dict(network_input.to_dict()) == network_input


@pytest.mark.parametrize(
    "values, word",
    [
        ({"side": 48, "image": "face"}, "image"),
        ({"side": 48, "scaling": "log"}, "scaling"),
        ({"side": 48, "layout": "HWC"}, "layout"),
        ({"side": 48, "channels": 2}, "channels"),
        ({"side": 4}, "side"),
        ({"side": True}, "side"),
        ({"side": "48"}, "side"),
        ({"side": 48, "frame": -1}, "frame"),
        ({"side": 48, "width": 48}, "side"),
        ({}, "side"),
        ([], "side"),
    ],
)
def test_invalid_inputs_are_refused(values, word):
    with pytest.raises(InputError, match=word):
        NetworkInput.from_dict(values)


def test_chips_smaller_than_the_frame_are_refused(records):
    with pytest.raises(InputError, match="100 pixels"):
        reduced_images(records, NetworkInput(48, frame=100))
