"""The classes that a model and a data set share, and answers among these alone."""

import numpy as np


def shared_classes(dataset, classes):
    """Return which of a model's classes a data set shows, and which it does not.

    Parameters
    ----------
    dataset : FaceDataset
    classes : sequence of str
        Those of the model.

    Returns
    -------
    shared, absent : list of str
        In the order of `classes`.
    """
    present = set(dataset.expressions.tolist())
    shared = [name for name in classes if name in present]
    return shared, [name for name in classes if name not in present]


def shared_probabilities(probabilities, classes, shared):
    """Return probabilities of a face that is known to show one of some classes.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Columns in the order of `classes`.
    classes : sequence of str
    shared : sequence of str
        Some of them.

    Returns
    -------
    ndarray of shape (n, k)
        0 for the other classes; rows sum to 1. Equal shares where a model gave the shared classes none.
    """
    among = np.isin(np.asarray(classes), list(shared))
    kept = np.where(among, probabilities, 0.0)
    totals = kept.sum(axis=1, keepdims=True)
    equal = np.broadcast_to(among / max(among.sum(), 1), kept.shape)
    return np.divide(kept, totals, out=equal.copy(), where=totals > 0)
