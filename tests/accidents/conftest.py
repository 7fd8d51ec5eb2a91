"""Valid artifacts of every format, to be damaged."""

import shutil

import pytest

from landmark_fer.artifact.artifact import export_onnx, save_artifact
from tests.accidents.fuzzing import ROOT


@pytest.fixture(scope="session")
def whole_artifacts(model, tmp_path_factory):
    """A folder with the small model as joblib, skops and onnx, and the bundled network."""
    pytest.importorskip("skops")
    pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("accidents") / "whole"
    for kind in ("joblib", "skops"):
        saved = save_artifact(folder / kind, model.predictor, model.facts, format=kind)
    export_onnx(saved, folder / "onnx")
    shutil.copytree(ROOT / "artifacts" / "cnn", folder / "network")
    return folder
