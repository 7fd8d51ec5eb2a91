"""Tests of scores on small examples and against scikit-learn."""

import json

import numpy as np
import pytest
from sklearn import metrics

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.scores import (
    class_columns,
    expected_calibration_error,
    log_loss,
    reliability_table,
    score,
    wilson_interval,
)

CLASSES = ("happy", "sad", "neutral")


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (0, 0, 0, 1)],
)
def test_wilson_interval_has_the_published_values(right, total, low, high):
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=1e-4)


def test_an_interval_contains_its_share_and_narrows_with_more_faces():
    widths = []
    for total in (10, 100, 1000):
        low, high = wilson_interval(0.7 * total, total)
        assert low < 0.7 < high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.35, 0.65]] * 10)
    right = np.array([True] * 7 + [False] * 3 + [True] * 5 + [False] * 5)
    assert expected_calibration_error(probabilities, right) == pytest.approx(0.5 * 0.2 + 0.5 * 0.15)


def test_calibrated_predictions_have_no_calibration_error():
    probabilities = np.tile([0.75, 0.25], (8, 1))
    assert expected_calibration_error(probabilities, np.array([True] * 6 + [False] * 2)) == pytest.approx(0)
    assert expected_calibration_error(np.eye(2), np.array([True, True])) == 0


def test_gaps_of_the_reliability_table_add_up_to_the_calibration_error(generator):
    probabilities = generator.dirichlet(np.ones(3), 200)
    right = generator.random(200) < 0.5
    table = reliability_table(probabilities, right, bins=10)
    assert [each["n"] for each in table[:3]] == [0, 0, 0] and table[0]["accuracy"] is None
    assert sum(each["n"] for each in table) == 200
    filled = [each for each in table if each["n"]]
    assert all(each["low"] <= each["confidence"] <= each["high"] for each in filled)
    gaps = sum(each["n"] * abs(each["confidence"] - each["accuracy"]) for each in filled)
    assert gaps / 200 == pytest.approx(expected_calibration_error(probabilities, right, bins=10))


def test_full_confidence_falls_into_the_last_bin():
    last = reliability_table(np.eye(2), np.array([True, False]))[-1]
    assert last == {"low": pytest.approx(14 / 15), "high": 1.0, "n": 2, "confidence": 1.0, "accuracy": 0.5}


def test_log_loss_is_finite_for_probability_zero():
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert log_loss(probabilities, np.array([0, 0])) == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert np.isfinite(log_loss(np.array([[1.0, 0.0]]), np.array([1])))


def one_hot(predictions):
    return np.array([[float(prediction == name) for name in CLASSES] for prediction in predictions])


def test_every_score_of_a_small_example():
    truth = np.array(["happy", "happy", "happy", "sad", "sad", "neutral"])
    predictions = ["happy", "happy", "sad", "sad", "happy", "neutral"]
    scores = score(truth, one_hot(predictions), CLASSES, leak_free=np.array([1, 0, 1, 0, 0, 1], bool))
    assert scores["n"] == 6
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["accuracy_interval"] == wilson_interval(4, 6)
    assert scores["accuracy_leak_free"] == pytest.approx(2 / 3) and scores["n_leak_free"] == 3
    assert scores["accuracy_leak_free_interval"] == wilson_interval(2, 3)
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert scores["confusion"] == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert scores["classes"] == list(CLASSES)
    assert scores["per_class"]["sad"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "n": 2}
    assert sum(each["n"] for each in scores["reliability"]) == 6
    json.dumps(scores, allow_nan=False)


def test_scores_agree_with_scikit_learn(generator):
    truth = generator.choice(CLASSES, 300)
    probabilities = generator.dirichlet(np.ones(3), 300)
    scores = score(truth, probabilities, CLASSES)
    predictions = np.array(CLASSES)[probabilities.argmax(axis=1)]
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predictions))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(truth, predictions, average="macro"))
    assert scores["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, predictions))
    in_order = probabilities[:, np.argsort(CLASSES)]
    assert scores["log_loss"] == pytest.approx(metrics.log_loss(truth, in_order, labels=sorted(CLASSES)))


def test_the_order_of_faces_does_not_matter(generator):
    truth, probabilities = generator.choice(CLASSES, 50), generator.dirichlet(np.ones(3), 50)
    order = generator.permutation(50)
    shuffled = score(truth[order], probabilities[order], CLASSES)
    assert json.dumps(shuffled["confusion"]) == json.dumps(score(truth, probabilities, CLASSES)["confusion"])
    assert shuffled["log_loss"] == pytest.approx(score(truth, probabilities, CLASSES)["log_loss"])


def test_averages_ignore_classes_that_do_not_occur():
    scores = score(np.array(["happy", "sad"]), one_hot(["happy", "sad"]), CLASSES)
    assert scores["macro_f1"] == scores["balanced_accuracy"] == 1
    assert scores["per_class"]["neutral"]["n"] == 0


def test_leak_free_scores_are_none_without_leak_free_faces():
    truth = np.array(["happy", "sad"])
    unknown = score(truth, one_hot(truth), CLASSES)
    assert unknown["accuracy_leak_free"] is unknown["accuracy_leak_free_interval"] is unknown["n_leak_free"] is None
    none_clean = score(truth, one_hot(truth), CLASSES, leak_free=np.zeros(2, bool))
    assert none_clean["accuracy_leak_free"] is None and none_clean["n_leak_free"] == 0


def test_unknown_classes_and_no_faces_are_refused():
    np.testing.assert_array_equal(class_columns(["sad", "happy"], CLASSES), [1, 0])
    with pytest.raises(InputError, match="expressions must be among happy, sad, neutral, got angry, fear"):
        score(np.array(["fear", "happy", "angry"]), np.ones((3, 3)) / 3, CLASSES)
    with pytest.raises(InputError, match="a score needs at least one face, got none"):
        score(np.array([], str), np.ones((0, 3)), CLASSES)
