"""Snapshots: an image and its predictions, under new names."""

import json
import os

import numpy as np
import pytest
from skimage import data

from landmark_fer.core.errors import SinkError
from landmark_fer.core.records import Box, Face
from landmark_fer.live.sinks.snapshot import describe, write_snapshot
from landmark_fer.live.sources.frames import Frame
from landmark_fer.perception.images import read_image
from landmark_fer.recognition.results import Recognition, RecognizedFace
from tests.live.hand_made import CLASSES, make_faces, make_recognition

WALL_S = 1795240392.25  # 2026-11-21T05:53:12.250Z
FRAME = Frame(data.astronaut(), 1.25, 31, WALL_S)


def test_image_and_predictions_are_written(tmp_path):
    happy, angry = make_recognition("happy"), make_recognition("angry", 0.5)
    faces = [RecognizedFace(3, happy, angry, versus=angry)]
    path = write_snapshot(tmp_path / "new" / "folder", FRAME, FRAME.image, faces, facts={"model": "mine"})
    assert path.name == "snapshot-2026-11-21T05-53-12.250Z.png"
    np.testing.assert_array_equal(read_image(path), FRAME.image)
    content = json.loads(path.with_suffix(".json").read_text())
    assert content == describe(FRAME, faces, facts={"model": "mine"})
    assert (content["frame"], content["time_s"], content["wall_time"]) == (31, 1.25, "2026-11-21T05:53:12.250Z")
    assert content["image"] == {"width": 512, "height": 512}
    assert content["made_with"] == {"model": "mine"}
    (face,) = content["faces"]
    assert (face["track_id"], face["expression"], face["confidence"]) == (3, "happy", 0.7)
    assert list(face["probabilities"]) == list(CLASSES)
    assert face["raw"] == face["versus"] == {
        "expression": "angry", "label": "angry", "reason": None, "confidence": 0.5,
        "probabilities": {"angry": 0.5, "happy": 0.25, "neutral": 0.25},
    }  # fmt: skip
    np.testing.assert_allclose(face["landmarks"], happy.face.landmarks, atol=0.01)
    assert face["box"] == {"x": 100, "y": 80, "width": 120, "height": 120}


def test_face_without_a_detector_score():
    face = Face(Box(0, 0, 9, 9), np.zeros((68, 2), np.float32), np.zeros((8, 8), np.uint8), float("nan"))
    prediction = Recognition(face, "happy", 1.0, {"happy": 1.0})
    assert describe(FRAME, make_faces(prediction))["faces"][0]["detector_score"] is None
    assert describe(FRAME, make_faces(prediction))["faces"][0]["versus"] is None


def test_a_face_that_waited_for_its_turn_is_marked():
    (face,) = make_faces(make_recognition())
    assert [each["located"] for each in describe(FRAME, [face, face.moved(3, 0)])["faces"]] == [True, False]


def test_snapshot_without_faces(tmp_path):
    assert json.loads(write_snapshot(tmp_path, FRAME, FRAME.image, []).with_suffix(".json").read_text())["faces"] == []


def test_nothing_is_overwritten(tmp_path):
    paths = [write_snapshot(tmp_path, FRAME, FRAME.image, []) for _ in range(3)]
    (tmp_path / "snapshot-2026-11-21T05-53-12.250Z-4.json").write_text("mine")
    paths.append(write_snapshot(tmp_path, FRAME, FRAME.image, []))
    assert [path.stem.removeprefix("snapshot-2026-11-21T05-53-12.250Z") for path in paths] == ["", "-2", "-3", "-5"]
    assert (tmp_path / "snapshot-2026-11-21T05-53-12.250Z-4.json").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2 * 4 + 1


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"snapshot in \S+ cannot be written"):
        write_snapshot(tmp_path / "file", FRAME, FRAME.image, [])


def test_full_disk_leaves_no_file(tmp_path, monkeypatch):
    """The image can be written, the JSON file cannot."""
    real = open

    def full(path, mode, **options):
        if str(path).endswith(".json"):
            raise OSError(28, os.strerror(28))
        return real(path, mode, **options)

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(SinkError, match="No space left on device"):
        write_snapshot(tmp_path, FRAME, FRAME.image, [])
    assert list(tmp_path.iterdir()) == []
