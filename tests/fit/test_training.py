"""Comparison, choice, fit and scores of classical models, and the facts about them."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.fit.training import compare, fit_chosen
from landmark_fer.models.candidates import CANDIDATES, make_candidates
from tests.conftest import made_up_dataset
from tests.selection import slow

OFFICIAL = (["Training"] * 10 + ["PublicTest"] * 4) * 3


def train(dataset, names=("dummy", "ls_svm"), **options):
    comparison = compare(dataset, make_candidates(names, features="geometry"), n_folds=2, bar=False, **options)
    return comparison, fit_chosen(dataset, comparison, features="geometry")


def test_the_best_candidate_is_chosen_and_fitted_on_training_faces_only():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    comparison, model = train(dataset)
    assert comparison.chosen == "ls_svm" and comparison.rows[-1]["name"] == "dummy"
    training = dataset.splits == "Training"
    pipeline = make_candidates(["ls_svm"], features="geometry")["ls_svm"].pipeline
    pipeline.fit(dataset.records[training], dataset.expressions[training])
    calibration = comparison.calibrations["ls_svm"].reordered(
        [comparison.classes.index(name) for name in pipeline.classes_]
    )
    expected = calibration([pipeline.predict_proba(dataset.records)])
    np.testing.assert_allclose(model.predictor.predict_proba(dataset.records), expected, atol=1e-5)


def test_facts_have_counts_and_test_scores():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    _, model = train(dataset)
    data = model.facts["data"]
    assert data["n_by_expression"] == {"happy": 10, "sad": 10, "surprise": 10} and data["n_training"] == 30
    assert data["n_undetected"] == sum(data["undetected"].values()) == 6
    assert model.facts["scores"]["PublicTest"]["n"] == 12
    assert model.facts["classes"] == ["happy", "sad", "surprise"] and model.facts["fields"] == ["landmarks"]


def test_test_faces_do_not_influence_the_model():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    other = made_up_dataset(14, splits=OFFICIAL)
    swapped = np.flatnonzero(other.splits == "PublicTest")
    other.expressions[swapped] = other.expressions[swapped[::-1]]
    first, second = (train(each)[1] for each in (dataset, other))
    predictions = [model.predictor.predict_proba(dataset.records) for model in (first, second)]
    np.testing.assert_array_equal(*predictions)
    assert first.facts["scores"] != second.facts["scores"]


@pytest.mark.slow
def test_a_search_uses_the_grids(tmp_path):
    options = {"search": True, "cache": tmp_path}
    comparison, model = train(made_up_dataset(14, splits=OFFICIAL), ("dummy", "embedding_knn"), **options)
    assert {row["name"] for row in comparison.rows} == {"embedding_knn", "dummy"}
    tried = [row for row in model.facts["search"]["rows"] if row["name"].startswith("embedding_knn")]
    assert len(tried) > 3 and model.facts["model_name"] == comparison.chosen
    assert list((tmp_path / "search").iterdir())


def test_stacking_excludes_the_dummy_and_keeps_its_members():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    comparison, model = train(dataset, ("dummy", "embedding_knn", "ls_svm"), stacking=True, choice="stacking")
    assert {row["name"] for row in comparison.rows} == {"dummy", "embedding_knn", "ls_svm", "stacking"}
    assert comparison.chosen == model.facts["model_name"] == "stacking"
    assert [name for name, _ in model.predictor[-1].members_] == ["embedding_knn", "ls_svm"]
    assert model.facts["calibration"]["members"] == ["embedding_knn", "ls_svm"]
    parts = [
        part.predict_proba(model.predictor[0].transform(dataset.records)) for _, part in model.predictor[-1].members_
    ]
    np.testing.assert_array_equal(
        model.predictor.predict_proba(dataset.records), model.predictor[-1].calibration(parts)
    )


def test_another_candidate_than_the_best_can_be_chosen():
    comparison, model = train(made_up_dataset(14, splits=OFFICIAL), choice="dummy")
    assert comparison.chosen == "dummy" and "dummy was requested" in model.facts["choice"]
    with pytest.raises(InputError, match="the model to choose must be among ls_svm, dummy, got 'forest'"):
        train(made_up_dataset(14, splits=OFFICIAL), choice="forest")


def test_facts_have_the_threshold_and_the_pairs():
    _, model = train(made_up_dataset(14, splits=OFFICIAL))
    assert 0 <= model.facts["rejection"]["threshold"] <= 1
    assert [pair["name"] for pair in model.facts["pairs"]] == ["dummy"]


@pytest.mark.slow
def test_only_votes_of_training_faces_reach_the_model(generator):
    dataset = made_up_dataset(14, splits=OFFICIAL)
    votes = generator.integers(0, 5, (len(dataset), 10))
    other = np.where((dataset.splits == "Training")[:, None], votes, 9)
    with_votes, same_votes, without_votes = (
        train(replace(dataset, votes=each), ("dropout_mlp",))[1].predictor.predict_proba(dataset.records)
        for each in (votes, other, None)
    )
    np.testing.assert_array_equal(with_votes, same_votes)
    assert not np.allclose(with_votes, without_votes, rtol=1e-3, atol=0)


def test_the_sentence_on_folds_reports_samples():
    dataset = made_up_dataset(14, splits=OFFICIAL)
    candidates = make_candidates(["ls_svm", "dummy"], features="geometry", fold_sample=9)
    comparison = compare(dataset, candidates, n_folds=2, bar=False)
    assert comparison.folds.startswith(
        "2 stratified folds of 30 training faces; near-duplicates and subjects stay together."
    )
    assert "Within a fold ls_svm, dummy: fitted on a stratified sample of 9 faces" in comparison.folds


@pytest.mark.parametrize("n_training", [1, 2, 5, *slow(8, 12)])
def test_very_small_data_sets_are_fitted_or_refused(n_training):
    splits = (["Training"] * n_training + ["PublicTest"]) * 2
    dataset = made_up_dataset(n_training + 1, classes=("happy", "sad"), splits=splits)
    if n_training == 8:  # enough for all candidates except mlp
        names = [name for name in CANDIDATES if name != "mlp"]
        assert len(train(dataset, names)[1].facts["comparison"]) == len(names)
    if n_training == 12:
        assert len(train(dataset, CANDIDATES)[1].facts["comparison"]) == len(CANDIDATES)
        return
    with pytest.raises(DataError, match="add faces"):
        train(dataset, CANDIDATES)


def test_an_expression_without_training_faces_is_refused():
    dataset = made_up_dataset(10, splits=["Training"] * 20 + ["PublicTest"] * 10)
    with pytest.raises(DataError, match=r"surprise has no training faces; .* --expressions happy,sad"):
        train(dataset)
