"""Joining data sets: faces of several sources in one FaceDataset, with their origin and weight."""

import hashlib
from dataclasses import replace

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.datasets.base import FaceDataset
from landmark_fer.datasets.near_duplicates import find_near_duplicates

TRAINING = "Training"
MAX_WEIGHT = 100

_CONCATENATED = ("records", "expressions", "splits", "subjects", "names", "rows", "detector_scores")


def join(parts, *, weights=None, cache=None):
    """Return several data sets as one.

    Subjects and stored groups of near-duplicates of different data sets stay apart. Data sets without stored groups are
    searched for near-duplicates together, since two may hold the same photograph. Splits keep their names where only
    one data set has them, and get the data set's name added where several do; Training stays Training. `rows` start
    from 0 in each data set.

    Parameters
    ----------
    parts : sequence of FaceDataset
    weights : sequence of int, optional
        How many times the faces of each part count when a model is fitted; by default once.
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If the parts' records have different fields, two parts are the same data, or the weights do not match them.
    """
    weights = checked_weights(weights, len(parts))
    _check_parts(parts)
    names = _unique_names(parts)
    counts = [len(part) for part in parts]
    groups, correlations = _near_duplicates(parts, cache)
    columns = _concatenated(parts)
    columns["splits"] = np.concatenate(_splits(parts, names))
    columns["subjects"] = np.concatenate(
        [_prefixed(name, part.subjects) for name, part in zip(names, parts, strict=True)]
    )
    return FaceDataset(
        **columns,
        cropped=all(part.cropped for part in parts),
        source=" + ".join(names),
        key=_key(parts),
        problems=[f"{name}: {each}" for name, part in zip(names, parts, strict=True) for each in part.problems],
        remarks=[f"{name}: {each}" for name, part in zip(names, parts, strict=True) for each in part.remarks],
        n_left_out=sum(part.n_left_out for part in parts),
        votes=_votes(parts),
        near_duplicate_groups=groups,
        near_duplicate_correlations=correlations,
        weights=np.repeat(weights, counts),
        takes=_takes(parts, names),
        origins=np.repeat(names, counts),
    )


def checked_weights(weights, n_parts):
    """Return one weight for each of some data sets, an array of int.

    Raises
    ------
    InputError
        If the number of weights differs, or one is not a whole number from 1 to `MAX_WEIGHT`.
    """
    if weights is None:
        return np.ones(n_parts, dtype=np.int64)
    valid = all(isinstance(weight, (int, np.integer)) and 1 <= weight <= MAX_WEIGHT for weight in weights)
    if not valid or len(weights) != n_parts:
        actual = ",".join(f"{weight:g}" if isinstance(weight, float) else str(weight) for weight in weights)
        raise InputError(
            f"data weights must be one whole number from 1 to {MAX_WEIGHT} for each data set ({n_parts}), "
            f"got {actual}; with 1,5 each face of the second data set counts five times when a model is fitted"
        )
    return np.array(weights, dtype=np.int64)


def repeated(rows, weights):
    """Return positions, each as many times as the weight of its face; unchanged where `weights` is None.

    Parameters
    ----------
    rows : ndarray of shape (m,), int
    weights : ndarray of shape (n,), int, or None
        Weights of all n faces that `rows` point to.
    """
    return rows if weights is None else np.repeat(rows, weights[rows])


def _check_parts(parts):
    first = parts[0]
    for part in parts[1:]:
        if part.records.dtype != first.records.dtype:
            raise InputError(
                f"data sets to join must have records with the same fields: {first.source} has {_fields(first)}, "
                f"{part.source} {_fields(part)}; join data sets with images only"
            )
    keys = [part.key for part in parts]
    repeated_part = next((part for part in parts if keys.count(part.key) > 1), None)
    if repeated_part is not None:
        raise InputError(
            f"each data set must be given once, got {repeated_part.source} twice; give it a weight instead"
        )


def _fields(part):
    return ", ".join(f"{name} {part.records.dtype[name].shape}" for name in part.records.dtype.names)


def _unique_names(parts):
    """Return the parts' names, numbered where two have the same."""
    names = [part.source for part in parts]
    return [f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def _key(parts):
    return hashlib.sha256(repr([part.key for part in parts]).encode()).hexdigest()[:32]


def _concatenated(parts):
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in _CONCATENATED}


def _prefixed(name, words):
    """Return words with the name of their data set in front; "" stays ""."""
    return np.where(words == "", "", np.char.add(f"{name}: ", words.astype(str)))


def _splits(parts, names):
    """Return the splits of each part; those that two parts have get the part's name added."""
    words = [set(np.unique(part.splits).tolist()) - {"", TRAINING} for part in parts]
    shared = {word for i, own in enumerate(words) for word in own if any(word in other for other in words[i + 1 :])}
    renamed = []
    for part, name in zip(parts, names, strict=True):
        new_names = {word: f"{word} of {name}" for word in shared}
        renamed.append(np.array([new_names.get(word, word) for word in part.splits.tolist()], dtype=str))
    return renamed


def _votes(parts):
    """Return the votes of all faces, rows of 0 where a part has none; None where no part has any."""
    width = next((part.votes.shape[1] for part in parts if part.votes is not None), None)
    if width is None:
        return None
    return np.concatenate(
        [np.zeros((len(part), width), np.int64) if part.votes is None else part.votes for part in parts]
    )


def _takes(parts, names):
    if all(part.takes is None for part in parts):
        return None
    takes = [np.full(len(part), "") if part.takes is None else part.takes for part in parts]
    return np.concatenate([_prefixed(name, own) for name, own in zip(names, takes, strict=True)])


def _near_duplicates(parts, cache):
    """Return groups and correlations of all faces: stored ones, and those of a search in the other parts together."""
    starts = np.cumsum([0, *(len(part) for part in parts)])
    groups, correlations = np.empty(starts[-1], np.int64), np.full(starts[-1], np.nan, np.float32)
    offset, to_search = 0, []
    for i, part in enumerate(parts):
        if part.near_duplicate_groups is None:
            to_search.append(i)
            continue
        rows = slice(starts[i], starts[i + 1])
        own_groups = np.unique(part.near_duplicate_groups, return_inverse=True)[1]
        groups[rows], correlations[rows] = own_groups + offset, part.near_duplicate_correlations
        offset += int(own_groups.max()) + 1
    if to_search:
        rows = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in to_search])
        near_duplicates = find_near_duplicates(_for_search([parts[i] for i in to_search]), cache=cache)
        groups[rows], correlations[rows] = near_duplicates.groups + offset, near_duplicates.correlations
    return groups, correlations


def _for_search(parts):
    """Return the parts as one data set without optional columns; a single part unchanged."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        **_concatenated(parts),
        key=_key(parts),
        votes=None,
        near_duplicate_groups=None,
        near_duplicate_correlations=None,
        weights=None,
        takes=None,
        origins=None,
    )
