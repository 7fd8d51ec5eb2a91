"""Several data sets as one: faces side by side, each knowing where it is from and how many times it counts in a fit."""

import hashlib
from dataclasses import replace

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.datasets.base import FaceDataset
from landmark_fer.datasets.near_duplicates import find_near_duplicates

TRAINING = "Training"
MOST_WEIGHT = 100

_SIDE_BY_SIDE = ("records", "expressions", "splits", "subjects", "names", "rows", "detector_scores")


def join(parts, *, weights=None, cache=None):
    """Return several data sets as one.

    Subjects and groups of near-duplicates are kept apart by data set, but for images found on the web, of which two
    data sets may have the same: those are looked for near-duplicates together. Splits keep their names where only one
    data set has them, and get the data set's name added where several do; Training is Training. `rows` count in each
    data set anew.

    Parameters
    ----------
    parts : sequence of FaceDataset
    weights : sequence of int, optional
        How many times the faces of each part count in a fit; by default once.
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If the parts' records are of different kinds, two are the same data, or the weights do not fit them.
    """
    weights = checked_weights(weights, len(parts))
    _check_parts(parts)
    names = _names(parts)
    known = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _SIDE_BY_SIDE}
    counts = [len(part) for part in parts]
    groups, correlations = _near_duplicates(parts, cache)
    subjects = [
        np.where(part.subjects == "", "", np.char.add(f"{name}: ", part.subjects.astype(str)))
        for name, part in zip(names, parts, strict=True)
    ]
    known |= {
        "splits": np.concatenate(_splits(parts, names)),
        "subjects": np.concatenate(subjects),
        "votes": _votes(parts),
        "takes": _takes(parts, names),
        "near_duplicate_groups": groups,
        "near_duplicate_correlations": correlations,
        "weights": np.repeat(weights, counts),
        "origins": np.repeat(names, counts),
    }
    key = hashlib.sha256(repr([part.key for part in parts]).encode()).hexdigest()[:32]
    for kind in ("problems", "remarks"):
        of_parts = [(name, getattr(part, kind)) for name, part in zip(names, parts, strict=True)]
        known[kind] = [f"{name}: {sentence}" for name, sentences in of_parts for sentence in sentences]
    known |= {"n_left_out": sum(part.n_left_out for part in parts)}
    cropped = all(part.cropped for part in parts)
    return FaceDataset(**known, cropped=cropped, source=" + ".join(names), key=key)


def checked_weights(weights, n_parts):
    """Return one weight for each of some data sets, an array of int.

    Raises
    ------
    InputError
        If there are not so many, or one is no whole number from 1 to `MOST_WEIGHT`.
    """
    if weights is None:
        return np.ones(n_parts, dtype=np.int64)
    rule = f"data weights must be one whole number from 1 to {MOST_WEIGHT} for each data set ({n_parts})"
    came = ",".join(f"{weight:g}" if isinstance(weight, float) else str(weight) for weight in weights)
    fits = all(isinstance(weight, (int, np.integer)) and 1 <= weight <= MOST_WEIGHT for weight in weights)
    if not fits or len(weights) != n_parts:
        raise InputError(f"{rule}, got {came}; 1,5 lets each face of the second count five times in a fit")
    return np.array(weights, dtype=np.int64)


def repeated(rows, weights):
    """Return positions, each as many times as its face counts in a fit; as they are where `weights` is None.

    Parameters
    ----------
    rows : ndarray of shape (m,), int
    weights : ndarray of shape (n,), int, or None
        Of all n faces that `rows` are positions among.
    """
    return rows if weights is None else np.repeat(rows, weights[rows])


def _check_parts(parts):
    first = parts[0]
    for part in parts[1:]:
        if part.records.dtype != first.records.dtype:
            raise InputError(
                f"data sets that are joined must hold faces of one kind, and {first.source} has {_kind(first)}, "
                f"{part.source} {_kind(part)}; join data sets with images only"
            )
    keys = [part.key for part in parts]
    twice = next((part for part in parts if keys.count(part.key) > 1), None)
    if twice is not None:
        raise InputError(
            f"each data set must be given once, and {twice.source} is there twice; give it a weight instead"
        )


def _kind(part):
    return ", ".join(f"{name} {part.records.dtype[name].shape}" for name in part.records.dtype.names)


def _names(parts):
    """Return the parts' names, numbered where two have the same."""
    names = [part.source for part in parts]
    return [f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def _splits(parts, names):
    """Return the splits of each part; those that two parts have carry the part's name."""
    words = [set(np.unique(part.splits).tolist()) - {"", TRAINING} for part in parts]
    shared = {word for i, own in enumerate(words) for word in own if any(word in other for other in words[i + 1 :])}
    renamed = []
    for part, name in zip(parts, names, strict=True):
        new = {word: f"{word} of {name}" for word in shared}
        renamed.append(np.array([new.get(word, word) for word in part.splits.tolist()], dtype=str))
    return renamed


def _votes(parts):
    """Return the votes of all faces, rows of 0 where a part has none; None where no part has any."""
    width = next((part.votes.shape[1] for part in parts if part.votes is not None), None)
    if width is None:
        return None
    blank = [np.zeros((len(part), width), np.int64) for part in parts]
    return np.concatenate([none if part.votes is None else part.votes for part, none in zip(parts, blank, strict=True)])


def _takes(parts, names):
    if all(part.takes is None for part in parts):
        return None
    takes = [np.full(len(part), "") if part.takes is None else part.takes for part in parts]
    return np.concatenate(
        [np.where(own == "", "", np.char.add(f"{name}: ", own)) for own, name in zip(takes, names, strict=True)]
    )


def _near_duplicates(parts, cache):
    """Return groups and correlations of all faces: brought by a part, or looked for in all the others together."""
    places = np.cumsum([0, *(len(part) for part in parts)])
    groups, correlations = np.empty(places[-1], np.int64), np.full(places[-1], np.nan, np.float32)
    unaudited = [i for i, part in enumerate(parts) if part.near_duplicate_groups is None]
    offset = 0
    for i in [i for i in range(len(parts)) if i not in unaudited]:
        rows = slice(places[i], places[i + 1])
        own = np.unique(parts[i].near_duplicate_groups, return_inverse=True)[1]
        groups[rows], correlations[rows] = own + offset, parts[i].near_duplicate_correlations
        offset += int(own.max()) + 1
    if unaudited:
        rows = np.concatenate([np.arange(places[i], places[i + 1]) for i in unaudited])
        audit = find_near_duplicates(_together([parts[i] for i in unaudited]), cache=cache)
        groups[rows], correlations[rows] = audit.groups + offset, audit.correlations
    return groups, correlations


def _together(parts):
    """Return the parts to search for near-duplicates as one data set; a single part is returned as it is."""
    if len(parts) == 1:
        return parts[0]
    known = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _SIDE_BY_SIDE}
    key = hashlib.sha256(repr([part.key for part in parts]).encode()).hexdigest()[:32]
    bare = {
        "votes": None,
        "near_duplicate_groups": None,
        "near_duplicate_correlations": None,
        "takes": None,
        "weights": None,
    }
    return replace(parts[0], **known, **bare, origins=None, key=key)
