"""Tests of grouped folds and of cross-validation of several candidates."""

from collections import Counter

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import Pipeline

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.evaluation.cross_validation import cross_validate_candidates, make_folds, sample_rows
from landmark_fer.models.candidates import Candidate, make_candidates
from tests.conftest import made_up_faces

CLASSES = ("happy", "sad", "surprise")


@pytest.fixture
def labels(generator):
    """Expressions of 300 faces in unequal shares, and small groups of one expression."""
    expressions = np.sort(generator.choice(CLASSES, 300, p=[0.5, 0.3, 0.2]))
    groups = np.cumsum(generator.random(300) < 0.6)
    return expressions, groups


class TestFolds:
    def test_every_face_is_tested_once(self, labels):
        folds = make_folds(*labels, n_folds=4)
        assert len(folds) == 4
        np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(300))
        for training, test in folds:
            assert not set(training) & set(test) and len(training) + len(test) == 300

    def test_groups_are_never_split(self, labels):
        for training, test in make_folds(*labels, n_folds=5):
            assert not set(labels[1][training]) & set(labels[1][test])

    def test_folds_are_stratified(self, labels):
        expressions, _ = labels
        for _, test in make_folds(*labels, n_folds=3):
            for name in CLASSES:
                assert (expressions[test] == name).mean() == pytest.approx((expressions == name).mean(), abs=0.05)

    def test_folds_depend_on_the_random_state(self, labels):
        first, again, other = (make_folds(*labels, random_state=state)[0][1].tolist() for state in (0, 0, 1))
        assert first == again != other

    @pytest.mark.parametrize("n_folds", [1, 0, -3])
    def test_fewer_than_two_folds_are_refused(self, labels, n_folds):
        with pytest.raises(InputError, match=f"folds must be 2 or more, got {n_folds}"):
            make_folds(*labels, n_folds=n_folds)

    def test_a_class_with_fewer_faces_than_folds_is_named(self):
        expressions = np.array(["happy"] * 9 + ["sad"] * 3)
        with pytest.raises(DataError, match=r"folds \(5\), sad has 3 \(of 3; .*\); add faces or use --folds 3"):
            make_folds(expressions, np.arange(12))

    def test_near_duplicates_count_once(self):
        expressions = np.array(["happy"] * 9 + ["sad"] * 6)
        groups = np.array([*range(9), *[20] * 6])
        with pytest.raises(DataError, match=r"sad has 1 \(of 6; frames .*\); add faces of other people or moments"):
            make_folds(expressions, groups, n_folds=3)

    def test_one_class_or_none_is_refused(self):
        with pytest.raises(DataError, match="at least 2 expressions, got happy"):
            make_folds(np.array(["happy"] * 9), np.arange(9))
        with pytest.raises(DataError, match="got none"):
            make_folds(np.array([], str), np.array([], int))


class CountingFeatures(TransformerMixin, BaseEstimator):
    """Landmarks as features; counts its fits in this process."""

    fits = Counter()

    def __init__(self, name="plain"):
        self.name = name

    def fit(self, X, y=None):
        CountingFeatures.fits[self.name] += 1
        return self

    def transform(self, X):
        return X["landmarks"].reshape(len(X), -1)


class Recorder(ClassifierMixin, BaseEstimator):
    """Always predicts the first class; records the number of training faces."""

    sizes = []

    def fit(self, X, y):
        Recorder.sizes.append(len(X))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.eye(len(self.classes_))[np.zeros(len(X), int)]


def counted(name="plain", **options):
    return Candidate(Pipeline([("features", CountingFeatures(name)), ("classifier", Recorder())]), {}, **options)


@pytest.fixture
def faces():
    records, expressions = made_up_faces(12)
    return records, expressions, make_folds(expressions, np.arange(36), n_folds=3)


def test_every_face_is_predicted_once(faces):
    records, expressions, folds = faces
    candidates = make_candidates(["dummy", "ls_svm"], features="geometry")
    results = cross_validate_candidates(candidates, records, expressions, folds, CLASSES, bar=False)
    assert list(results) == ["dummy", "ls_svm"]
    for result in results.values():
        np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, atol=1e-5)
        assert len(result.fit_s) == 3 and min(result.fit_s) >= 0 and result.ms_per_face > 0
    assert (np.array(CLASSES)[results["ls_svm"].probabilities.argmax(axis=1)] == expressions).mean() > 0.8


def test_predictions_come_from_models_not_fitted_on_the_face(faces):
    records, expressions, folds = faces
    candidate = make_candidates(["ls_svm"], features="geometry")["ls_svm"]
    result = cross_validate_candidates({"ls_svm": candidate}, records, expressions, folds, CLASSES, bar=False)["ls_svm"]
    training, test = folds[0]
    by_hand = candidate.pipeline.fit(records[training], expressions[training])
    np.testing.assert_allclose(result.probabilities[test], by_hand.predict_proba(records[test]), atol=1e-5)


def test_columns_follow_the_order_of_classes(faces):
    records, expressions, folds = faces
    reverse = CLASSES[::-1]
    candidates = make_candidates(["ls_svm"], features="geometry")
    first, second = (
        cross_validate_candidates(candidates, records, expressions, folds, classes, bar=False)["ls_svm"].probabilities
        for classes in (CLASSES, reverse)
    )
    np.testing.assert_array_equal(first, second[:, ::-1])


def test_jobs_do_not_change_the_result(faces):
    records, expressions, folds = faces
    candidates = make_candidates(["dummy", "embedding_knn"], features="geometry")
    one, two = (
        cross_validate_candidates(candidates, records, expressions, folds, CLASSES, jobs=jobs, bar=False)
        for jobs in (1, 2)
    )
    for name in candidates:
        np.testing.assert_allclose(one[name].probabilities, two[name].probabilities, atol=1e-5)


def test_shared_features_are_fitted_once_per_fold(faces):
    CountingFeatures.fits.clear()
    candidates = {"a": counted(), "b": counted(), "c": counted("other")}
    cross_validate_candidates(candidates, *faces, CLASSES, bar=False)
    assert CountingFeatures.fits == {"plain": 3, "other": 3}


def test_only_candidates_with_fold_sample_are_fitted_on_a_sample(faces):
    Recorder.sizes.clear()
    cross_validate_candidates({"few": counted(fold_sample=9), "all": counted()}, *faces, CLASSES, bar=False)
    assert Recorder.sizes == [9, 24] * 3


def test_candidates_stay_unfitted(faces):
    candidates = {"a": counted()}
    cross_validate_candidates(candidates, *faces, CLASSES, bar=False)
    assert not hasattr(candidates["a"].pipeline[-1], "classes_")


def test_samples_are_stratified_and_sorted():
    expressions = np.repeat(["happy", "sad"], [80, 20])
    rows = sample_rows(expressions, 50, random_state=0)
    assert len(rows) == len(set(rows)) == 50 and (np.diff(rows) > 0).all()
    assert Counter(expressions[rows].tolist()) == {"happy": 40, "sad": 10}
    for size in (None, 100, 500):
        np.testing.assert_array_equal(sample_rows(expressions, size, random_state=0), np.arange(100))
