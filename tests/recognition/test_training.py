"""Compare, choose, temper, refit, test: what is kept of it."""

import numpy as np
import pytest

from landmark_fer.errors import DataError
from landmark_fer.models.calibration import temper
from landmark_fer.models.candidates import CANDIDATES, make_candidates
from landmark_fer.recognition.training import compare, fit_chosen
from tests.conftest import made_up_dataset

OFFICIAL = (["Training"] * 10 + ["PublicTest"] * 4) * 3


def train(dataset, names=("dummy", "svm"), **options):
    comparison = compare(dataset, make_candidates(names, features="geometry"), n_folds=2, bar=False, **options)
    return comparison, fit_chosen(dataset, comparison, features="geometry")


def test_the_better_one_is_chosen_and_fitted_on_training_faces_alone():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    comparison, model = train(dataset)
    assert comparison.chosen == "svm" and comparison.rows[-1]["name"] == "dummy"
    training = dataset.splits == "Training"
    pipeline = make_candidates(["svm"], features="geometry")["svm"].pipeline
    pipeline.fit(dataset.records[training], dataset.expressions[training])
    expected = temper(pipeline.predict_proba(dataset.records), model.facts["temperature"])
    np.testing.assert_allclose(model.predictor.predict_proba(dataset.records), expected, atol=1e-5)


def test_facts_count_faces_and_keep_the_scores_of_every_test_split():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    _, model = train(dataset)
    data = model.facts["data"]
    assert data["n_by_expression"] == {"happy": 10, "sad": 10, "surprise": 10} and data["n_training"] == 30
    assert data["n_undetected"] == sum(data["undetected"].values()) == 6
    assert model.facts["scores"]["PublicTest"]["n"] == 12
    assert model.facts["classes"] == ["happy", "sad", "surprise"] and model.facts["fields"] == ["landmarks"]


def test_test_faces_change_nothing_in_the_model():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    other = made_up_dataset(14, splits=OFFICIAL)
    swapped = np.flatnonzero(other.splits == "PublicTest")
    other.expressions[swapped] = other.expressions[swapped[::-1]]
    first, second = (train(each)[1] for each in (dataset, other))
    answers = [model.predictor.predict_proba(dataset.records) for model in (first, second)]
    np.testing.assert_array_equal(*answers)
    assert first.facts["scores"] != second.facts["scores"]


def test_a_search_tries_the_grids():
    comparison, model = train(made_up_dataset(14, splits=OFFICIAL), ("dummy", "knn"), search=True)
    assert {row["name"] for row in comparison.rows} == {f"knn n_neighbors={n}" for n in (20, 40, 80)} | {"dummy"}
    assert model.facts["model_name"] == comparison.chosen


def test_the_sentence_on_folds_says_what_was_sampled():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    candidates = make_candidates(["svm", "dummy"], features="geometry", fold_sample=9)
    comparison = compare(dataset, candidates, n_folds=2, bar=False)
    assert comparison.folds.startswith("2 stratified folds of 30 training faces; twins and subjects stay together.")
    assert "svm was fitted on a stratified sample of 9 faces" in comparison.folds and "dummy" not in comparison.folds


@pytest.mark.parametrize("n_training", [1, 2, 5, 8])
def test_the_smallest_data_sets_are_fitted_or_refused_in_a_sentence(n_training):
    splits = (["Training"] * n_training + ["PublicTest"]) * 2
    dataset = made_up_dataset(n_training + 1, classes=("happy", "sad"), splits=splits)
    if n_training == 8:
        assert len(train(dataset, CANDIDATES)[1].facts["comparison"]) == len(CANDIDATES)
        return
    with pytest.raises(DataError, match="add faces"):
        train(dataset, CANDIDATES)


def test_an_expression_that_only_test_faces_show_is_refused():
    dataset = made_up_dataset(10, splits=["Training"] * 20 + ["PublicTest"] * 10)
    with pytest.raises(DataError, match=r"surprise has no training faces; .* --expressions happy,sad"):
        train(dataset)
