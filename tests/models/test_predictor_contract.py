"""The contract of every predictor: fit, predict_proba and classes_ on face records."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import mirror_records
from landmark_fer.models.calibration import CalibratedEnsemble, Calibration
from landmark_fer.models.candidates import (
    CANDIDATES,
    CLASSIC_CANDIDATES,
    FIELDS,
    STREAMED_CANDIDATES,
    make_candidates,
)
from landmark_fer.models.networks.classifier import NetworkClassifier
from tests.conftest import made_up_faces
from tests.selection import slow


def test_probabilities_have_a_column_a_class_and_sum_to_one(fitted):
    probabilities = fitted.predictor.predict_proba(fitted.X)
    assert fitted.predictor.classes_.tolist() == sorted(set(fitted.expressions))
    assert probabilities.shape == (len(fitted.X), 3)
    assert (probabilities >= 0).all() and np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_prediction_is_the_most_probable_class(fitted):
    best = fitted.predictor.predict_proba(fitted.X).argmax(axis=1)
    assert fitted.predictor.predict(fitted.X).tolist() == fitted.predictor.classes_[best].tolist()


def test_the_order_of_rows_does_not_matter(fitted, generator):
    order = generator.permutation(len(fitted.X))
    expected = fitted.predictor.predict_proba(fitted.X)[order]
    np.testing.assert_allclose(fitted.predictor.predict_proba(fitted.X[order]), expected, atol=1e-5)


def test_one_at_a_time_equals_all_at_once(fitted):
    single = [fitted.predictor.predict_proba(fitted.X[row : row + 1])[0] for row in range(len(fitted.X))]
    np.testing.assert_allclose(single, fitted.predictor.predict_proba(fitted.X), atol=1e-5)


def test_mirrored_faces_get_the_same_probabilities(fitted):
    if fitted.name in ("knn", "svm", "mlp"):
        assert not hasattr(fitted.predictor[-1], "mirror_signs")  # scikit-learn's classifiers are not mirror-symmetric
        return
    expected = fitted.predictor.predict_proba(fitted.X)
    assert fitted.name == "dummy" or np.ptp(expected, axis=0).min() > 0.1  # they differ from face to face
    np.testing.assert_allclose(fitted.predictor.predict_proba(mirror_records(fitted.X)), expected, atol=5e-3)


def test_it_beats_chance_clearly(fitted):
    right = (fitted.predictor.predict(fitted.X) == fitted.y).mean()
    assert right == pytest.approx(1 / 3) if fitted.name == "dummy" else right > 0.8


def test_records_are_unchanged_and_may_be_read_only_and_memory_mapped(fitted, tmp_path):
    np.testing.assert_array_equal(fitted.records, fitted.before)
    np.save(tmp_path / "records.npy", fitted.X)
    mapped = np.load(tmp_path / "records.npy", mmap_mode="r")
    assert not mapped.flags.writeable
    expected = fitted.predictor.predict_proba(fitted.X)
    np.testing.assert_array_equal(fitted.predictor.predict_proba(mapped), expected)


def test_saved_and_loaded_equals_before(fitted):
    loaded = pickle.loads(pickle.dumps(fitted.predictor))
    np.testing.assert_array_equal(loaded.predict_proba(fitted.X), fitted.predictor.predict_proba(fitted.X))
    assert loaded.classes_.tolist() == fitted.predictor.classes_.tolist()


def test_a_clone_is_unfitted_and_refits_to_the_same_model(fitted):
    copy = clone(fitted.predictor)
    assert repr(copy.get_params(deep=False)) == repr(clone(copy).get_params(deep=False))
    assert not hasattr(copy[-1], "classes_")
    np.testing.assert_allclose(
        copy.fit(fitted.records, fitted.expressions).predict_proba(fitted.X),
        fitted.predictor.predict_proba(fitted.X),
        atol=1e-5,
    )


def test_only_the_fields_of_its_features_are_read(fitted):
    others = [name for name in fitted.X.dtype.names if name not in FIELDS[fitted.features]]
    blank = fitted.X.copy()
    for name in others:
        blank[name] = 0
    expected = fitted.predictor.predict_proba(fitted.X)
    np.testing.assert_array_equal(fitted.predictor.predict_proba(blank), expected)


def test_records_without_the_field_are_refused(fitted):
    wrong = np.zeros(2, dtype=[("colour", np.uint8)])
    with pytest.raises(InputError, match="face records must have the field"):
        fitted.predictor.predict_proba(wrong)


@pytest.mark.parametrize("name", [*slow("dropout_mlp"), *(name for name in CANDIDATES if name != "dropout_mlp")])
@pytest.mark.parametrize("classes", [("happy", "sad"), ("angry", "disgust", "fear", "happy", "sad", "surprise")])
def test_few_faces_are_enough(name, classes):
    records, expressions = made_up_faces(12 // len(classes), classes=classes)
    predictor = make_candidates([name], features="geometry")[name].pipeline.fit(records, expressions)
    np.testing.assert_allclose(predictor.predict_proba(records).sum(axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_the_random_state_determines_the_network():
    records, expressions = made_up_faces(12)

    def predictions(random_state):
        candidate = make_candidates(["dropout_mlp"], features="geometry", random_state=random_state)["dropout_mlp"]
        return candidate.pipeline.fit(records, expressions).predict_proba(records)

    np.testing.assert_array_equal(predictions(3), predictions(3))
    assert not np.allclose(predictions(3), predictions(4), rtol=1e-3, atol=0)


UNFITTED = {
    **{
        name: candidate.pipeline
        for name, candidate in make_candidates((*CANDIDATES, *STREAMED_CANDIDATES, *CLASSIC_CANDIDATES)).items()
        if name != "dummy"  # scikit-learn's dummy predicts classes of any numbers
    },
    "ensemble": CalibratedEnsemble(
        [(name, make_candidates([name])[name].pipeline) for name in ("knn", "ls_svm")],
        Calibration("temperature", np.eye(6, 3), np.zeros(3)),
        ("happy", "sad", "surprise"),
    ),
    "network": NetworkClassifier(),
}
"""Everything that can be fitted, by name."""


@pytest.mark.parametrize("name", UNFITTED)
def test_continuous_targets_are_refused(name):
    records, expressions = made_up_faces(6)
    with pytest.raises(ValueError, match=r"continuous|Unknown label type"):
        clone(UNFITTED[name]).fit(records, np.linspace(0.1, 1.9, len(expressions)))


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize("name", UNFITTED)
def test_unfitted_models_raise_the_error_of_scikit_learn(name, method):
    last = UNFITTED[name]
    last = clone(last[-1] if hasattr(last, "steps") else last)  # the step itself, which the features do not protect
    records = made_up_faces(2)[0] if name in (*STREAMED_CANDIDATES, "ensemble", "network") else np.zeros((6, 53))
    with pytest.raises(NotFittedError):
        getattr(last, method)(records)
