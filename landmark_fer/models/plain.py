"""scikit-learn's KNN for any number of faces, and its SVM with probabilities."""

import numpy as np
import sklearn.neighbors
import sklearn.svm

from landmark_fer.core.probabilities import softmax


class KNN(sklearn.neighbors.KNeighborsClassifier):
    """scikit-learn's `KNeighborsClassifier`; if there are fewer faces than `n_neighbors`, it uses all of them."""

    def kneighbors(self, X=None, n_neighbors=None, return_distance=True):
        """Return distances and indices of the nearest neighbors, as scikit-learn does."""
        available = self.n_samples_fit_ - (X is None)
        return super().kneighbors(X, min(n_neighbors or self.n_neighbors, available), return_distance)


class SVC(sklearn.svm.SVC):
    """scikit-learn's `SVC` whose probabilities are the softmax of `decision_function`.

    They rank the classes but are not calibrated. The command `fit` calibrates every candidate on held-out faces.
    """

    def predict_proba(self, X):
        """Return the softmax of the decision values, shape (n, k)."""
        scores = self.decision_function(X)
        if scores.ndim == 1:  # scikit-learn returns one column for two classes
            scores = np.stack([-scores, scores], axis=1) / 2
        return softmax(scores)
