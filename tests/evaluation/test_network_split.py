"""Networks need no folds: of few people one part is held out all the same, and too few are refused in a sentence."""

import numpy as np
import pytest

from landmark_fer.core.errors import DataError
from landmark_fer.evaluation.splits import split_for_networks
from landmark_fer.models.networks.classifier import validation_part
from tests.conftest import made_up_dataset

OFFICIAL = (["Training"] * 7 + ["PublicTest"] * 3) * 3


def people(n, faces=30):
    return [f"s{row % n}" for row in range(faces)]


@pytest.mark.parametrize("n_people", [3, 4, 5, 12])
def test_few_people_are_learnt_from_validation_and_tested_apart(n_people):
    dataset = made_up_dataset(20, subjects=people(n_people, 60))
    split = split_for_networks(dataset)
    learnt, validation = validation_part(dataset.expressions[split.training], split.groups)
    (test,) = split.tests
    sides = [{*dataset.subjects[rows]} for rows in (split.training[learnt], split.training[validation], test.rows)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == n_people and min(map(len, sides)) >= 1
    assert len(sides[2]) <= max(1, -(-n_people // 5))  # of few people, no more than one
    assert test.leak_free.all()


def test_of_many_faces_a_fifth_is_held_out_as_ever():
    assert len(split_for_networks(made_up_dataset(50)).tests[0].rows) == 30


def test_an_official_split_is_kept_for_two_people():
    dataset = made_up_dataset(10, splits=OFFICIAL, subjects=people(2))
    split = split_for_networks(dataset)
    assert np.array_equal(split.training, np.flatnonzero(dataset.splits == "Training"))
    assert [test.name for test in split.tests] == ["PublicTest"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"subjects": people(2)},
            "a network needs 3 unrelated subjects for each expression, one to learn from, one to watch and one to "
            "test, and made-up faces has 2 for happy; add people, or --folds-by faces, which scores people whom",
        ),
        (
            {"subjects": people(1), "splits": OFFICIAL},
            "needs 2 unrelated subjects for each expression, one to learn from and one to watch, and made-up faces "
            "has 1 for happy; add people, or --folds-by faces",
        ),
        (
            {"near_duplicates": [0] * 5 + [1] * 5 + [*range(2, 22)]},
            "needs 3 unrelated faces for each expression, .* has 2 for happy; add faces, or leave it out with "
            "--expressions sad,surprise$",
        ),
    ],
)
def test_too_few_are_refused_and_told_what_is_possible(options, sentence):
    with pytest.raises(DataError, match=sentence) as caught:
        split_for_networks(made_up_dataset(10, **options))
    assert "--folds " not in str(caught.value)
