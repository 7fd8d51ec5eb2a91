"""Splits and folds that keep near-duplicates and subjects together."""

from dataclasses import dataclass, replace

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.core.records import record_dtype
from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.evaluation.scores import wilson_interval
from landmark_fer.evaluation.subjects import check_enough_subjects, grouped_interval, known_people, related_faces
from landmark_fer.evaluation.validation import make_folds

TRAINING = "Training"
HELD_OUT = "held out"


@dataclass(frozen=True, eq=False)
class TestFaces:
    """Faces kept from training.

    Attributes
    ----------
    name : str
        Their official split, or "held out".
    rows : ndarray of shape (m,), int
        Positions in the data set.
    leak_free : ndarray of shape (m,), bool
        Those without a near-duplicate among the training faces, of people who are not among them as far as known.
    """

    name: str
    rows: np.ndarray
    leak_free: np.ndarray


@dataclass(frozen=True, eq=False)
class SplitFaces:
    """A data set divided: training faces, their groups for folds, test faces.

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
    """Divide a data set by its official split, or hold a near-duplicate-safe part out where it has none.

    Parameters
    ----------
    dataset : FaceDataset
    n_folds : int, default=5
        Without an official split, one fold of this many is held out.
    n_after : int, optional
        Folds that the training faces are to make, for which subjects must suffice; by default `n_folds`, 0 for none.
    random_state : int, default=0
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    SplitFaces

    Raises
    ------
    DataError
        If subjects are known and an expression is shown by fewer of them than there are folds.
    """
    audit = find_near_duplicates(dataset, cache=cache)
    groups = related_faces(dataset, audit.groups)
    n_after = n_folds if n_after is None else n_after
    is_training = dataset.splits == TRAINING
    if is_training.any() and not is_training.all():
        names = [name for name in np.unique(dataset.splits[~is_training]).tolist() if name]
        known = known_people(dataset.subjects, is_training)
        tests = [
            _test(name, dataset.splits == name, audit.leak_free, known) for name in sorted(names, key=_public_first)
        ]
        training = np.flatnonzero(is_training)
        check_enough_subjects(dataset.take(training), groups[training], n_folds=n_after)
    else:
        check_enough_subjects(dataset, groups, n_folds=n_after, held_out=True)
        training, held_out = make_folds(dataset.expressions, groups, n_folds=n_folds, random_state=random_state)[0]
        tests = [TestFaces(HELD_OUT, held_out, np.ones(len(held_out), dtype=bool))]
    return SplitFaces(training, groups[training], tuple(tests))


def has_chips(dataset):
    """Whether the faces of a data set have chips; those of the geometry table have landmarks alone."""
    return dataset.records.dtype != record_dtype()


def _test(name, mask, leak_free, known_people):
    return TestFaces(name, np.flatnonzero(mask), (leak_free & ~known_people)[mask])


def _public_first(name):
    return name != "PublicTest", name


HELD_OUT_SHARE = 5  # one of so many people or takes is held out
FEWEST_PEOPLE = 3  # one held out, and two for folds


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set whose splits are settled.

    Attributes
    ----------
    dataset : FaceDataset
        With `splits` filled where it had none; without `subjects` where folds go by takes.
    n_folds : int
        At most as many as asked for.
    sentences : list of str
        What was decided, and what the figures then mean.
    """

    dataset: object
    n_folds: int
    sentences: list


def prepare_folds(dataset, *, n_folds=5, random_state=0):
    """Settle the splits of own data and of joined data sets; any other data set is left as it is.

    Parameters
    ----------
    dataset : FaceDataset
    n_folds : int, default=5
    random_state : int, default=0

    Returns
    -------
    Prepared

    Raises
    ------
    DataError
        If own data alone have too few people or takes to be held out and folded.
    """
    if dataset.origins is not None:
        return _prepare_joined(dataset, n_folds, random_state)
    if dataset.takes is not None:
        return _prepare_takes(dataset, n_folds, random_state)
    return Prepared(dataset, n_folds, [])


def interval_groups(dataset, rows):
    """Return groups of faces that are right or wrong together, shape (m,), or None where faces are unrelated.

    People where all are known and they are several, else takes.
    """
    for groups in (dataset.subjects, dataset.takes):
        if groups is not None and (groups[rows] != "").all() and len(np.unique(groups[rows])) > 1:
            return groups[rows]
    return None


def interval_of_groups(dataset, rows, right, *, leak_free=None):
    """Return the intervals of an accuracy on some faces by drawing people or takes anew, as a dict for a score.

    Parameters
    ----------
    dataset : FaceDataset
    rows : ndarray of shape (m,), int
    right : ndarray of shape (m,), bool
    leak_free : ndarray of shape (m,), bool, optional
        As for `score`.

    Returns
    -------
    dict
        ``accuracy_interval``, and ``accuracy_leak_free_interval`` where some of the faces are leak-free. Empty where
        the faces are unrelated, and the score's own intervals hold.
    """
    known = {"accuracy_interval": np.ones(len(rows), dtype=bool), "accuracy_leak_free_interval": leak_free}
    intervals = {}
    for name, chosen in known.items():
        groups = None if chosen is None else interval_groups(dataset, rows[chosen])
        if groups is not None:
            interval = grouped_interval(right[chosen], groups)
            intervals[name] = interval if dataset.takes is None else _as_if_one_face(interval, right[chosen], groups)
    return intervals


def _as_if_one_face(interval, right, groups):
    """Return an interval no narrower than if each group, whose faces are frames of takes, were one face."""
    n_groups = len(np.unique(groups))
    least, most = wilson_interval(np.mean(right) * n_groups, n_groups)
    return min(interval[0], least), max(interval[1], most)


def _prepare_takes(dataset, n_folds, random_state):
    people = np.unique(dataset.subjects[dataset.subjects != ""])
    by_people = len(people) > 1
    if by_people:
        counts = _units_by_expression(dataset, dataset.subjects)
        fewest = min(counts, key=counts.get)
        if counts[fewest] < FEWEST_PEOPLE:
            raise DataError(
                f"folds by people need {FEWEST_PEOPLE} people for each expression, and {dataset.source} has "
                f"{counts[fewest]} for {fewest}; record more people, or --folds-by faces, which goes by takes"
            )
        held = _held_out_people(dataset, random_state)
    else:
        held = _held_out_takes(dataset)
    units = dataset.subjects if by_people else dataset.takes
    counts = _units_by_expression(dataset.take(~held), units[~held])
    fewest = min(counts, key=counts.get)
    if counts[fewest] < 2 or not held.any():
        raise DataError(
            f"own data need 3 takes of each expression, one to be held out and two for folds, and {dataset.source} has "
            f"{counts[fewest]} of {fewest}; collect more rounds, or add --data of another data set"
        )
    n_possible = min(n_folds, counts[fewest])
    sentences = [_about_people(people, by_people)]
    if n_possible < n_folds:
        what = "people" if by_people else "takes"
        sentences.append(f"There are {n_possible} folds instead of {n_folds}, because {fewest} has so many {what}.")
    dataset = replace(
        dataset, splits=_named(held, HELD_OUT), near_duplicate_correlations=_strangers(dataset, held, by_people)
    )
    unknown = np.full(len(dataset), "")
    return Prepared(dataset if by_people else replace(dataset, subjects=unknown), n_possible, sentences)


def _about_people(people, by_people):
    if by_people:
        return f"People are held out whole, and folds go by people ({len(people)} of them)."
    who = f"one person ({people[0]})" if len(people) else "people whom the model knows"
    return (
        f"The last takes of each expression are held out, and folds go by takes: all figures are of {who}, in other "
        "takes than those of the fit, and say nothing of strangers."
    )


def _prepare_joined(dataset, n_folds, random_state):
    splits, correlations = dataset.splits.astype(object), dataset.near_duplicate_correlations.copy()
    sentences = []
    for origin in dict.fromkeys(dataset.origins.tolist()):
        rows = np.flatnonzero(dataset.origins == origin)
        part = dataset.take(rows)
        if (part.splits == TRAINING).any() and not (part.splits == TRAINING).all():
            continue
        held, sentence = _held_out_of(part, origin, n_folds, random_state)
        splits[rows] = _named(held, f"{HELD_OUT} of {origin}")
        takes = part.takes is not None and (part.takes[held] != "").any()
        own = {*part.subjects[held].tolist()} & {*part.subjects[~held].tolist()} - {""}
        correlations[rows] = _strangers(part, held, not (takes and own))
        sentences.append(sentence)
    counted = [
        f"each face of {origin} counts {dataset.weights[dataset.origins == origin][0]} times"
        for origin in dict.fromkeys(dataset.origins.tolist())
        if (dataset.weights[dataset.origins == origin] > 1).any()
    ]
    if counted:
        sentences.append(f"In a fit {' and '.join(counted)}; in scores every face counts once.")
    return Prepared(
        replace(dataset, splits=splits.astype(str), near_duplicate_correlations=correlations), n_folds, sentences
    )


def _held_out_of(part, origin, n_folds, random_state):
    """Return the mask of the faces of one joined data set that are held out, and a sentence on it."""
    if part.takes is not None and (part.takes != "").all():
        counts = _units_by_expression(part, part.subjects)
        if min(counts.values()) >= FEWEST_PEOPLE:
            return _held_out_people(part, random_state), f"Of {origin}, people are held out whole."
        held = _held_out_takes(part)
        if not held.any():
            return held, f"Of {origin} nothing is held out, because no expression has two takes."
        return held, f"Of {origin}, the last takes of each expression are held out: people whom the model knows."
    try:
        groups = related_faces(part, part.near_duplicate_groups)
        rows = make_folds(part.expressions, groups, n_folds=max(n_folds, 2), random_state=random_state)[0][1]
    except DataError:
        return np.zeros(len(part), dtype=bool), f"Of {origin} nothing is held out, because it is too small."
    return np.isin(
        np.arange(len(part)), rows
    ), f"Of {origin}, one fold is held out; near-duplicates and subjects stay together."


def _held_out_people(dataset, random_state):
    counts = _units_by_expression(dataset, dataset.subjects)
    n_shares = min(HELD_OUT_SHARE, *counts.values())
    folds = make_folds(dataset.expressions, dataset.subjects, n_folds=n_shares, random_state=random_state)
    return np.isin(np.arange(len(dataset)), folds[0][1])


def _held_out_takes(dataset):
    """Return the mask of the last takes of each expression and person, where there are two or more."""
    people = np.array([take.rpartition(", ")[0] for take in dataset.takes.tolist()])
    held = np.zeros(len(dataset), dtype=bool)
    for person in np.unique(people):
        for expression in dataset.classes:
            own = (people == person) & (dataset.expressions == expression)
            takes = np.unique(dataset.near_duplicate_groups[own])  # numbered in the order of rounds
            if len(takes) > 1:
                held |= own & np.isin(dataset.near_duplicate_groups, takes[-max(1, len(takes) // HELD_OUT_SHARE) :])
    return held


def _units_by_expression(dataset, units):
    return {name: len(np.unique(units[dataset.expressions == name])) for name in dataset.classes}


def _named(held, name):
    return np.where(held, name, TRAINING)


def _strangers(dataset, held, are_strangers):
    """Return correlations of 0 where strangers are held out, not known where they are people whom the model knows."""
    return np.where(held, 0.0 if are_strangers else np.nan, dataset.near_duplicate_correlations).astype(np.float32)


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
