"""Candidates by name, their grids and samples, and probabilities in a given class order."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import mirror_records
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.candidates import (
    CANDIDATES,
    CLASSIC_CANDIDATES,
    FEATURES,
    FIELDS,
    STREAMED_CANDIDATES,
    make_candidates,
    make_features,
    stacking_members,
)
from landmark_fer.models.networks import NETWORKS
from tests.conftest import made_up_faces


def test_every_kind_of_features_states_its_fields():
    assert set(FEATURES) == set(FIELDS)


@pytest.mark.parametrize("features", FEATURES)
def test_mirror_signs_give_the_features_of_mirrored_faces(features):
    transformer, signs = make_features(features)
    records, _ = made_up_faces(10)
    expected = transformer.fit_transform(records) * np.array(signs, np.float32)
    np.testing.assert_allclose(transformer.transform(mirror_records(records)), expected, atol=5e-3)


def test_candidates_are_in_the_order_of_the_names_and_share_features():
    candidates = make_candidates(["ls_svm", "dummy"], features="geometry")
    assert list(candidates) == ["ls_svm", "dummy"]
    first, second = (repr(candidate.pipeline[0]) for candidate in candidates.values())
    assert first == second
    assert all(candidate.pipeline.steps[0][0] == "features" for candidate in candidates.values())


def test_fold_sample_applies_to_every_candidate():
    assert {each.fold_sample for each in make_candidates(fold_sample=500).values()} == {500}
    samples = {name: each.fold_sample for name, each in make_candidates().items() if each.fold_sample}
    assert samples == {"svm": 8000}
    assert make_candidates(["svm"], fold_sample=20_000)["svm"].fold_sample == 8000


def test_members_of_the_ensemble_share_features():
    candidates = make_candidates((*CANDIDATES, *CLASSIC_CANDIDATES), features="geometry")
    members = stacking_members(candidates)
    assert members == [name for name in CANDIDATES if name != "dummy"]
    assert len({repr(candidates[name].pipeline[0]) for name in members}) == 1
    assert {candidates[name].fields for name in members} == {FIELDS["geometry"]}


@pytest.mark.parametrize("name", CANDIDATES)
def test_grids_name_existing_parameters(name):
    candidate = make_candidates([name], features="geometry")[name]
    assert set(candidate.grid) <= set(candidate.pipeline.get_params())


@pytest.mark.parametrize("names", [["ls_svm", "forest"], []])
def test_unknown_names_are_refused_with_a_list_of_valid_names(names):
    valid = ", ".join((*CANDIDATES, *STREAMED_CANDIDATES, *CLASSIC_CANDIDATES))
    networks = ", ".join(NETWORKS)
    sentence = rf"models must be among {valid}, or networks \({networks}\), got (forest|none)"
    with pytest.raises(InputError, match=sentence):
        make_candidates(names)


def test_unknown_features_are_refused():
    with pytest.raises(InputError, match="features must be one of geometry, hog, both, got 'pixels'"):
        make_candidates(features="pixels")


class Fixed:
    """A predictor of two classes in alphabetical order."""

    classes_ = np.array(["angry", "surprise"])

    def predict_proba(self, X):
        return np.tile([0.3, 0.7], (len(X), 1))


def test_predict_in_order_orders_columns_and_gives_unseen_classes_zero():
    prediction = predict_in_order(Fixed(), np.zeros(4), ("surprise", "happy", "angry"))
    np.testing.assert_array_equal(prediction, np.tile([0.7, 0, 0.3], (4, 1)))


def test_predict_in_order_of_no_faces_does_not_call_the_predictor():
    assert predict_in_order(None, np.zeros(0), ("happy", "sad")).shape == (0, 2)
