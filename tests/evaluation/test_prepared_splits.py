"""Tests of `prepare_folds`: collected data are split by subject or take, merged data sets each by themselves."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.merging import join
from landmark_fer.evaluation.scores import split_intervals
from landmark_fer.evaluation.splits import prepare_folds, split_faces
from tests.conftest import made_up_dataset

CLASSES = ("happy", "sad", "surprise")


def collected_faces(people, n_rounds, n_each=4, source="mine"):
    """Return a data set in which every person shows every expression in every round, with `n_each` faces a take."""
    rows = [
        (person, expression, number)
        for expression in CLASSES
        for person in people
        for number in range(1, n_rounds + 1)
        for _ in range(n_each)
    ]
    faces = made_up_dataset(len(rows) // 3, key=source, subjects=[row[0] for row in rows])
    takes = np.array([f"{person}, round-{number:02d}-{expression}" for person, expression, number in rows])
    places = np.array([f"{person} {CLASSES.index(expression)} {number:02d}" for person, expression, number in rows])
    groups = np.unique(places, return_inverse=True)[1]
    return replace(faces, takes=takes, near_duplicate_groups=groups, source=source)


def test_other_data_sets_are_unchanged():
    faces = made_up_dataset(6)
    prepared = prepare_folds(faces, n_folds=4)
    assert prepared.dataset is faces
    assert (prepared.n_folds, prepared.sentences) == (4, [])


def test_the_last_takes_of_one_person_are_held_out():
    faces = collected_faces(["ann"], 4)
    prepared = prepare_folds(faces)
    held = prepared.dataset.splits == "held out"
    assert set(faces.takes[held]) == {f"ann, round-04-{name}" for name in CLASSES}
    assert prepared.n_folds == 3
    assert "scores are for one person (ann)" in prepared.sentences[0]
    assert "3 folds instead of 5" in prepared.sentences[1]


def test_no_take_is_on_both_sides():
    faces = collected_faces(["ann"], 5)
    prepared = prepare_folds(faces, n_folds=4)
    split = split_faces(prepared.dataset, n_folds=4)
    (test,) = split.tests
    assert test.name == "held out"
    assert not test.leak_free.any()  # all are of the person in training
    assert not set(faces.takes[test.rows]) & set(faces.takes[split.training])
    takes = faces.takes[split.training]
    assert len(np.unique(split.groups)) == len(np.unique(takes))
    assert all(len(np.unique(split.groups[takes == take])) == 1 for take in np.unique(takes))


def test_all_faces_of_held_out_people_are_held_out():
    faces = collected_faces(["ann", "bob", "cy", "di", "ed", "fay"], 2)
    prepared = prepare_folds(faces)
    held = prepared.dataset.splits == "held out"
    assert not set(faces.subjects[held]) & set(faces.subjects[~held])
    assert len(set(faces.subjects[held])) >= 1
    split = split_faces(prepared.dataset, n_folds=prepared.n_folds)
    assert split.tests[0].leak_free.all()
    people = faces.subjects[split.training]
    assert all(len(np.unique(split.groups[people == person])) == 1 for person in np.unique(people))


def test_two_people_are_too_few_for_folds_by_people():
    with pytest.raises(DataError, match="mine has 2 for happy; record more people, or use --folds-by faces"):
        prepare_folds(collected_faces(["ann", "bob"], 5))
    without_subjects = replace(collected_faces(["ann", "bob"], 5), subjects=np.full(120, ""))
    prepared = prepare_folds(without_subjects)
    held = prepared.dataset.splits == "held out"
    assert {take.split(",")[0] for take in without_subjects.takes[held]} == {"ann", "bob"}
    assert "people in the training data" in prepared.sentences[0]


@pytest.mark.parametrize("n_rounds", [1, 2])
def test_too_few_takes_are_refused(n_rounds):
    with pytest.raises(DataError, match=r"need 3 takes of each expression.*has 1 of happy"):
        prepare_folds(collected_faces(["ann"], n_rounds))


def test_each_merged_data_set_has_its_own_test_faces():
    official = ["Training"] * 12 + ["PublicTest"] * 6
    first = replace(made_up_dataset(6, key="a", splits=official, correlations=[0.95] * 18), source="a")
    folder = replace(made_up_dataset(10, key="c", seed=3), source="c")
    faces = join([first, collected_faces(["ann"], 5), folder], weights=[1, 4, 1])
    prepared = prepare_folds(faces, n_folds=2)
    split = split_faces(prepared.dataset, n_folds=2)
    tests = {test.name: test for test in split.tests}
    assert list(tests) == ["PublicTest", "held out of c", "held out of mine"]
    assert set(faces.origins[tests["held out of mine"].rows]) == {"mine"}
    assert set(faces.takes[tests["held out of mine"].rows]) == {f"mine: ann, round-05-{name}" for name in CLASSES}
    assert len(tests["PublicTest"].rows) == 6
    assert not tests["PublicTest"].leak_free.any()  # all have a near-duplicate
    assert tests["held out of c"].leak_free.all()
    assert not tests["held out of mine"].leak_free.any()  # of a person in training
    together = np.concatenate([split.training, *(test.rows for test in split.tests)])
    assert sorted(together.tolist()) == list(range(len(faces)))
    assert any("each face of mine counts 4 times; in scores" in sentence for sentence in prepared.sentences)


def test_all_faces_of_held_out_people_of_a_merged_collection_are_held_out():
    faces = join([replace(made_up_dataset(10, key="a"), source="a"), collected_faces(["ann", "bob", "cy", "di"], 2)])
    dataset = prepare_folds(faces, n_folds=2).dataset
    held = dataset.splits == "held out of mine"
    assert held.any()
    assert not set(faces.subjects[held]) & set(faces.subjects[~held])


def test_a_merged_collection_of_one_round_is_only_trained_on():
    faces = join([replace(made_up_dataset(10, key="a"), source="a"), collected_faces(["ann"], 1)])
    prepared = prepare_folds(faces, n_folds=2)
    assert set(prepared.dataset.splits[faces.origins == "mine"]) == {"Training"}
    assert any("nothing is held out" in sentence for sentence in prepared.sentences)


def test_intervals_of_takes_are_wider_than_those_of_faces():
    from landmark_fer.evaluation.scores import wilson_interval

    faces = collected_faces(["ann"], 4, n_each=20)
    right = np.char.endswith(faces.takes, "happy") | np.char.endswith(faces.takes, "sad")
    low, high = split_intervals(faces, np.arange(len(faces)), right)["accuracy_interval"]
    narrow = wilson_interval(right.sum(), len(right))
    assert low < narrow[0] - 0.05
    assert high > narrow[1] + 0.05
    low, high = split_intervals(faces, np.arange(len(faces)), np.ones(len(faces), bool))["accuracy_interval"]
    assert low == pytest.approx(wilson_interval(12, 12)[0])  # twelve takes, however many faces
    assert split_intervals(made_up_dataset(5), np.arange(15), np.ones(15, bool)) == {}


def test_intervals_of_known_subjects_equal_those_of_evaluate():
    from landmark_fer.evaluation.scores import score, subject_intervals, wilson_interval

    people = [f"S{row % 12:03d}" for row in range(180)]
    faces = replace(made_up_dataset(60, subjects=people), source="people")
    rows = np.arange(0, 180, 2)  # of six people, three of them always predicted wrongly
    right = np.isin(faces.subjects[rows], ["S000", "S002", "S004"])
    leak_free = faces.subjects[rows] != "S004"
    columns = np.array([faces.classes.index(each) for each in faces.expressions[rows]])
    probabilities = np.eye(3)[np.where(right, columns, (columns + 1) % 3)]
    intervals = split_intervals(faces, rows, right, leak_free=leak_free)
    evaluated = score(faces.expressions[rows], probabilities, faces.classes, leak_free=leak_free)
    evaluated |= subject_intervals(faces.take(rows), probabilities, faces.classes, leak_free=leak_free)
    assert intervals == {name: evaluated[name] for name in ("accuracy_interval", "accuracy_leak_free_interval")}
    narrow = wilson_interval(right.sum(), len(right))
    assert intervals["accuracy_interval"][0] < narrow[0] - 0.1 < narrow[1] + 0.1 < intervals["accuracy_interval"][1]


@pytest.mark.parametrize("people", [["", *["ann"] * 8, *["bob"] * 9], ["ann"] * 18])
def test_intervals_are_those_of_score_for_one_or_unknown_subjects(people):
    faces = made_up_dataset(6, subjects=people)
    assert split_intervals(faces, np.arange(18), np.arange(18) < 9, leak_free=np.ones(18, bool)) == {}
    assert split_intervals(faces, np.arange(0), np.ones(0, bool)) == {}
