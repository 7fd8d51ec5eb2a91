import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import FER2013_CODES
from landmark_fer.datasets import load_dataset
from landmark_fer.datasets.base import FaceDataset


def test_take_follows_mask_and_positions(dataset):
    mask = dataset.expressions == "happy"
    assert dataset.take(mask).rows.tolist() == np.flatnonzero(mask).tolist()
    backwards = dataset.take(np.arange(len(dataset))[::-1])
    assert np.array_equal(backwards.records, dataset.records[::-1])
    assert backwards.names.tolist() == dataset.names[::-1].tolist()
    assert len(dataset.take([])) == 0


def test_take_changes_the_key_with_the_choice(dataset):
    keys = [dataset.key, *(dataset.take(chosen).key for chosen in ([0, 1], [1, 0], [0]))]
    assert len(set(keys)) == 4
    assert dataset.take([0, 1]).key == dataset.take(np.arange(len(dataset)) < 2).key


def test_splits_and_classes(dataset):
    assert len(dataset.of_split("Training")) == 14
    assert dataset.classes == FER2013_CODES
    assert dataset.only(["joy", "sad"]).classes == ("happy", "sad")
    with pytest.raises(InputError, match=r"split must be one of .*'PrivateTest', 'PublicTest'.* got 'test'"):
        dataset.of_split("test")
    with pytest.raises(DataError, match=r"fer2013.csv has no face that shows contempt"):
        dataset.only(["contempt"])
    with pytest.raises(InputError, match="expression must be one of"):
        dataset.only(["bored"])


def test_undetected_faces_are_counted_by_class(dataset):
    counts = dataset.undetected_by_class()
    assert tuple(counts) == dataset.classes
    assert sum(counts.values()) == np.isnan(dataset.detector_scores).sum()


def test_wrong_shapes_are_reported(dataset):
    with pytest.raises(InputError, match=r"mask must have shape \(20,\), got \(3,\)"):
        dataset.take(np.array([True, False, True]))
    with pytest.raises(InputError, match="splits must have one entry a record"):
        FaceDataset(**{**vars(dataset), "splits": dataset.splits[:3]})


def test_load_dataset_selects_expressions(load, fer_csv):
    assert load(fer_csv, expressions=["happy", "surprised"]).classes == ("happy", "surprise")


def test_a_folder_that_holds_the_csv_is_read_as_one(load, fer_csv, dataset):
    assert np.array_equal(load(fer_csv.parent).records, dataset.records)


@pytest.mark.parametrize(
    ("name", "options", "error", "sentence"),
    [
        ("none.csv", {}, DataError, "none.csv does not exist; give FER2013's csv"),
        ("notes.txt", {}, DataError, "notes.txt must be a .csv"),
        ("none.npz", {}, DataError, "geometry table .* does not exist"),
        ("notes.txt", {"labels": "mine"}, InputError, "labels must be one of auto, fer2013, ferplus, got 'mine'"),
        (".", {"images": "both"}, InputError, "images must be one of"),
        (".", {}, DataError, "holds no images"),
    ],
)
def test_invalid_paths_and_options_are_reported(tmp_path, name, options, error, sentence):
    (tmp_path / "notes.txt").write_text("no data")
    with pytest.raises(error, match=sentence):
        load_dataset(tmp_path / name, progress=False, cache=tmp_path / "cache", **options)


def test_importing_is_light():
    heavy = "{'cv2', 'dlib', 'keras', 'matplotlib', 'scipy', 'sklearn'} & set(sys.modules)"
    code = f"import sys, landmark_fer.datasets as d; d.load_dataset; print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_left_out_sentences_are_limited_and_counted(dataset):
    assert dataset.left_out_sentences() == []
    broken = replace(dataset, problems=["a", "b", "c"], left_out_csv="")
    assert broken.left_out_sentences(3) == ["left out: a", "left out: b", "left out: c"]
    assert replace(broken, left_out_csv="x.csv").left_out_sentences(1) == [
        "left out: a",
        "left out: 2 more for similar reasons",
        "list of everything that was left out, with reasons: x.csv",
    ]
