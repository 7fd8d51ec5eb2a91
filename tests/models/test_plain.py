"""scikit-learn's KNN for any number of faces and its SVM with probabilities."""

import numpy as np
import pytest
import sklearn.neighbors
import sklearn.svm

from landmark_fer.models.plain import KNN, SVC


def three_classes(generator, n_classes=3):
    X = generator.normal(0, 1, (80, 4)).astype(np.float32)
    y = generator.integers(0, n_classes, 80)
    X[np.arange(80), y % 4] += 2
    return X, np.array(["happy", "fear", "sad"])[y]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_svm_probabilities_rank_classes_like_decision_values(generator, n_classes):
    X, y = three_classes(generator, n_classes)
    model, reference = SVC(C=2.0).fit(X, y), sklearn.svm.SVC(C=2.0).fit(X, y)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    decisions = reference.decision_function(X)
    if n_classes == 2:
        assert np.array_equal(model.classes_[probabilities.argmax(axis=1)], reference.predict(X))
        assert np.array_equal(np.argsort(probabilities[:, 1]), np.argsort(decisions))
    else:
        assert np.array_equal(probabilities.argmax(axis=1), decisions.argmax(axis=1))


def test_knn_equals_scikit_learn_with_enough_faces(generator):
    X, y = three_classes(generator)
    options = {"n_neighbors": 5, "weights": "distance", "algorithm": "brute"}
    reference = sklearn.neighbors.KNeighborsClassifier(**options).fit(X, y)
    np.testing.assert_allclose(KNN(**options).fit(X, y).predict_proba(X), reference.predict_proba(X))


def test_knn_uses_all_faces_if_there_are_few(generator):
    X, y = three_classes(generator)
    model = KNN(30, weights="distance").fit(X[:12], y[:12])
    reference = sklearn.neighbors.KNeighborsClassifier(12, weights="distance").fit(X[:12], y[:12])
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X))
