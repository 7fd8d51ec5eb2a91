"""KNN in a learned embedding: mirror symmetry, few faces, no class with probability 0."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from landmark_fer.models.embedding_knn import EmbeddingKNN


@pytest.fixture
def rings(generator):
    """Two concentric rings and eight columns of noise, which neighbours in ten dimensions do not separate."""
    angle, radius = generator.uniform(0, 2 * np.pi, 700), np.where(np.arange(700) % 2, 1.0, 2.0)
    X = generator.normal(0, 0.6, (700, 10)).astype(np.float32)
    X[:, 0], X[:, 1] = radius * np.cos(angle), radius * np.sin(angle)
    return X, np.array(["sad", "happy"])[np.arange(700) % 2]


def test_the_embedding_separates_classes_that_feature_distances_do_not(rings):
    X, y = rings
    options = {"dropout": 0.0, "epochs": 60, "random_state": 0}
    model = EmbeddingKNN(15, (64, 8), **options).fit(X[:500], y[:500])
    plain = KNeighborsClassifier(15).fit(X[:500], y[:500])
    assert model.score(X[500:], y[500:]) > plain.score(X[500:], y[500:]) + 0.03


def test_a_mirrored_face_has_the_same_embedding(rings):
    X, y = rings
    signs = np.array([1, -1] * 5, np.float32)
    model = EmbeddingKNN(20, (16, 4), epochs=2, mirror_signs=signs, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.network_.embed(X * signs), model.network_.embed(X), rtol=1e-4, atol=1e-5)


def test_no_class_has_probability_zero_and_few_faces_are_enough(rings):
    X, y = rings
    model = EmbeddingKNN(100, (8, 4), epochs=1, random_state=0).fit(X[:6], y[:6])
    assert model.neighbors_.n_neighbors == 2
    predictions = EmbeddingKNN(3, (8, 4), epochs=1, random_state=0).fit(X, y).predict_proba(X)
    assert predictions.min() > 0
    np.testing.assert_allclose(predictions.sum(axis=1), 1)
