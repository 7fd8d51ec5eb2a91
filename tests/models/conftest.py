"""Candidates fitted once for all contract tests."""

from types import SimpleNamespace

import pytest

from landmark_fer.models.candidates import CANDIDATES, FEATURES, make_candidates
from tests.conftest import made_up_faces

# Three networks take seconds to fit, so the quick tests leave them out.
PAIRS = [
    pytest.param((name, features), marks=[pytest.mark.slow] * (name == "dropout_mlp"))
    for features in FEATURES
    for name in CANDIDATES
]


@pytest.fixture(scope="session", params=PAIRS, ids="-".join)
def fitted(request):
    """A candidate fitted on made-up faces, and further faces to test it on."""
    name, features = request.param
    records, expressions = made_up_faces(30)
    before = records.copy()
    predictor = make_candidates([name], features=features)[name].pipeline.fit(records, expressions)
    unseen, truth = made_up_faces(10, seed=1)
    return SimpleNamespace(
        name=name,
        features=features,
        predictor=predictor,
        records=records,
        before=before,
        expressions=expressions,
        X=unseen,
        y=truth,
    )
