"""Learning curves: nested stratified samples, a held-out side that no near-duplicate crosses, a score that grows."""

from collections import Counter

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.learning import doubling_sizes, format_learning_curve, learning_curve, stratified_order
from landmark_fer.evaluation.scores import wilson_interval
from landmark_fer.evaluation.validation import make_folds
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_faces

CLASSES = ("happy", "sad", "surprise")


class Remembering(ClassifierMixin, BaseEstimator):
    """Knows the class of a face only if it was fitted on one of its group, which the records here are."""

    seen = []

    def fit(self, X, y):
        Remembering.seen.append(X.tolist())
        self.classes_ = np.unique(y)
        self.known_ = dict(zip(X.tolist(), y.tolist(), strict=True))
        return self

    def predict_proba(self, X):
        return np.array([self.classes_ == self.known_.get(face, self.classes_[0]) for face in X.tolist()], float)


@pytest.fixture
def faces():
    """Numbers as records, so that a sample can be told; each group holds two."""
    expressions = np.repeat(CLASSES, [60, 40, 20])
    groups = np.arange(120) // 2
    return np.arange(120), expressions, groups, make_folds(expressions, groups, n_folds=4)[1]


def test_every_beginning_of_the_order_has_the_shares_of_the_whole():
    expressions = np.repeat(CLASSES, [60, 30, 10])
    order = stratified_order(expressions)
    np.testing.assert_array_equal(np.sort(order), np.arange(100))
    for size in range(5, 101):
        counts = Counter(expressions[order[:size]].tolist())
        for name, share in zip(CLASSES, (0.6, 0.3, 0.1), strict=True):
            assert abs(counts[name] - share * size) <= 1, (size, name)


def test_the_random_state_chooses_who_comes_first():
    expressions = np.repeat(CLASSES, 10)
    first, again, other = (stratified_order(expressions, random_state=state).tolist() for state in (0, 0, 1))
    assert first == again != other


def test_samples_grow_one_within_the_next_and_never_hold_a_held_out_face_or_its_near_duplicate(faces):
    _, _, groups, fold = faces
    Remembering.seen.clear()
    rows = learning_curve(Remembering(), *faces[:3], CLASSES, fold=fold, sizes=[40, 20, 80])
    assert [row["n"] for row in rows] == [len(sample) for sample in Remembering.seen] == [20, 40, 80]
    small, middle, large = map(set, Remembering.seen)
    assert small < middle < large <= set(fold[0].tolist())
    assert not set(groups[list(large)]) & set(groups[fold[1]])
    assert all(row["n_held_out"] == len(fold[1]) for row in rows)


def test_what_is_only_remembered_never_gets_better(faces):
    _, expressions, _, fold = faces
    of_first = np.mean(expressions[fold[1]] == "happy")
    rows = learning_curve(Remembering(), *faces[:3], CLASSES, fold=fold, sizes=[20, 80])
    assert [row["accuracy"] for row in rows] == pytest.approx([of_first, of_first])


def test_what_is_learnt_is_scored_as_by_hand_with_its_interval():
    records, expressions = made_up_faces(30)
    pipeline = make_candidates(["ls_svm"], features="geometry")["ls_svm"].pipeline
    groups = np.arange(90)
    training, held_out = fold = make_folds(expressions, groups, n_folds=3)[0]
    few, all_ = learning_curve(pipeline, records, expressions, groups, CLASSES, fold=fold, sizes=[9, len(training)])
    by_hand = pipeline.fit(records[training], expressions[training]).predict(records[held_out])
    right = int(np.sum(by_hand == expressions[held_out]))
    assert all_["accuracy"] == right / len(held_out)
    assert all_["accuracy_interval"] == wilson_interval(right, len(held_out))
    assert few["accuracy"] <= all_["accuracy"] > 0.8


def test_sizes_double_up_to_all_while_the_rarest_expression_has_faces_enough():
    expressions = np.repeat(["happy", "sad"], [800, 100])
    assert doubling_sizes(expressions) == [225, 450, 900]
    assert doubling_sizes(expressions, n_sizes=2) == [450, 900]
    assert doubling_sizes(expressions[-120:], fewest=1000) == [120]


def test_by_default_the_last_sample_is_everything(faces):
    rows = learning_curve(Remembering(), *faces[:3], CLASSES, fold=faces[3])
    assert rows[-1]["n"] == len(faces[3][0])


def test_a_group_on_both_sides_and_an_empty_side_are_refused(faces):
    records, expressions, groups, (training, held_out) = faces
    case = records, expressions, groups, CLASSES
    torn = np.append(training, held_out[0]), held_out[1:]
    with pytest.raises(InputError, match="must keep each group on one side, and 1 are on both, such as"):
        learning_curve(Remembering(), *case, fold=torn)
    with pytest.raises(InputError, match="must have faces on both sides, got"):
        learning_curve(Remembering(), *case, fold=(training, held_out[:0]))


@pytest.mark.parametrize("sizes", [[1], [2, 40], [40, 1000], []])
def test_sizes_that_lack_an_expression_or_faces_are_refused(faces, sizes):
    came = ", ".join(map(str, sizes)) or "none"
    with pytest.raises(InputError, match=rf"sizes must be from \d+ .* to \d+ .*got {came}; give others"):
        learning_curve(Remembering(), *faces[:3], CLASSES, fold=faces[3], sizes=sizes)


def test_the_table_has_a_line_a_size_and_the_gain_over_the_line_before():
    rows = [
        {"n": 500, "accuracy": 0.5, "accuracy_interval": (0.4, 0.6)},
        {"n": 1000, "accuracy": 0.625, "accuracy_interval": (0.55, 0.7)},
    ]
    _, first, second = format_learning_curve(rows).splitlines()
    assert first.split() == ["500", "50.0", "40.0", "-", "60.0"]
    assert second.split() == ["1,000", "62.5", "55.0", "-", "70.0", "+12.5"]


class LearnsFromVotes(Remembering):
    """Keeps the votes that it is given."""

    takes_votes = True
    votes = []

    def fit(self, X, y, votes=None):
        LearnsFromVotes.votes.append((X.tolist(), votes))
        return super().fit(X, y)


def test_votes_reach_those_who_learn_from_them_face_by_face(faces):
    LearnsFromVotes.votes.clear()
    votes = np.arange(120)[:, None] * [1, 10]
    learning_curve(LearnsFromVotes(), *faces[:3], CLASSES, fold=faces[3], votes=votes, sizes=[30, 60])
    assert [len(rows) for rows, _ in LearnsFromVotes.votes] == [30, 60]
    for rows, given in LearnsFromVotes.votes:
        np.testing.assert_array_equal(given, votes[rows])
    learning_curve(LearnsFromVotes(), *faces[:3], CLASSES, fold=faces[3], sizes=[30])
    assert LearnsFromVotes.votes[-1][1] is None
