"""The annotations of the public API are complete, and a type checker agrees with them."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import landmark_fer
from landmark_fer.core.records import Box, Face
from landmark_fer.datasets.base import FaceDataset
from landmark_fer.recognition.results import Recognition

ROOT = Path(__file__).parents[1]

PROGRAM = """
from typing import assert_type

import numpy as np

import landmark_fer
from landmark_fer import Artifact, Baseline, FaceExtractor, Recognizer
from landmark_fer import export_onnx, load_artifact, load_dataset, read_image
from landmark_fer.core.errors import LandmarkFerError

artifact = load_artifact("cnn", threads=2)
assert_type(artifact, Artifact)
assert_type(artifact.classes, tuple[str, ...])
recognizer = Recognizer(artifact, detector="haar", reject=0.5)
for recognition in recognizer.recognize(read_image("photo.jpg")):
    assert_type(recognition.expression, str)
    assert_type(recognition.probabilities, dict[str, float])
    assert_type(recognition.face.box.width, float)
    assert_type(recognition.pose.yaw, float)
    assert_type(recognition.explain().text, str)
with open("photo.jpg", "rb") as file:
    landmark_fer.to_frame(landmark_fer.recognize(file), fields=["pose"])
recognizer.recognize_faces(FaceExtractor().extract(np.zeros((9, 9, 3), np.uint8)))
assert_type(load_dataset("faces.csv").take(np.arange(3)).undetected_by_class(), dict[str, int])
export_onnx(artifact, "out")
baseline = Baseline.from_images(["neutral.jpg"], recognizer)
baseline.save("ann.json")
(recognition,) = recognizer.recognize("smile.jpg", baseline=Baseline.load("ann.json"))
assert_type(recognition.plain_probabilities, dict[str, float])
for path, recognitions in landmark_fer.recognize_folder("photos", recognizer=recognizer):
    assert_type((path.name, recognitions[0].confidence), tuple[str, float])
for frame, faces in landmark_fer.recognize_video("video.mp4", fps=5):
    assert_type((frame.time_s, faces[0].recognition.expression), tuple[float, str])
assert_type(landmark_fer.EXPRESSIONS[0], str)
assert_type(landmark_fer.LandmarkFerError(), LandmarkFerError)
"""


def public_functions():
    """Yield (name, function) of the public functions, constructors, methods and properties."""
    for thing in [getattr(landmark_fer, name) for name in landmark_fer.__all__] + [Recognition, Face, Box, FaceDataset]:
        if inspect.isfunction(thing):
            yield thing.__name__, thing
        if inspect.isclass(thing) and not issubclass(thing, Exception):
            for name, member in vars(thing).items():
                member = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
                if inspect.isfunction(member) and (name == "__init__" or not name.startswith("_")):
                    yield f"{thing.__name__}.{name}", member


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_is_annotated(name):
    signature = inspect.signature(FUNCTIONS[name])
    without = [each.name for each in signature.parameters.values() if each.annotation is each.empty]
    assert [each for each in without if each not in ("self", "cls")] == []
    assert signature.return_annotation is not signature.empty


def mypy(folder, *words):
    """Run the type checker with the project's settings; return its exit status and its output."""
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--cache-dir", folder / "cache", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_the_public_modules_pass_the_type_checker(tmp_path):
    status, output = mypy(tmp_path)
    assert status == 0, output


@pytest.mark.slow
def test_a_program_sees_the_types_and_its_mistakes(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    status, output = mypy(tmp_path, "--strict", program)
    assert status == 0, output
    program.write_text(f"{PROGRAM}recognizer.recognize(3)\n")
    status, output = mypy(tmp_path, "--strict", program)
    assert status == 1 and 'incompatible type "int"' in output and "Found 1 error" in output
