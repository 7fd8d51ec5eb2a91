"""Artifacts of ensembles: hashes before loading, references to bundled members, export, card."""

import json
import pickle
import shutil

import numpy as np
import pytest

from landmark_fer.artifact.artifact import export_onnx, load_artifact, save_artifact
from landmark_fer.artifact.card import render_card
from landmark_fer.artifact.manifest import DEFAULT_ARTIFACT, artifact_files
from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.ensemble import Ensemble, WeightedMean
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from tests.conftest import made_up_faces
from tests.models.networks.small_networks import hand_made_onnx

DESCRIPTION = NetworkDescription(NetworkInput(16, frame=64), ("surprise", "happy", "sad"), "probabilities", True)
SCORES = {"n": 12, "accuracy": 0.7, "accuracy_leak_free": None, "macro_f1": 0.6, "log_loss": 0.8, "ece": 0.1}


def small_ensemble(model, description=DESCRIPTION, mean=None):
    """Return an ensemble of a fitted classical model and a hand-made network."""
    network = OnnxNetwork(hand_made_onnx(description, factor=0.3))
    mean = mean or WeightedMean("geometric", (0.4, 0.6), 0.9)
    return Ensemble([("ls_svm", model.predictor), ("small", network)], mean, ["happy", "sad", "surprise"])


def ensemble_facts(model, ensemble, **changes):
    """Return the facts of an ensemble for `save_artifact`."""
    members = [
        {"model_name": "ls_svm", "format": "joblib", "sha256": "a" * 64, "command": "fit"},
        {"model_name": "small", "format": "network", "sha256": "b" * 64, "command": "fit"},
    ]
    members[0] |= changes
    return model.facts | {
        "model_name": "ensemble",
        "features": "ensemble",
        "calibration": {"kind": "temperature", "members": ["ls_svm", "small"]},
        "ensemble": {
            "mean": ensemble.mean.to_dict(),
            "form": "geometric mean with a weight and a temperature",
            "forms": [],
            "members": members,
            "scores": {"PublicTest": {"ls_svm": SCORES, "small": SCORES, "plain arithmetic mean": SCORES}},
        },
    }


@pytest.fixture(scope="module")
def saved_ensemble(model, tmp_path_factory):
    """A saved ensemble, which tests only read."""
    ensemble = small_ensemble(model)
    return save_artifact(
        tmp_path_factory.mktemp("ensembles") / "small", ensemble, ensemble_facts(model, ensemble), format="ensemble"
    )


@pytest.fixture
def damaged(saved_ensemble, tmp_path):
    return shutil.copytree(saved_ensemble.path, tmp_path / "small")


def rewrite(folder, change):
    """Change ``ensemble.json`` and correct its hash in the manifest."""
    from landmark_fer.artifact.model_files import file_facts

    values = json.loads((folder / "ensemble.json").read_text())
    change(values)
    (folder / "ensemble.json").write_text(json.dumps(values))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model"] |= file_facts(folder / "ensemble.json")
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_loaded_predictions_as_saved(saved_ensemble):
    records, _ = made_up_faces(5)
    loaded = load_artifact(saved_ensemble.path)
    np.testing.assert_array_equal(
        loaded.predictor.predict_proba(records), saved_ensemble.predictor.predict_proba(records)
    )
    assert loaded.classes == ("happy", "sad", "surprise")
    assert loaded.manifest == json.loads(json.dumps(saved_ensemble.manifest))
    assert [name for name, _ in loaded.predictor.members] == ["ls_svm", "small"]


def test_the_folder_holds_one_file_of_each_member_and_the_manifest_lists_them(saved_ensemble):
    files = {file.name: file.stat().st_size for file in saved_ensemble.path.iterdir()}
    assert set(files) == {"ensemble.json", "model.joblib", "model.onnx", "manifest.json", "card.md"}
    assert set(saved_ensemble.manifest["files"]) == {"model.joblib", "model.onnx"}
    size = files["ensemble.json"] + files["model.joblib"] + files["model.onnx"]
    assert saved_ensemble.manifest["model"]["bytes"] == size
    read = {path.name for path in artifact_files(saved_ensemble.path)}
    assert set(files) <= read


def test_it_predicts_again_after_pickling_and_one_at_a_time(saved_ensemble):
    records, _ = made_up_faces(4)
    loaded = load_artifact(saved_ensemble.path).predictor
    expected = loaded.predict_proba(records)
    copy = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(copy.predict_proba(records), expected)
    single = [loaded.predict_proba(records[row : row + 1])[0] for row in range(len(records))]
    np.testing.assert_allclose(single, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["ensemble.json", "model.joblib", "model.onnx"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_damage_of_any_file_is_found_before_anything_is_loaded(damaged, name, damage, monkeypatch):
    content = bytearray((damaged / name).read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "remove":
        (damaged / name).unlink()
    else:
        (damaged / name).write_bytes(content if damage == "flip" else content[:-1])
    monkeypatch.setattr("joblib.load", lambda *args: pytest.fail("loaded before all hashes were checked"))
    with pytest.raises(ArtifactError, match=rf"{name} (must have the SHA-256|cannot be read)"):
        load_artifact(damaged)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda values: values["members"][0].update(file="../model.joblib"), r"members of .* must be joblib, skops"),
        (lambda values: values["members"][0].update(format="onnx"), r"members of .* must be joblib, skops, network"),
        (lambda values: values["members"][0].update(artifact="../x"), r"must lie in it or be one of default, cnn"),
        (lambda values: values["mean"].update(weights=[1, 1]), r"ensemble\.json cannot be loaded \(weights of a mean"),
        (lambda values: values.pop("members"), r"ensemble\.json cannot be loaded"),
        (lambda values: values["mean"].update(weights=[0.9, 0.1]), r"must predict its probe faces within"),
    ],
)
def test_other_contents_are_refused(damaged, change, sentence):
    rewrite(damaged, change)
    with pytest.raises(ArtifactError, match=sentence):
        load_artifact(damaged)


def test_another_version_of_scikit_learn_is_refused(damaged):
    manifest = json.loads((damaged / "manifest.json").read_text())
    manifest["versions"]["scikit-learn"] = "0.1"
    (damaged / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"fitted with scikit-learn 0\.1"):
        load_artifact(damaged)


def test_bundled_members_are_named_by_hash_instead_of_copied(tmp_path):
    members = [load_artifact(name) for name in ("default", "cnn")]
    names = [artifact.manifest["model_name"] for artifact in members]
    ensemble = Ensemble(
        [(name, each.predictor) for name, each in zip(names, members, strict=True)],
        WeightedMean("arithmetic", (0.5, 0.5)),
        members[0].classes,
    )
    described = [
        {"model_name": name, "format": each.manifest["model"]["format"], "artifact": each.path.name, "sha256": "a" * 64}
        | {"command": "fit"}
        for name, each in zip(names, members, strict=True)
    ]
    facts = {"classes": list(members[0].classes), "fields": ["landmarks", "chip"], "features": "ensemble"}
    facts |= {"extractor": members[0].manifest["extractor"], "model_name": "ensemble"}
    facts["ensemble"] = {"mean": ensemble.mean.to_dict(), "form": "plain", "members": described, "scores": {}}
    saved = save_artifact(tmp_path / "both", ensemble, facts, format="ensemble")
    assert {file.name for file in saved.path.iterdir()} == {"ensemble.json", "manifest.json", "card.md"}
    sizes = [artifact.manifest["model"]["bytes"] for artifact in members]
    assert saved.manifest["model"]["bytes"] > sum(sizes)
    records, _ = made_up_faces(2)
    loaded = load_artifact(saved.path)
    np.testing.assert_array_equal(loaded.predictor.predict_proba(records), ensemble.predict_proba(records))
    assert DEFAULT_ARTIFACT / "model.joblib" in artifact_files(saved.path)
    rewrite(saved.path, lambda values: values["members"][0].update(sha256="c" * 64))
    with pytest.raises(ArtifactError, match=r"model\.joblib must have the SHA-256 in its manifest, got another"):
        load_artifact(saved.path)


def test_the_classical_member_may_be_saved_as_skops(model, tmp_path, monkeypatch):
    pytest.importorskip("skops")
    ensemble = small_ensemble(model)
    saved = save_artifact(
        tmp_path / "safe", ensemble, ensemble_facts(model, ensemble, format="skops"), format="ensemble"
    )
    monkeypatch.setattr("joblib.load", lambda *args: pytest.fail("unpickled"))
    records, _ = made_up_faces(3)
    loaded = load_artifact(saved.path)
    np.testing.assert_allclose(loaded.predictor.predict_proba(records), ensemble.predict_proba(records), atol=1e-6)
    assert "Loading a joblib file" not in (saved.path / "card.md").read_text()


@pytest.mark.parametrize(
    ("kind", "scaling", "mirrored"),
    [("arithmetic", "standardised", True), ("geometric", "0..1", False), ("arithmetic", "-1..1", False),
     ("geometric", "0..255", True)],
)  # fmt: skip
def test_the_exported_graph_predicts_the_same(model, tmp_path, kind, scaling, mirrored):
    image = NetworkInput(16, frame=64, scaling=scaling, channels=3 if scaling == "0..1" else 1, layout="NCHW")
    description = NetworkDescription(image, DESCRIPTION.classes, "scores" if mirrored else "probabilities", mirrored)
    ensemble = small_ensemble(model, description, WeightedMean(kind, (0.3, 0.7), 1.2))
    saved = save_artifact(tmp_path / "x", ensemble, ensemble_facts(model, ensemble), format="ensemble")
    exported = export_onnx(saved)
    assert exported.path == tmp_path / "x-onnx"
    loaded = load_artifact(exported.path)
    records, _ = made_up_faces(7)
    expected = predict_in_order(ensemble, records, saved.classes)
    np.testing.assert_allclose(predict_in_order(loaded.predictor, records, saved.classes), expected, atol=1e-5)
    assert set(loaded.predictor.fields) == {"landmarks", "chip"} and np.ptp(expected, axis=0).max() > 0.01
    assert loaded.predictor.predict_proba(records[:0]).shape == (0, 3)
    assert "## Members" in (exported.path / "card.md").read_text()


def test_the_bundled_models_export_as_one_graph(faces_of_both):
    ensemble, records, classes = faces_of_both
    from landmark_fer.artifact.export.onnx_model import onnx_content
    from landmark_fer.models.onnx_runtime import OnnxPredictor

    facts = {"classes": classes, "extractor": {"chip_size": 80}, "fields": ["landmarks", "chip"]}
    exported = OnnxPredictor(onnx_content(ensemble, facts))
    expected = predict_in_order(ensemble, records, classes)
    np.testing.assert_allclose(predict_in_order(exported, records, classes), expected, atol=1e-5)


@pytest.fixture
def faces_of_both():
    """An ensemble of the bundled models, faces and classes."""
    pytest.importorskip("onnx")
    members = [(name, load_artifact(name)) for name in ("default", "cnn")]
    classes = list(members[0][1].classes)
    mean = WeightedMean("arithmetic", (0.5, 0.5), 0.9)
    return Ensemble([(name, each.predictor) for name, each in members], mean, classes), made_up_faces(6)[0], classes


def test_networks_of_crops_have_no_export(model):
    pytest.importorskip("onnx")
    from landmark_fer.artifact.export.onnx_model import onnx_content

    description = NetworkDescription(NetworkInput(16, image="crop"), DESCRIPTION.classes, "probabilities")
    ensemble = small_ensemble(model, description)
    facts = {"classes": ["happy", "sad", "surprise"], "extractor": {"chip_size": 80}, "fields": ["chip", "crop"]}
    with pytest.raises(InputError, match="must read the chip, got one that reads the crop; leave --export out"):
        onnx_content(ensemble, facts)


def test_the_card_names_members_weights_and_their_own_scores(saved_ensemble):
    card = (saved_ensemble.path / "card.md").read_text(encoding="utf-8")
    assert card == render_card(saved_ensemble.manifest)
    for part in (
        "The geometric mean with a weight and a temperature of the probabilities of two models, temperature 0.90.",
        "| ls_svm | 0.40 | joblib, aaaaaaaa | `fit` |",
        "| small | 0.60 | network, bbbbbbbb | `fit` |",
        "| plain arithmetic mean | 70.0 % | - | 60.0 % | 0.800 | 0.100 |",
        "| ensemble |",
        "calibrated by one temperature on the network's validation set",
        "Loading a joblib file runs the code in it",
    ):
        assert part in card, part


def test_other_predictors_are_not_saved_as_ensembles(model, tmp_path):
    with pytest.raises(InputError, match="must be an Ensemble to be saved as one, got Pipeline"):
        save_artifact(tmp_path / "x", model.predictor, model.facts, format="ensemble")
    assert list(tmp_path.iterdir()) == []
