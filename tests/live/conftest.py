"""The demo clip, and a video of its first frames, prepared once."""

import itertools

import cv2
import pytest

from landmark_fer.live.sources.demo import FRAMES_PER_SECOND, DemoClip, demo_images


@pytest.fixture(scope="session")
def clip():
    return DemoClip()


@pytest.fixture(scope="session")
def demo_avi(tmp_path_factory):
    """A video of the first 12 frames of the demo clip."""
    path, images = tmp_path_factory.mktemp("video") / "clip.avi", list(itertools.islice(demo_images(), 12))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FRAMES_PER_SECOND, images[0].shape[1::-1])
    for image in images:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture(autouse=True)
def messages_stay(monkeypatch):
    """Let messages stay on the screen until the end of a test, also on a busy machine."""
    monkeypatch.setattr("landmark_fer.live.session.MESSAGE_S", 3600.0)
