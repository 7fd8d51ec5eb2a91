"""Class probabilities."""

import numpy as np


def softmax(scores):
    """Return probabilities from scores of shape (..., k): each row is positive and sums to 1."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
