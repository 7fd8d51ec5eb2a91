"""Tests of `assess`: scores of a fitted predictor on a data set."""

import json

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.evaluation.assessment import assess, milliseconds_per_face
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_dataset, made_up_faces

CLASSES = ("happy", "sad", "surprise")
KEYS = {
    *("n", "accuracy", "accuracy_interval", "accuracy_leak_free", "n_leak_free", "macro_f1", "balanced_accuracy"),
    *("log_loss", "ece", "classes", "per_class", "confusion", "undetected", "ms_per_face"),
}
OFFICIAL = ["Training"] * 20 + ["PublicTest"] * 10
CORRELATIONS = [np.nan] * 20 + [0.95] * 4 + [0.3] * 6


@pytest.fixture(scope="module")
def predictor():
    return make_candidates(["ls_svm"], features="geometry")["ls_svm"].pipeline.fit(*made_up_faces(20, seed=3))


def test_scores_have_all_keys_and_serialize_to_json(predictor):
    scores, _ = assess(predictor, made_up_dataset(10), CLASSES)
    assert set(scores) >= KEYS
    assert scores["n"] == 30 and scores["accuracy"] > 0.8 and scores["ms_per_face"] > 0
    assert scores["undetected"] == {"happy": 2, "sad": 2, "surprise": 2}
    assert json.loads(json.dumps(scores, allow_nan=False))["classes"] == list(CLASSES)


def test_leak_free_scores_are_none_without_training_faces(predictor):
    scores, predictions = assess(predictor, made_up_dataset(10), CLASSES)
    assert scores["accuracy_leak_free"] is None and scores["n_leak_free"] is None
    assert predictions["near_duplicate_correlation"].isna().all()


def test_near_duplicates_are_searched_in_the_training_split(predictor):
    dataset = made_up_dataset(10, splits=OFFICIAL, correlations=CORRELATIONS)
    scores, predictions = assess(predictor, dataset, CLASSES, split="PublicTest")
    assert scores["n"] == 10 and scores["n_leak_free"] == 6
    np.testing.assert_allclose(predictions["near_duplicate_correlation"], CORRELATIONS[20:])


def test_training_faces_are_never_leak_free(predictor):
    dataset = made_up_dataset(10, splits=OFFICIAL, correlations=CORRELATIONS)
    assert assess(predictor, dataset, CLASSES)[0]["n_leak_free"] == 6
    assert assess(predictor, dataset, CLASSES, split="Training")[0]["n_leak_free"] is None


def test_rejection_scores_are_official_and_leak_free(predictor):
    dataset = made_up_dataset(10, splits=OFFICIAL, correlations=CORRELATIONS)
    assert assess(predictor, dataset, CLASSES, split="PublicTest")[0]["rejection"] is None
    _, predictions = assess(predictor, dataset, CLASSES, split="PublicTest")
    confidence = predictions[list(CLASSES)].max(axis=1)
    threshold = float(confidence.median())
    scores, _ = assess(predictor, dataset, CLASSES, split="PublicTest", threshold=threshold)
    accepted = predictions[confidence >= threshold]
    assert scores["rejection"]["coverage"] == len(accepted) / 10
    assert scores["rejection"]["accuracy"] == (accepted["predicted"] == accepted["expression"]).mean()
    clean = accepted[accepted["near_duplicate_correlation"] < 0.9]
    assert scores["rejection"]["coverage_leak_free"] == len(clean) / 6
    json.dumps(scores, allow_nan=False)


def test_near_duplicates_are_searched_in_other_data(predictor):
    dataset = made_up_dataset(10, correlations=[0.99] * 15 + [0.2] * 15)
    scores, _ = assess(predictor, dataset, CLASSES, against=made_up_dataset(4, seed=3))
    assert scores["n_leak_free"] == 15


def test_the_prediction_table_has_one_row_per_face(predictor):
    dataset = made_up_dataset(10)
    scores, predictions = assess(predictor, dataset, CLASSES)
    assert list(predictions) == ["row", "expression", "predicted", *CLASSES, "near_duplicate_correlation"]
    assert predictions["row"].tolist() == dataset.rows.tolist()
    np.testing.assert_allclose(predictions[list(CLASSES)].sum(axis=1), 1, atol=1e-5)
    assert (predictions["predicted"] == predictions[list(CLASSES)].idxmax(axis=1)).all()
    assert (predictions["predicted"] == predictions["expression"]).mean() == pytest.approx(scores["accuracy"])


def test_faces_of_other_expressions_are_left_out_and_counted(predictor):
    dataset = made_up_dataset(10, classes=("happy", "sad", "angry"))
    scores, predictions = assess(predictor, dataset, CLASSES)
    assert scores["n"] == len(predictions) == 20 and scores["left_out"] == 10
    with pytest.raises(DataError, match="made-up faces has no face that shows one of happy, sad, surprise"):
        assess(predictor, made_up_dataset(4, classes=("angry",)), CLASSES)


def test_unknown_splits_are_refused_and_the_splits_are_listed(predictor):
    with pytest.raises(InputError, match=r"\('PublicTest', 'Training'\), got 'Public'"):
        assess(predictor, made_up_dataset(10, splits=OFFICIAL), CLASSES, split="Public")


def test_time_is_measured_for_single_faces():
    class Recorder:
        batch_sizes = []

        def predict_proba(self, X):
            self.batch_sizes.append(len(X))

    assert milliseconds_per_face(Recorder(), np.zeros(5)) >= 0
    assert Recorder.batch_sizes == [1] * 5
