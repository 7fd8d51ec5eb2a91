"""Weights of joined data sets: a face of weight two counts as two faces in fits, and as one in scores."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.datasets.merging import join
from landmark_fer.evaluation.comparison import pipeline_of_choice
from landmark_fer.evaluation.search import search_candidates
from landmark_fer.fit import training
from landmark_fer.fit.training import compare, fit_chosen
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_dataset

SPLITS = (["Training"] * 10 + ["PublicTest"] * 3) * 3


# Small sizes, for quick fits.
SMALL = {
    "embedding_knn": {"classifier__hidden": (8, 4), "classifier__epochs": 1},
    "dropout_mlp": {"classifier__hidden": (8,), "classifier__n_networks": 1, "classifier__epochs": 1},
}


def small(name):
    candidates = make_candidates([name], features="geometry")
    candidates[name].pipeline.set_params(**SMALL.get(name, {}))
    return candidates


def parts():
    return [
        replace(made_up_dataset(13, key=name, seed=seed, splits=SPLITS), source=name)
        for seed, name in enumerate(("a", "b"))
    ]


@pytest.mark.parametrize("name", ["embedding_knn", "ls_svm", "dropout_mlp"])
def test_weight_two_equals_repeating(name):
    faces = join(parts(), weights=[1, 2])
    comparison = compare(faces, small(name), n_folds=2, bar=False)
    fitted = fit_chosen(faces, comparison, features="geometry").predictor
    rows = comparison.split.training
    doubled = np.repeat(rows, np.where(faces.origins[rows] == "b", 2, 1))
    assert len(doubled) == 90
    expected = pipeline_of_choice(comparison, faces.expressions[rows])
    expected.fit(faces.records[doubled], faces.expressions[doubled])
    assert np.array_equal(fitted.predict_proba(faces.records), expected.predict_proba(faces.records))


def test_weights_repeat_fitted_faces_only(monkeypatch):
    fold_lists = []
    real = training.cross_validate_candidates
    monkeypatch.setattr(
        training,
        "cross_validate_candidates",
        lambda *faces, **options: fold_lists.append(faces[3]) or real(*faces, **options),
    )
    plain, weighted = join(parts()), join(parts(), weights=[1, 3])
    results = [
        compare(faces, make_candidates(["ls_svm"], features="geometry"), n_folds=2, bar=False)
        for faces in (plain, weighted)
    ]
    weights = weighted.weights[results[1].split.training]
    for (once, test), (more, same_test) in zip(*fold_lists, strict=True):
        assert np.array_equal(test, same_test)
        assert len(np.unique(test)) == len(test)
        assert np.array_equal(np.unique(more), np.unique(once))
        assert not set(more.tolist()) & set(test.tolist())
        assert len(more) == weights[once].sum() > len(once)
    probabilities = [result.results["ls_svm"].probabilities for result in results]
    assert not np.array_equal(*probabilities)
    assert [np.sum(result.rows[0]["confusion"]) for result in results] == [60, 60]
    facts = fit_chosen(weighted, results[1], features="geometry").facts
    assert {name: scores["n"] for name, scores in facts["scores"].items()} == {
        "PublicTest of a": 9,
        "PublicTest of b": 9,
    }
    assert facts["data"]["parts"] == [{"name": "a", "n": 30, "weight": 1}, {"name": "b", "n": 30, "weight": 3}]
    assert "each face of b counts 3 times" in facts["folds"]


def test_weights_of_one_change_nothing():
    faces = join(parts(), weights=[1, 1])
    candidates = make_candidates(["ls_svm"], features="geometry")
    first, second = (
        compare(each, candidates, n_folds=2, bar=False) for each in (faces, replace(faces, weights=None, origins=None))
    )
    assert np.array_equal(first.results["ls_svm"].probabilities, second.results["ls_svm"].probabilities)


def test_a_search_uses_the_weighted_folds(monkeypatch, tmp_path):
    used = {}

    def search(*faces, **options):
        used.update(options)
        return search_candidates(*faces, n_settings=2, **options)

    monkeypatch.setattr(training, "search_candidates", search)
    faces = join(parts(), weights=[1, 2])
    candidates = make_candidates(["ls_svm"], features="geometry")
    compare(faces, candidates, n_folds=2, bar=False, search=True, cache=tmp_path)
    assert sum(len(rows) for rows, _ in used["folds"]) == 30 + 2 * 30  # each face is in the fit of one of two folds
