"""Results: JSON values, tables, and images of any kind as input."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import landmark_fer
from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.live.options import LOG_FIELDS
from landmark_fer.recognition.face_fields import FIELD_GROUPS, field_columns, field_values
from landmark_fer.recognition.recognizer import Recognizer
from landmark_fer.recognition.results import to_frame


@pytest.fixture(scope="module")
def recognizer(saved):
    return Recognizer(saved)


@pytest.fixture(scope="module")
def recognition(recognizer, astronaut):
    return recognizer.recognize(astronaut)[0]


def test_a_recognition_is_json_values(recognition):
    found = json.loads(json.dumps(recognition.to_dict()))
    assert found["expression"] == recognition.expression and found["probabilities"] == recognition.probabilities
    assert np.shape(found["landmarks"]) == (68, 2) and set(found["box"]) == {"x", "y", "width", "height"}
    assert (found["label"], found["reason"]) == (recognition.label, None)
    turned = replace(recognition, expression=UNCERTAIN, reason="turned away").to_dict()
    assert turned["label"] == turned["reason"] == "turned away"
    unseen = replace(recognition, face=replace(recognition.face, detector_score=float("nan")))
    assert json.loads(json.dumps(unseen.to_dict()))["detector_score"] is None


def test_the_short_form_names_expression_and_face(recognition):
    assert repr(recognition).startswith(f"<Recognition: {recognition.expression} ({recognition.likeliest} ")
    assert len(repr(recognition)) < 120


def test_any_kind_of_image_gives_the_same(recognizer, astronaut, tmp_path):
    expected = [each.to_dict() for each in recognizer.recognize(astronaut)]
    content = io.BytesIO()
    Image.fromarray(astronaut).save(content, format="PNG")
    (tmp_path / "photo.png").write_bytes(content.getvalue())
    content.seek(0)
    sideways = Image.fromarray(np.rot90(astronaut))
    sideways.getexif()[0x0112] = 6  # turned by 90 degrees when it is shown
    for image in (
        Image.fromarray(astronaut),
        sideways,
        tmp_path / "photo.png",
        str(tmp_path / "photo.png"),
        content.getvalue(),
        content,
    ):
        assert [each.to_dict() for each in recognizer.recognize(image)] == expected


@pytest.mark.parametrize("image", [3, None, ["photo.png"]])
def test_anything_else_is_refused_in_a_sentence(recognizer, image):
    with pytest.raises(InputError):
        recognizer.recognize(image)


def test_a_missing_file_is_named(recognizer):
    with pytest.raises(DataError, match=r"nowhere\.png"):
        recognizer.recognize("nowhere.png")


def test_one_call_recognizes_with_the_bundled_model(astronaut):
    assert landmark_fer.recognize(astronaut)[0].expression == "happy"
    assert landmark_fer.recognize(np.zeros((100, 100, 3), np.uint8)) == []


def test_a_table_has_a_row_for_each_face(recognition, recognizer):
    table = to_frame([recognition, recognition])
    names = ["x", "y", "width", "height", "expression", "confidence", *recognizer.classes, "label", "reason"]
    assert list(table.columns) == names and table.loc[1, "label"] == recognition.label
    assert table.loc[0, "reason"] == ""
    assert len(table) == 2 and table.loc[0, "confidence"] == recognition.confidence
    assert list(to_frame([]).columns)[:4] == ["x", "y", "width", "height"] and len(to_frame([])) == 0


def test_a_table_may_have_more_columns(recognition, astronaut):
    table = to_frame([recognition], fields=list(FIELD_GROUPS), image_shape=astronaut.shape)
    assert list(table.columns)[-len(field_columns(FIELD_GROUPS)) :] == list(field_columns(FIELD_GROUPS))
    assert table.loc[0, "yaw"] == recognition.pose.yaw and table.loc[0, "inside"] == 1
    assert table.loc[0, "x30"] == recognition.face.landmarks[30, 0]


def test_unknown_groups_and_quality_without_an_image_are_refused(recognition):
    with pytest.raises(InputError, match="fields must be among measurements, landmarks, pose, quality, got mood"):
        to_frame([recognition], fields=["mood"])
    with pytest.raises(InputError, match="quality need the shape of the image"):
        field_values(recognition.face, ["quality"], None)


def test_the_command_has_every_group():
    assert tuple(FIELD_GROUPS) == LOG_FIELDS
