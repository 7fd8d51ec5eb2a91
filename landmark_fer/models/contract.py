"""What every predictor offers, and the one place where its columns are put in order.

A predictor has ``fit(records, expressions)``, ``predict_proba(records)``, and ``classes_``: scikit-learn sorts its
classes alphabetically, people and reports read them in the order of `EXPRESSIONS`.
"""

import numpy as np


def predict_in_order(predictor, X, classes):
    """Return probabilities of shape (n, k) with columns in the order of `classes`.

    A class that the predictor never saw gets probability 0.
    """
    ordered = np.zeros((len(X), len(classes)))
    if not len(X):
        return ordered
    columns = {name: column for column, name in enumerate(classes)}
    probabilities = predictor.predict_proba(X)
    for column, name in enumerate(predictor.classes_):
        ordered[:, columns[str(name)]] = probabilities[:, column]
    return ordered
