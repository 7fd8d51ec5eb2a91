"""Fixtures for all tests: real faces from scikit-image, made-up faces, small fitted models."""

import contextlib
import io
import os
from types import SimpleNamespace

import numpy as np
import pytest

from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import record_dtype
from landmark_fer.datasets.base import FaceDataset
from tests.selection import (
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_deselected,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
    pytest_xdist_auto_num_workers,
)

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_deselected",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_xdist_auto_num_workers",
]


@pytest.fixture(scope="session")
def astronaut():
    """A photograph with one frontal face, RGB (512, 512, 3)."""
    from skimage.data import astronaut

    image = astronaut()
    image.setflags(write=False)
    return image


@pytest.fixture(scope="session")
def extractor():
    """A FaceExtractor with default settings, loaded once."""
    from landmark_fer.perception.extraction import FaceExtractor

    return FaceExtractor()


@pytest.fixture(scope="session")
def astronaut_face(astronaut, extractor):
    """The face of the astronaut."""
    return extractor.extract(astronaut)[0]


@pytest.fixture(scope="session")
def keras():
    """Keras on PyTorch; tests that use it are slow."""
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    from landmark_fer.models.networks.training import import_keras

    return import_keras()


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


def made_up_dataset(
    n_each, *, splits=None, near_duplicates=None, correlations=None, subjects=None, key="made", **options
):
    """Return a data set of `made_up_faces`, without near-duplicates by default; every fifth face is undetected."""
    records, expressions = made_up_faces(n_each, **options)
    n = len(records)
    return FaceDataset(
        records=records,
        expressions=expressions,
        splits=np.full(n, "") if splits is None else np.asarray(splits),
        subjects=np.full(n, "") if subjects is None else np.asarray(subjects),
        names=np.array([f"face {row}" for row in range(n)]),
        rows=np.arange(n) + 100,
        detector_scores=np.where(np.arange(n) % 5, 1.0, np.nan).astype(np.float32),
        source="made-up faces",
        key=key,
        near_duplicate_groups=np.arange(n) if near_duplicates is None else np.asarray(near_duplicates),
        near_duplicate_correlations=np.full(n, 0.1, np.float32)
        if correlations is None
        else np.asarray(correlations, np.float32),
    )


@pytest.fixture(scope="session")
def lfw_crops():
    """Sixty faces of Labeled Faces in the Wild in the size of FER2013, shape (60, 48, 48), uint8."""
    import cv2
    from skimage.data import lfw_subset

    small = lfw_subset()[:60].astype(np.float32)
    enlarged = np.array([cv2.resize(face, (48, 48), interpolation=cv2.INTER_CUBIC) for face in small])
    return (enlarged.clip(0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def lfw_csv(tmp_path_factory, lfw_crops):
    """A csv like FER2013's: 45 Training and 15 PublicTest faces, labelled 3 (happy), 4 (sad), 6 (neutral) in turn."""
    path = tmp_path_factory.mktemp("lfw") / "lfw.csv"
    rows = [
        f"{(3, 4, 6)[row % 3]},{' '.join(map(str, crop.ravel()))},{'Training' if row < 45 else 'PublicTest'}"
        for row, crop in enumerate(lfw_crops)
    ]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory):
    """A cache shared by all tests of the commands."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def lfw_model(tmp_path_factory, session_cache, lfw_csv):
    """An artifact that ``fit`` made of Labeled Faces in the Wild, and what it printed."""
    from landmark_fer.fit.__main__ import main

    out, printed = tmp_path_factory.mktemp("models") / "lfw", io.StringIO()
    arguments = [
        "--data",
        lfw_csv,
        "--models",
        "dummy,ls_svm",
        "--folds",
        "3",
        "--jobs",
        "1",
        "--seed",
        "4",
        "--out",
        out,
    ]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("LANDMARK_FER_CACHE", str(session_cache))
        assert main(list(map(str, arguments))) == 0
    return SimpleNamespace(path=out, printed=printed.getvalue())


@pytest.fixture(scope="session")
def model():
    """A model compared and fitted on made-up faces."""
    from landmark_fer.evaluation.splits import split_faces
    from landmark_fer.fit.training import compare, fit_chosen
    from landmark_fer.models.candidates import make_candidates

    dataset = made_up_dataset(14, splits=(["Training"] * 10 + ["PublicTest"] * 4) * 3)
    assert len(split_faces(dataset).tests) == 1
    candidates = make_candidates(["dummy", "ls_svm"], features="both")
    comparison = compare(dataset, candidates, n_folds=2, bar=False)
    return fit_chosen(dataset, comparison, features="both")


@pytest.fixture(scope="session")
def saved(model, tmp_path_factory):
    """The saved model, which tests only read."""
    from landmark_fer.artifact.artifact import save_artifact

    return save_artifact(tmp_path_factory.mktemp("artifacts") / "small", model.predictor, model.facts)


@pytest.fixture
def artifact_path(model, tmp_path):
    """The path of a saved model that a test may damage."""
    from landmark_fer.artifact.artifact import save_artifact

    return save_artifact(tmp_path / "small", model.predictor, model.facts).path
