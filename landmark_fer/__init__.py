"""landmark_fer: facial expression recognition from landmarks and HOG, offline and explainable.

Importing the package imports neither dlib, OpenCV, Keras nor matplotlib; the public names load on first use.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from landmark_fer.artifact.artifact import Artifact as Artifact
    from landmark_fer.artifact.artifact import export_onnx as export_onnx
    from landmark_fer.artifact.artifact import load_artifact as load_artifact
    from landmark_fer.core.errors import LandmarkFerError as LandmarkFerError
    from landmark_fer.core.expressions import EXPRESSIONS as EXPRESSIONS
    from landmark_fer.datasets import load_dataset as load_dataset
    from landmark_fer.live.batch import recognize_folder as recognize_folder
    from landmark_fer.live.batch import recognize_video as recognize_video
    from landmark_fer.live.batch import recognize_videos as recognize_videos
    from landmark_fer.perception.extraction import FaceExtractor as FaceExtractor
    from landmark_fer.perception.images import read_image as read_image
    from landmark_fer.recognition.baseline import Baseline as Baseline
    from landmark_fer.recognition.recognizer import Recognizer as Recognizer
    from landmark_fer.recognition.recognizer import recognize as recognize
    from landmark_fer.recognition.results import to_frame as to_frame

__version__ = "0.1.0"

_MODULES = {
    "Artifact": "landmark_fer.artifact.artifact",
    "Baseline": "landmark_fer.recognition.baseline",
    "export_onnx": "landmark_fer.artifact.artifact",
    "load_artifact": "landmark_fer.artifact.artifact",
    "recognize": "landmark_fer.recognition.recognizer",
    "recognize_folder": "landmark_fer.live.batch",
    "recognize_video": "landmark_fer.live.batch",
    "recognize_videos": "landmark_fer.live.batch",
    "Recognizer": "landmark_fer.recognition.recognizer",
    "to_frame": "landmark_fer.recognition.results",
    "FaceExtractor": "landmark_fer.perception.extraction",
    "read_image": "landmark_fer.perception.images",
    "load_dataset": "landmark_fer.datasets",
    "LandmarkFerError": "landmark_fer.core.errors",
    "EXPRESSIONS": "landmark_fer.core.expressions",
}

__all__ = [*_MODULES, "__version__"]


def _is_program():
    """Return whether this process is ``python -m landmark_fer...`` or ``landmark-fer``."""
    program = "".join(sys.orig_argv[-len(sys.argv) :][:1])  # sys.argv[0] is "-m" until Python has found the module
    return os.path.basename(program).removeprefix("-m").split(".")[0] in ("landmark_fer", "landmark-fer")


if _is_program():
    from landmark_fer.core.command import end_at_interrupts

    end_at_interrupts()  # before the imports of the commands


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module 'landmark_fer' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__():
    return sorted(__all__)
