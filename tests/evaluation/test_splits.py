"""Tests of splits: official splits, grouped held-out faces, splits for networks."""

import numpy as np
import pytest

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.base import FaceDataset
from landmark_fer.datasets.geometry_table import records_of_landmarks
from landmark_fer.evaluation.splits import HELD_OUT, has_chips, split_faces, split_for_networks
from landmark_fer.models.networks.classifier import validation_split
from tests.conftest import made_up_dataset

OFFICIAL = ["Training"] * 18 + ["PrivateTest"] * 6 + ["PublicTest"] * 6


def test_the_official_split_is_kept_with_the_public_test_first():
    split = split_faces(made_up_dataset(10, splits=OFFICIAL))
    np.testing.assert_array_equal(split.training, np.arange(18))
    assert [test.name for test in split.tests] == ["PublicTest", "PrivateTest"]
    np.testing.assert_array_equal(split.tests[0].rows, np.arange(24, 30))
    assert len(split.groups) == 18


def test_test_faces_with_a_near_duplicate_in_training_are_not_leak_free():
    correlations = [np.nan] * 18 + [0.95, 0.899, 0.9, 0.5, 0.1, np.nan] + [0.2] * 6
    split = split_faces(made_up_dataset(10, splits=OFFICIAL, correlations=correlations))
    public, private = split.tests
    assert public.leak_free.all()
    assert private.leak_free.tolist() == [False, True, False, True, True, False]


@pytest.mark.parametrize("only", ["", "Training", "test"])
def test_without_an_official_split_a_fold_is_held_out_with_its_near_duplicates(only):
    near_duplicates = np.arange(30) // 2
    split = split_faces(made_up_dataset(10, splits=[only] * 30, near_duplicates=near_duplicates), n_folds=5)
    (test,) = split.tests
    assert test.name == HELD_OUT and test.leak_free.all() and 3 <= len(test.rows) <= 9
    assert sorted([*split.training, *test.rows]) == list(range(30))
    assert not set(near_duplicates[split.training]) & set(near_duplicates[test.rows])
    np.testing.assert_array_equal(split.groups, near_duplicates[split.training])


def test_subjects_with_a_common_near_duplicate_share_a_group():
    subjects = np.full(30, "", dtype="<U4")
    subjects[[0, 3]] = "ann"
    subjects[[4, 8]] = "bob"
    near_duplicates = np.arange(30)
    near_duplicates[[3, 9, 4]] = 3  # an unnamed face is a near-duplicate of ann's and of bob's
    groups = split_faces(
        made_up_dataset(10, splits=OFFICIAL, near_duplicates=near_duplicates, subjects=subjects)
    ).groups
    assert len(set(groups[[0, 3, 4, 8, 9]])) == 1
    assert len(np.unique(groups)) == 18 - 4


def test_the_same_random_state_holds_out_the_same_faces():
    first, again, other = (
        split_faces(made_up_dataset(10), random_state=state).tests[0].rows.tolist() for state in (0, 0, 1)
    )
    assert first == again != other


def test_faces_of_the_geometry_table_have_no_chips():
    dataset = made_up_dataset(2)
    columns = {name: getattr(dataset, name) for name in ("expressions", "splits", "subjects", "names", "rows")}
    bare = FaceDataset(
        records=records_of_landmarks(dataset.records["landmarks"]), detector_scores=dataset.detector_scores, **columns
    )
    assert has_chips(dataset) and not has_chips(bare)


OFFICIAL_THIRDS = (["Training"] * 7 + ["PublicTest"] * 3) * 3


def subjects_in_turns(n, n_faces=30):
    return [f"s{row % n}" for row in range(n_faces)]


@pytest.mark.parametrize("n_people", [3, 4, 5, 12])
def test_training_validation_and_test_share_no_subject(n_people):
    dataset = made_up_dataset(20, subjects=subjects_in_turns(n_people, 60))
    split = split_for_networks(dataset)
    training, validation = validation_split(dataset.expressions[split.training], split.groups)
    (test,) = split.tests
    sides = [{*dataset.subjects[rows]} for rows in (split.training[training], split.training[validation], test.rows)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == n_people and min(map(len, sides)) >= 1
    assert len(sides[2]) <= max(1, -(-n_people // 5))
    assert test.leak_free.all()


def test_a_fifth_of_many_faces_is_held_out():
    assert len(split_for_networks(made_up_dataset(50)).tests[0].rows) == 30


def test_an_official_split_is_kept_for_two_subjects():
    dataset = made_up_dataset(10, splits=OFFICIAL_THIRDS, subjects=subjects_in_turns(2))
    split = split_for_networks(dataset)
    assert np.array_equal(split.training, np.flatnonzero(dataset.splits == "Training"))
    assert [test.name for test in split.tests] == ["PublicTest"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"subjects": subjects_in_turns(2)},
            "a network needs 3 unrelated subjects for each expression, one to train on, one for validation and "
            "one to test, and made-up faces has 2 for happy; add people, or use --folds-by faces, which scores people",
        ),
        (
            {"subjects": subjects_in_turns(1), "splits": OFFICIAL_THIRDS},
            "needs 2 unrelated subjects for each expression, one to train on and one for validation, and made-up "
            "faces has 1 for happy; add people, or use --folds-by faces",
        ),
        (
            {"near_duplicates": [0] * 5 + [1] * 5 + [*range(2, 22)]},
            "needs 3 unrelated faces for each expression, .* has 2 for happy; add faces, or leave it out with "
            "--expressions sad,surprise$",
        ),
    ],
)
def test_too_few_faces_or_subjects_are_refused_with_a_remedy(options, sentence):
    with pytest.raises(DataError, match=sentence) as caught:
        split_for_networks(made_up_dataset(10, **options))
    assert "--folds " not in str(caught.value)
