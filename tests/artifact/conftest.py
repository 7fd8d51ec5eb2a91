"""A small fitted model and the facts that an artifact needs."""

import pytest

from landmark_fer.artifact.artifact import save_artifact
from landmark_fer.evaluation.splits import split_faces
from landmark_fer.fit.training import compare, fit_chosen
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_dataset


@pytest.fixture(scope="session")
def model():
    """A model fitted on made-up faces through the whole of training."""
    dataset = made_up_dataset(14, splits=(["Training"] * 10 + ["PublicTest"] * 4) * 3)
    assert len(split_faces(dataset).tests) == 1
    candidates = make_candidates(["dummy", "svm"], features="both")
    comparison = compare(dataset, candidates, n_folds=2, bar=False)
    return fit_chosen(dataset, comparison, features="both")


@pytest.fixture(scope="session")
def saved(model, tmp_path_factory):
    """The model as an artifact; tests only read it."""
    return save_artifact(tmp_path_factory.mktemp("artifacts") / "small", model.predictor, model.facts)


@pytest.fixture
def artifact_path(model, tmp_path):
    """The model as an artifact that a test may damage."""
    return save_artifact(tmp_path / "small", model.predictor, model.facts).path
