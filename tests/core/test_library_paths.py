"""Every path passed to OpenCV or dlib goes through `library_path`, which supports any file name."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from landmark_fer.core.naming import library_path

PACKAGE = Path(__file__).parents[2] / "landmark_fer"

# Where a function of OpenCV or dlib takes a path: the position of that argument.
TAKES_PATH = dict.fromkeys(
    ("VideoCapture", "VideoWriter", "imread", "imreadmulti", "imwrite", "FileStorage", "CascadeClassifier"), 0
) | dict.fromkeys(("fhog_object_detector", "shape_predictor", "readNet", "readNetFromONNX", "FaceDetectorYN_create"), 0)
LIBRARIES = ("cv2", "dlib")


def paths_given_to_libraries():
    """Return (module, line, source of the argument) of each call of OpenCV or dlib that takes a path."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            name = called.split(".")[-1]
            if called.split(".")[0] in LIBRARIES and name in TAKES_PATH and node.args:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", ast.unparse(node.args[TAKES_PATH[name]])


def test_every_path_for_opencv_and_dlib_goes_through_library_path():
    found = dict(paths_given_to_libraries())
    assert len(found) >= 4
    # An opened capture takes cameras' numbers and addresses, too: its callers hand over what is right for each.
    allowed = ("library_path(", "*arguments", "np.frombuffer(")
    assert not {place: argument for place, argument in found.items() if not argument.startswith(allowed)}


def test_library_paths_are_absolute_text_where_possible(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert library_path("12:30.mp4") == str(tmp_path / "12:30.mp4")
    assert library_path(tmp_path / "schön.mp4") == str(tmp_path / "schön.mp4")


@pytest.mark.skipif(os.name == "nt", reason="on Windows every name of a file is text")
def test_undecodable_names_are_passed_unchanged(tmp_path):
    """In a separate process, which OpenCV would end."""
    code = """
import os, sys
import cv2, numpy as np
from landmark_fer.core.naming import library_path
from landmark_fer.perception import detection
from landmark_fer.live.sources.frames import Frame
from landmark_fer.live.sources.opening import open_source
from landmark_fer.live.sinks.video import VideoRecorder
folder = os.path.join(sys.argv[1], os.fsdecode(b"\\xff\\xfe"))
os.mkdir(folder)
video = os.path.join(folder, "clip.avi")
with VideoRecorder(video, frames_per_second=10) as recorder:
    for index in range(5):
        recorder.write(Frame(np.full((48, 64, 3), 40 * index, np.uint8), index / 10, index))
with open_source(video) as source:
    print(len(list(source)))
for name in ("DETECTOR_FILE", "CASCADE_FILE"):
    copy = os.path.join(folder, name)
    with open(getattr(detection, name), "rb") as file, open(copy, "wb") as other:
        other.write(file.read())
    setattr(detection, name, copy)
detection.HogDetector()
print(detection.HaarDetector()._cascade.empty())
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout.split()) == (0, ["5", "False"]), ended.stderr
