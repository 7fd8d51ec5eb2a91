"""Temperature: what it keeps, what it changes, and that the known one is found."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from landmark_fer.models.calibration import TemperedClassifier, fit_temperature, temper
from landmark_fer.models.mirrored import MirroredClassifier

CLASSES = ["angry", "happy", "sad", "surprise"]


@pytest.fixture
def probabilities(generator):
    return generator.dirichlet([0.7] * 4, 3000)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
def test_the_order_of_classes_stays_and_rows_sum_to_one(probabilities, temperature):
    tempered = temper(probabilities, temperature)
    np.testing.assert_array_equal(tempered.argmax(axis=1), probabilities.argmax(axis=1))
    np.testing.assert_allclose(tempered.sum(axis=1), 1)
    assert (tempered > 0).all()


def test_a_temperature_of_one_changes_nothing(probabilities):
    np.testing.assert_allclose(temper(probabilities, 1.0), probabilities, atol=1e-5)


def test_hot_is_flatter_and_cold_is_sharper(probabilities):
    cold, hot = (temper(probabilities, temperature).max(axis=1) for temperature in (0.5, 2))
    assert (hot <= probabilities.max(axis=1) + 1e-5).all() and (cold >= probabilities.max(axis=1) - 1e-5).all()


def test_tempering_twice_multiplies_temperatures():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
    np.testing.assert_allclose(temper(temper(probabilities, 2), 0.5), probabilities)
    np.testing.assert_allclose(temper([[0.8, 0.2]], 2), [[2 / 3, 1 / 3]])


def test_certain_answers_are_survived():
    assert np.isfinite(temper(np.eye(3), 5.0)).all()


@pytest.mark.parametrize("known", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found(probabilities, generator, known):
    """Labels drawn from the true probabilities; the model's are those made too sharp or too flat."""
    truth = np.array([generator.choice(CLASSES, p=row) for row in probabilities])
    assert fit_temperature(temper(probabilities, 1 / known), truth, CLASSES) == pytest.approx(known, rel=0.08)


def test_a_class_without_faces_is_no_obstacle(probabilities):
    temperature = fit_temperature(probabilities[:50], np.array(["angry", "sad"] * 25), CLASSES)
    assert 0 < temperature < np.inf


def test_a_tempered_classifier_answers_as_before_with_other_confidence(generator):
    X = generator.normal(0, 1, (60, 3))
    y = np.where(X[:, 0] > 0, "happy", "sad")
    fitted = KNeighborsClassifier(15).fit(X, y)
    tempered = TemperedClassifier(fitted, 2.0)
    assert tempered.classes_.tolist() == ["happy", "sad"]
    np.testing.assert_array_equal(tempered.predict_proba(X), temper(fitted.predict_proba(X), 2.0))
    np.testing.assert_array_equal(tempered.predict(X), tempered.classes_[tempered.predict_proba(X).argmax(axis=1)])


def test_a_mirrored_classifier_is_the_mean_of_both_pictures(generator):
    X = generator.normal(0, 1, (60, 3)).astype(np.float32)
    y = np.where(X[:, 0] > 0, "happy", "sad")
    signs = np.array([1, 1, -1], np.float32)
    model = MirroredClassifier(KNeighborsClassifier(7), signs).fit(X, y)
    plain = KNeighborsClassifier(7).fit(np.vstack([X, X * signs]), np.tile(y, 2))
    expected = (plain.predict_proba(X) + plain.predict_proba(X * signs)) / 2
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    np.testing.assert_array_equal(model.predict_proba(X * signs), expected)
