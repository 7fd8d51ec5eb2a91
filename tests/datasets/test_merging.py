"""Joined data sets keep their faces, labels and groups; weights count only when a model is fitted."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.datasets.merging import checked_weights, join, repeated
from tests.conftest import made_up_dataset


def part(source, **options):
    return replace(made_up_dataset(6, key=source, **options), source=source)


def with_takes(source):
    """Two people, three takes of each expression, two faces a take."""
    faces = part(source, seed=5, subjects=(["ann", "bob"] * 3) * 3)
    takes = np.array([f"{subject}, {i // 2}" for i, subject in enumerate(faces.subjects.tolist())])
    return replace(faces, takes=takes, near_duplicate_groups=np.unique(takes, return_inverse=True)[1])


def test_faces_are_joined_in_order():
    first, second = part("a"), part("b", seed=1, classes=("happy", "contempt"))
    faces = join([first, second])
    assert len(faces) == len(first) + len(second)
    assert faces.classes == ("happy", "sad", "surprise", "contempt")
    assert faces.records.tobytes() == first.records.tobytes() + second.records.tobytes()
    assert faces.expressions.tolist() == [*first.expressions, *second.expressions]
    assert faces.origins.tolist() == ["a"] * len(first) + ["b"] * len(second)
    assert faces.source == "a + b"
    assert join([replace(first, n_left_out=3), replace(second, n_left_out=4)]).n_left_out == 7


def test_the_key_depends_on_all_parts_and_their_order():
    first, second, third = part("a"), part("b", seed=1), part("c", seed=2)
    keys = [join(parts).key for parts in ([first, second], [second, first], [first, third], [first, second, third])]
    assert len(set(keys)) == 4


def test_subjects_and_near_duplicates_of_data_sets_stay_apart():
    first, second = part("a", subjects=["ann"] * 18), part("b", seed=1, subjects=["ann"] * 9 + [""] * 9)
    faces = join([first, second])
    assert np.unique(faces.subjects).tolist() == ["", "a: ann", "b: ann"]
    groups = set(faces.near_duplicate_groups[:18].tolist()), set(faces.near_duplicate_groups[18:].tolist())
    assert not groups[0] & groups[1]
    assert [len(own) for own in groups] == [18, 18]


def test_takes_keep_their_groups():
    own = with_takes("mine")
    faces = join([part("a"), own])
    assert set(faces.takes[:18]) == {""}
    assert all(take.startswith("mine: ") for take in faces.takes[18:])
    same = own.near_duplicate_groups[:, None] == own.near_duplicate_groups
    assert np.array_equal(faces.near_duplicate_groups[18:, None] == faces.near_duplicate_groups[18:], same)


def test_near_duplicates_are_found_across_data_sets():
    """The same photographs in two data sets share groups, also across test and training."""
    first = part("a", splits=["Training"] * 18)
    second = part("b", splits=["PublicTest"] * 18)
    bare = {"near_duplicate_groups": None, "near_duplicate_correlations": None}
    faces = join([replace(first, **bare), replace(second, **bare)])
    assert np.array_equal(faces.near_duplicate_groups[:18], faces.near_duplicate_groups[18:])
    assert (faces.near_duplicate_correlations[18:] > 0.99).all()


def test_splits_keep_their_names_unless_two_have_them():
    splits = ["Training"] * 12 + ["PublicTest"] * 6
    one = join([part("a", splits=splits), part("b", seed=1)])
    assert set(one.splits) == {"Training", "PublicTest", ""}
    two = join([part("a", splits=splits), part("b", seed=1, splits=splits)])
    assert set(two.splits) == {"Training", "PublicTest of a", "PublicTest of b"}


def test_votes_are_zero_where_a_data_set_has_none():
    votes = np.ones((18, 10), np.int64)
    faces = join([part("a"), replace(part("b", seed=1), votes=votes)])
    assert faces.votes[:18].sum() == 0
    assert np.array_equal(faces.votes[18:], votes)
    assert join([part("a"), part("b", seed=1)]).votes is None


def test_equal_names_are_numbered():
    faces = join([part("a"), replace(part("b", seed=1), source="a")])
    assert set(faces.origins) == {"a (1)", "a (2)"}


def test_repeated_data_sets_are_refused():
    with pytest.raises(InputError, match="given once, got a twice; give it a weight"):
        join([part("a"), part("a")])


def test_different_record_fields_are_refused():
    with pytest.raises(InputError, match=r"the same fields: a has .*chip \(80, 80\), b .*chip \(64, 64\)"):
        join([part("a"), part("b", chip_size=64)])


def test_each_face_has_the_weight_of_its_data_set():
    faces = join([part("a"), part("b", seed=1)], weights=[1, 5])
    assert faces.weights.tolist() == [1] * 18 + [5] * 18
    assert faces.take(np.array([0, 20])).weights.tolist() == [1, 5]
    assert join([part("a"), part("b", seed=1)]).weights.tolist() == [1] * 36


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [0, 1], [1, -2], [1, 2.5], [1, "2.5"], [1, 101]])
def test_invalid_weights_are_refused(weights):
    with pytest.raises(InputError, match=r"one whole number from 1 to 100 for each data set \(2\), got"):
        checked_weights(weights, 2)


def test_positions_are_repeated_by_the_weights_of_their_faces():
    weights = np.array([1, 3, 1, 2])
    assert repeated(np.array([1, 3, 0]), weights).tolist() == [1, 1, 1, 3, 3, 0]
    assert repeated(np.array([1, 3, 0]), None).tolist() == [1, 3, 0]
