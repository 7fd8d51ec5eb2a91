"""The MLP with dropout: gradients, mirror symmetry, votes, reproducibility, few faces."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.models import mlp
from landmark_fer.models.base import fit_predictor
from landmark_fer.models.mlp import MLPWithDropout


@pytest.fixture
def task(generator):
    """Three classes that no line separates: they depend on the octant of a point."""
    X = generator.normal(0, 1, (600, 6)).astype(np.float32)
    y = np.array(["angry", "happy", "sad"])[(X[:, 0] * X[:, 1] > 0) + (X[:, 2] > 0.5).astype(int)]
    return X[:400], y[:400], X[400:], y[400:]


def test_it_learns_classes_that_are_not_linearly_separable(task):
    X, y, unseen, truth = task
    model = MLPWithDropout((64, 64), 1, dropout=0.1, epochs=150, batch_size=64, random_state=0).fit(X, y)
    assert (model.predict(unseen) == truth).mean() > 0.85
    np.testing.assert_allclose(model.predict_proba(unseen).sum(axis=1), 1, rtol=1e-5)


def test_gradients_are_those_of_the_loss(generator):
    model = MLPWithDropout((5,), 1, dropout=0.0, input_dropout=0.0, votes_weight=0.7)
    X = generator.normal(0, 1, (9, 4)).astype(np.float64)
    targets = [np.eye(3)[generator.integers(0, 3, 9)], generator.dirichlet([1] * 4, 9)]
    targets[1][2] = 0  # a face without votes
    layers = [layer.astype(np.float64) for layer in mlp._initial_layers([4, 5, 7], generator)]

    def loss():
        scores = np.maximum(X @ layers[0] + layers[1], 0) @ layers[2] + layers[3]
        first, second = (np.log(softmax(part)) for part in (scores[:, :3], scores[:, 3:]))
        return -(targets[0] * first).sum(axis=1).mean() - 0.7 * (targets[1] * second).sum(axis=1).mean()

    gradients = model._gradients(layers, X.copy(), targets, generator)
    for layer, gradient in zip(layers, gradients, strict=True):
        for place in [(0,) * layer.ndim, tuple(size - 1 for size in layer.shape)]:
            weight, step = layer[place], 1e-6
            layer[place] = weight + step
            above = loss()
            layer[place] = weight - step
            below = loss()
            layer[place] = weight
            assert gradient[place] == pytest.approx((above - below) / (2 * step), abs=1e-6)


def test_a_mirrored_face_gets_the_same_probabilities(task):
    X, y, unseen, _ = task
    signs = np.array([1, 1, 1, 1, -1, -1], np.float32)
    model = MLPWithDropout((16,), epochs=5, mirror_signs=signs, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(unseen * signs), model.predict_proba(unseen), rtol=1e-5)


@pytest.mark.parametrize("signs", [None, [1, -1, 1, 1, -1, -1]])
@pytest.mark.parametrize("hidden", [(), (16,), (16, 8)])
def test_probabilities_equal_those_of_the_layers_in_turn(signs, hidden, task):
    X, y, unseen, _ = task
    model = MLPWithDropout(hidden, 2, epochs=2, mirror_signs=signs, random_state=0).fit(X, y)
    predictions = []
    for image in (unseen, unseen * np.array(signs or 1, np.float32)):
        for layers in model.networks_:
            values = image * model.scale_
            for weights, offsets in zip(layers[:-2:2], layers[1:-2:2], strict=True):
                values = np.maximum(values @ weights.astype(np.float32) + offsets, 0)
            predictions.append(softmax(values @ layers[-2].astype(np.float32) + layers[-1]))
    np.testing.assert_allclose(model.predict_proba(unseen), np.mean(predictions, axis=0), atol=1e-5)
    for few in (1, 2, 4, 5):
        np.testing.assert_allclose(model.predict_proba(unseen[:few]), model.predict_proba(unseen)[:few], atol=1e-6)


def test_nan_and_wrong_shapes_are_refused_in_single_precision_too(task):
    X, y, unseen, _ = task
    model = MLPWithDropout((8,), 1, epochs=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        model.predict_proba(np.full((2, 6), np.nan, np.float32))
    with pytest.raises(ValueError, match="5 features"):
        model.predict_proba(np.zeros((2, 5), np.float32))
    with pytest.raises(NotFittedError):
        MLPWithDropout().predict_proba(unseen)


def test_the_random_state_determines_the_result(task):
    X, y, unseen, _ = task
    first, again, other = (
        MLPWithDropout((8,), epochs=2, random_state=seed).fit(X, y).predict_proba(unseen) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_fitting_does_not_change_its_inputs(task):
    X, y, _, _ = task
    before = X.copy()
    MLPWithDropout((8,), epochs=2, mirror_signs=-np.ones(6), random_state=0).fit(X, y)
    np.testing.assert_array_equal(X, before)


def test_votes_improve_accuracy_with_noisy_labels(generator):
    """Labels are wrong for 45 % of the faces; the votes are right."""
    X = generator.normal(0, 1, (900, 10)).astype(np.float32)
    truth = (X[:, 0] + X[:, 1] > 0).astype(int)
    wrong = generator.random(900) < 0.45
    y = np.array(["happy", "sad"])[np.where(wrong, 1 - truth, truth)]
    votes = 10 * np.eye(2)[truth]
    votes[::50] = 0
    options = {"hidden": (16,), "n_networks": 1, "epochs": 60, "random_state": 0}
    with_votes, without_votes = (
        MLPWithDropout(**options).fit(X[:600], y[:600], each).predict_proba(X[600:]) for each in (votes[:600], None)
    )
    right = [(prediction.argmax(axis=1) == truth[600:]).mean() for prediction in (with_votes, without_votes)]
    assert right[0] > right[1] + 0.03
    assert with_votes.shape == (300, 2)


def test_fit_predictor_passes_votes_which_need_one_row_for_each_face(task):
    X, y, unseen, _ = task
    votes = np.ones((len(X), 3))
    options = {"hidden": (8,), "epochs": 2, "random_state": 0}
    direct = MLPWithDropout(**options).fit(X, y, votes).predict_proba(unseen)
    np.testing.assert_array_equal(fit_predictor(MLPWithDropout(**options), X, y, votes).predict_proba(unseen), direct)
    with pytest.raises(InputError, match=r"votes must have one row for each face \(400\), got 3"):
        MLPWithDropout(**options).fit(X, y, votes[:3])


def test_constant_features_give_finite_probabilities():
    model = MLPWithDropout((4,), epochs=1, random_state=0).fit(np.ones((6, 2)), ["happy", "sad"] * 3)
    assert np.isfinite(model.predict_proba(np.ones((2, 2)))).all()


def test_the_probabilities_of_several_networks_are_averaged(task):
    X, y, unseen, _ = task
    model = MLPWithDropout((8,), 3, epochs=2, random_state=0).fit(X, y)
    predictions = []
    for layers in model.networks_:
        single = MLPWithDropout((8,), 3, epochs=2, random_state=0).fit(X, y)
        single.networks_ = [layers]
        predictions.append(single.predict_proba(unseen))
    np.testing.assert_allclose(model.predict_proba(unseen), np.mean(predictions, axis=0), rtol=1e-5)
    assert np.abs(predictions[0] - predictions[1]).max() > 1e-3
    assert model.embed(unseen).shape == (200, 24)


def test_saved_and_loaded_equals_before(task):
    X, y, unseen, _ = task
    model = MLPWithDropout((8,), 2, epochs=2, random_state=0).fit(X, y)
    before = model.predict_proba(unseen)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict_proba(unseen), before)
    assert all(layer.dtype == np.float16 for layers in loaded.networks_ for layer in layers)
