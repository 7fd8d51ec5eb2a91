"""Faces for every test: real ones that ship with scikit-image, and made-up landmarks with known shape."""

import numpy as np
import pytest

from landmark_fer.face.records import record_dtype
from landmark_fer.face.template import TEMPLATE


@pytest.fixture(scope="session")
def astronaut():
    """A real picture with one frontal face, RGB (512, 512, 3)."""
    from skimage.data import astronaut

    picture = astronaut()
    picture.setflags(write=False)
    return picture


@pytest.fixture(scope="session")
def extractor():
    """The road with its default settings, loaded once."""
    from landmark_fer.perception.extraction import FaceExtractor

    return FaceExtractor()


@pytest.fixture(scope="session")
def astronaut_face(astronaut, extractor):
    """The face of the astronaut."""
    return extractor.extract(astronaut)[0]


@pytest.fixture
def generator():
    """A seeded generator."""
    return np.random.default_rng(0)


@pytest.fixture
def landmarks(generator):
    """Made-up faces, shape (20, 68, 2): the template with noise, in pixels."""
    return 100 + 40 * (TEMPLATE + generator.normal(0, 0.04, (20, 68, 2)))


def made_up_faces(n_each, *, classes=("happy", "sad", "surprise"), chip_size=80, seed=0):
    """Return face records and expressions whose mouths differ by class: lip corners up, down, mouth open."""
    generator = np.random.default_rng(seed)
    expressions = np.repeat(classes, n_each)
    records = np.zeros(len(expressions), dtype=record_dtype(chip_size))
    rows, columns = np.mgrid[:chip_size, :chip_size]
    for record, expression in zip(records, expressions, strict=True):
        face = TEMPLATE + generator.normal(0, 0.02, TEMPLATE.shape)
        amount = generator.uniform(0.1, 0.25)
        if expression == "happy":
            face[[48, 54, 60, 64], 1] -= amount
        elif expression == "sad":
            face[[48, 54, 60, 64], 1] += amount
        elif expression == "surprise":
            face[[65, 66, 67, 55, 56, 57, 58, 59, 8, 7, 9], 1] += 2 * amount
        record["landmarks"] = 60 + 25 * face
        depth = {"happy": 1.0, "sad": -1.0, "surprise": 0.3}.get(expression, 0.0)
        curve = chip_size * 0.75 - depth * 12 * ((columns / chip_size - 0.5) * 2) ** 2
        record["chip"] = np.clip(150 - 90 * (np.abs(rows - curve) < 4) + generator.normal(0, 12, rows.shape), 0, 255)
    return records, expressions
