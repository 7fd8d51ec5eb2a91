"""Convolutional networks as predictors: trained with Keras on PyTorch, run by onnxruntime.

This module holds only their names. The other modules are imported when a network is used.
"""

NETWORKS = (
    "aligned_cnn",
    "residual",
    "dlib_resnet",
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
