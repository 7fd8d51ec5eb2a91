"""landmark_fer: facial expressions read from landmarks and HOG, cheap, offline, explainable, honestly measured.

Importing the package loads neither dlib, OpenCV, Keras nor matplotlib: the names below load on first use.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Artifact": "landmark_fer.artifact.artifact",
    "export_onnx": "landmark_fer.artifact.artifact",
    "load_artifact": "landmark_fer.artifact.artifact",
    "Recognizer": "landmark_fer.recognition.recognizer",
    "FaceExtractor": "landmark_fer.perception.extraction",
    "read_image": "landmark_fer.perception.images",
    "load_dataset": "landmark_fer.datasets",
    "LandmarkFerError": "landmark_fer.core.errors",
    "EXPRESSIONS": "landmark_fer.core.expressions",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'landmark_fer' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return sorted(__all__)
