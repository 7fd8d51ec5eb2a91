"""Artifacts in ONNX format: export, loading, verification and use by the Recognizer."""

import base64
import hashlib
import json
import sys

import numpy as np
import onnxruntime
import pytest

from landmark_fer import Recognizer, export_onnx
from landmark_fer.artifact.artifact import export_path, load_artifact, save_artifact
from landmark_fer.artifact.probe import probe_records
from landmark_fer.core.errors import ArtifactError, DependencyError, InputError
from landmark_fer.core.records import record_dtype
from landmark_fer.models.onnx_runtime import OnnxPredictor
from tests.artifact.test_artifact import contents, edit, leftovers
from tests.conftest import made_up_faces

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def onnx_saved(saved, tmp_path_factory):
    """The small model as ONNX; tests only read it."""
    return export_onnx(saved, tmp_path_factory.mktemp("exports") / "small")


@pytest.fixture
def onnx_path(saved, tmp_path):
    """The small model as ONNX, for a test to damage."""
    return export_onnx(saved, tmp_path / "small").path


def test_loaded_probabilities_are_within_1e_4_of_the_original(saved, onnx_saved):
    loaded = load_artifact(onnx_saved.path)
    assert isinstance(loaded.predictor, OnnxPredictor) and loaded.classes == saved.classes
    records, _ = made_up_faces(5, seed=2)
    expected = saved.predictor.predict_proba(records)  # classes are alphabetical in both
    np.testing.assert_allclose(loaded.predictor.predict_proba(records), expected, atol=1e-4)


def test_the_recognizer_uses_it(saved, onnx_saved, astronaut):
    (expected,), (exported,) = (
        Recognizer(each).recognize(astronaut) for each in (saved, load_artifact(onnx_saved.path))
    )
    assert exported.expression == expected.expression
    assert exported.probabilities == pytest.approx(expected.probabilities, abs=1e-4)


def test_the_export_keeps_the_facts_of_the_manifest(saved, onnx_saved):
    assert sorted(contents(onnx_saved.path)) == ["card.md", "manifest.json", "model.onnx"]
    assert leftovers(onnx_saved.path.parent) == []
    manifest = load_artifact(onnx_saved.path).manifest
    content = (onnx_saved.path / "model.onnx").read_bytes()
    assert manifest["model"] == {
        "file": "model.onnx",
        "format": "onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    assert manifest["versions"]["onnx"] == onnx.__version__
    for name in ("created", "classes", "extractor", "scores", "data", "model_name"):
        assert manifest[name] == json.loads(json.dumps(saved.manifest[name]))
    assert "needs only onnxruntime" in (onnx_saved.path / "card.md").read_text()


def test_the_default_folder_is_next_to_the_original(saved, tmp_path):
    artifact = save_artifact(tmp_path / "latest", saved.predictor, saved.manifest)
    assert export_onnx(artifact).path == export_path(tmp_path / "latest") == tmp_path / "latest-onnx"
    assert load_artifact(tmp_path / "latest-onnx").classes == load_artifact(tmp_path / "latest").classes


def test_the_file_has_inputs_outputs_and_metadata_for_other_programs(saved, onnx_saved):
    session = onnxruntime.InferenceSession(onnx_saved.path / "model.onnx", providers=["CPUExecutionProvider"])
    shapes = {each.name: (each.shape, each.type) for each in session.get_inputs()}
    assert shapes == {
        "chip": (["n", 80, 80], "tensor(uint8)"),
        "landmarks": (["n", 68, 2], "tensor(float)"),
    }
    (prediction,) = session.get_outputs()
    assert (prediction.name, prediction.shape, prediction.type) == ("probabilities", ["n", 3], "tensor(float)")
    metadata = {name: json.loads(text) for name, text in session.get_modelmeta().custom_metadata_map.items()}
    assert metadata["classes"] == list(saved.classes) and metadata["extractor"] == saved.manifest["extractor"]
    assert np.shape(metadata["chip_landmarks"]) == (68, 2)
    probe = metadata["probe"]
    chips = np.frombuffer(base64.b64decode(probe["chip_base64"]), np.uint8).reshape(-1, 80, 80)
    np.testing.assert_array_equal(chips, probe_records(80)["chip"])
    (probabilities,) = session.run(None, {"landmarks": np.float32(probe["landmarks"]), "chip": chips})
    np.testing.assert_allclose(probabilities, probe["probabilities"], atol=1e-4)
    assert onnx.load(onnx_saved.path / "model.onnx").opset_import[0].version == 18


def test_any_version_of_scikit_learn_loads_it(onnx_path):
    edit(onnx_path, lambda manifest: manifest["versions"].update({"scikit-learn": "0.24.2"}))
    assert load_artifact(onnx_path).classes


class TestDamage:
    def test_a_flipped_byte_is_refused_before_anything_is_loaded(self, onnx_path, monkeypatch):
        content = bytearray((onnx_path / "model.onnx").read_bytes())
        content[len(content) // 2] ^= 1
        (onnx_path / "model.onnx").write_bytes(content)
        monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *args, **options: pytest.fail("it was loaded"))
        with pytest.raises(ArtifactError, match=r"model\.onnx must have the SHA-256 in its manifest"):
            load_artifact(onnx_path)

    def test_other_probabilities_of_the_probe_are_refused(self, onnx_path):
        edit(onnx_path, lambda manifest: manifest["classes"].reverse())
        with pytest.raises(ArtifactError, match="must predict its probe faces"):
            load_artifact(onnx_path)

    @pytest.mark.parametrize("content", [b"", b"not a graph"])
    def test_a_file_that_is_not_a_graph_is_refused_despite_its_correct_hash(self, onnx_path, content):
        (onnx_path / "model.onnx").write_bytes(content)
        edit(onnx_path, lambda manifest: manifest["model"].update(sha256=hashlib.sha256(content).hexdigest()))
        with pytest.raises(ArtifactError, match=r"model\.onnx cannot be loaded .*; fit the model again"):
            load_artifact(onnx_path)

    def test_a_graph_with_other_inputs_is_refused(self, onnx_path):
        helper = onnx.helper
        ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 3]) for name in ("x", "y")]
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "other", ends[:1], ends[1:])
        other = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()
        (onnx_path / "model.onnx").write_bytes(other)
        edit(onnx_path, lambda manifest: manifest["model"].update(sha256=hashlib.sha256(other).hexdigest()))
        with pytest.raises(ArtifactError, match=r"must read landmarks and chip and .* its 0 classes, got inputs x"):
            load_artifact(onnx_path)

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (
                {"format": "pmml"},
                "must hold a model as joblib, skops, onnx, network, ensemble, got pmml; update landmark_fer or",
            ),
            ({"format": ["onnx"]}, "must hold a model as joblib, skops, onnx"),
            ({"file": "../../model.onnx"}, r"must hold its model in model\.onnx, got \.\./\.\./model\.onnx"),
            ({"format": "joblib", "file": "model.joblib"}, r"model\.joblib cannot be read"),
        ],
    )
    def test_a_manifest_with_another_file_or_format_is_refused(self, onnx_path, change, sentence):
        edit(onnx_path, lambda manifest: manifest["model"].update(change))
        with pytest.raises(ArtifactError, match=sentence):
            load_artifact(onnx_path)


class TestInvalidRecords:
    def test_a_chip_of_another_size_is_refused(self, onnx_saved):
        predictor = load_artifact(onnx_saved.path).predictor
        with pytest.raises(InputError, match=r"chip must have shape \(n, 80, 80\), got \(2, 64, 64\)"):
            predictor.predict_proba(np.zeros(2, dtype=record_dtype(64)))

    def test_records_without_chips_and_nan_landmarks_are_refused(self, onnx_saved):
        predictor = load_artifact(onnx_saved.path).predictor
        with pytest.raises(InputError, match="face records must have the field 'chip'"):
            predictor.predict_proba(np.zeros(2, dtype=record_dtype()))
        records, _ = made_up_faces(2)
        records["landmarks"][1, 5, 0] = np.nan
        with pytest.raises(InputError, match="landmarks must be finite"):
            predictor.predict_proba(records)


class TestMissingPackages:
    def test_writing_without_onnx_is_refused_and_changes_nothing(self, saved, onnx_path, monkeypatch):
        before = contents(onnx_path)
        monkeypatch.setitem(sys.modules, "onnx", None)
        with pytest.raises(DependencyError, match=r'needs the package onnx, .*run: pip install "onnx>='):
            export_onnx(saved, onnx_path)
        assert contents(onnx_path) == before and leftovers(onnx_path.parent) == []

    def test_loading_needs_only_onnxruntime(self, onnx_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnx", None)
        assert load_artifact(onnx_path).classes
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(DependencyError, match=r"needs the package onnxruntime, .*run: pip install -r req"):
            load_artifact(onnx_path)

    def test_export_without_onnxruntime_is_refused_because_it_cannot_be_verified(self, saved, onnx_path, monkeypatch):
        before = contents(onnx_path)
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(DependencyError, match="needs the package onnxruntime"):
            export_onnx(saved, onnx_path)
        assert contents(onnx_path) == before and leftovers(onnx_path.parent) == []
