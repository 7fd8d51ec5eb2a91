"""Convolutions of dlib's face recognition network, read from the file of the package face_recognition_models.

The network (King 2017, dlib 19.3) is a residual network of 29 convolutions that maps a face to a vector by which people
are told apart. It was trained on about three million faces; its author placed it in the public domain.
"""

import re

import numpy as np

from landmark_fer.core.errors import DependencyError
from landmark_fer.perception.predictor_file import packaged_file, sha256_of

FILE = "dlib_face_recognition_resnet_model_v1.dat"
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
BLOCKS = 3, 4, 3, 3
"""Blocks of two convolutions in each stage of 32, 64, 128 and 256 filters. A fifth stage of one block follows."""
CONTRAST = 55 / 256
"""Typical standard deviation of a face's grey values in the unit of the network's input."""

_LAYER = re.compile(rb"(con_4|affine_)")
_VERSION = b"\x01\x02"  # of dlib's format of tensors


def face_recognition_layers():
    """Return the kernels and the scales of the 29 convolutions, from the image on.

    Returns
    -------
    list of tuple
        For each convolution: weights of shape (height, width, channels, filters), then three arrays of shape
        (filters,): bias, and the factor and the offset by which the result is scaled. The first has three channels,
        red, green and blue, each ``(value - mean) / 256``.

    Raises
    ------
    DependencyError
        If the file is missing or another one.
    """
    path = packaged_file(FILE)
    if path is None or sha256_of(path) != SHA256:
        raise DependencyError(
            f"dlib's face recognition network ({FILE}) is missing or damaged; install it with "
            "'python -m pip install face_recognition_models==0.1.3'"
        )
    content = path.read_bytes()
    vectors = [_vector(content, match.end()) for match in _LAYER.finditer(content)]
    layers, channels, size = [], 3, 7
    for values, scale in zip(vectors[::2], vectors[1::2], strict=True):
        filters = len(scale) // 2
        weights, bias = values[:-filters], values[-filters:]
        kernel = weights.reshape(filters, channels, size, size).transpose(2, 3, 1, 0)
        layers.append((kernel, bias, scale[:filters], scale[filters:]))
        channels, size = filters, 3
    return layers


def copy_dlib_weights(network, blocks):
    """Give a network the weights of the first blocks of each stage, for standardised grey images.

    Parameters
    ----------
    network : keras.Model
        Its convolutions and normalizations are changed: ``stem``, ``stage0_block0_first``, ``stage0_block0_second`` and
        so on, with ``_convolution`` or ``_normalization``. Shortcuts become the identity, with new channels of zeros.
    blocks : sequence of int
        Number of blocks in each stage, at most `BLOCKS`.

    Raises
    ------
    DependencyError
        As `face_recognition_layers`.
    """
    for stage in range(1, len(blocks)):
        layer = network.get_layer(f"stage{stage}_block0_shortcut_convolution")
        layer.set_weights([np.eye(*layer.kernel.shape[2:], dtype=np.float32)[None, None]])
    sources = face_recognition_layers()
    names, position = ["stem"], 1
    chosen = sources[:1]
    for stage, (number, of_dlib) in enumerate(zip(blocks, BLOCKS, strict=True)):
        names += [f"stage{stage}_block{block}_{half}" for block in range(number) for half in ("first", "second")]
        chosen += sources[position : position + 2 * number]
        position += 2 * of_dlib
    for name, (kernel, bias, factor, offset) in zip(names, chosen, strict=True):
        if name == "stem":
            kernel = kernel.sum(axis=2, keepdims=True) * CONTRAST
        network.get_layer(f"{name}_convolution").set_weights([kernel])
        zeros = np.zeros_like(factor)
        network.get_layer(f"{name}_normalization").set_weights([factor, offset + factor * bias, zeros, zeros + 1])


def _vector(content, start):
    """Return the next tensor of more than one value after a position."""
    while True:
        start = content.index(_VERSION, start)
        dimensions, position = [], start + len(_VERSION)
        for _ in range(4):  # a byte with the number of bytes, then the integer
            n_bytes = content[position]
            dimensions.append(int.from_bytes(content[position + 1 : position + 1 + n_bytes], "little"))
            position += 1 + n_bytes
        if n_bytes == 1 and dimensions[1:] == [1, 1, 1] and dimensions[0] > 1:
            return np.frombuffer(content, "<f4", dimensions[0], position)
        start += 1
