"""A server that the bundled model reads for, and images with and without a face."""

from pathlib import Path

import numpy as np
import pytest

from landmark_fer.live.web.limits import Limits
from tests.live.web.asking import PlainReader, as_file, running


def pytest_pycollect_makemodule(module_path):
    """Skip this folder where a package of the server is missing."""
    if module_path.parent == Path(__file__).parent:
        for name in ("fastapi", "uvicorn", "websockets"):
            pytest.importorskip(name)


@pytest.fixture(scope="session")
def recognizer():
    from landmark_fer import Recognizer, load_artifact

    return Recognizer(load_artifact())


@pytest.fixture(scope="session")
def make_reader(recognizer):
    return lambda: PlainReader(recognizer)


@pytest.fixture(scope="module")
def server(make_reader, recognizer):
    """A server that a whole module shares, with bounds that hundreds of quick questions do not touch."""
    limits = Limits(images_per_second=1e6, images_at_once=1e6)
    with running(make_reader, classes=recognizer.classes, limits=limits, about={"model": "bundled"}) as visitor:
        yield visitor


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
    """The page of a module's own browser, at a desktop's size, without what another test left."""
    browser.complaints.clear()
    browser.resize(1280, 900)
    yield browser
    browser.open("about:blank")
