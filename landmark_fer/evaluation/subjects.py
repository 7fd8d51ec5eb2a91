"""People in a data set: which faces are related, whether there are people enough, intervals that people decide."""

from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.datasets.near_duplicates import near_duplicate_groups
from landmark_fer.evaluation.scores import wilson_interval

SAME_PHOTOGRAPH = 0.98
"""Correlation from which faces of two subjects are one photograph under two names.

Near-duplicates need less; but people who look alike, photographed in one laboratory, reach that, and their names show
that they are two people."""

FOLDS_BY = ("subjects", "faces")
N_DRAWS = 2000


def related_faces(dataset, near_duplicates):
    """Return groups of faces that must not be on both sides of a split: near-duplicates, subjects, and what these join.

    A known subject outranks a likeness: two faces of different known subjects are joined only if they are the same
    photograph. A face whose subject is unknown is joined with all of its near-duplicates.

    Parameters
    ----------
    dataset : FaceDataset
    near-duplicates : ndarray of shape (n,), int
        As from `find_near_duplicates`.

    Returns
    -------
    ndarray of shape (n,), int
    """
    known = dataset.subjects != ""
    if not known.any():
        return near_duplicates
    subjects = np.unique(dataset.subjects, return_inverse=True)[1]
    named = np.flatnonzero(known)
    links = [(named, subjects[named])]
    with_stranger = np.isin(near_duplicates, near_duplicates[~known])
    links.append((np.flatnonzero(with_stranger), near_duplicates[with_stranger]))
    suspicious = named[np.isin(near_duplicates[named], _of_several(near_duplicates[named], subjects[named]))]
    if len(suspicious) and "chip" in dataset.records.dtype.names:
        links.append((suspicious, near_duplicate_groups(dataset.records[suspicious], threshold=SAME_PHOTOGRAPH)))
    return _components(len(dataset), links)


def known_people(subjects, is_training=None, *, against=None):
    """Return which faces are of a subject who is among the training faces, shape (n,), bool; of unknown ones False.

    Parameters
    ----------
    subjects : ndarray of shape (n,), str
    is_training : ndarray of shape (n,), bool, optional
        Where the training faces are among them.
    against : ndarray of shape (m,), str, optional
        The subjects of the training faces, by default those of `is_training`. Equal names count as one person.
    """
    learnt = subjects[is_training] if against is None else against
    return (subjects != "") & np.isin(subjects, learnt)


def people_in_folds(dataset, by="subjects"):
    """Return the data set that folds are to be made of, and a warning for the model's card.

    Parameters
    ----------
    dataset : FaceDataset
    by : {"subjects", "faces"}, default="subjects"
        "faces" forgets who is who, so that a person may be on both sides of a split.

    Returns
    -------
    FaceDataset
    str
        "" where folds go by subject, or nobody is known anyway.

    Raises
    ------
    InputError
        If `by` is none of its words.
    """
    if by not in FOLDS_BY:
        raise InputError(f"folds_by must be one of {', '.join(FOLDS_BY)}, got {by!r}")
    people = np.unique(dataset.subjects[dataset.subjects != ""])
    if by == "subjects" or not len(people):
        return dataset, ""
    nobody = np.full(len(dataset), "", dtype=np.str_)
    key = f"{dataset.key}-by-faces" if dataset.key else ""
    warning = (
        f"As asked, folds and held-out faces ignore who is seen ({len(people):,} subjects are known): the figures are "
        "of people whom the model knows, and too high for others."
    )
    return replace(dataset, subjects=nobody, key=key), warning


def check_enough_subjects(dataset, groups, *, n_folds, held_out=False):
    """Raise if a data set's subjects are too few for the folds asked for; where none is known, nothing is asked.

    Parameters
    ----------
    dataset : FaceDataset
    groups : ndarray of shape (n,)
        As from `related_faces`.
    n_folds : int
    held_out : bool, default=False
        Whether one fold of this many is held out first.

    Raises
    ------
    DataError
    """
    if n_folds < 2 or not (dataset.subjects != "").any():
        return
    counts = {name: len(np.unique(groups[dataset.expressions == name])) for name in dataset.classes}
    rarest = min(counts, key=counts.get)
    if _enough(counts[rarest], n_folds, held_out):
        return
    fewer = next((each for each in range(n_folds - 1, 1, -1) if _enough(counts[rarest], each, held_out)), None)
    mend = "add people" if fewer is None else f"use --folds {fewer}"
    folds = f"{n_folds} folds{' after one that is held out' if held_out else ''}"
    raise DataError(
        f"{folds} need {_needed(n_folds, held_out)} unrelated subjects for each expression, and {dataset.source} has "
        f"{counts[rarest]} for {rarest}; {mend}, or --folds-by faces, which scores people whom the model knows"
    )


def grouped_interval(right, groups, *, n_draws=N_DRAWS, random_state=0):
    """Return the interval that holds an accuracy at 95 % when whole groups of faces are drawn anew.

    Faces of one person are right or wrong together, so a hundred faces of ten people say little more than ten.

    Parameters
    ----------
    right : ndarray of shape (n,), bool
    groups : ndarray of shape (n,)
        Of at least two values.
    n_draws : int, default=2000
    random_state : int, default=0

    Returns
    -------
    tuple of float
        From the 2.5th to the 97.5th percentile of the draws, and never narrower than if all faces were unrelated:
        few people who are all read alike do not make certainty.

    References
    ----------
    .. [1] Efron and Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993.
    """
    members = np.unique(groups, return_inverse=True)[1]
    hits, sizes = np.bincount(members, weights=right), np.bincount(members)
    generator, accuracies = np.random.default_rng(random_state), np.empty(n_draws)
    for draw in range(n_draws):
        chosen = generator.integers(len(sizes), size=len(sizes))
        accuracies[draw] = hits[chosen].sum() / sizes[chosen].sum()
    low, high = np.quantile(accuracies, (0.025, 0.975))
    least, most = wilson_interval(np.sum(right), len(right))
    return float(min(low, least)), float(max(high, most))


def scores_by_subject(faces, probabilities, classes, *, leak_free=None):
    """Return what goes over the result of `score`: intervals that whole people decide, or whole takes of one person.

    Parameters
    ----------
    faces : FaceDataset
    probabilities : ndarray of shape (n, k)
        Of its faces, columns in the order of `classes`.
    classes : sequence of str
    leak_free : ndarray of shape (n,), bool, optional
        As for `score`.

    Returns
    -------
    dict
        ``n_subjects`` (0: none known) and ``interval_by``: "subjects" if every face is of one of two subjects or more,
        else "takes" if it is of one of two takes or more, with ``accuracy_interval`` and where it is known
        ``accuracy_leak_free_interval``; else "faces".
    """
    about = {"n_subjects": len(np.unique(faces.subjects[faces.subjects != ""])), "interval_by": "faces"}
    kinds = {"subjects": faces.subjects, "takes": faces.takes}
    by = next((name for name, groups in kinds.items() if groups is not None and _are_several(groups)), None)
    if by is None:
        return about
    right = np.array(classes)[probabilities.argmax(axis=1)] == faces.expressions
    about |= {"interval_by": by, "accuracy_interval": grouped_interval(right, kinds[by])}
    if leak_free is not None and _are_several(kinds[by][leak_free]):
        about["accuracy_leak_free_interval"] = grouped_interval(right[leak_free], kinds[by][leak_free])
    return about


def _are_several(groups):
    return bool((groups != "").all()) and len(np.unique(groups)) > 1


def _needed(n_folds, held_out):
    return next(count for count in range(n_folds, 3 * n_folds + 3) if _enough(count, n_folds, held_out))


def _enough(count, n_folds, held_out):
    """Whether folds of groups leave each expression a group for each; a fold that is held out takes its share first."""
    return count - (-(-count // n_folds) if held_out else 0) >= n_folds


def _of_several(near_duplicates, subjects):
    """Return the groups of near-duplicates that have faces of more than one subject."""
    pairs = np.unique(np.stack([near_duplicates, subjects]), axis=1)
    groups, counts = np.unique(pairs[0], return_counts=True)
    return groups[counts > 1]


def _components(n, links):
    """Return the connected components of n faces; faces with the same label in one of the links are connected."""
    rows, columns, n_nodes = [], [], n
    for faces, labels in links:
        labels = np.unique(labels, return_inverse=True)[1]
        rows.append(faces)
        columns.append(n_nodes + labels)
        n_nodes += int(labels.max(initial=-1)) + 1
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(n_nodes, n_nodes))
    found = connected_components(graph, directed=False)[1][:n]
    return np.unique(found, return_inverse=True)[1]
