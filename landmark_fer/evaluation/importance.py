"""What a model goes by: how much accuracy it loses when one region of each face is another face's."""

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.comparison import align_columns
from landmark_fer.evaluation.region_swaps import region_swaps
from landmark_fer.evaluation.scores import class_columns
from landmark_fer.models.contract import predict_in_order

_Z = 1.96  # of 95 %


def grouped_importance(predictor, records, expressions, classes, *, groups=None, n_repeats=5, random_state=0):
    """Return the permutation importance [1]_ of groups of features on faces that a predictor was not fitted on.

    Regions of the face are exchanged between faces, not columns between rows: every measurement, descriptor or layer
    that looks at the region then sees the same other face, so that none can stand in for the rest of its group, and a
    network can be asked like any other model.

    Parameters
    ----------
    predictor : estimator
        Fitted; takes face records.
    records : ndarray of shape (n,)
        Face records; a thousand are enough for about a point.
    expressions : ndarray of shape (n,), str
    classes : sequence of str
        Those of the predictor.
    groups : dict of str to callable, optional
        By name: takes face records and as many donors' and returns changed records. By default `region_swaps` of the
        records' fields.
    n_repeats : int, default=5
        Times that each group is exchanged, each time with other faces.
    random_state : int, default=0

    Returns
    -------
    list of dict
        ``name, kind, drop, interval`` of each group, the largest drop of accuracy first. `kind` is that of a swap, ""
        for other callables. The interval of 95 % is that of the faces' draw.

    Raises
    ------
    InputError
        If there are fewer than 2 faces, or an expression is not among the classes.

    References
    ----------
    .. [1] Breiman, Random Forests, Machine Learning 45, 2001.
    """
    if len(records) < 2 or n_repeats < 1:
        raise InputError(f"importance needs 2 faces and 1 repeat or more, got {len(records)} and {n_repeats}")
    truth = class_columns(expressions, classes)
    groups = region_swaps(records.dtype.names) if groups is None else groups
    generator = np.random.default_rng(random_state)
    right = _right(predictor, records, truth, classes)
    rows = []
    for name, change in groups.items():
        lost = np.zeros(len(records))
        for _ in range(n_repeats):
            donors = records[generator.permutation(len(records))]
            lost += (right - _right(predictor, change(records, donors), truth, classes)) / n_repeats
        drop, reach = float(lost.mean()), _Z * float(lost.std(ddof=1)) / len(lost) ** 0.5
        rows.append(
            {"name": name, "kind": getattr(change, "kind", ""), "drop": drop, "interval": (drop - reach, drop + reach)}
        )
    return sorted(rows, key=lambda row: -row["drop"])


def format_importance(rows):
    """Return the rows of `grouped_importance` as a plain-text table, in points of accuracy."""
    cells = [
        (row["name"], f"{100 * row['drop']:.1f}", "{:.1f} to {:.1f}".format(*(100 * end for end in row["interval"])))
        for row in rows
    ]
    return align_columns([("region", "points lost", "95 % interval"), *cells])


def _right(predictor, records, truth, classes):
    """Return 1 for each right answer and 0 for each other, shape (n,)."""
    return (predict_in_order(predictor, records, classes).argmax(axis=1) == truth).astype(float)
