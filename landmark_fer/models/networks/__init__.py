"""Convolutional networks behind the contract of every predictor: trained with Keras on PyTorch, run by onnxruntime.

Here are their names alone. The modules are imported where a network is asked for.
"""

NETWORKS = (
    "aligned_cnn",
    "residual",
    "elu_vgg",
    "relu_vgg",
    "relu_vgg_box",
    "wide_cnn",
    "single_conv",
    "pixel_mlp",
    "vgg16_transfer",
    "ferplus_vgg13",
    "mini_xception",
)
"""Names of the architectures, in the order of `landmark_fer.models.networks.architectures.ARCHITECTURES`."""
