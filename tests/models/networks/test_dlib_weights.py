"""Tests of the weights of dlib's face recognition network."""

import dlib
import numpy as np
import pytest

from landmark_fer.core.errors import DependencyError
from landmark_fer.models.networks import dlib_weights
from landmark_fer.models.networks.architectures import build_network
from landmark_fer.perception.predictor_file import packaged_file

MEANS = 122.782, 117.001, 104.298  # of red, green and blue
BLOCKS = (3, 4, 3, 3, 1)
LAST = 256 * 128 * 4 + 72  # bytes of the file from the weights of the last layer on


def test_with_them_a_network_gives_the_vector_of_dlib(keras, generator):
    import torch
    from torch.nn import functional

    layers = iter(dlib_weights.face_recognition_layers())

    def convolution(values, stride=1):
        kernel, bias, factor, offset = (torch.from_numpy(np.array(each)) for each in next(layers))
        padding = 0 if stride > 1 else kernel.shape[0] // 2
        values = functional.conv2d(values, kernel.permute(3, 2, 0, 1), bias, stride, padding)
        return values * factor[:, None, None] + offset[:, None, None]

    image = generator.integers(0, 256, (15, 15, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    values = torch.from_numpy((image - np.float32(MEANS)) / 256).permute(2, 0, 1)[None]
    values = functional.max_pool2d(functional.relu(convolution(values, stride=2)), 3, 2)
    for stage, number in enumerate(BLOCKS):
        for block in range(number):
            down = stage > 0 and block == 0
            shortcut = functional.avg_pool2d(values, 2) if down else values
            values = convolution(functional.relu(convolution(values, stride=2 if down else 1)))
            shape = [max(sides) for sides in zip(values.shape, shortcut.shape, strict=True)]
            total = torch.zeros(shape)  # dlib fills the smaller one with zeros
            for each in (values, shortcut):
                total[:, : each.shape[1], : each.shape[2], : each.shape[3]] += each
            values = functional.relu(total)
    assert next(layers, None) is None
    path = packaged_file(dlib_weights.FILE)
    expected = np.array(dlib.face_recognition_model_v1(str(path)).compute_face_descriptor(image))
    head = np.frombuffer(path.read_bytes()[-LAST:], "<f4", 256 * 128).reshape(256, 128)
    np.testing.assert_allclose(values.mean((2, 3)).numpy()[0] @ head, expected, atol=1e-5)


def test_the_network_starts_from_them(keras):
    network = build_network("dlib_resnet", 7)
    layers = dlib_weights.face_recognition_layers()
    stem = network.get_layer("stem_convolution").get_weights()[0]
    np.testing.assert_allclose(stem, layers[0][0].sum(axis=2, keepdims=True) * dlib_weights.CONTRAST, rtol=1e-6)
    last = network.get_layer("stage3_block0_second_convolution").get_weights()[0]
    assert np.array_equal(last, layers[22][0])


def test_another_file_is_refused(monkeypatch):
    monkeypatch.setattr(dlib_weights, "SHA256", "0" * 64)
    with pytest.raises(DependencyError, match="missing or damaged; install it with"):
        dlib_weights.face_recognition_layers()
