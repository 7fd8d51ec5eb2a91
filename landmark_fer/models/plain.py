"""scikit-learn's KNN and SVM, with what the comparison asks of a classifier: probabilities, and any number of faces."""

import numpy as np
import sklearn.neighbors
import sklearn.svm

from landmark_fer.core.probabilities import softmax


class KNN(sklearn.neighbors.KNeighborsClassifier):
    """scikit-learn's `sklearn.neighbors.KNeighborsClassifier`; of fewer faces than `n_neighbors` it takes all."""

    def kneighbors(self, X=None, n_neighbors=None, return_distance=True):
        """Return distances and indices of the nearest neighbors, as scikit-learn does."""
        available = self.n_samples_fit_ - (X is None)
        return super().kneighbors(X, min(n_neighbors or self.n_neighbors, available), return_distance)


class SVC(sklearn.svm.SVC):
    """scikit-learn's `sklearn.svm.SVC` with probabilities: the softmax of `decision_function`.

    They rank the classes but are not calibrated; `fit` calibrates every candidate on held-out faces.
    """

    def predict_proba(self, X):
        """Return the softmax of the decision values, shape (n, k)."""
        scores = self.decision_function(X)
        if scores.ndim == 1:  # of two classes scikit-learn returns one column
            scores = np.stack([-scores, scores], axis=1) / 2
        return softmax(scores)
