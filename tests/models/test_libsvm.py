"""The classic SVM: kept as arrays it answers as scikit-learn's own."""

import numpy as np
import pytest
from sklearn.svm import SVC

from landmark_fer.models.libsvm import RbfSVC


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_margins_of_every_pair_are_those_of_scikit_learn(generator, n_classes):
    X = generator.normal(0, 1, (80, 4)).astype(np.float32)
    y = generator.integers(0, n_classes, 80)
    X[np.arange(80), y % 4] += 1
    model = RbfSVC(C=2.0, gamma=1.0).fit(X, y)
    plain = SVC(C=2.0, gamma=model.width_, decision_function_shape="ovo").fit(X, y)
    expected = plain.decision_function(X).reshape(80, -1)
    sign = -1 if n_classes == 2 else 1  # of a single pair scikit-learn gives the margin of the second class
    np.testing.assert_allclose(sign * model._margins(X), expected, atol=1e-3)


def test_probabilities_follow_the_margins_and_do_not_depend_on_blocks(generator, monkeypatch):
    X = generator.normal(0, 1, (60, 4)).astype(np.float32)
    y = np.where(X[:, 0] > 0, "happy", np.where(X[:, 1] > 0, "fear", "sad"))
    model = RbfSVC().fit(X, y)
    expected = model.predict_proba(X)
    assert (model.predict(X) == y).mean() > 0.9
    np.testing.assert_allclose(expected.sum(axis=1), 1)
    monkeypatch.setattr("landmark_fer.models.libsvm._BLOCK", 7)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6)
