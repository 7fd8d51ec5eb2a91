"""Scores given each subject's neutral face, and scores of groups of people."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.assessment import assess
from landmark_fer.evaluation.personal import (
    baseline_rows,
    group_names,
    is_scored,
    probabilities_with_baseline,
    scores_by_group,
)
from landmark_fer.models.neutral_shift import given_neutral_face, log_probabilities
from tests.conftest import made_up_dataset

CLASSES = ("happy", "sad", "neutral")
EXPRESSIONS = ["happy", "neutral", "neutral", "sad", "neutral", "happy", "happy"]
SUBJECTS = ["ann", "ann", "ann", "ann", "bob", "eve", ""]
PROBABILITIES = np.array(
    [[0.3, 0.1, 0.6], [0.02, 0.08, 0.9], [0.04, 0.06, 0.9], [0.1, 0.7, 0.2]] + [[0.2, 0.2, 0.6]] * 3
)


@pytest.fixture
def dataset():
    faces = made_up_dataset(3).take(np.arange(7))
    return replace(
        faces,
        expressions=np.array(EXPRESSIONS),
        subjects=np.array(SUBJECTS),
        attributes={"Gender": np.array(["f", "f", "f", "f", "m", "f", "NA"])},
    )


class Predictor:
    """Returns given probabilities for the rows of a data set."""

    classes_ = np.array(CLASSES)

    def predict_proba(self, records):
        return PROBABILITIES[: len(records)]


def test_the_first_neutral_face_of_a_subject_is_the_baseline_and_not_scored(dataset):
    rows = baseline_rows(dataset)
    assert rows.tolist() == [1, 1, 1, 1, 4, -1, -1]
    assert is_scored(rows).tolist() == [True, False, True, True, False, False, False]


def test_probabilities_are_those_given_the_own_neutral_face(dataset):
    result = probabilities_with_baseline(PROBABILITIES, baseline_rows(dataset), CLASSES)
    for row in range(4):
        expected = given_neutral_face(PROBABILITIES[row], log_probabilities(PROBABILITIES[1]), CLASSES)
        np.testing.assert_allclose(result[row], expected)
    np.testing.assert_array_equal(result[5:], PROBABILITIES[5:])


def test_scores_with_and_without_baseline_are_of_the_same_faces(dataset):
    scores, table = assess(Predictor(), dataset, CLASSES, with_baseline=True, by=["gender"])
    assert scores["n"] == scores["n_with_baseline"] == 3 == len(table)
    assert (scores["n_baselines"], scores["left_out_without_baseline"]) == (1, 3)
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["accuracy_with_baseline"] == 1
    assert scores["per_class"]["happy"]["recall"] == 0
    assert scores["per_class_with_baseline"]["happy"]["recall"] == 1
    assert table["predicted"].tolist() == ["neutral", "neutral", "sad"]
    assert table["predicted_with_baseline"].tolist() == ["happy", "neutral", "sad"]
    assert table["gender"].tolist() == ["f"] * 3
    (everyone, *each) = scores["by"]["gender"]
    assert (everyone["group"], everyone["expression"], everyone["n"]) == ("f", "", 3)
    assert [row["accuracy_with_baseline"] for row in each] == [1, 1, 1]


def test_without_the_option_all_faces_are_scored(dataset):
    scores, _ = assess(Predictor(), dataset, CLASSES)
    assert scores["n"] == 7
    assert not any("baseline" in name for name in scores)


def test_groups_add_up_to_all_faces(dataset):
    rows = scores_by_group(dataset, "GENDER", {"": PROBABILITIES}, CLASSES)
    totals = [row for row in rows if row["expression"] == ""]
    assert [(row["group"], row["n"], row["n_subjects"]) for row in totals] == [
        ("f", 5, 2),
        ("m", 1, 1),
        ("unknown", 1, 0),
    ]
    right = sum(row["accuracy"] * row["n"] for row in totals)
    assert right == pytest.approx((np.array(CLASSES)[PROBABILITIES.argmax(axis=1)] == dataset.expressions).sum())
    for row in rows:
        low, high = row["accuracy_interval"]
        assert 0 <= low <= row["accuracy"] <= high <= 1


def test_missing_columns_subjects_and_classes_are_named(dataset):
    with pytest.raises(InputError, match=r"further column of the csv \(Gender\), got 'age'"):
        scores_by_group(dataset, "age", {"": PROBABILITIES}, CLASSES)
    with pytest.raises(InputError, match="column subject"):
        baseline_rows(replace(dataset, subjects=np.full(7, "")))
    with pytest.raises(InputError, match="predicts neutral"):
        probabilities_with_baseline(PROBABILITIES, baseline_rows(dataset), ("happy", "sad", "fear"))


def test_numbers_of_many_values_become_ranges_of_similar_size():
    ages = np.array([str(age) for age in range(18, 48)] + ["NA", ""])
    names = group_names(ages).tolist()
    assert names[:30] == ["18 to 27"] * 10 + ["28 to 37"] * 10 + ["38 to 47"] * 10
    assert names[30:] == ["unknown"] * 2


@pytest.mark.parametrize("cells", [["1", "2", "10", "2"], ["white", "black", "7"], []])
def test_words_and_few_numbers_stay(cells):
    assert group_names(np.array(cells, dtype=np.str_)).tolist() == cells
