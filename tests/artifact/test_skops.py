"""A model kept as skops: the same answers, and nothing of a type that is not in the table is ever made."""

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
from tests.artifact.test_artifact import contents, edit, left_over
from tests.conftest import made_up_faces
from tests.selection import slow

skops = pytest.importorskip("skops.io")


class Stranger:
    """Of a type that nobody trusts; made again, it leaves a mark."""

    def __init__(self, path):
        self.path = path

    def __setstate__(self, state):
        Path(state["path"]).touch()


@pytest.fixture
def skops_path(model, tmp_path):
    """The small model as skops, for a test to damage."""
    return save_artifact(tmp_path / "small", model.predictor, model.facts, format="skops").path


def put(path, content):
    """Put another model file into an artifact, with its right hash."""
    (path / "model.skops").write_bytes(content)
    edit(path, lambda manifest: manifest["model"].update(sha256=hashlib.sha256(content).hexdigest()))


def test_loaded_predictions_as_saved(model, skops_path, astronaut):
    loaded = load_artifact(skops_path)
    records, _ = made_up_faces(5, seed=2)
    np.testing.assert_array_equal(loaded.predictor.predict_proba(records), model.predictor.predict_proba(records))
    assert len(Recognizer(loaded).recognize(astronaut)) == 1


def test_the_folder_says_what_it_holds(skops_path):
    assert sorted(contents(skops_path)) == ["card.md", "manifest.json", "model.skops"]
    manifest = load_artifact(skops_path).manifest
    assert manifest["model"]["file"] == "model.skops" and manifest["model"]["format"] == "skops"
    assert "skops" in manifest["versions"] and "joblib" not in manifest["versions"]
    assert "loading it runs no code" in (skops_path / "card.md").read_text()


def test_an_artifact_that_names_no_format_is_joblib(artifact_path):
    edit(artifact_path, lambda manifest: [manifest["model"].pop(name) for name in ("format", "file")])
    assert load_artifact(artifact_path).classes


@pytest.mark.parametrize(
    "name", [*slow("dropout_mlp"), *(each for each in (*CANDIDATES, *STREAMED_CANDIDATES) if each != "dropout_mlp")]
)
def test_every_candidate_makes_the_journey_in_a_pool(name):
    records, expressions = made_up_faces(12)
    pipeline = make_candidates([name])[name].pipeline
    calibration = Calibration("temperature", np.eye(3) / 2, np.zeros(3))
    calibrated = CalibratedEnsemble([(name, pipeline[-1])], calibration, sorted(set(expressions.tolist())))
    predictor = Pipeline([("features", pipeline[0]), ("classifier", calibrated)]).fit(records, expressions)
    expected = predictor.predict_proba(records)  # asked before, it keeps widened vectors, which are not saved
    loaded = load_skops(skops_content(predictor), "the model")
    np.testing.assert_array_equal(loaded.predict_proba(records), expected)
    assert len(skops_content(predictor)) == pytest.approx(len(skops_content(loaded)), rel=0.01)


@pytest.mark.parametrize("name", sorted(trusted_types()))
def test_every_trusted_type_is_there(name):
    module, _, kind = name.rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), kind), type)


def test_a_type_that_is_not_trusted_is_refused_by_name_and_never_made(skops_path, tmp_path):
    marker = tmp_path / "touched"
    put(skops_path, skops.dumps(Stranger(str(marker))))
    with pytest.raises(ArtifactError, match=r"model\.skops must hold types that .* trusts .*test_skops\.Stranger"):
        load_artifact(skops_path)
    put(skops_path, skops.dumps(FunctionTransformer(Path.touch)))
    with pytest.raises(ArtifactError, match=r"touch.*; ask its maker"):
        load_artifact(skops_path)
    assert not marker.exists()


def test_a_pickle_in_its_place_is_not_unpickled(skops_path, tmp_path):
    joblib.dump(Stranger(str(tmp_path / "touched")), tmp_path / "pickle")
    put(skops_path, (tmp_path / "pickle").read_bytes())
    with pytest.raises(ArtifactError, match=r"model\.skops cannot be loaded"):
        load_artifact(skops_path)
    assert not (tmp_path / "touched").exists()


def test_a_flipped_byte_is_refused_before_anything_is_read(skops_path, monkeypatch):
    content = bytearray((skops_path / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (skops_path / "model.skops").write_bytes(content)
    for name in ("get_untrusted_types", "loads"):
        monkeypatch.setattr(skops, name, lambda *args, **options: pytest.fail("it was read"))
    with pytest.raises(ArtifactError, match=r"model\.skops must have the SHA-256 in its manifest"):
        load_artifact(skops_path)


def test_it_is_tied_to_its_scikit_learn(skops_path):
    edit(skops_path, lambda manifest: manifest["versions"].update({"scikit-learn": "0.24.2"}))
    with pytest.raises(ArtifactError, match=r"fitted with scikit-learn 0\.24\.2"):
        load_artifact(skops_path)


def test_a_model_that_could_not_be_loaded_again_is_not_saved(model, skops_path, tmp_path):
    before = contents(skops_path)
    with pytest.raises(ArtifactError, match=r"the model must hold types .*Stranger"):
        save_artifact(skops_path, Stranger(str(tmp_path / "touched")), model.facts, format="skops")
    assert contents(skops_path) == before and left_over(tmp_path) == []


def test_formats_that_there_are_not_and_packages_that_are_missing(model, skops_path, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="format must be one of joblib, skops, onnx, network, got 'pickle'"):
        save_artifact(tmp_path / "new", model.predictor, model.facts, format="pickle")
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    sentence = r'needs the package skops, .*run: pip install "skops>=0\.16,<0\.17"'
    with pytest.raises(DependencyError, match=sentence):
        save_artifact(tmp_path / "new", model.predictor, model.facts, format="skops")
    with pytest.raises(DependencyError, match=sentence):
        load_artifact(skops_path)
    assert left_over(tmp_path) == []
