"""Valid artifacts of every format, to be damaged."""

import shutil

import pytest

from landmark_fer.artifact.artifact import export_onnx, save_artifact
from tests.accidents.fuzzing import ROOT
from tests.artifact.test_ensemble_artifact import ensemble_facts, small_ensemble


@pytest.fixture(scope="session")
def few_artifacts(model, tmp_path_factory):
    """A folder with the small model as joblib and in an ensemble."""
    folder = tmp_path_factory.mktemp("accidents") / "few"
    save_artifact(folder / "joblib", model.predictor, model.facts)
    ensemble = small_ensemble(model)
    save_artifact(folder / "ensemble", ensemble, ensemble_facts(model, ensemble), format="ensemble")
    return folder


@pytest.fixture(scope="session")
def whole_artifacts(few_artifacts, model):
    """A folder with these, the small model as skops and onnx, and the bundled network."""
    pytest.importorskip("skops")
    pytest.importorskip("onnx")
    folder = shutil.copytree(few_artifacts, few_artifacts.with_name("whole"))
    saved = save_artifact(folder / "skops", model.predictor, model.facts, format="skops")
    export_onnx(saved, folder / "onnx")
    shutil.copytree(ROOT / "artifacts" / "cnn", folder / "network")
    return folder
