"""A collection as a data set: its records with their subjects and takes."""

import numpy as np
import pytest

from landmark_fer.core.errors import DataError
from landmark_fer.datasets import load_dataset
from landmark_fer.datasets.collection import made_with
from landmark_fer.datasets.collection_writer import Collection
from landmark_fer.datasets.readers.collected import read_collection
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.predictor_file import PREDICTOR_SHA256
from tests.conftest import made_up_faces

BOX = {"x": 1.0, "y": 2.0, "width": 80.0, "height": 80.0}


@pytest.fixture
def folder(tmp_path):
    """Takes of two people: happy twice and sad once each, six faces a take."""
    with Collection(tmp_path / "mine", made_with(ExtractorSettings(), PREDICTOR_SHA256)) as collection:
        for seed, (subject, expression) in enumerate(
            (subject, expression) for subject in ("bob", "ann") for expression in ("happy", "sad", "happy")
        ):
            records, _ = made_up_faces(6, classes=(expression,), seed=seed)
            frames = [{"time_s": i / 10, **BOX, "detector_score": float(i)} for i in range(6)]
            collection.add(subject, expression, records, frames, source="test")
    return tmp_path / "mine"


def test_a_collection_is_recognized_and_not_extracted_again(folder, monkeypatch):
    monkeypatch.setattr("landmark_fer.datasets.extraction_cache.build_dataset", None)
    faces = load_dataset(folder)
    assert len(faces) == 36
    assert faces.classes == ("happy", "sad")
    assert faces.subjects.tolist() == ["ann"] * 18 + ["bob"] * 18
    assert faces.expressions.tolist() == (["happy"] * 12 + ["sad"] * 6) * 2
    assert len(np.unique(faces.takes)) == len(np.unique(faces.near_duplicate_groups)) == 6
    assert faces.source == "mine"
    assert not faces.cropped
    assert set(faces.splits) == {""}
    assert faces.detector_scores[:6].tolist() == [0, 1, 2, 3, 4, 5]
    expected, _ = made_up_faces(6, classes=("happy",), seed=3)
    assert faces.records[:6].tobytes() == expected.tobytes()


def test_each_take_is_one_group_of_one_subject(folder):
    faces = load_dataset(folder)
    for group in np.unique(faces.near_duplicate_groups):
        own = faces.near_duplicate_groups == group
        assert len(np.unique(faces.takes[own])) == len(np.unique(faces.subjects[own])) == 1


def test_expressions_are_selected(folder):
    assert load_dataset(folder, expressions=["joy"]).classes == ("happy",)


def test_the_key_changes_with_each_take(folder):
    before = read_collection(folder).key
    assert before == read_collection(folder).key
    with Collection(folder, made_with(ExtractorSettings(), PREDICTOR_SHA256)) as collection:
        collection.remove(collection.takes()[0])
    assert read_collection(folder).key != before


def test_other_extractor_settings_are_refused(folder):
    with pytest.raises(DataError, match="crop size 72, got 0"):
        load_dataset(folder, settings=ExtractorSettings(crop_size=72))


def test_another_shape_predictor_is_refused(folder, tmp_path):
    (tmp_path / "own.dat").write_bytes(b"another")
    with pytest.raises(DataError, match="another shape predictor than the one in use"):
        load_dataset(folder, predictor=tmp_path / "own.dat")


def test_an_empty_collection_is_reported_with_advice(tmp_path):
    with Collection(tmp_path / "mine", made_with(ExtractorSettings(), PREDICTOR_SHA256)):
        pass
    with pytest.raises(DataError, match=r"holds no takes; run: python -m landmark_fer\.collect"):
        load_dataset(tmp_path / "mine")
