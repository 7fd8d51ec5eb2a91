"""Keras, once for all tests of networks."""

import pytest


@pytest.fixture(scope="session")
def keras():
    """The module, quiet and on TensorFlow."""
    pytest.importorskip("tensorflow", reason="requirements-cnn.txt is not installed")
    from landmark_fer.models.cnn.training import import_keras

    return import_keras()
