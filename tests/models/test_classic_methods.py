"""The older methods keep the contract of every predictor, but for the mirror, which most of them do not know."""

import io

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from landmark_fer.core.records import mirror_records
from landmark_fer.evaluation.validation import cross_validate_candidates, make_folds
from landmark_fer.models.candidates import CLASSIC_CANDIDATES, make_candidates
from landmark_fer.models.classic_methods import CLASSIC_METHODS
from tests.conftest import made_up_faces

KNOW_THE_MIRROR = {"rules": 1e-5, "hog_lda": 5e-3}


@pytest.fixture(scope="module", params=CLASSIC_CANDIDATES)
def older(request):
    """A method's name, its candidate, and its pipeline fitted on made-up faces."""
    candidate = make_candidates([request.param])[request.param]
    return request.param, candidate, clone(candidate.pipeline).fit(*made_up_faces(30))


@pytest.fixture(scope="module")
def unseen():
    return made_up_faces(10, seed=1)


def test_each_has_a_meaning_two_steps_and_no_part_in_a_blend(older):
    name, candidate, _ = older
    assert CLASSIC_METHODS[name].meaning
    assert [step for step, _ in candidate.pipeline.steps] == ["features", "classifier"]
    assert not candidate.in_ensemble and candidate.grid == {} and candidate.fields == CLASSIC_METHODS[name].fields


def test_features_asked_for_change_nothing_and_a_sample_is_kept(older):
    name, candidate, _ = older
    other = make_candidates([name], features="geometry", fold_sample=500, random_state=3)[name]
    assert repr(other.pipeline) == repr(candidate.pipeline)
    assert (other.fold_sample, other.fields) == (500, candidate.fields)


def test_probabilities_have_a_column_a_class_and_sum_to_one(older, unseen):
    probabilities = older[2].predict_proba(unseen[0])
    assert older[2].classes_.tolist() == ["happy", "sad", "surprise"]
    assert probabilities.shape == (len(unseen[0]), 3) and (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    best = older[2].classes_[probabilities.argmax(axis=1)]
    assert older[2].predict(unseen[0]).tolist() == best.tolist()


def test_it_beats_chance_clearly(older, unseen):
    assert (older[2].predict(unseen[0]) == unseen[1]).mean() > 0.7


def test_neither_the_order_nor_the_company_of_faces_matters(older, unseen, generator):
    expected = older[2].predict_proba(unseen[0])
    order = generator.permutation(len(expected))
    np.testing.assert_allclose(older[2].predict_proba(unseen[0][order]), expected[order], atol=1e-4)
    single = [older[2].predict_proba(unseen[0][row : row + 1])[0] for row in range(len(expected))]
    np.testing.assert_allclose(single, expected, atol=1e-4)


@pytest.mark.parametrize("name", KNOW_THE_MIRROR)
def test_those_that_know_the_mirror_give_mirrored_faces_the_same_probabilities(name, unseen):
    fitted = make_candidates([name])[name].pipeline.fit(*made_up_faces(30))
    mirrored = fitted.predict_proba(mirror_records(unseen[0]))
    np.testing.assert_allclose(mirrored, fitted.predict_proba(unseen[0]), atol=KNOW_THE_MIRROR[name])


def test_only_its_fields_are_read(older, unseen):
    name, _, fitted = older
    blank = unseen[0].copy()
    for field in set(blank.dtype.names) - set(CLASSIC_METHODS[name].fields):
        blank[field] = 0
    np.testing.assert_array_equal(fitted.predict_proba(blank), fitted.predict_proba(unseen[0]))


def test_saved_and_loaded_equals_before(older, unseen):
    file = io.BytesIO()
    joblib.dump(older[2], file, compress=("zlib", 6))
    file.seek(0)
    np.testing.assert_array_equal(joblib.load(file).predict_proba(unseen[0]), older[2].predict_proba(unseen[0]))


def test_fitted_again_equals_before_and_records_stay_as_they_were(older, unseen):
    records, expressions = made_up_faces(30)
    before = records.copy()
    again = clone(older[2]).fit(records, expressions)
    np.testing.assert_array_equal(records, before)
    np.testing.assert_allclose(again.predict_proba(unseen[0]), older[2].predict_proba(unseen[0]), atol=1e-4)


@pytest.mark.parametrize("name", CLASSIC_CANDIDATES)
@pytest.mark.parametrize("classes", [("happy", "sad"), ("angry", "disgust", "fear", "happy", "sad", "surprise")])
def test_few_faces_suffice(name, classes):
    records, expressions = made_up_faces(12 // len(classes), classes=classes)
    fitted = make_candidates([name])[name].pipeline.fit(records, expressions)
    probabilities = fitted.predict_proba(records)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_they_are_cross_validated_beside_others():
    records, expressions = made_up_faces(12)
    folds = make_folds(expressions, np.arange(len(expressions)), n_folds=2)
    candidates = make_candidates(["dummy", *CLASSIC_CANDIDATES], features="geometry")
    results = cross_validate_candidates(
        candidates, records, expressions, folds, ("happy", "sad", "surprise"), bar=False
    )
    for result in results.values():
        np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, atol=1e-5)
