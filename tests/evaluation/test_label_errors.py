"""Tests of suspected label errors, from predictions, near-duplicates and votes."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.label_errors import (
    agreement_with_votes,
    contradicting_near_duplicates,
    label_errors,
    self_confidence,
)

CLASSES = ("happy", "sad", "neutral")
COLUMNS = ["row", "expression", "suggested", "confidence", "own_probability"]


def test_self_confidence_is_the_mean_probability_of_the_label():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.6, 0.4, 0.0], [0.1, 0.7, 0.2]])
    confidence = self_confidence(np.array(["happy", "happy", "sad"]), probabilities, CLASSES)
    np.testing.assert_allclose(confidence, [0.7, 0.7, np.nan])


def test_only_planted_errors_are_reported(generator):
    truth = generator.integers(3, size=300)
    probabilities = generator.dirichlet(np.ones(3), 300) * 0.4 + 0.6 * np.eye(3)[truth]
    labels = np.array(CLASSES)[truth]
    planted = generator.choice(300, 20, replace=False)
    labels[planted] = np.array(CLASSES)[(truth[planted] + 1) % 3]
    table = label_errors(labels, probabilities, CLASSES)
    assert list(table) == COLUMNS
    assert set(table["row"]) <= set(planted.tolist()) and len(table) > 10
    assert table["suggested"].tolist() == np.array(CLASSES)[truth[table["row"]]].tolist()
    assert table["expression"].tolist() == labels[table["row"]].tolist()


def test_errors_are_sorted_by_the_difference_of_probabilities():
    labels = np.array(["happy"] * 4 + ["sad"] * 4)
    probabilities = np.array([[0.7, 0.3]] * 2 + [[0.2, 0.8], [0.1, 0.9]] + [[0.2, 0.8]] * 3 + [[0.95, 0.05]])
    table = label_errors(labels, probabilities, ("happy", "sad"))
    assert table["row"].tolist() == [7, 3, 2]
    assert table["confidence"].tolist() == [0.95, 0.9, 0.8]
    assert table["own_probability"].tolist() == [0.05, 0.1, 0.2]


def test_a_class_with_low_self_confidence_may_be_suggested():
    """The threshold is the mean of the class: 0.4 is high for a class with 0.4 at best."""
    labels = np.array(["happy"] * 4 + ["sad"] * 3)
    probabilities = np.array([[0.9, 0.1, 0.0]] * 3 + [[0.3, 0.45, 0.25]] + [[0.35, 0.4, 0.25]] * 3)
    assert label_errors(labels, probabilities, CLASSES)["row"].tolist() == [3]


def test_probabilities_below_the_threshold_of_the_other_class_are_not_reported():
    labels = np.array(["happy"] * 3 + ["sad"] * 3)
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.45, 0.55], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9]])
    assert label_errors(labels, probabilities, ("happy", "sad")).empty


def test_a_class_without_faces_is_never_suggested():
    table = label_errors(np.array(["happy", "happy"]), np.array([[0.9, 0.1, 0.0], [0.05, 0.05, 0.9]]), CLASSES)
    assert table.empty and list(table) == COLUMNS


def test_a_higher_confidence_keeps_only_confident_suggestions(generator):
    labels = generator.choice(CLASSES, 200)
    probabilities = generator.dirichlet(np.full(3, 0.5), 200)
    unfiltered = label_errors(labels, probabilities, CLASSES)
    confident = label_errors(labels, probabilities, CLASSES, confidence=0.9)
    assert 0 < len(confident) < len(unfiltered)
    assert confident["row"].tolist() == unfiltered[unfiltered["confidence"] >= 0.9]["row"].tolist()


def test_the_order_of_faces_and_classes_does_not_matter(generator):
    labels, probabilities = generator.choice(CLASSES, 60), generator.dirichlet(np.full(3, 0.5), 60)
    order = generator.permutation(60)
    plain = label_errors(labels, probabilities, CLASSES)
    shuffled = label_errors(labels[order], probabilities[order][:, ::-1], CLASSES[::-1])
    assert order[shuffled["row"]].tolist() == plain["row"].tolist()
    assert shuffled["suggested"].tolist() == plain["suggested"].tolist()


def test_a_confidence_above_one_is_refused():
    with pytest.raises(InputError, match="confidence must be a probability from 0 to 1, got 90"):
        label_errors(np.array(["happy"]), np.ones((1, 3)) / 3, CLASSES, confidence=90)


def test_groups_with_different_labels_are_reported_completely():
    expressions = np.array(["happy", "sad", "sad", "sad", "happy", "neutral", "happy"])
    groups = np.array([7, 3, 7, 3, 7, 4, 9])
    groups[-1] = 4
    table = contradicting_near_duplicates(expressions, groups)
    assert table["row"].tolist() == [5, 6, 0, 2, 4]
    assert table["group"].tolist() == [4, 4, 7, 7, 7]
    assert table["majority"].tolist() == ["", "", "happy", "happy", "happy"]
    assert table["expression"].tolist() == expressions[table["row"]].tolist()


def test_groups_with_one_label_are_not_reported():
    table = contradicting_near_duplicates(np.array(["happy", "happy", "sad"]), np.array([0, 0, 1]))
    assert table.empty and list(table) == ["row", "group", "expression", "majority"]


@pytest.fixture
def table():
    labels = np.array(["happy"] * 6 + ["sad"] * 6)
    probabilities = np.array([[0.9, 0.1]] * 3 + [[0.1, 0.9]] * 3 + [[0.1, 0.9]] * 4 + [[0.9, 0.1]] * 2)
    return label_errors(labels, probabilities, ("happy", "sad"))


def test_agreement_is_counted_with_the_suggestion_the_label_or_neither(table):
    votes = np.array(["happy"] * 3 + ["sad", "happy", "angry"] + ["sad"] * 4 + ["contempt", ""])
    assert sorted(table["row"]) == [3, 4, 5, 10, 11]
    assert agreement_with_votes(table, votes) == {
        "label_errors": 5,
        "compared": 3,
        "with_suggestion": 1,
        "with_label": 1,
        "with_neither": 1,
        "not_compared": 2,
    }


def test_counts_add_up_for_any_votes(table, generator):
    for _ in range(20):
        counts = agreement_with_votes(table, generator.choice(["happy", "sad", "fear", "contempt", ""], 12))
        sides = counts["with_suggestion"] + counts["with_label"] + counts["with_neither"]
        assert sides == counts["compared"] == counts["label_errors"] - counts["not_compared"]


def test_too_few_votes_are_refused_unless_there_are_no_errors(table):
    with pytest.raises(InputError, match="an entry for each face, got 5 and a suspected error in row 11"):
        agreement_with_votes(table, np.array(["happy"] * 5))
    assert set(agreement_with_votes(table[:0], np.array([], str)).values()) == {0}
