"""The least-squares SVM equals kernel ridge regression in double precision, with and without mirror signs."""

import logging
import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from landmark_fer.models.ls_svm import LeastSquaresSVM

SIGNS = np.array([1, 1, 1, -1, -1.0])


@pytest.fixture
def data(generator):
    """Five features of 40 faces; the first two determine the class."""
    X = generator.normal(0, 1, (40, 5)).astype(np.float32)
    return X, np.where(X[:, 0] > 0.4, "happy", np.where(X[:, 1] > 0, "sad", "fear"))


def rounded(model, X):
    """Return features rounded as in the model."""
    return np.rint(X / model.steps_) * model.steps_


def ridge(vectors, targets, X, *, width, alpha):
    """Return the prediction of kernel ridge regression in double precision."""

    def kernel(a, b):
        return np.exp(-width * ((a[:, None] - b[None]) ** 2).sum(axis=2))

    weights = np.linalg.solve(kernel(vectors, vectors) + alpha * np.eye(len(vectors)), targets)
    return kernel(X, vectors) @ weights


def one_hot(y):
    return (y[:, None] == np.unique(y)).astype(float)


def test_without_mirror_signs_it_is_kernel_ridge(data):
    X, y = data
    model = LeastSquaresSVM(gamma=0.8, alpha=0.3).fit(X, y)
    prior = one_hot(y).mean(axis=0)
    expected = prior + ridge(rounded(model, X), one_hot(y) - prior, X, width=model.width_, alpha=0.3)
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-4)


def test_with_mirror_signs_it_is_kernel_ridge_on_faces_and_mirrored_faces(data):
    X, y = data
    model = LeastSquaresSVM(gamma=0.8, alpha=0.3, mirror_signs=SIGNS).fit(X, y)
    vectors = rounded(model, X)
    prior = one_hot(y).mean(axis=0)
    both, targets = np.vstack([vectors, vectors * SIGNS]), np.vstack([one_hot(y) - prior] * 2)
    expected = prior + ridge(both, targets, X, width=model.width_, alpha=0.3)
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-4)


def test_the_kernel_width_is_gamma_over_the_total_variance(data):
    X, y = data
    model = LeastSquaresSVM(gamma=0.8).fit(X, y)
    assert model.width_ == pytest.approx(0.8 / X.var(axis=0).sum(), rel=1e-5)
    scaled = LeastSquaresSVM(gamma=0.8).fit(10 * X, y)
    np.testing.assert_allclose(scaled.decision_function(10 * X), model.decision_function(X), atol=1e-4)


def test_mirrored_features_get_the_same_decision_values(data):
    X, y = data
    model = LeastSquaresSVM(mirror_signs=SIGNS).fit(X, y)
    expected = model.decision_function(X)
    assert np.ptp(expected, axis=0).min() > 0.3
    np.testing.assert_allclose(model.decision_function(X * SIGNS), expected, atol=1e-5)


def test_less_regularisation_fits_training_faces_more_closely(data):
    X, y = data
    errors = [
        np.abs(LeastSquaresSVM(alpha=alpha).fit(X, y).decision_function(X) - one_hot(y)).mean()
        for alpha in (0.01, 0.1, 1, 10)
    ]
    assert errors == sorted(errors) and errors[0] < 0.05


def test_a_sample_of_max_vectors_is_stratified(data, caplog):
    X, y = data
    X, y = np.vstack([X] * 5), np.tile(y, 5)
    with caplog.at_level(logging.WARNING):
        model = LeastSquaresSVM(max_vectors=50, random_state=1).fit(X, y)
    assert model.vectors_.shape == (50, 5) and model.weights_.shape == (50, 3)
    np.testing.assert_allclose(model.prior_, one_hot(y).mean(axis=0), atol=0.02)
    assert "stratified sample of 50 of 200 faces" in caplog.text
    again = LeastSquaresSVM(max_vectors=50, random_state=1).fit(X, y)
    np.testing.assert_array_equal(again.vectors_, model.vectors_)


def test_vectors_are_stored_as_signed_bytes_within_half_a_step(data):
    X, y = data
    model = LeastSquaresSVM().fit(X, y)
    assert model.vectors_.dtype == np.int8 and model.weights_.dtype == np.float32
    assert (np.abs(rounded(model, X) - X) <= model.steps_ / 2 + 1e-6).all()


def test_several_blocks_of_rows_give_the_same_probabilities(data, monkeypatch):
    X, y = data
    expected = LeastSquaresSVM(mirror_signs=SIGNS).fit(X, y).predict_proba(X)
    monkeypatch.setattr("landmark_fer.models.ls_svm._BLOCK", 7)
    np.testing.assert_allclose(LeastSquaresSVM(mirror_signs=SIGNS).fit(X, y).predict_proba(X), expected, atol=1e-5)


def test_refitting_replaces_the_first_fit(data):
    X, y = data
    model = LeastSquaresSVM().fit(X, y)
    model.predict_proba(X)
    other = np.where(y == "fear", "happy", "sad")
    refitted = model.fit(X[:, :3], other).predict_proba(X[:, :3])
    np.testing.assert_array_equal(refitted, LeastSquaresSVM().fit(X[:, :3], other).predict_proba(X[:, :3]))


def test_the_pickle_contains_the_vectors_once(data):
    X, y = data
    model = LeastSquaresSVM(mirror_signs=SIGNS).fit(X, y)
    unused = len(pickle.dumps(model))
    model.predict_proba(X)
    assert len(pickle.dumps(model)) == unused


def test_constant_features_give_finite_values(data):
    X, y = data
    X = X.copy()
    X[:, 2] = 0
    assert np.isfinite(LeastSquaresSVM().fit(X, y).decision_function(X)).all()
    flat = LeastSquaresSVM().fit(np.zeros((40, 5)), y).predict_proba(np.zeros((1, 5)))
    assert np.isfinite(flat).all()


def test_unfitted_models_and_other_numbers_of_features_are_refused(data):
    X, y = data
    with pytest.raises(NotFittedError):
        LeastSquaresSVM().predict_proba(X)
    with pytest.raises(ValueError, match="features"):
        LeastSquaresSVM().fit(X, y).predict_proba(X[:, :2])
