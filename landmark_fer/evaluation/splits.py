"""Training and test faces: the official split, or a held-out part that shares no related faces with the rest."""

from dataclasses import dataclass, replace

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.core.records import record_dtype
from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.evaluation.cross_validation import make_folds
from landmark_fer.evaluation.subjects import check_enough_subjects, count_units, in_training, related_faces

TRAINING = "Training"
HELD_OUT = "held out"
HELD_OUT_SHARE = 5
"""One of this many subjects or takes is held out."""
MIN_SUBJECTS = 3
"""Subjects that each expression needs for folds by subject: one held out, and two for folds."""
MIN_NETWORK_FACES = 2
"""Unrelated training faces that a network needs of each expression: one to train on, one for validation."""


@dataclass(frozen=True, eq=False)
class TestFaces:
    """One set of test faces.

    Attributes
    ----------
    name : str
        The official split, or "held out".
    rows : ndarray of shape (m,), int
        Positions in the data set.
    leak_free : ndarray of shape (m,), bool
        The faces without a near-duplicate or a known subject among the training faces.
    """

    name: str
    rows: np.ndarray
    leak_free: np.ndarray


@dataclass(frozen=True, eq=False)
class SplitFaces:
    """Training faces with their groups, and the sets of test faces.

    Attributes
    ----------
    training : ndarray of shape (n,), int
        Positions in the data set.
    groups : ndarray of shape (n,), int
        Near-duplicates, and images of one subject, share a group.
    tests : tuple of TestFaces
    """

    training: np.ndarray
    groups: np.ndarray
    tests: tuple


def split_faces(dataset, *, n_folds=5, n_after=None, random_state=0, cache=None):
    """Split a data set by its official split, or hold out one grouped fold where it has none.

    Parameters
    ----------
    dataset : FaceDataset
    n_folds : int, default=5
        Without an official split, one fold of this many is held out.
    n_after : int, optional
        Number of folds that the training faces must have enough subjects for; by default `n_folds`, 0 for no folds.
    random_state : int, default=0
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    SplitFaces

    Raises
    ------
    DataError
        If subjects are known and an expression has fewer of them than there are folds.
    """
    near_duplicates = find_near_duplicates(dataset, cache=cache)
    groups = related_faces(dataset, near_duplicates.groups)
    n_after = n_folds if n_after is None else n_after
    is_training = dataset.splits == TRAINING
    if has_official_split(dataset):
        names = {name for name in dataset.splits[~is_training].tolist() if name}
        leak_free = near_duplicates.leak_free & ~in_training(dataset.subjects, dataset.subjects[is_training])
        tests = [
            TestFaces(name, np.flatnonzero(dataset.splits == name), leak_free[dataset.splits == name])
            for name in sorted(names, key=lambda name: (name != "PublicTest", name))
        ]
        training = np.flatnonzero(is_training)
        check_enough_subjects(dataset.take(training), groups[training], n_folds=n_after)
    else:
        check_enough_subjects(dataset, groups, n_folds=n_after, held_out=True)
        training, held_out = make_folds(dataset.expressions, groups, n_folds=n_folds, random_state=random_state)[0]
        tests = [TestFaces(HELD_OUT, held_out, np.ones(len(held_out), dtype=bool))]
    return SplitFaces(training, groups[training], tuple(tests))


def split_for_networks(dataset, *, n_folds=5, random_state=0, cache=None):
    """Split a data set as `split_faces` does, for training without cross-validation.

    Without an official split, one fold of `n_folds` is held out, or of as many as the rarest expression has unrelated
    faces.

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
        If an expression has too few unrelated faces for training, validation and, where there is no official split,
        testing.
    """
    groups = related_faces(dataset, find_near_duplicates(dataset, cache=cache).groups)
    official = has_official_split(dataset)
    available = dataset.splits == TRAINING if official else np.ones(len(dataset), dtype=bool)
    counts = {name: len(np.unique(groups[available & (dataset.expressions == name)])) for name in dataset.classes}
    rarest = min(counts, key=counts.get)
    if counts[rarest] < MIN_NETWORK_FACES + (not official):
        raise DataError(_too_few_for_networks(dataset, counts, rarest, official))
    n_folds = min(n_folds, counts[rarest])
    return split_faces(dataset, n_folds=n_folds, n_after=0, random_state=random_state, cache=cache)


def has_official_split(dataset):
    """Return whether some faces of a data set are in the split Training and others are not."""
    is_training = dataset.splits == TRAINING
    return bool(is_training.any() and not is_training.all())


def has_chips(dataset):
    """Return whether the faces have chips. Faces of the geometry table have landmarks only."""
    return dataset.records.dtype != record_dtype()


@dataclass(frozen=True, eq=False)
class PreparedDataset:
    """A data set with splits, and how they were made.

    Attributes
    ----------
    dataset : FaceDataset
        `splits` are filled in where it had none. `subjects` are removed where folds go by takes.
    n_folds : int
        The requested number of folds, or fewer.
    sentences : list of str
        How faces are held out, and what the scores apply to.
    """

    dataset: object
    n_folds: int
    sentences: list


def prepare_folds(dataset, *, n_folds=5, random_state=0):
    """Fill in the splits of collected and of merged data sets; return any other data set unchanged.

    Parameters
    ----------
    dataset : FaceDataset
    n_folds : int, default=5
    random_state : int, default=0

    Returns
    -------
    PreparedDataset

    Raises
    ------
    DataError
        If a collected data set has too few subjects or takes to hold some out and make folds of the rest.
    """
    if dataset.origins is not None:
        return _prepare_merged(dataset, n_folds, random_state)
    if dataset.takes is not None:
        return _prepare_collected(dataset, n_folds, random_state)
    return PreparedDataset(dataset, n_folds, [])


def _prepare_collected(dataset, n_folds, random_state):
    """Hold out subjects of a collected data set if there are several, else takes."""
    subjects = np.unique(dataset.subjects[dataset.subjects != ""])
    by_subject = len(subjects) > 1
    if by_subject:
        name, count = _rarest(count_units(dataset, dataset.subjects))
        if count < MIN_SUBJECTS:
            raise DataError(
                f"folds by people need {MIN_SUBJECTS} people for each expression, and {dataset.source} has {count} "
                f"for {name}; record more people, or use --folds-by faces, which holds out takes"
            )
        held_out = _held_out_subjects(dataset, random_state)
    else:
        held_out = _held_out_takes(dataset)
    units = dataset.subjects if by_subject else dataset.takes
    name, count = _rarest(count_units(dataset.take(~held_out), units[~held_out]))
    if count < 2 or not held_out.any():
        raise DataError(
            f"own data need 3 takes of each expression, one to be held out and two for folds, and {dataset.source} has "
            f"{count} of {name}; collect more rounds, or add --data of another data set"
        )
    sentences = [_describe_held_out(subjects, by_subject)]
    if count < n_folds:
        unit = "people" if by_subject else "takes"
        sentences.append(f"There are {count} folds instead of {n_folds}, because {name} has only {count} {unit}.")
    prepared = replace(
        dataset,
        splits=np.where(held_out, HELD_OUT, TRAINING),
        near_duplicate_correlations=_correlations(dataset, held_out, leak_free=by_subject),
    )
    if not by_subject:
        prepared = replace(prepared, subjects=np.full(len(dataset), ""))
    return PreparedDataset(prepared, min(n_folds, count), sentences)


def _describe_held_out(subjects, by_subject):
    if by_subject:
        return f"All faces of a held-out person are held out, and folds go by people ({len(subjects)} of them)."
    who = f"one person ({subjects[0]})" if len(subjects) else "people in the training data"
    return (
        f"The last takes of each expression are held out, and folds go by takes: all scores are for {who}, on takes "
        "that were not used to fit, and do not carry over to other people."
    )


def _prepare_merged(dataset, n_folds, random_state):
    """Hold out a part of each merged data set that has no official split."""
    splits, correlations = dataset.splits.astype(object), dataset.near_duplicate_correlations.copy()
    origins, sentences = list(dict.fromkeys(dataset.origins.tolist())), []
    for origin in origins:
        rows = np.flatnonzero(dataset.origins == origin)
        part = dataset.take(rows)
        if has_official_split(part):
            continue
        held_out, sentence = _held_out_of(part, origin, n_folds, random_state)
        splits[rows] = np.where(held_out, f"{HELD_OUT} of {origin}", TRAINING)
        has_takes = part.takes is not None and (part.takes[held_out] != "").any()
        shared = {*part.subjects[held_out].tolist()} & {*part.subjects[~held_out].tolist()} - {""}
        correlations[rows] = _correlations(part, held_out, leak_free=not (has_takes and shared))
        sentences.append(sentence)
    weights = {origin: dataset.weights[dataset.origins == origin] for origin in origins}
    weighted = [f"each face of {origin} counts {each[0]} times" for origin, each in weights.items() if (each > 1).any()]
    if weighted:
        sentences.append(f"In a fit {' and '.join(weighted)}; in scores every face counts once.")
    prepared = replace(dataset, splits=splits.astype(str), near_duplicate_correlations=correlations)
    return PreparedDataset(prepared, n_folds, sentences)


def _held_out_of(part, origin, n_folds, random_state):
    """Return the mask of the held-out faces of one merged data set, and a sentence about it."""
    if part.takes is not None and (part.takes != "").all():
        if _rarest(count_units(part, part.subjects))[1] >= MIN_SUBJECTS:
            return _held_out_subjects(part, random_state), f"All faces of some people in {origin} are held out."
        held_out = _held_out_takes(part)
        if not held_out.any():
            return held_out, f"Of {origin} nothing is held out, because no expression has two takes."
        sentence = f"Of {origin}, the last takes of each expression are held out: people in the training data."
        return held_out, sentence
    try:
        groups = related_faces(part, part.near_duplicate_groups)
        rows = make_folds(part.expressions, groups, n_folds=max(n_folds, 2), random_state=random_state)[0][1]
    except DataError:
        return np.zeros(len(part), dtype=bool), f"Of {origin} nothing is held out, because it is too small."
    held_out = np.isin(np.arange(len(part)), rows)
    return held_out, f"Of {origin}, one fold is held out; near-duplicates and subjects stay together."


def _held_out_subjects(dataset, random_state):
    n_folds = min(HELD_OUT_SHARE, *count_units(dataset, dataset.subjects).values())
    folds = make_folds(dataset.expressions, dataset.subjects, n_folds=n_folds, random_state=random_state)
    return np.isin(np.arange(len(dataset)), folds[0][1])


def _held_out_takes(dataset):
    """Return the mask of the last takes of each expression and subject that has two or more."""
    subjects = np.array([take.rpartition(", ")[0] for take in dataset.takes.tolist()])
    held_out = np.zeros(len(dataset), dtype=bool)
    for subject in np.unique(subjects):
        for expression in dataset.classes:
            own = (subjects == subject) & (dataset.expressions == expression)
            takes = np.unique(dataset.near_duplicate_groups[own])  # numbered in the order of rounds
            if len(takes) > 1:
                last = takes[-max(1, len(takes) // HELD_OUT_SHARE) :]
                held_out |= own & np.isin(dataset.near_duplicate_groups, last)
    return held_out


def _rarest(counts):
    """Return the expression with the lowest count, and the count."""
    name = min(counts, key=counts.get)
    return name, counts[name]


def _correlations(dataset, held_out, *, leak_free):
    """Return near-duplicate correlations with 0 for held-out faces if they are leak-free, else NaN (unknown)."""
    return np.where(held_out, 0.0 if leak_free else np.nan, dataset.near_duplicate_correlations).astype(np.float32)


def _too_few_for_networks(dataset, counts, rarest, official):
    needed = MIN_NETWORK_FACES + (not official)
    purposes = "one to train on and one for validation"
    if not official:
        purposes = "one to train on, one for validation and one to test"
    by_subject = bool((dataset.subjects != "").any())
    enough = [name for name, count in counts.items() if count >= needed]
    remedies = ["add people" if by_subject else "add faces"]
    remedies += [f"leave it out with --expressions {','.join(enough)}"] if len(enough) > 1 else []
    remedies += ["use --folds-by faces, which scores people in the training data"] if by_subject else []
    return (
        f"a network needs {needed} unrelated {'subjects' if by_subject else 'faces'} for each expression, {purposes}, "
        f"and {dataset.source} has {counts[rarest]} for {rarest}; {', or '.join(remedies)}"
    )
