"""Which faces train and which test: the official split where there is one, a grouped part where there is none."""

import numpy as np
import pytest

from landmark_fer.datasets.base import FaceDataset
from landmark_fer.datasets.geometry_table import records_of_landmarks
from landmark_fer.evaluation.splits import HELD_OUT, has_chips, split_faces
from tests.conftest import made_up_dataset

OFFICIAL = ["Training"] * 18 + ["PrivateTest"] * 6 + ["PublicTest"] * 6


def test_the_official_split_is_kept_and_the_public_test_comes_first():
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


def test_images_of_one_subject_share_a_group_also_by_way_of_a_near_duplicate():
    subjects = np.full(30, "", dtype="<U4")
    subjects[[0, 3]] = "ann"
    subjects[[4, 8]] = "bob"
    near_duplicates = np.arange(30)
    near_duplicates[[3, 9, 4]] = 3  # a face of somebody unknown is a near-duplicate of ann's and of bob's
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
