"""Models that learn in batches: the predictor contract, and memory that does not grow with the number of faces."""

import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import MOST_COPIED, RecordRows, mirror_records, rows_of, take_field
from landmark_fer.models import streamed
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.candidates import STREAMED_CANDIDATES, make_candidates
from landmark_fer.models.streamed import FeatureFile
from tests.conftest import made_up_faces


@pytest.fixture(scope="module", params=[(name, kind) for name in STREAMED_CANDIDATES for kind in ("geometry", "both")])
def fitted(request):
    name, features = request.param
    records, expressions = made_up_faces(40)
    return make_candidates([name], features=features)[name].pipeline.fit(records, expressions)


def test_probabilities_and_predictions_agree_and_beat_chance_clearly(fitted):
    records, truth = made_up_faces(15, seed=1)
    probabilities = fitted.predict_proba(records)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    predictions = fitted.classes_[probabilities.argmax(axis=1)]
    assert fitted.predict(records).tolist() == predictions.tolist()
    assert (predictions == truth).mean() > 0.8


def test_a_mirrored_face_gets_the_same_prediction(fitted):
    records, _ = made_up_faces(10, seed=1)
    expected = fitted.predict_proba(records)
    assert np.ptp(expected, axis=0).min() > 0.1
    np.testing.assert_allclose(fitted.predict_proba(mirror_records(records)), expected, atol=0.02)


def test_one_at_a_time_equals_all_at_once_in_any_order(fitted, generator):
    records, _ = made_up_faces(4, seed=1)
    expected = fitted.predict_proba(records)
    single = [fitted.predict_proba(records[row : row + 1])[0] for row in range(len(records))]
    np.testing.assert_allclose(single, expected, atol=1e-5)
    order = generator.permutation(len(records))
    np.testing.assert_allclose(fitted.predict_proba(records[order]), expected[order], atol=1e-5)
    assert fitted.predict_proba(records[:0]).shape == (0, 3)


def test_near_duplicates_among_the_vectors_add_no_noise():
    records, expressions = made_up_faces(40)
    twice = np.concatenate([records, records[::2]])
    model = make_candidates(["nystroem"], features="geometry")["nystroem"].pipeline
    model.fit(twice, np.concatenate([expressions, expressions[::2]]))
    unseen, truth = made_up_faces(15, seed=1)
    expected = model.predict_proba(unseen)
    single = [model.predict_proba(unseen[row : row + 1])[0] for row in range(len(unseen))]
    np.testing.assert_allclose(single, expected, atol=1e-4)
    assert (model.predict(unseen) == truth).mean() > 0.8
    assert model[-1].directions_.shape[1] <= 120  # 60 of the 180 vectors are repeated


def test_saved_and_loaded_equals_before_and_a_clone_fits_to_the_same(fitted):
    records, expressions = made_up_faces(40)
    expected = fitted.predict_proba(records)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(records), expected)
    np.testing.assert_allclose(clone(fitted).fit(records, expressions).predict_proba(records), expected, atol=1e-5)


def test_memory_mapped_records_fit_to_the_same_model(fitted, tmp_path, generator):
    records, expressions = made_up_faces(40)
    order = generator.permutation(len(records))
    np.save(tmp_path / "records.npy", records[order])
    mapped = RecordRows(np.load(tmp_path / "records.npy", mmap_mode="r"), np.argsort(order))
    again = clone(fitted).fit(mapped, expressions)
    np.testing.assert_allclose(again.predict_proba(mapped), fitted.predict_proba(records), atol=1e-5)
    assert predict_in_order(again, mapped, ("sad", "happy", "surprise")).shape == (120, 3)


def test_records_sorted_by_class_are_learned():
    records, expressions = made_up_faces(200)  # sorted by expression, in batches of 50 of one expression
    model = make_candidates(["sgd"], features="geometry")["sgd"].pipeline.set_params(classifier__batch_size=50)
    unseen, truth = made_up_faces(20, seed=1)
    assert (model.fit(records, expressions).predict(unseen) == truth).mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMED_CANDIDATES)
def test_memory_depends_on_the_batch_and_not_on_the_number_of_faces(name, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "_SAMPLE", 100)

    def peak(n_each):
        records, expressions = made_up_faces(n_each)
        np.save(tmp_path / f"{n_each}.npy", records)
        mapped = np.load(tmp_path / f"{n_each}.npy", mmap_mode="r")
        model = make_candidates([name], features="both")[name].pipeline
        model.set_params(classifier__batch_size=64, classifier__epochs=1, **few)
        for _, block in model[-1].features.transformer_list:
            block.max_faces = 100
        tracemalloc.start()
        model.fit(RecordRows(mapped, np.arange(len(mapped))), expressions)
        model.predict_proba(mapped)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few = {"classifier__n_vectors": 50} if name == "nystroem" else {}
    small, large = peak(100), peak(500)
    features_of_more = 3 * 400 * 640 * 4  # size of the features of 1,200 more faces
    assert large - small < features_of_more / 3


def test_records_without_the_field_are_refused(fitted):
    with pytest.raises(InputError, match="face records must have the field"):
        fitted.predict_proba(np.zeros(2, dtype=[("colour", np.uint8)]))


def test_a_feature_file_returns_the_rows_written(generator):
    rows = generator.normal(size=(10, 5)).astype(np.float32)
    places = generator.permutation(10)
    with FeatureFile(10, 5) as file:
        file.write(places[:4], rows[:4])
        file.write(places[4:], rows[4:])
        read = np.vstack([file.read(slice(0, 7)), file.read(slice(7, 10))])
    np.testing.assert_array_equal(read[places], rows.astype(np.float16).astype(np.float32))


class TestRecordRows:
    def test_it_is_indexed_like_an_array(self, generator):
        records, _ = made_up_faces(5)
        rows = generator.permutation(len(records))[:9]
        lazy, eager = RecordRows(records, rows), records[rows]
        assert len(lazy) == 9 and lazy.shape == eager.shape and lazy.dtype == eager.dtype
        for key in (slice(2, 7), slice(None, None, 3), np.array([3, 1, 1]), eager["landmarks"][:, 0, 0] > 0):
            assert isinstance(lazy[key], RecordRows)
            np.testing.assert_array_equal(np.asarray(lazy[key]), eager[key])
        np.testing.assert_array_equal(lazy["landmarks"], eager["landmarks"])
        np.testing.assert_array_equal(take_field(lazy, "chip"), eager["chip"])
        np.testing.assert_array_equal(np.asarray(mirror_records(lazy)), mirror_records(eager))
        assert lazy[4] == eager[4]

    def test_few_rows_are_copied_and_many_are_not_read(self, tmp_path):
        records, _ = made_up_faces(5)
        assert isinstance(rows_of(records, np.array([2, 1])), np.ndarray)
        with open(tmp_path / "many", "wb") as file:
            file.truncate((MOST_COPIED // records.itemsize + 2) * records.itemsize)  # a sparse file takes no disk space
        many = np.memmap(tmp_path / "many", dtype=records.dtype, mode="r")
        lazy = rows_of(many, np.arange(len(many)))
        assert isinstance(lazy, RecordRows)
        assert isinstance(rows_of(lazy, np.array([2, 1])), RecordRows)
