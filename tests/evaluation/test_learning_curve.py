"""Tests of learning curves: nested stratified samples, groups on one side, scores."""

from collections import Counter

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.cross_validation import make_folds
from landmark_fer.evaluation.learning_curve import doubling_sizes, learning_curve, stratified_order
from landmark_fer.evaluation.scores import wilson_interval
from landmark_fer.evaluation.tables import format_learning_curve
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_faces

CLASSES = ("happy", "sad", "surprise")


class Memorizer(ClassifierMixin, BaseEstimator):
    """Predicts the class of faces it was fitted on, and the first class for others."""

    fitted = []

    def fit(self, X, y):
        Memorizer.fitted.append(X.tolist())
        self.classes_ = np.unique(y)
        self.labels_ = dict(zip(X.tolist(), y.tolist(), strict=True))
        return self

    def predict_proba(self, X):
        return np.array([self.classes_ == self.labels_.get(face, self.classes_[0]) for face in X.tolist()], float)


@pytest.fixture
def faces():
    """Numbers as records, to identify them in samples; groups of two."""
    expressions = np.repeat(CLASSES, [60, 40, 20])
    groups = np.arange(120) // 2
    return np.arange(120), expressions, groups, make_folds(expressions, groups, n_folds=4)[1]


def test_every_prefix_of_the_order_is_stratified():
    expressions = np.repeat(CLASSES, [60, 30, 10])
    order = stratified_order(expressions)
    np.testing.assert_array_equal(np.sort(order), np.arange(100))
    for size in range(5, 101):
        counts = Counter(expressions[order[:size]].tolist())
        for name, share in zip(CLASSES, (0.6, 0.3, 0.1), strict=True):
            assert abs(counts[name] - share * size) <= 1, (size, name)


def test_the_order_depends_on_the_random_state():
    expressions = np.repeat(CLASSES, 10)
    first, again, other = (stratified_order(expressions, random_state=state).tolist() for state in (0, 0, 1))
    assert first == again != other


def test_samples_are_nested_and_share_no_group_with_held_out_faces(faces):
    _, _, groups, fold = faces
    Memorizer.fitted.clear()
    rows = learning_curve(Memorizer(), *faces[:3], CLASSES, fold=fold, sizes=[40, 20, 80])
    assert [row["n"] for row in rows] == [len(sample) for sample in Memorizer.fitted] == [20, 40, 80]
    small, middle, large = map(set, Memorizer.fitted)
    assert small < middle < large <= set(fold[0].tolist())
    assert not set(groups[list(large)]) & set(groups[fold[1]])
    assert all(row["n_held_out"] == len(fold[1]) for row in rows)


def test_a_memorizer_does_not_improve_with_more_faces(faces):
    _, expressions, _, fold = faces
    of_first = np.mean(expressions[fold[1]] == "happy")
    rows = learning_curve(Memorizer(), *faces[:3], CLASSES, fold=fold, sizes=[20, 80])
    assert [row["accuracy"] for row in rows] == pytest.approx([of_first, of_first])


def test_the_last_score_is_that_of_a_fit_on_all_faces():
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


def test_sizes_double_while_the_rarest_expression_has_enough_faces():
    expressions = np.repeat(["happy", "sad"], [800, 100])
    assert doubling_sizes(expressions) == [225, 450, 900]
    assert doubling_sizes(expressions, n_sizes=2) == [450, 900]
    assert doubling_sizes(expressions[-120:], min_rarest=1000) == [120]


def test_the_last_default_size_is_all_faces(faces):
    rows = learning_curve(Memorizer(), *faces[:3], CLASSES, fold=faces[3])
    assert rows[-1]["n"] == len(faces[3][0])


def test_groups_on_both_sides_and_empty_sides_are_refused(faces):
    records, expressions, groups, (training, held_out) = faces
    case = records, expressions, groups, CLASSES
    overlapping = np.append(training, held_out[0]), held_out[1:]
    with pytest.raises(InputError, match="must keep each group on one side, and 1 are on both, such as"):
        learning_curve(Memorizer(), *case, fold=overlapping)
    with pytest.raises(InputError, match="must have faces on both sides, got"):
        learning_curve(Memorizer(), *case, fold=(training, held_out[:0]))


@pytest.mark.parametrize("sizes", [[1], [2, 40], [40, 1000], []])
def test_sizes_that_are_too_small_or_too_large_are_refused(faces, sizes):
    named_sizes = ", ".join(map(str, sizes)) or "none"
    with pytest.raises(InputError, match=rf"sizes must be from \d+ .* to \d+ .*got {named_sizes}; give others"):
        learning_curve(Memorizer(), *faces[:3], CLASSES, fold=faces[3], sizes=sizes)


def test_the_table_has_one_row_per_size_with_the_gain():
    rows = [
        {"n": 500, "accuracy": 0.5, "accuracy_interval": (0.4, 0.6)},
        {"n": 1000, "accuracy": 0.625, "accuracy_interval": (0.55, 0.7)},
    ]
    _, first, second = format_learning_curve(rows).splitlines()
    assert first.split() == ["500", "50.0", "40.0", "-", "60.0"]
    assert second.split() == ["1,000", "62.5", "55.0", "-", "70.0", "+12.5"]


class LearnsFromVotes(Memorizer):
    """Records the votes that it is fitted on."""

    takes_votes = True
    votes = []

    def fit(self, X, y, votes=None):
        LearnsFromVotes.votes.append((X.tolist(), votes))
        return super().fit(X, y)


def test_votes_of_the_sample_are_passed_to_the_estimator(faces):
    LearnsFromVotes.votes.clear()
    votes = np.arange(120)[:, None] * [1, 10]
    learning_curve(LearnsFromVotes(), *faces[:3], CLASSES, fold=faces[3], votes=votes, sizes=[30, 60])
    assert [len(rows) for rows, _ in LearnsFromVotes.votes] == [30, 60]
    for rows, fitted in LearnsFromVotes.votes:
        np.testing.assert_array_equal(fitted, votes[rows])
    learning_curve(LearnsFromVotes(), *faces[:3], CLASSES, fold=faces[3], sizes=[30])
    assert LearnsFromVotes.votes[-1][1] is None
