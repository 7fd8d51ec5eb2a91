"""Tests of subjects: related faces, enough subjects for folds, intervals by subject."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.evaluation.cross_validation import make_folds
from landmark_fer.evaluation.scores import grouped_interval, wilson_interval
from landmark_fer.evaluation.splits import split_faces
from landmark_fer.evaluation.subjects import check_enough_subjects, dataset_for_folds, in_training, related_faces
from tests.conftest import made_up_dataset

OFFICIAL = ["Training"] * 18 + ["PublicTest"] * 12


def people(n_subjects, n=30):
    """Return subjects in turns, so that each shows every class of `made_up_dataset(10)`."""
    return np.array([f"s{place % n_subjects}" for place in range(n)])


def partition(groups):
    """Return the groups as a set of sets, independent of their numbers."""
    return {frozenset(np.flatnonzero(groups == each).tolist()) for each in np.unique(groups)}


def test_only_near_duplicates_are_related_without_subjects():
    near_duplicates = np.arange(30) // 3
    assert partition(related_faces(made_up_dataset(10), near_duplicates)) == partition(near_duplicates)


def test_faces_of_one_subject_and_their_unnamed_near_duplicates_are_related():
    subjects = np.full(30, "", dtype="<U4")
    subjects[[0, 3]], subjects[[4, 8]] = "ann", "bob"
    near_duplicates = np.arange(30)
    near_duplicates[[3, 20]] = 3  # an unnamed face is a near-duplicate of ann's, another of bob's
    near_duplicates[[8, 21]] = 8
    groups = related_faces(made_up_dataset(10, subjects=subjects), near_duplicates)
    assert {frozenset({0, 3, 20}), frozenset({4, 8, 21})} <= partition(groups)
    assert len(partition(groups)) == 26


def test_an_unnamed_near_duplicate_of_two_subjects_joins_them():
    subjects = np.full(30, "", dtype="<U4")
    subjects[0], subjects[4] = "ann", "bob"
    near_duplicates = np.arange(30)
    near_duplicates[[0, 4, 9]] = 0
    assert frozenset({0, 4, 9}) in partition(related_faces(made_up_dataset(10, subjects=subjects), near_duplicates))


def test_only_the_same_photograph_joins_two_subjects():
    dataset = made_up_dataset(10, subjects=people(10))
    records = dataset.records.copy()
    records["chip"][1] = records["chip"][0]  # s0 and s1 share a photograph
    near_duplicates = np.zeros(30, dtype=int)  # all faces are near-duplicates of each other
    groups = related_faces(replace(dataset, records=records), near_duplicates)
    both = frozenset(np.flatnonzero(np.isin(dataset.subjects, ["s0", "s1"])).tolist())
    assert both in partition(groups) and len(partition(groups)) == 9


def test_order_of_faces_does_not_matter(generator):
    dataset = made_up_dataset(10, subjects=np.where(np.arange(30) < 20, people(7), ""))
    near_duplicates = generator.integers(12, size=30)
    order = generator.permutation(30)
    shuffled = related_faces(dataset.take(order), near_duplicates[order])
    restored = np.empty(30, dtype=int)
    restored[order] = shuffled
    assert partition(restored) == partition(related_faces(dataset, near_duplicates))


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_no_subject_is_on_both_sides_of_any_fold(n_folds):
    dataset = made_up_dataset(10, subjects=people(8))
    split = split_faces(dataset, n_folds=n_folds)
    (held_out,) = split.tests
    assert not set(dataset.subjects[split.training]) & set(dataset.subjects[held_out.rows])
    expressions, subjects = dataset.expressions[split.training], dataset.subjects[split.training]
    for training, test in make_folds(expressions, split.groups, n_folds=n_folds):
        assert not set(subjects[training]) & set(subjects[test])


@pytest.mark.parametrize(
    ("n_subjects", "n_folds", "enough"), [(7, 5, True), (6, 5, False), (4, 3, False), (5, 3, True)]
)
def test_too_few_subjects_are_refused_with_a_possible_number_of_folds(n_subjects, n_folds, enough):
    dataset = made_up_dataset(10, subjects=people(n_subjects))
    if enough:
        split_faces(dataset, n_folds=n_folds)
        return
    with pytest.raises(DataError, match=rf"has {n_subjects} for happy; use --folds (\d)") as caught:
        split_faces(dataset, n_folds=n_folds)
    assert "--folds-by faces" in str(caught.value)
    folds = int(str(caught.value).partition("--folds ")[2][0])
    split = split_faces(dataset, n_folds=folds)
    make_folds(dataset.expressions[split.training], split.groups, n_folds=folds)


def test_one_subject_is_refused():
    with pytest.raises(DataError, match="has 1 for happy; add people, or --folds-by faces"):
        split_faces(made_up_dataset(10, subjects=people(1)))


def test_unknown_subjects_are_not_counted():
    check_enough_subjects(made_up_dataset(2), np.zeros(6), n_folds=5)


def test_test_faces_of_training_subjects_are_not_leak_free():
    subjects = np.full(30, "", dtype="<U4")
    subjects[:3], subjects[18:20], subjects[20:22] = "ann", "ann", "bob"
    (test,) = split_faces(made_up_dataset(10, splits=OFFICIAL, subjects=subjects)).tests
    assert test.leak_free.tolist() == [False, False] + [True] * 10


def test_unknown_subjects_are_never_in_training():
    subjects = np.array(["ann", "bob", "ann", "", ""])
    assert in_training(subjects, subjects[[0, 3]]).tolist() == [True, False, True, False, False]
    assert in_training(subjects, np.array(["bob", ""])).tolist() == [False, True, False, False, False]


def test_folds_by_faces_ignore_subjects_with_a_warning():
    dataset = made_up_dataset(10, subjects=people(3))
    unchanged, no_warning = dataset_for_folds(dataset)
    assert unchanged is dataset and no_warning == ""
    by_faces, warning = dataset_for_folds(dataset, "faces")
    assert not (by_faces.subjects != "").any() and by_faces.key != dataset.key
    assert "ignore subjects (3 are known)" in warning and "too high for others" in warning
    assert (dataset.subjects != "").all()
    split_faces(by_faces)
    with pytest.raises(InputError, match="folds_by must be one of subjects, faces, got 'frames'"):
        dataset_for_folds(dataset, "frames")


def test_intervals_by_subject_are_wider(generator):
    right = np.repeat(generator.random(20) < 0.6, 30)
    groups = np.repeat(np.arange(20), 30)
    low, high = grouped_interval(right, groups)
    alone_low, alone_high = wilson_interval(right.sum(), len(right))
    assert low <= right.mean() <= high
    assert high - low > 3 * (alone_high - alone_low), "thirty faces of a subject count as one"


def test_an_interval_of_unrelated_faces_is_near_wilsons(generator):
    right = generator.random(400) < 0.7
    ends = np.array(grouped_interval(right, np.arange(400)))
    np.testing.assert_allclose(ends, wilson_interval(right.sum(), 400), atol=0.01)
    assert grouped_interval(right, np.arange(400)) == tuple(ends), "seeded"


def test_the_interval_of_few_subjects_is_never_certain():
    low, high = grouped_interval(np.ones(20, bool), np.repeat([0, 1], 10))
    assert low < 0.9 and high == pytest.approx(1)
