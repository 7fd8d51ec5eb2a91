"""Earlier methods meet the predictor contract, though most are not mirror-symmetric; PCA of few faces."""

import io

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from landmark_fer.core.records import mirror_records
from landmark_fer.evaluation.cross_validation import cross_validate_candidates, make_folds
from landmark_fer.models.candidates import CLASSIC_CANDIDATES, make_candidates
from landmark_fer.models.classic_methods import CLASSIC_METHODS, LeadingComponents
from tests.conftest import made_up_faces

MIRROR_TOLERANCE = {"rules": 1e-5, "hog_lda": 5e-3}


@pytest.fixture(scope="module", params=CLASSIC_CANDIDATES)
def method(request):
    """Name of a method, its candidate, and its pipeline fitted on made-up faces."""
    candidate = make_candidates([request.param])[request.param]
    return request.param, candidate, clone(candidate.pipeline).fit(*made_up_faces(30))


@pytest.fixture(scope="module")
def unseen():
    return made_up_faces(10, seed=1)


def test_each_has_a_meaning_and_two_steps_and_is_not_stacked(method):
    name, candidate, _ = method
    assert CLASSIC_METHODS[name].meaning
    assert [step for step, _ in candidate.pipeline.steps] == ["features", "classifier"]
    assert not candidate.in_stacking and candidate.grid == {} and candidate.fields == CLASSIC_METHODS[name].fields


def test_the_kind_of_features_changes_nothing_and_fold_sample_applies(method):
    name, candidate, _ = method
    other = make_candidates([name], features="geometry", fold_sample=500, random_state=3)[name]
    assert repr(other.pipeline) == repr(candidate.pipeline)
    assert (other.fold_sample, other.fields) == (500, candidate.fields)


def test_probabilities_have_a_column_a_class_and_sum_to_one(method, unseen):
    probabilities = method[2].predict_proba(unseen[0])
    assert method[2].classes_.tolist() == ["happy", "sad", "surprise"]
    assert probabilities.shape == (len(unseen[0]), 3) and (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    best = method[2].classes_[probabilities.argmax(axis=1)]
    assert method[2].predict(unseen[0]).tolist() == best.tolist()


def test_it_beats_chance_clearly(method, unseen):
    assert (method[2].predict(unseen[0]) == unseen[1]).mean() > 0.7


def test_predictions_do_not_depend_on_the_other_faces_or_their_order(method, unseen, generator):
    expected = method[2].predict_proba(unseen[0])
    order = generator.permutation(len(expected))
    np.testing.assert_allclose(method[2].predict_proba(unseen[0][order]), expected[order], atol=1e-4)
    single = [method[2].predict_proba(unseen[0][row : row + 1])[0] for row in range(len(expected))]
    np.testing.assert_allclose(single, expected, atol=1e-4)


@pytest.mark.parametrize("name", MIRROR_TOLERANCE)
def test_mirror_symmetric_methods_predict_the_same_for_mirrored_faces(name, unseen):
    fitted = make_candidates([name])[name].pipeline.fit(*made_up_faces(30))
    mirrored = fitted.predict_proba(mirror_records(unseen[0]))
    np.testing.assert_allclose(mirrored, fitted.predict_proba(unseen[0]), atol=MIRROR_TOLERANCE[name])


def test_only_the_stated_fields_are_read(method, unseen):
    name, _, fitted = method
    blank = unseen[0].copy()
    for field in set(blank.dtype.names) - set(CLASSIC_METHODS[name].fields):
        blank[field] = 0
    np.testing.assert_array_equal(fitted.predict_proba(blank), fitted.predict_proba(unseen[0]))


def test_saved_and_loaded_equals_before(method, unseen):
    file = io.BytesIO()
    joblib.dump(method[2], file, compress=("zlib", 6))
    file.seek(0)
    np.testing.assert_array_equal(joblib.load(file).predict_proba(unseen[0]), method[2].predict_proba(unseen[0]))


def test_refitting_gives_the_same_model_and_leaves_records_unchanged(method, unseen):
    records, expressions = made_up_faces(30)
    before = records.copy()
    again = clone(method[2]).fit(records, expressions)
    np.testing.assert_array_equal(records, before)
    np.testing.assert_allclose(again.predict_proba(unseen[0]), method[2].predict_proba(unseen[0]), atol=1e-4)


@pytest.mark.parametrize("name", CLASSIC_CANDIDATES)
@pytest.mark.parametrize("classes", [("happy", "sad"), ("angry", "disgust", "fear", "happy", "sad", "surprise")])
def test_few_faces_are_enough(name, classes):
    records, expressions = made_up_faces(12 // len(classes), classes=classes)
    fitted = make_candidates([name])[name].pipeline.fit(records, expressions)
    probabilities = fitted.predict_proba(records)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_they_are_cross_validated_together_with_other_candidates():
    records, expressions = made_up_faces(12)
    folds = make_folds(expressions, np.arange(len(expressions)), n_folds=2)
    candidates = make_candidates(["dummy", *CLASSIC_CANDIDATES], features="geometry")
    results = cross_validate_candidates(
        candidates, records, expressions, folds, ("happy", "sad", "surprise"), bar=False
    )
    for result in results.values():
        np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, atol=1e-5)


class TestLeadingComponents:
    @pytest.mark.parametrize(("n", "n_components"), [(60, 10), (6, 5), (2, 1)])
    def test_few_faces_give_fewer_components(self, generator, n, n_components):
        values = generator.normal(size=(n, 20)).astype(np.float32)
        components = LeadingComponents(10).fit(values).transform(values)
        assert components.shape == (n, n_components)
        assert LeadingComponents(10).fit(values).transform(values[:0]).shape == (0, n_components)

    def test_components_are_limited_by_the_number_of_features(self, generator):
        assert LeadingComponents(10).fit_transform(generator.normal(size=(50, 3))).shape == (50, 3)

    def test_whitened_components_have_variance_one(self, generator):
        values = generator.normal(size=(300, 8)) * np.arange(1, 9)
        np.testing.assert_allclose(LeadingComponents(5, whiten=True).fit_transform(values).std(axis=0), 1, rtol=0.02)

    def test_components_are_fitted_to_faces_at_even_intervals(self, generator):
        values = generator.normal(size=(100, 8))
        few = LeadingComponents(4, max_faces=50).fit(values).transform(values)
        np.testing.assert_allclose(few, LeadingComponents(4).fit(values[::2]).transform(values))
