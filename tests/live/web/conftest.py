"""A server with the bundled model, and images with and without a face."""

from pathlib import Path

import numpy as np
import pytest

from landmark_fer.live.web.limits import Limits
from tests.live.web.client import PlainReader, as_file, live_server


def skip_without_server_packages(module_path, folder):
    """Skip a test module of a folder if a package of the server is missing."""
    if module_path.parent == folder:
        for name in ("fastapi", "uvicorn", "websockets"):
            pytest.importorskip(name)


def pytest_pycollect_makemodule(module_path):
    """Skip this folder if a package of the server is missing."""
    skip_without_server_packages(module_path, Path(__file__).parent)


@pytest.fixture(scope="session")
def recognizer():
    from landmark_fer import Recognizer, load_artifact

    return Recognizer(load_artifact())


@pytest.fixture(scope="session")
def make_reader(recognizer):
    return lambda: PlainReader(recognizer)


@pytest.fixture(scope="module")
def server(make_reader, recognizer):
    """The client of a server that a module shares, whose limits hundreds of quick requests do not reach."""
    limits = Limits(images_per_second=1e6, image_burst=1e6)
    with live_server(make_reader, classes=recognizer.classes, limits=limits, details={"model": "bundled"}) as client:
        yield client


@pytest.fixture(scope="session")
def jpeg(astronaut):
    """A JPEG of 512x300 with one face."""
    return as_file(astronaut[:300], quality=92)


@pytest.fixture(scope="session")
def nobody():
    """A JPEG without a face."""
    return as_file(np.full((48, 64, 3), 90, np.uint8))


@pytest.fixture
def page(browser):
    """The page of the module's browser, in desktop size, without complaints of other tests."""
    browser.complaints.clear()
    browser.resize(1280, 900)
    yield browser
    browser.open("about:blank")
