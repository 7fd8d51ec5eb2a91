"""K nearest neighbours, in the few dimensions in which a small network sees expressions apart.

In hundreds of dimensions all neighbours are about equally far. Linear discriminants in front of them gave 54 % out of
fold on FER2013, the last hidden layer of a network trained for eight seconds 62 %: docs/accuracy.md has the row.
"""

import math

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.validation import check_is_fitted, validate_data

from landmark_fer.models.mlp import MLPWithDropout


class EmbeddingKNN(ClassifierMixin, BaseEstimator):
    """The shares of the classes among the nearest neighbours in a learned space [1]_.

    Parameters
    ----------
    n_neighbors : int, default=100
        At most; never more than the square root of the number of faces.
    hidden : tuple of int, default=(256, 32)
        Layers of the network; the last has the space's dimensions.
    dropout : float, default=0.3
    epochs : int, default=15
    mirror_signs : array-like of shape (d,), optional
        As for `MLPWithDropout`. A face's place is the sum of its own and of the mirrored face's: the same for both.
    random_state : int, default=None

    Attributes
    ----------
    network_ : MLPWithDropout
    neighbors_ : KNeighborsClassifier
    priors_ : ndarray of shape (k,)
        Of the classes in training. Answers are drawn to them with the weight of one neighbour: no class that occurs is
        ever impossible.
    classes_ : ndarray of shape (k,)

    References
    ----------
    .. [1] Salakhutdinov and Hinton, Learning a Nonlinear Embedding by Preserving Class Neighbourhood Structure,
       AISTATS 2007.
    """

    takes_votes = True

    def __init__(self, n_neighbors=100, hidden=(256, 32), dropout=0.3, epochs=15, mirror_signs=None, random_state=None):
        self.n_neighbors = n_neighbors
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.mirror_signs = mirror_signs
        self.random_state = random_state

    def fit(self, X, y, votes=None):
        """Learn the space from X of shape (n, d), y of shape (n,) and votes as for `MLPWithDropout`."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        options = {"dropout": self.dropout, "epochs": self.epochs, "random_state": self.random_state}
        self.network_ = MLPWithDropout(self.hidden, 1, mirror_signs=self.mirror_signs, **options).fit(X, y, votes)
        machine = KNeighborsClassifier(min(self.n_neighbors, math.isqrt(len(X))), algorithm="brute")
        self.neighbors_ = machine.fit(self.network_.embed(X), y)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.priors_ = counts / len(y)
        return self

    def predict_proba(self, X):
        """Return probabilities of shape (n, k), the same for a face and the mirrored face."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        n = self.neighbors_.n_neighbors
        return (n * self.neighbors_.predict_proba(self.network_.embed(X)) + self.priors_) / (n + 1)

    def predict(self, X):
        """Return the most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
