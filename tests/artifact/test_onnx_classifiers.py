"""ONNX forms of classifiers return the probabilities of the fitted estimators."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from landmark_fer.artifact.export.onnx_model import has_onnx_form, onnx_content
from landmark_fer.core.errors import InputError
from landmark_fer.core.records import stack
from landmark_fer.features.projection import MirrorPCA
from landmark_fer.features.transformers import Measurements
from landmark_fer.models.calibration import CalibratedEnsemble, Calibration
from landmark_fer.models.candidates import (
    CANDIDATES,
    CLASSIC_CANDIDATES,
    FEATURES,
    FIELDS,
    STREAMED_CANDIDATES,
    make_candidates,
)
from landmark_fer.models.ls_svm import LeastSquaresSVM
from landmark_fer.models.mlp import MLPWithDropout
from landmark_fer.models.onnx_runtime import OnnxPredictor
from tests.conftest import made_up_faces
from tests.selection import slow

pytest.importorskip("onnx")

CLASSES = ("sad", "happy", "surprise")  # not alphabetical


def between(records):
    """Faces half-way between two expressions, for which probabilities are far from 0 and 1."""
    mixed, other = records.copy(), records[::-1]
    mixed["landmarks"] = (records["landmarks"] + other["landmarks"]) / 2
    mixed["chip"] = (records["chip"] / 2 + other["chip"] / 2).astype(np.uint8)
    return mixed


EXPORTABLE = [name for name in CANDIDATES if name not in ("knn", "svm")]  # the rest has no ONNX form


@pytest.fixture(scope="module")
def real_faces(astronaut_face, lfw_crops, extractor):
    """The astronaut and faces of Labeled Faces in the Wild, as records."""
    return stack([astronaut_face, *map(extractor.extract_crop, lfw_crops[:7])], chip_size=80)


def exported(predictor, features="geometry", classes=CLASSES):
    facts = {"classes": list(classes), "fields": list(FIELDS[features]), "extractor": {"chip_size": 80}}
    return OnnxPredictor(onnx_content(predictor, facts))


def assert_same(predictor, features, *records, classes=CLASSES):
    """Assert equal probabilities, columns in the order of `classes`, and return the ONNX predictor."""
    onnx_predictor = exported(predictor, features, classes)
    order = [predictor.classes_.tolist().index(name) for name in classes]
    for faces in records:
        expected = predictor.predict_proba(faces)[:, order]
        np.testing.assert_allclose(onnx_predictor.predict_proba(faces), expected, atol=1e-4)
    return onnx_predictor


@pytest.fixture(scope="module")
def ensemble():
    """An ensemble of all exportable candidates but the dummy, with small weights."""
    records, expressions = made_up_faces(20)
    pipelines = {name: make_candidates([name])[name].pipeline for name in EXPORTABLE if name != "dummy"}
    members = [(name, pipeline[-1]) for name, pipeline in pipelines.items()]
    weights = np.random.default_rng(1).normal(0, 0.1, (3 * len(members), 3))
    calibrated = CalibratedEnsemble(
        members, Calibration("matrix", weights, np.array([0.1, -0.2, 0.0])), sorted(CLASSES)
    )
    predictor = Pipeline([("features", pipelines["ls_svm"][0]), ("classifier", calibrated)]).fit(records, expressions)
    return SimpleNamespace(predictor=predictor, faces=between(records))


@pytest.mark.parametrize(
    ("name", "features"),
    [
        pytest.param(name, features, marks=[pytest.mark.slow] * (name == "dropout_mlp"))
        for name in (*EXPORTABLE, *STREAMED_CANDIDATES)
        for features in FEATURES
    ],
)
def test_every_candidate_on_every_kind_of_features(name, features, real_faces):
    records, expressions = made_up_faces(14)
    predictor = make_candidates([name], features=features)[name].pipeline.fit(records, expressions)
    onnx_predictor = assert_same(predictor, features, made_up_faces(5, seed=1)[0], between(records), real_faces)
    assert set(onnx_predictor.fields) == set(FIELDS[features])


def test_unfitted_pipelines_report_whether_they_have_an_onnx_form():
    names = (*CANDIDATES, *STREAMED_CANDIDATES, *CLASSIC_CANDIDATES)
    exportable = {name for name, each in make_candidates(names).items() if has_onnx_form(each.pipeline)}
    assert exportable == {*EXPORTABLE, *STREAMED_CANDIDATES}


@pytest.mark.parametrize("name", ["knn", "svm"])
def test_candidates_without_an_onnx_form_are_refused(name):
    records, expressions = made_up_faces(12)
    predictor = make_candidates([name], features="geometry")[name].pipeline.fit(records, expressions)
    with pytest.raises(InputError, match=r"classifiers of an ONNX export must be among .*; use joblib"):
        exported(predictor, classes=CLASSES)


@pytest.mark.slow
def test_an_ensemble(ensemble, real_faces):
    assert np.ptp(ensemble.predictor.predict_proba(ensemble.faces), axis=0).min() > 0.05
    onnx_predictor = assert_same(ensemble.predictor, "both", ensemble.faces, real_faces)
    assert onnx_predictor.predict(ensemble.faces).tolist() == ensemble.predictor.predict(ensemble.faces).tolist()


@pytest.mark.slow
def test_rows_are_independent(ensemble):
    onnx_predictor = exported(ensemble.predictor, "both")
    together = onnx_predictor.predict_proba(np.tile(ensemble.faces, 6))  # more than one block
    single = [onnx_predictor.predict_proba(ensemble.faces[row : row + 1])[0] for row in range(len(ensemble.faces))]
    np.testing.assert_allclose(together, np.tile(single, (6, 1)), atol=1e-6)
    assert onnx_predictor.predict_proba(ensemble.faces[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    "name", [*slow("dropout_mlp"), *(name for name in (*EXPORTABLE, *STREAMED_CANDIDATES) if name != "dropout_mlp")]
)
def test_two_classes(name):
    records, expressions = made_up_faces(12, classes=("happy", "sad"))
    predictor = make_candidates([name], features="geometry")[name].pipeline.fit(records, expressions)
    assert_same(predictor, "geometry", between(records), classes=("sad", "happy"))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    "classifier", [LeastSquaresSVM(), MLPWithDropout((8,), epochs=1), MLPClassifier((8, 4), max_iter=50)]
)
def test_classifiers_without_mirror_signs(classifier):
    records, expressions = made_up_faces(12)
    classifier = classifier.set_params(random_state=0)
    pipeline = Pipeline([("features", MirrorPCA(Measurements(), 6, 4)), ("classifier", classifier)])
    assert_same(pipeline.fit(records, expressions), "geometry", between(records))


def test_a_class_without_training_faces_has_probability_0():
    records, expressions = made_up_faces(12, classes=("happy", "sad"))
    predictor = make_candidates(["ls_svm"], features="geometry")["ls_svm"].pipeline.fit(records, expressions)
    probabilities = exported(predictor, classes=("happy", "fear", "sad")).predict_proba(records)
    assert not probabilities[:, 1].any()
    np.testing.assert_allclose(probabilities[:, [0, 2]], predictor.predict_proba(records), atol=1e-5)


@pytest.mark.parametrize("name", STREAMED_CANDIDATES)
def test_streamed_models_in_an_ensemble(name, real_faces):
    records, expressions = made_up_faces(60)
    pipeline = make_candidates([name])[name].pipeline
    calibrated = CalibratedEnsemble(
        [(name, pipeline[-1])], Calibration("temperature", np.eye(3) / 2, np.zeros(3)), sorted(CLASSES)
    )
    predictor = Pipeline([("features", pipeline[0]), ("classifier", calibrated)]).fit(records, expressions)
    assert np.ptp(predictor.predict_proba(between(records)), axis=0).min() > 0.05
    assert_same(predictor, "both", between(records), real_faces)


@pytest.mark.parametrize("shift", [-20, -60, -200])
def test_scores_far_below_0_of_all_classes(shift):
    records, expressions = made_up_faces(12)
    predictor = make_candidates(["sgd"], features="geometry")["sgd"].pipeline.fit(records, expressions)
    predictor[-1].classifier_.intercept_ += shift
    assert_same(predictor, "geometry", between(records))


def test_a_streamed_model_of_another_loss_is_refused():
    records, expressions = made_up_faces(12)
    predictor = make_candidates(["sgd"], features="geometry")["sgd"].pipeline.fit(records, expressions)
    predictor[-1].classifier_.loss = "modified_huber"
    with pytest.raises(InputError, match="must have the loss log_loss, got modified_huber; use joblib"):
        exported(predictor)


def test_weights_are_stored_in_their_small_types():
    records, expressions = made_up_faces(12)
    predictor = make_candidates(["ls_svm"])["ls_svm"].pipeline.fit(records, expressions)
    facts = {"classes": CLASSES, "fields": FIELDS["both"], "extractor": {"chip_size": 80}}
    components = sum(step.components_.nbytes for _, step in predictor[0].transformer_list)
    size = components + predictor[1].vectors_.nbytes
    assert len(onnx_content(predictor, facts)) < size + 300_000


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    ("classifier", "sentence"),
    [
        (LogisticRegression(), "must be among CalibratedEnsemble, .*, got LogisticRegression; use joblib"),
        (MLPClassifier((4,), activation="tanh", max_iter=50), "must have the activation relu, got tanh"),
        (DummyClassifier(strategy="uniform"), "must have the strategy prior, got uniform"),
    ],
)
def test_classifiers_without_an_onnx_form_are_refused_by_name(classifier, sentence):
    records, expressions = made_up_faces(12)
    pipeline = Pipeline([("features", MirrorPCA(Measurements(), 6, 4)), ("classifier", classifier)])
    with pytest.raises(InputError, match=sentence):
        exported(pipeline.fit(records, expressions))


def test_a_model_that_is_not_a_pipeline_is_refused():
    with pytest.raises(InputError, match="must be a Pipeline of features and a classifier, got DummyClassifier"):
        exported(DummyClassifier())


def test_an_export_with_other_probabilities_is_refused(monkeypatch):
    records, expressions = made_up_faces(12)
    predictor = make_candidates(["ls_svm"], features="geometry")["ls_svm"].pipeline.fit(records, expressions)
    monkeypatch.setattr("landmark_fer.artifact.export.classifiers.SHARPNESS", 4.9)
    with pytest.raises(InputError, match=r"must be within 0\.0001 of the original's, got a difference of"):
        exported(predictor)
