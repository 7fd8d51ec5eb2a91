"""Learning curves: accuracy as a function of the number of training faces."""

import numpy as np
from sklearn.base import clone

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.scores import class_columns, wilson_interval
from landmark_fer.models.base import fit_predictor, predict_in_order


def learning_curve(pipeline, records, expressions, groups, classes, *, fold, votes=None, sizes=None, random_state=0):
    """Fit a pipeline on growing samples of a fold's training side and score each on its held-out side.

    The samples are stratified and nested.

    Parameters
    ----------
    pipeline : estimator
        Takes face records; left unfitted.
    records : ndarray of shape (n,)
        Face records.
    expressions : ndarray of shape (n,), str
    groups : ndarray of shape (n,)
        Near-duplicates, and images of one subject, share a group; no group may be on both sides of the fold.
    classes : sequence of str
    fold : (ndarray, ndarray)
        Rows to sample from and held-out rows, such as a fold of `make_folds`.
    votes : ndarray of shape (n, m), optional
        As for `fit_predictor`.
    sizes : sequence of int, optional
        Number of faces in each sample; by default `doubling_sizes`.
    random_state : int, default=0

    Returns
    -------
    list of dict
        ``n, accuracy, accuracy_interval, n_held_out`` for each size, the smallest first. The interval reflects the
        number of held-out faces, not the choice of the sample.

    Raises
    ------
    InputError
        If a group is on both sides, a size exceeds the number of faces, or a sample would lack an expression.
    """
    training, held_out = map(np.asarray, fold)
    _check_groups(groups, training, held_out)
    class_columns(expressions, classes)
    order = training[stratified_order(expressions[training], random_state=random_state)]
    sizes = doubling_sizes(expressions[training]) if sizes is None else sorted(set(map(int, sizes)))
    _check_sizes(sizes, expressions[order])
    rows = []
    for size in sizes:
        sample = np.sort(order[:size])
        sample_votes = None if votes is None else votes[sample]
        model = fit_predictor(clone(pipeline), records[sample], expressions[sample], sample_votes)
        predictions = predict_in_order(model, records[held_out], classes).argmax(axis=1)
        right = int(np.sum(np.array(classes)[predictions] == expressions[held_out]))
        rows.append(
            {
                "n": size,
                "accuracy": right / len(held_out),
                "accuracy_interval": wilson_interval(right, len(held_out)),
                "n_held_out": len(held_out),
            }
        )
    return rows


def stratified_order(expressions, *, random_state=0):
    """Return an order of faces in which the first m faces are a stratified sample, for every m.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    random_state : int, default=0
        Seed of the order within each expression.

    Returns
    -------
    ndarray of shape (n,), int
    """
    generator, positions = np.random.default_rng(random_state), np.empty(len(expressions))
    for name in np.unique(expressions):
        members = np.flatnonzero(expressions == name)
        positions[generator.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(positions, kind="stable")


def doubling_sizes(expressions, *, n_sizes=6, min_rarest=20):
    """Return sample sizes that double up to the number of faces.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    n_sizes : int, default=6
        Maximum number of sizes.
    min_rarest : int, default=20
        Omit samples with fewer faces of the rarest expression, except the one of all faces.

    Returns
    -------
    list of int
    """
    n, rarest = len(expressions), int(np.unique(expressions, return_counts=True)[1].min())
    halvings = [i for i in range(n_sizes) if i == 0 or rarest / 2**i >= min_rarest]
    return [round(n / 2**i) for i in reversed(halvings)]


def _check_groups(groups, training, held_out):
    if not len(training) or not len(held_out):
        raise InputError(
            f"a fold must have faces on both sides, got {len(training)} and {len(held_out)}; use a fold of make_folds"
        )
    shared = np.intersect1d(groups[training], groups[held_out])
    if len(shared):
        raise InputError(
            f"a fold must keep each group on one side, and {len(shared)} are on both, such as {shared[0]}; "
            "use a fold of make_folds"
        )


def _check_sizes(sizes, expressions):
    """Raise InputError unless the first faces of `expressions`, as many as each size, include every expression."""
    smallest = 1 + max(int(np.argmax(expressions == name)) for name in np.unique(expressions))
    if not sizes or sizes[0] < smallest or sizes[-1] > len(expressions):
        raise InputError(
            f"sizes must be from {smallest} (a face of each expression) to {len(expressions)} (all training faces), "
            f"got {', '.join(map(str, sizes)) or 'none'}; give others"
        )
