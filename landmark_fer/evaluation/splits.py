"""Which faces a model is fitted on, which it is tested on, and which of those it may have seen before."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.core.records import record_dtype
from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.evaluation.subjects import check_enough_subjects, known_people, related_faces
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
