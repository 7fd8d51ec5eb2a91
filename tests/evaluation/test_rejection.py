"""Tests of rejection: risk-coverage curves, thresholds, manifest entries."""

import json
from itertools import pairwise

import numpy as np
import pytest

from landmark_fer.artifact.manifest import artifact_path, read_manifest
from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.evaluation.rejection import (
    MIN_COVERAGE,
    RiskCoverage,
    choose_threshold,
    curve_points,
    manifest_threshold,
    rejection_facts,
    risk_coverage,
    score_accepted,
)

CLASSES = ("happy", "sad")


def case(confidences, right):
    """Return labels (all happy) and probabilities for faces predicted with given confidence, correctly or not."""
    confidences, right = np.array(confidences), np.array(right, bool)
    first = np.where(right, confidences, 1 - confidences)
    return np.full(len(right), "happy"), np.stack([first, 1 - first], axis=1), CLASSES


def area(curve):
    """Return the area under the risk-coverage curve."""
    return float(np.sum((1 - curve.accuracy) * np.diff(curve.coverage, prepend=0)))


@pytest.fixture
def calibrated(generator):
    """Two thousand faces with perfectly calibrated confidence."""
    confidences = generator.uniform(0.5, 1, 2000)
    return case(confidences, generator.random(2000) < confidences)


class TestCurve:
    def test_a_small_example(self):
        curve = risk_coverage(*case([0.6, 0.9, 0.8, 0.7], [0, 1, 1, 0]))
        np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.7, 0.6])
        np.testing.assert_allclose(curve.coverage, [0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(curve.accuracy, [1, 1, 2 / 3, 0.5])
        assert area(curve) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)

    def test_equal_confidences_are_accepted_together(self):
        curve = risk_coverage(*case([0.75, 0.875, 0.75, 0.75], [1, 1, 0, 0]))
        np.testing.assert_allclose(curve.coverage, [0.25, 1])
        np.testing.assert_allclose(curve.accuracy, [1, 0.5])

    def test_every_point_agrees_with_its_threshold(self, calibrated):
        curve = risk_coverage(*calibrated)
        for point in (0, 100, 777, -1):
            scores = score_accepted(*calibrated, curve.threshold[point])
            assert scores["coverage"] == pytest.approx(curve.coverage[point])
            assert scores["accuracy"] == pytest.approx(curve.accuracy[point])

    def test_the_order_of_faces_does_not_matter(self, calibrated, generator):
        labels, probabilities, classes = calibrated
        probabilities = probabilities.round(2)
        order = generator.permutation(len(labels))
        plain, shuffled = (
            risk_coverage(labels[order], probabilities[rows], classes) for rows in (np.arange(2000), order)
        )
        np.testing.assert_array_equal(plain.accuracy, shuffled.accuracy)
        assert area(plain) == area(shuffled)

    def test_the_area_is_smaller_for_informative_confidence(self, generator):
        right = generator.random(1000) < 0.6
        informative, uninformative = (
            area(risk_coverage(*case(confidences, right)))
            for confidences in (np.where(right, 0.9, 0.6) - generator.uniform(0, 0.05, 1000), np.full(1000, 0.7))
        )
        assert uninformative == pytest.approx(1 - right.mean())
        assert informative < uninformative / 2
        assert area(risk_coverage(*case([0.6, 0.8], [1, 1]))) == 0

    def test_no_faces_are_refused(self):
        with pytest.raises(InputError, match="judged on one face or more, got none"):
            risk_coverage(np.array([], str), np.ones((0, 2)), CLASSES)


class TestThreshold:
    def test_it_is_the_lowest_that_reaches_the_target(self, calibrated):
        curve = risk_coverage(*calibrated)
        point = choose_threshold(curve, target=0.8)
        assert point.accuracy >= 0.8 and point.coverage >= MIN_COVERAGE
        assert (curve.accuracy[curve.threshold < point.threshold] < 0.8).all()
        assert point.threshold == pytest.approx(0.6, abs=0.03)  # where the mean from there to 1 is 0.8

    def test_a_higher_target_accepts_fewer_faces(self, calibrated):
        curve = risk_coverage(*calibrated)
        points = [choose_threshold(curve, target=target) for target in (0.8, 0.85, 0.9, 0.95)]
        assert points == sorted(points, key=lambda point: (point.threshold, -point.coverage))

    def test_all_faces_are_accepted_if_their_accuracy_reaches_the_target(self, calibrated):
        assert choose_threshold(risk_coverage(*calibrated), target=0.5)[:2] == (0, 1)

    @pytest.mark.parametrize("target", [0.0, 0.5, 0.8, 0.85, 0.95, 1.0])
    @pytest.mark.parametrize("worst", [0.0, 0.4, 0.9])
    def test_three_quarters_of_the_faces_get_a_prediction_whatever_the_target(self, target, worst, generator):
        confidences = generator.uniform(0.5, 1, 400)
        right = generator.random(400) < worst + (1 - worst) * confidences
        curve = risk_coverage(*case(confidences, right))
        point = choose_threshold(curve, target=target)
        assert point.coverage >= MIN_COVERAGE
        allowed = curve.accuracy[curve.coverage >= MIN_COVERAGE]
        assert point.accuracy >= min(target, allowed.max())

    def test_an_unreachable_target_gives_the_most_accurate_point_of_highest_coverage(self):
        confidences = np.linspace(0.99, 0.51, 20)
        right = np.arange(20) % 2 == 0
        point = choose_threshold(risk_coverage(*case(confidences, right)), target=0.9)
        accuracies = (np.cumsum(right) / np.arange(1, 21))[14:]
        assert point.accuracy == pytest.approx(accuracies.max())
        assert point.coverage == pytest.approx((15 + np.flatnonzero(accuracies == accuracies.max())[-1]) / 20)

    def test_the_bundled_models_follow_the_rule(self):
        for name in ("default", "cnn", "ensemble"):
            facts = read_manifest(artifact_path(name))["rejection"]
            point = choose_threshold(RiskCoverage(*np.array(facts["curve"]).T), target=facts["target"])
            assert facts["min_coverage"] == MIN_COVERAGE <= facts["coverage"], name
            assert facts["accuracy"] >= min(point.accuracy, facts["target"]), name  # the curve has few of the points

    def test_an_uninformative_model_accepts_all_faces(self):
        assert choose_threshold(risk_coverage(*case([0.75] * 4, [1, 0, 0, 0]))) == (0, 1, 0.25)

    def test_a_target_above_one_is_refused(self, calibrated):
        with pytest.raises(InputError, match=r"an accuracy from 0 to 1, got 85; try 0\.85"):
            choose_threshold(risk_coverage(*calibrated), target=85)


class TestFacts:
    def test_they_survive_json(self, calibrated):
        facts = rejection_facts(*calibrated)
        assert list(facts) == ["target", "min_coverage", "threshold", "coverage", "accuracy", "curve"]
        assert json.loads(json.dumps(facts, allow_nan=False)) == facts
        assert (facts["target"], facts["min_coverage"]) == (0.85, 0.75)
        assert manifest_threshold({"rejection": facts}) == facts["threshold"]

    def test_the_curve_is_evenly_spaced_and_ends_with_all_faces(self, calibrated):
        curve = rejection_facts(*calibrated)["curve"]
        np.testing.assert_allclose([point[0] for point in curve], np.arange(1, 21) / 20)
        assert all(before[1] > after[1] for before, after in pairwise(curve))

    def test_a_short_curve_keeps_all_points(self):
        curve = risk_coverage(*case([0.9, 0.8, 0.6], [1, 0, 1]))
        expected = np.stack([curve.coverage, curve.threshold, curve.accuracy], axis=1)
        np.testing.assert_allclose(curve_points(curve), expected)

    def test_a_manifest_without_rejection_has_no_threshold(self):
        assert manifest_threshold({"classes": []}) is None

    @pytest.mark.parametrize("facts", [None, 0.7, {}, {"threshold": "0.7"}, {"threshold": 1.2}, {"threshold": True}])
    def test_a_damaged_manifest_is_refused(self, facts):
        with pytest.raises(ArtifactError, match=r"must have a threshold from 0 to 1, got .*; fit the model again"):
            manifest_threshold({"rejection": facts})


class TestAccepted:
    CASE = case([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0])

    def test_official_and_leak_free(self):
        scores = score_accepted(*self.CASE, 0.7, leak_free=np.array([1, 0, 1, 1], bool))
        assert (scores["coverage"], scores["n_accepted"]) == (0.75, 3)
        assert scores["accuracy"] == pytest.approx(2 / 3)
        assert scores["coverage_leak_free"] == pytest.approx(2 / 3)
        assert (scores["accuracy_leak_free"], scores["n_accepted_leak_free"]) == (1, 2)

    def test_scores_are_none_without_near_duplicates_or_accepted_faces(self):
        scores = score_accepted(*self.CASE, 0.95)
        assert (scores["coverage"], scores["accuracy"], scores["n_accepted"]) == (0, None, 0)
        assert all(value is None for key, value in scores.items() if key.endswith("leak_free"))
        empty = score_accepted(*self.CASE, 0.5, leak_free=np.zeros(4, bool))
        assert empty["coverage_leak_free"] is None and empty["accuracy_leak_free"] is None

    def test_a_threshold_of_zero_accepts_all_faces(self):
        scores = score_accepted(*self.CASE, 0.0)
        assert (scores["coverage"], scores["accuracy"]) == (1, 0.5)
