"""Learning curves: what a model reaches with fewer faces, and so what more faces would be worth."""

import numpy as np
from sklearn.base import clone

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.comparison import align_columns
from landmark_fer.evaluation.scores import class_columns, wilson_interval
from landmark_fer.models.base import fit_predictor, predict_in_order


def learning_curve(pipeline, records, expressions, groups, classes, *, fold, votes=None, sizes=None, random_state=0):
    """Fit a pipeline on growing samples of a fold's training side and score each on its held-out side.

    The samples are stratified, and each holds the one before it.

    Parameters
    ----------
    pipeline : estimator
        Takes face records; left unfitted.
    records : ndarray of shape (n,)
        Face records.
    expressions : ndarray of shape (n,), str
    groups : ndarray of shape (n,)
        Near-duplicates, and images of one subject, share a group; none may be on both sides of the fold.
    classes : sequence of str
    fold : (ndarray, ndarray)
        Rows to sample from and rows held out, such as one of those from `make_folds`.
    votes : ndarray of shape (n, m), optional
        For pipelines that learn from them, as `fit_predictor`.
    sizes : sequence of int, optional
        Faces in each sample; by default `doubling_sizes`.
    random_state : int, default=0

    Returns
    -------
    list of dict
        ``n, accuracy, accuracy_interval, n_held_out`` for each size, the smallest first. The interval is that of the
        held-out faces, not of the draw of the sample.

    Raises
    ------
    InputError
        If a group is on both sides, a size is more than there are, or a sample would lack an expression.
    """
    training, held_out = map(np.asarray, fold)
    _check_apart(groups, training, held_out)
    class_columns(expressions, classes)
    order = training[stratified_order(expressions[training], random_state=random_state)]
    sizes = doubling_sizes(expressions[training]) if sizes is None else sorted(set(map(int, sizes)))
    _check_sizes(sizes, expressions[order])
    rows = []
    for size in sizes:
        sample = np.sort(order[:size])
        of_sample = None if votes is None else votes[sample]
        model = fit_predictor(clone(pipeline), records[sample], expressions[sample], of_sample)
        predictions = predict_in_order(model, records[held_out], classes).argmax(axis=1)
        right = int(np.sum(np.array(classes)[predictions] == expressions[held_out]))
        interval = wilson_interval(right, len(held_out))
        share = right / len(held_out)
        rows.append({"n": size, "accuracy": share, "accuracy_interval": interval, "n_held_out": len(held_out)})
    return rows


def stratified_order(expressions, *, random_state=0):
    """Return an order of faces in which the first m hold each expression in its share, whatever m is.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    random_state : int, default=0
        Which faces of an expression come first.

    Returns
    -------
    ndarray of shape (n,), int
    """
    generator, places = np.random.default_rng(random_state), np.empty(len(expressions))
    for name in np.unique(expressions):
        members = np.flatnonzero(expressions == name)
        places[generator.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(places, kind="stable")


def doubling_sizes(expressions, *, n_sizes=6, fewest=20):
    """Return sizes of samples, each twice the one before, the last all faces.

    Parameters
    ----------
    expressions : ndarray of shape (n,), str
    n_sizes : int, default=6
        At most so many.
    fewest : int, default=20
        A sample that would have fewer faces of the rarest expression is left out, unless it is that of all faces.

    Returns
    -------
    list of int
    """
    n, rarest = len(expressions), int(np.unique(expressions, return_counts=True)[1].min())
    sizes = [round(n / 2**halvings) for halvings in range(n_sizes) if halvings == 0 or rarest / 2**halvings >= fewest]
    return sizes[::-1]


def format_learning_curve(rows):
    """Return the rows of `learning_curve` as a plain-text table; the gain is over the line before."""
    cells, before = [("faces", "accuracy", "95 % interval", "gain")], None
    for row in rows:
        low, high = (100 * end for end in row["accuracy_interval"])
        gain = "" if before is None else f"{100 * (row['accuracy'] - before):+.1f}"
        cells.append((f"{row['n']:,}", f"{100 * row['accuracy']:.1f}", f"{low:.1f} - {high:.1f}", gain))
        before = row["accuracy"]
    return align_columns(cells)


def _check_apart(groups, training, held_out):
    if not len(training) or not len(held_out):
        raise InputError(
            f"a fold must have faces on both sides, got {len(training)} and {len(held_out)}; take one of make_folds"
        )
    shared = np.intersect1d(groups[training], groups[held_out])
    if len(shared):
        raise InputError(
            f"a fold must keep each group on one side, and {len(shared)} are on both, such as {shared[0]}; "
            "take one of make_folds"
        )


def _check_sizes(sizes, expressions):
    """Raise InputError unless every sample, a beginning of `expressions`, holds each expression."""
    needed = 1 + max(int(np.argmax(expressions == name)) for name in np.unique(expressions))
    if not sizes or sizes[0] < needed or sizes[-1] > len(expressions):
        came = ", ".join(map(str, sizes)) or "none"
        raise InputError(
            f"sizes must be from {needed} (a face of each expression) to {len(expressions)} (all to fit on), "
            f"got {came}; give others"
        )
