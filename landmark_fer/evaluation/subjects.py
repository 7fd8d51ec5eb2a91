"""Subjects and related faces: which faces must stay on one side of a split."""

from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.datasets.near_duplicates import near_duplicate_groups

SAME_PHOTOGRAPH = 0.98
"""Correlation from which faces of two subjects are the same photograph under two names.

The threshold of near-duplicates is lower, but people who look alike, photographed in one laboratory, exceed that one.
"""

FOLDS_BY = ("subjects", "faces")


def related_faces(dataset, near_duplicates):
    """Return groups of related faces: near-duplicates and images of one subject, joined where they overlap.

    Faces of two different known subjects are related only if they are the same photograph. A face of an unknown
    subject is related to all of its near-duplicates.

    Parameters
    ----------
    dataset : FaceDataset
    near_duplicates : ndarray of shape (n,), int
        Groups as from `find_near_duplicates`.

    Returns
    -------
    ndarray of shape (n,), int
        Faces with the same number must stay on one side of a split.
    """
    is_named = dataset.subjects != ""
    if not is_named.any():
        return near_duplicates
    subjects = np.unique(dataset.subjects, return_inverse=True)[1]
    named = np.flatnonzero(is_named)
    links = [(named, subjects[named])]
    with_unknown = np.isin(near_duplicates, near_duplicates[~is_named])
    links.append((np.flatnonzero(with_unknown), near_duplicates[with_unknown]))
    mixed = named[np.isin(near_duplicates[named], _groups_of_several(near_duplicates[named], subjects[named]))]
    if len(mixed) and "chip" in dataset.records.dtype.names:
        links.append((mixed, near_duplicate_groups(dataset.records[mixed], threshold=SAME_PHOTOGRAPH)))
    return _components(len(dataset), links)


def in_training(subjects, training_subjects):
    """Return which faces belong to a subject of the training faces, shape (n,), bool.

    Parameters
    ----------
    subjects : ndarray of shape (n,), str
        "" where unknown, for which the result is False.
    training_subjects : ndarray of shape (m,), str
        Equal names count as one person.
    """
    return (subjects != "") & np.isin(subjects, training_subjects)


def dataset_for_folds(dataset, by="subjects"):
    """Return the data set to make folds of, and a warning for the model card.

    Parameters
    ----------
    dataset : FaceDataset
    by : {"subjects", "faces"}, default="subjects"
        "faces" removes the subjects, so that one person may be on both sides of a split.

    Returns
    -------
    FaceDataset
    str
        "" if folds keep subjects together, or no subject is known.

    Raises
    ------
    InputError
        If `by` is neither of the two.
    """
    if by not in FOLDS_BY:
        raise InputError(f"folds_by must be one of {', '.join(FOLDS_BY)}, got {by!r}")
    subjects = np.unique(dataset.subjects[dataset.subjects != ""])
    if by == "subjects" or not len(subjects):
        return dataset, ""
    key = f"{dataset.key}-by-faces" if dataset.key else ""
    warning = (
        f"As requested, folds and held-out faces ignore subjects ({len(subjects):,} are known): the scores are for "
        "people in the training data, and too high for others."
    )
    return replace(dataset, subjects=np.full(len(dataset), "", dtype=np.str_), key=key), warning


def check_enough_subjects(dataset, groups, *, n_folds, held_out=False):
    """Raise DataError if there are too few subjects for the folds; do nothing if no subject is known.

    Parameters
    ----------
    dataset : FaceDataset
    groups : ndarray of shape (n,)
        As from `related_faces`.
    n_folds : int
    held_out : bool, default=False
        Whether one fold of this many is held out before the others are made.
    """
    if n_folds < 2 or not (dataset.subjects != "").any():
        return
    counts = count_units(dataset, groups)
    rarest = min(counts, key=counts.get)
    if counts[rarest] >= _needed(n_folds, held_out):
        return
    possible = next((n for n in range(n_folds - 1, 1, -1) if counts[rarest] >= _needed(n, held_out)), None)
    remedy = "add people" if possible is None else f"use --folds {possible}"
    folds = f"{n_folds} folds{' after one that is held out' if held_out else ''}"
    raise DataError(
        f"{folds} need {_needed(n_folds, held_out)} unrelated subjects for each expression, and {dataset.source} has "
        f"{counts[rarest]} for {rarest}; {remedy}, or --folds-by faces, which scores people in the training data"
    )


def count_units(dataset, units):
    """Return how many different values of `units`, such as subjects, each expression has."""
    return {name: len(np.unique(units[dataset.expressions == name])) for name in dataset.classes}


def _needed(n_folds, held_out):
    """Return the number of groups that gives each fold one, after a fold is held out if so."""
    counts = range(n_folds, 3 * n_folds + 3)
    return next(count for count in counts if count - (-(-count // n_folds) if held_out else 0) >= n_folds)


def _groups_of_several(near_duplicates, subjects):
    """Return the groups of near-duplicates that hold faces of more than one subject."""
    pairs = np.unique(np.stack([near_duplicates, subjects]), axis=1)
    groups, counts = np.unique(pairs[0], return_counts=True)
    return groups[counts > 1]


def _components(n, links):
    """Return the connected components of n faces; equal labels within one of the links connect faces."""
    rows, columns, n_nodes = [], [], n
    for faces, labels in links:
        labels = np.unique(labels, return_inverse=True)[1]
        rows.append(faces)
        columns.append(n_nodes + labels)
        n_nodes += int(labels.max(initial=-1)) + 1
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(n_nodes, n_nodes))
    components = connected_components(graph, directed=False)[1][:n]
    return np.unique(components, return_inverse=True)[1]
