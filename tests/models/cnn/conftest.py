"""Keras, once for all tests of networks."""

import pytest


@pytest.fixture(scope="session")
def keras():
    """The module, quiet and on TensorFlow."""
    pytest.importorskip("tensorflow")
    from landmark_fer.models.cnn.training import import_keras

    return import_keras()
