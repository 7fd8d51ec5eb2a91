"""Tests of network descriptions from JSON files, metadata and the interface of the FER+ network."""

import json
from dataclasses import replace

import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.models.networks.description import (
    FERPLUS_DESCRIPTION,
    NetworkDescription,
    description_of,
    is_ferplus,
    read_sidecar,
)
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.onnx_runtime import FLOAT, GraphInterface, OnnxModel
from landmark_fer.perception.extraction import ExtractorSettings
from tests.models.networks.small_networks import CLASSES, SMALL, hand_made_onnx

GOOD = {"input": {"side": 64, "image": "crop", "margin": 0.1, "scaling": "0..1"}, "classes": ["happiness", "Sad"]}


def write(path, values):
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path.with_suffix(".onnx")


def test_json_files_may_use_synonyms_and_defaults(tmp_path):
    description = read_sidecar(write(tmp_path / "a.json", GOOD))
    network_input = NetworkInput(64, image="crop", margin=0.1, scaling="0..1")
    assert description == NetworkDescription(network_input, ("happy", "sad"), "scores", False)
    assert description.fields == ("crop",)
    assert description.extractor_settings() == ExtractorSettings(crop_size=64, crop_margin=0.1)


def test_descriptions_survive_json(tmp_path):
    for description in (SMALL, FERPLUS_DESCRIPTION, replace(SMALL, mirrored=True)):
        assert read_sidecar(write(tmp_path / "a.json", description.to_dict())) == description


def test_chips_are_at_least_as_large_as_the_frame():
    assert SMALL.extractor_settings() == ExtractorSettings()
    assert replace(SMALL, input=NetworkInput(16, frame=120)).extractor_settings().chip_size == 120


WRONG = {
    "no JSON": ("{", "must be JSON, and cannot be read"),
    "a list": ([1], "must have input and classes, and may have output and mirrored"),
    "no classes": ({"input": {"side": 48}}, "must have input and classes"),
    "an unknown word": (GOOD | {"labels": []}, "must have input and classes"),
    "an unknown expression": (GOOD | {"classes": ["happy", "hungry"]}, "expression must be one of .* got 'hungry'"),
    "a class twice": (GOOD | {"classes": ["happy", "joy"]}, "2 different expressions or more, got happy, joy"),
    "one class": (GOOD | {"classes": ["happy"]}, "2 different expressions or more"),
    "a word for classes": (GOOD | {"classes": "happy"}, "must be a list of names, got 'happy'"),
    "numbers for classes": (GOOD | {"classes": [0, 1]}, "must be a list of names"),
    "an unknown output": (GOOD | {"output": "logits"}, "output must be one of scores, probabilities, got 'logits'"),
    "a mirror that is a word": (GOOD | {"mirrored": "yes"}, "mirrored must be true or false, got 'yes'"),
    "an input that is a number": (GOOD | {"input": 48}, "input must have side"),
    "an input without side": (GOOD | {"input": {"layout": "NCHW"}}, "input must have side"),
    "a side that is none": (GOOD | {"input": {"side": "48"}}, "side must be from 8 to 1024, got '48'"),
    "an unknown layout": (GOOD | {"input": {"side": 48, "layout": "HWC"}}, "layout must be one of NHWC, NCHW"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_invalid_json_files_are_refused(tmp_path, fault):
    values, sentence = WRONG[fault]
    with pytest.raises(InputError, match=rf"a\.json .*{sentence}"):
        read_sidecar(write(tmp_path / "a.json", values))


def test_the_json_file_takes_precedence_over_the_metadata(tmp_path):
    interface = OnnxModel(hand_made_onnx()).interface
    assert description_of(tmp_path / "a.onnx", interface) == SMALL
    other = replace(SMALL, classes=CLASSES[::-1])
    assert description_of(write(tmp_path / "a.json", other.to_dict()), interface) == other
    with pytest.raises(InputError, match=r"b\.onnx must be described by .*b\.json, which does not exist: write"):
        description_of(tmp_path / "b.onnx", OnnxModel(hand_made_onnx(metadata=False)).interface)
    with pytest.raises(InputError, match=r"the metadata of .*b\.onnx must be JSON"):
        description_of(tmp_path / "b.onnx", replace(interface, metadata={"landmark_fer_network": "{"}))


FERPLUS_SHAPE = {"Input3": (FLOAT, (1, 1, 64, 64))}, {"Plus692_Output_0": (FLOAT, (1, 8))}


def test_the_ferplus_network_is_recognized_by_its_interface(tmp_path):
    interface = GraphInterface(*FERPLUS_SHAPE, {})
    assert is_ferplus(interface) and description_of(tmp_path / "a.onnx", interface) is FERPLUS_DESCRIPTION
    assert is_ferplus(GraphInterface({"x": (FLOAT, (None, 1, 64, 64))}, {"y": (FLOAT, (None, 8))}, {}))
    classes = "neutral happy surprise sad angry disgust fear contempt"
    assert " ".join(FERPLUS_DESCRIPTION.classes) == classes and FERPLUS_DESCRIPTION.output == "scores"
    assert FERPLUS_DESCRIPTION.input.shape == (1, 64, 64) and FERPLUS_DESCRIPTION.input.scaling == "0..255"


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"x": (FLOAT, (1, 64, 64, 1))}, FERPLUS_SHAPE[1]),
        ({"x": (FLOAT, (1, 3, 64, 64))}, FERPLUS_SHAPE[1]),
        ({"x": ("tensor(uint8)", (1, 1, 64, 64))}, FERPLUS_SHAPE[1]),
        ({"x": (FLOAT, None)}, FERPLUS_SHAPE[1]),
        (FERPLUS_SHAPE[0], {"y": (FLOAT, (1, 7))}),
        (FERPLUS_SHAPE[0], {"y": (FLOAT, None)}),
        (FERPLUS_SHAPE[0] | {"z": (FLOAT, (1,))}, FERPLUS_SHAPE[1]),
    ],
)
def test_other_interfaces_are_not_the_ferplus_network(inputs, outputs):
    assert not is_ferplus(GraphInterface(inputs, outputs, {}))
