"""Which faces a network learns from, and which it is tested on: of few people, too."""

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.evaluation.splits import TRAINING, split_faces
from landmark_fer.evaluation.subjects import related_faces

FEWEST_LEARNT = 2  # unrelated faces of each expression: one to learn from, one to watch


def split_for_networks(dataset, *, n_folds=5, random_state=0, cache=None):
    """Divide a data set as `split_faces` does, for training that needs no folds.

    Without an official split one part of `n_folds` is held out, or of as many as there are unrelated faces of the
    rarest expression.

    Parameters
    ----------
    dataset : FaceDataset
    n_folds : int, default=5
    random_state : int, default=0
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    SplitFaces

    Raises
    ------
    DataError
        If an expression has too few unrelated faces to be learnt from, watched and, where there is no official split,
        held out.
    """
    groups = related_faces(dataset, find_near_duplicates(dataset, cache=cache).groups)
    is_training = dataset.splits == TRAINING
    official = is_training.any() and not is_training.all()
    learnable = is_training if official else np.ones(len(dataset), dtype=bool)
    counts = {name: len(np.unique(groups[learnable & (dataset.expressions == name)])) for name in dataset.classes}
    rarest = min(counts, key=counts.get)
    if counts[rarest] < FEWEST_LEARNT + (not official):
        raise DataError(_too_few(dataset, counts, rarest, official))
    options = {"n_folds": min(n_folds, counts[rarest]), "n_after": 0, "random_state": random_state, "cache": cache}
    return split_faces(dataset, **options)


def _too_few(dataset, counts, rarest, official):
    needed = FEWEST_LEARNT + (not official)
    purposes = "one to learn from and one to watch" if official else "one to learn from, one to watch and one to test"
    people = bool((dataset.subjects != "").any())
    enough = [name for name, count in counts.items() if count >= needed]
    mends = ["add people" if people else "add faces"]
    mends += [f"leave it out with --expressions {','.join(enough)}"] if len(enough) > 1 else []
    mends += ["--folds-by faces, which scores people whom the model knows"] if people else []
    return (
        f"a network needs {needed} unrelated {'subjects' if people else 'faces'} for each expression, {purposes}, and "
        f"{dataset.source} has {counts[rarest]} for {rarest}; {', or '.join(mends)}"
    )
