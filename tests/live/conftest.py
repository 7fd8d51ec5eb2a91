"""The demo clip, prepared once."""

import pytest

from landmark_fer.live.sources.demo import DemoClip


@pytest.fixture(scope="session")
def clip():
    return DemoClip()
