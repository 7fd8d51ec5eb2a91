"""Artifacts in skops format: equal probabilities, and no object of an untrusted type is created."""

import hashlib
import importlib
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from landmark_fer import Recognizer
from landmark_fer.artifact.artifact import load_artifact, save_artifact
from landmark_fer.artifact.model_files import load_skops, skops_content, trusted_types
from landmark_fer.core.errors import ArtifactError, DependencyError, InputError
from landmark_fer.models.calibration import CalibratedEnsemble, Calibration
from landmark_fer.models.candidates import CANDIDATES, STREAMED_CANDIDATES, make_candidates
from tests.artifact.test_artifact import contents, edit, leftovers
from tests.conftest import made_up_faces
from tests.selection import slow

skops = pytest.importorskip("skops.io")


class Stranger:
    """Has an untrusted type and touches a file when it is restored."""

    def __init__(self, path):
        self.path = path

    def __setstate__(self, state):
        Path(state["path"]).touch()


@pytest.fixture
def skops_path(model, tmp_path):
    """The small model as skops, for a test to damage."""
    return save_artifact(tmp_path / "small", model.predictor, model.facts, format="skops").path


def replace_model(path, content):
    """Replace the model file of an artifact and its hash in the manifest."""
    (path / "model.skops").write_bytes(content)
    edit(path, lambda manifest: manifest["model"].update(sha256=hashlib.sha256(content).hexdigest()))


def test_loaded_predictions_as_saved(model, skops_path, astronaut):
    loaded = load_artifact(skops_path)
    records, _ = made_up_faces(5, seed=2)
    np.testing.assert_array_equal(loaded.predictor.predict_proba(records), model.predictor.predict_proba(records))
    assert len(Recognizer(loaded).recognize(astronaut)) == 1


def test_the_manifest_and_the_card_name_the_format(skops_path):
    assert sorted(contents(skops_path)) == ["card.md", "manifest.json", "model.skops"]
    manifest = load_artifact(skops_path).manifest
    assert manifest["model"]["file"] == "model.skops" and manifest["model"]["format"] == "skops"
    assert "skops" in manifest["versions"] and "joblib" not in manifest["versions"]
    assert "Loading it runs no code" in (skops_path / "card.md").read_text()


@pytest.mark.parametrize("name", ["format", "file"])
def test_an_artifact_that_names_no_format_or_file_is_refused(artifact_path, name):
    edit(artifact_path, lambda manifest: manifest["model"].pop(name))
    with pytest.raises(ArtifactError, match=r"must hold .* got none; .*fit"):
        load_artifact(artifact_path)


@pytest.mark.parametrize(
    "name", [*slow("dropout_mlp"), *(each for each in (*CANDIDATES, *STREAMED_CANDIDATES) if each != "dropout_mlp")]
)
def test_every_candidate_can_be_saved_in_an_ensemble(name):
    records, expressions = made_up_faces(12)
    pipeline = make_candidates([name])[name].pipeline
    calibration = Calibration("temperature", np.eye(3) / 2, np.zeros(3))
    calibrated = CalibratedEnsemble([(name, pipeline[-1])], calibration, sorted(set(expressions.tolist())))
    predictor = Pipeline([("features", pipeline[0]), ("classifier", calibrated)]).fit(records, expressions)
    expected = predictor.predict_proba(records)  # creates cached arrays, which must not be saved
    loaded = load_skops(skops_content(predictor), "the model")
    np.testing.assert_array_equal(loaded.predict_proba(records), expected)
    assert len(skops_content(predictor)) == pytest.approx(len(skops_content(loaded)), rel=0.01)


@pytest.mark.parametrize("name", sorted(trusted_types()))
def test_every_trusted_type_exists(name):
    module, _, kind = name.rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), kind), type)


def test_an_untrusted_type_is_refused_by_name_and_not_created(skops_path, tmp_path):
    marker = tmp_path / "touched"
    replace_model(skops_path, skops.dumps(Stranger(str(marker))))
    with pytest.raises(
        ArtifactError, match=r"model\.skops must hold only types that .* trusts, got .*test_skops\.Stranger"
    ):
        load_artifact(skops_path)
    replace_model(skops_path, skops.dumps(FunctionTransformer(Path.touch)))
    with pytest.raises(ArtifactError, match=r"touch.*; use a model of"):
        load_artifact(skops_path)
    assert not marker.exists()


def test_a_pickle_in_place_of_the_model_is_not_unpickled(skops_path, tmp_path):
    joblib.dump(Stranger(str(tmp_path / "touched")), tmp_path / "pickle")
    replace_model(skops_path, (tmp_path / "pickle").read_bytes())
    with pytest.raises(ArtifactError, match=r"model\.skops cannot be loaded"):
        load_artifact(skops_path)
    assert not (tmp_path / "touched").exists()


def test_a_flipped_byte_is_refused_before_anything_is_read(skops_path, monkeypatch):
    content = bytearray((skops_path / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (skops_path / "model.skops").write_bytes(content)
    for name in ("get_untrusted_types", "loads"):
        monkeypatch.setattr(skops, name, lambda *args, **options: pytest.fail("the model was read"))
    with pytest.raises(ArtifactError, match=r"model\.skops must have the SHA-256 in its manifest"):
        load_artifact(skops_path)


def test_another_version_of_scikit_learn_is_refused(skops_path):
    edit(skops_path, lambda manifest: manifest["versions"].update({"scikit-learn": "0.24.2"}))
    with pytest.raises(ArtifactError, match=r"fitted with scikit-learn 0\.24\.2"):
        load_artifact(skops_path)


def test_a_model_that_cannot_be_loaded_is_not_saved(model, skops_path, tmp_path):
    before = contents(skops_path)
    with pytest.raises(ArtifactError, match=r"the model must hold only types .*Stranger"):
        save_artifact(skops_path, Stranger(str(tmp_path / "touched")), model.facts, format="skops")
    assert contents(skops_path) == before and leftovers(tmp_path) == []


def test_unknown_formats_and_missing_packages_are_refused(model, skops_path, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="format must be one of joblib, skops, onnx, network, ensemble, got 'pickle'"):
        save_artifact(tmp_path / "new", model.predictor, model.facts, format="pickle")
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    sentence = r'needs the package skops, .*run: pip install "skops>=0\.16,<0\.17"'
    with pytest.raises(DependencyError, match=sentence):
        save_artifact(tmp_path / "new", model.predictor, model.facts, format="skops")
    with pytest.raises(DependencyError, match=sentence):
        load_artifact(skops_path)
    assert leftovers(tmp_path) == []
