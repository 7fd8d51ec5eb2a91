"""Calibration: identity, recovery of known distortions, and held-out probabilities."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier

from landmark_fer.models.calibration import CalibratedEnsemble, Calibration
from landmark_fer.models.calibration_fitting import fit_calibration, fit_matrix, fit_temperature

CLASSES = ["angry", "happy", "sad", "surprise"]


def softmax(scores):
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def folds_of(n, k=4):
    places = np.arange(n) % k
    return [(np.flatnonzero(places != fold), np.flatnonzero(places == fold)) for fold in range(k)]


@pytest.fixture
def faces(generator):
    """Probabilities, and expressions drawn from them."""
    probabilities = generator.dirichlet([0.7] * 4, 4000)
    return probabilities, np.array([generator.choice(4, p=row) for row in probabilities])


def test_one_member_and_the_identity_change_nothing(faces):
    calibration = Calibration("temperature", np.eye(4), np.zeros(4))
    np.testing.assert_allclose(calibration([faces[0]]), faces[0], atol=2e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_recovered(faces, temperature):
    probabilities, truth = faces
    calibration = fit_temperature([softmax(np.log(np.clip(probabilities, 1e-6, 1)) * temperature)], truth, 4)
    assert 1 / calibration.weights[0, 0] == pytest.approx(temperature, rel=0.1)
    assert calibration.weights[0, 1] == 0 and not calibration.offsets.any()


def test_a_bias_against_a_class_is_corrected(faces):
    probabilities, truth = faces
    biased = softmax(np.log(np.clip(probabilities, 1e-6, 1)) + [0, -2, 0, 0])
    calibration, held_out = fit_calibration([biased], np.array(CLASSES)[truth], CLASSES, folds_of(4000))
    assert calibration.kind == "matrix"
    assert log_loss(truth, held_out) < log_loss(truth, biased) - 0.1
    assert log_loss(truth, held_out) < log_loss(truth, probabilities) + 0.02


def test_two_independent_members_have_a_lower_loss_than_each(generator):
    truth = generator.integers(0, 4, 3000)
    ones = [softmax(np.eye(4)[truth] + generator.normal(0, 1.0, (3000, 4))) for _ in range(2)]
    losses = [
        log_loss(truth, fit_calibration(members, np.array(CLASSES)[truth], CLASSES, folds_of(3000))[1])
        for members in (ones[:1], ones[1:], ones)
    ]
    assert losses[2] < min(losses[:2]) - 0.05


def test_predictions_for_a_fold_do_not_depend_on_its_labels(faces):
    probabilities, truth = faces
    names, folds = np.array(CLASSES)[truth[:400]], folds_of(400)
    other = names.copy()
    other[folds[0][1]] = "sad"
    first, second = (fit_calibration([probabilities[:400]], each, CLASSES, folds)[1] for each in (names, other))
    np.testing.assert_allclose(first[folds[0][1]], second[folds[0][1]], atol=1e-9)
    assert np.abs(first[folds[1][1]] - second[folds[1][1]]).max() > 1e-6


@pytest.mark.parametrize("present", [[2], [0, 3], [0, 1, 3]])
def test_classes_without_faces_are_allowed(faces, present):
    probabilities, truth = faces
    rows = np.isin(truth, present)
    predictions = fit_matrix([probabilities[rows]], truth[rows], 4)([probabilities])
    assert np.isfinite(predictions).all()
    np.testing.assert_allclose(predictions.sum(axis=1), 1)


def test_probabilities_of_zero_and_one_give_finite_results():
    assert np.isfinite(Calibration("temperature", np.eye(3) * 3, np.zeros(3))([np.eye(3)])).all()


def test_reordered_columns_give_the_same_probabilities(faces, generator):
    members = [faces[0][:50], faces[0][50:100]]
    calibration = Calibration("matrix", generator.normal(0, 1, (8, 4)), generator.normal(0, 1, 4))
    order = [2, 0, 3, 1]
    reordered = calibration.reordered(order)([member[:, order] for member in members])
    np.testing.assert_allclose(reordered, calibration(members)[:, order])


def test_an_ensemble_calibrates_the_probabilities_of_its_fitted_members(generator):
    X = generator.normal(0, 1, (80, 3))
    y = np.where(X[:, 0] > 0, "happy", "sad")
    parts = [("embedding_knn", KNeighborsClassifier(9)), ("lda", LinearDiscriminantAnalysis())]
    calibration = Calibration("matrix", generator.normal(0, 1, (4, 2)), np.array([0.2, -0.1]))
    model = CalibratedEnsemble(parts, calibration, ["happy", "sad"]).fit(X, y)
    expected = calibration([part.fit(X, y).predict_proba(X) for _, part in parts])
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    np.testing.assert_array_equal(model.predict(X), np.array(["happy", "sad"])[expected.argmax(axis=1)])
