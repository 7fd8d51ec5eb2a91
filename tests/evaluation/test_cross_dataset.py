"""Tests of evaluation across data sets: shared and missing classes, subjects, tables."""

import json
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.evaluation.assessment import assess, shared_classes, shared_probabilities
from landmark_fer.evaluation.cross_dataset import describe_pairs, evaluate_across_datasets
from landmark_fer.evaluation.scores import wilson_interval
from landmark_fer.evaluation.tables import format_cross_dataset
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_dataset, made_up_faces

CLASSES = ("happy", "sad", "surprise")


@pytest.fixture(scope="module")
def candidate():
    return make_candidates(["ls_svm"], features="geometry")["ls_svm"]


@pytest.fixture(scope="module")
def predictor(candidate):
    return candidate.pipeline.fit(*made_up_faces(20, seed=3))


def people(n_subjects, n=30):
    return np.array([f"s{place % n_subjects}" for place in range(n)])


def test_shared_classes_in_both_directions():
    dataset = made_up_dataset(4, classes=("sad", "happy", "angry"))
    assert shared_classes(dataset, CLASSES) == (["happy", "sad"], ["surprise"])


def test_shared_probabilities_are_conditional_on_the_shared_classes():
    probabilities = np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0], [0.6, 0.2, 0.2]])
    shared = shared_probabilities(probabilities, CLASSES, ["happy", "sad"])
    np.testing.assert_allclose(shared, [[0.4, 0.6, 0], [0.5, 0.5, 0], [0.75, 0.25, 0]])
    np.testing.assert_allclose(shared_probabilities(probabilities, CLASSES, CLASSES), probabilities)
    assert probabilities[0, 2] == 0.5


def test_missing_classes_are_reported_in_both_directions(predictor):
    dataset = made_up_dataset(10, classes=("happy", "sad", "angry"))
    scores, _ = assess(predictor, dataset, CLASSES)
    assert scores["left_out"] == 10 and scores["left_out_by_expression"] == {"angry": 10}
    assert scores["classes_without_faces"] == ["surprise"] and scores["n"] == 20
    json.dumps(scores, allow_nan=False)


def test_only_shared_classes_are_predicted(predictor):
    dataset = made_up_dataset(10, classes=("happy", "sad"), seed=8)
    every, table = assess(predictor, dataset, CLASSES)
    shared, narrowed = assess(predictor, dataset, CLASSES, scored_classes="shared")
    assert (narrowed["surprise"] == 0).all() and not (narrowed["predicted"] == "surprise").any()
    assert every["accuracy_all"] == shared["accuracy_all"] == every["accuracy"]
    assert every["accuracy_shared"] == shared["accuracy_shared"] == shared["accuracy"] >= every["accuracy"]
    assert table["surprise"].sum() > 0
    with pytest.raises(InputError, match="scored_classes must be one of all, shared, got 'some'"):
        assess(predictor, dataset, CLASSES, scored_classes="some")


def test_both_accuracies_are_equal_if_every_class_occurs(predictor):
    scores, _ = assess(predictor, made_up_dataset(10), CLASSES)
    assert scores["accuracy_all"] == scores["accuracy_shared"] == scores["accuracy"]
    assert scores["classes_without_faces"] == [] and scores["left_out_by_expression"] == {}


def test_intervals_resample_known_subjects(predictor):
    several, _ = assess(predictor, made_up_dataset(10, subjects=people(5)), CLASSES)
    unknown, _ = assess(predictor, made_up_dataset(10), CLASSES)
    one, _ = assess(predictor, made_up_dataset(10, subjects=people(1)), CLASSES)
    assert (several["interval_by"], several["n_subjects"]) == ("subjects", 5)
    assert (unknown["interval_by"], unknown["n_subjects"]) == ("faces", 0)
    assert (one["interval_by"], one["n_subjects"]) == ("faces", 1)
    low, high = several["accuracy_interval"]
    assert low <= unknown["accuracy_interval"][0] and high >= unknown["accuracy_interval"][1]


def test_intervals_resample_takes_of_one_subject(predictor):
    dataset = made_up_dataset(10, subjects=people(1))
    scores, _ = assess(predictor, replace(dataset, takes=people(6)), CLASSES)
    assert (scores["interval_by"], scores["n_subjects"]) == ("takes", 1)
    low, high = scores["accuracy_interval"]
    least, most = wilson_interval(6 * scores["accuracy"], 6)  # six takes, however many frames
    assert low <= least and most <= high


def test_faces_of_training_subjects_are_not_leak_free(predictor):
    against = made_up_dataset(4, seed=3, subjects=people(12, 12))
    dataset = made_up_dataset(10, subjects=people(15), correlations=[0.1] * 30)
    scores, _ = assess(predictor, dataset, CLASSES, against=against)
    assert scores["n_leak_free"] == 6, "s12, s13 and s14, two faces each"


def test_every_pair_is_scored_and_single_data_sets_out_of_fold(candidate):
    datasets = {
        "first": made_up_dataset(10, subjects=people(6), key="a"),
        "second": made_up_dataset(10, classes=("happy", "sad", "angry"), seed=1, key="b"),
        "split": made_up_dataset(10, splits=(["Training"] * 7 + ["test"] * 3) * 3, seed=2, key="c"),
    }
    rows = evaluate_across_datasets(datasets, candidate, n_folds=3, bar=False)
    assert [(row["trained_on"], row["tested_on"]) for row in rows] == [(a, b) for a in datasets for b in datasets]
    by_pair = {(row["trained_on"], row["tested_on"]): row for row in rows}
    protocols = {pair: row["protocol"] for pair, row in by_pair.items()}
    assert protocols["first", "first"] == "out of fold" and by_pair["first", "first"]["interval_by"] == "subjects"
    assert protocols["split", "split"] == "test split" and by_pair["split", "split"]["n"] == 9
    assert protocols["second", "split"] == "test split" and protocols["first", "second"] == "all faces"
    row = by_pair["first", "second"]
    assert row["left_out"] == {"angry": 10} and row["absent"] == ["surprise"] and row["classes"] == ["happy", "sad"]
    assert row["accuracy"] > 0.8, "expressions have the same mouth shape in both data sets"
    for row in rows:
        low, high = row["accuracy_interval"]
        assert low - 1e-9 <= row["accuracy"] <= high + 1e-9, row
    json.dumps(rows, allow_nan=False)
    text = format_cross_dataset(rows)
    assert [line.split()[0] for line in text.splitlines()] == ["fitted", "first", "second", "split"]
    assert (
        "not in the test data, so never predicted: surprise; not in the training data, so left out: 10 of angry"
        in "".join(describe_pairs(rows))
    )


def test_pairs_without_a_shared_class_have_no_scores(candidate):
    datasets = {
        "first": made_up_dataset(6, classes=("happy", "sad"), key="a"),
        "second": made_up_dataset(6, classes=("surprise", "angry"), key="b"),
    }
    rows = evaluate_across_datasets(datasets, candidate, n_folds=2, bar=False)
    assert rows[1]["accuracy"] is None and rows[1]["left_out"] == {"angry": 6, "surprise": 6}
    for key in ("accuracy", "accuracy_all", "accuracy_leak_free"):
        assert " -" in format_cross_dataset(rows, key)
    assert any("no class is shared" in note for note in describe_pairs(rows))


def test_no_data_set_and_too_few_subjects_are_refused(candidate):
    with pytest.raises(InputError, match="needs at least one, got none"):
        evaluate_across_datasets({}, candidate)
    with pytest.raises(DataError, match="need 5 unrelated subjects for each expression, and made-up faces has 3"):
        evaluate_across_datasets({"few": made_up_dataset(10, subjects=people(3))}, candidate, bar=False)
