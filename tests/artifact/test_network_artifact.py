"""Artifacts of networks run without Keras, as do network files without an artifact."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from landmark_fer.artifact.artifact import export_onnx, load_artifact, save_artifact
from landmark_fer.artifact.card import render_card
from landmark_fer.artifact.network_files import load_keras_network
from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.recognition.recognizer import Recognizer
from tests.models.networks.small_networks import CLASSES, SMALL, drawn_classifier, hand_made_onnx, random_records

IN_ORDER = ("angry", "happy", "sad", "neutral")


def saved_network(path, name, **options):
    """Save a calibrated network of an architecture with random weights."""
    from landmark_fer.models.networks.classifier import CalibratedNetwork

    network = CalibratedNetwork(drawn_classifier(name, **options), temperature=1.3)
    facts = {
        "classes": list(IN_ORDER),
        "fields": [network.input_.image],
        "extractor": network.description.extractor_settings().to_dict(),
        "model_name": name,
        "network": network.facts(),
        "calibration": {"kind": "temperature", "members": [name]},
    }
    extras = {"curves.png": b"an image", "history.csv": b"epoch\n1\n"}
    return save_artifact(path, network, facts, format="network", extras=extras)


@pytest.fixture(scope="session")
def network_folder(keras, tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="session")
def saved_cnn(network_folder):
    """A network of chips as an artifact; tests only read it."""
    return saved_network(network_folder / "cnn", "aligned_cnn", width=4)


@pytest.fixture(scope="session")
def saved_crop_cnn(network_folder):
    """A network of crops as an artifact; tests only read it."""
    return saved_network(network_folder / "crops", "mini_xception")


@pytest.fixture
def damaged(saved_cnn, tmp_path):
    return shutil.copytree(saved_cnn.path, tmp_path / "cnn")


class TestArtifact:
    def test_loaded_predictions_as_saved_in_the_same_order(self, saved_cnn, saved_crop_cnn):
        records = random_records(4, crop_size=64)
        for saved in (saved_cnn, saved_crop_cnn):
            loaded = load_artifact(saved.path)
            predictions, expected = (each.predictor.predict_proba(records) for each in (loaded, saved))
            np.testing.assert_allclose(predictions, expected, atol=1e-5)
            assert loaded.classes == IN_ORDER and type(loaded.predictor).__name__ == "OnnxNetwork"
            assert loaded.manifest == json.loads(json.dumps(saved.manifest))

    def test_the_folder_has_both_formats_and_the_manifest_lists_every_file(self, saved_cnn):
        files = {file.name: file.stat().st_size for file in saved_cnn.path.iterdir()}
        listed = saved_cnn.manifest["files"]
        assert set(listed) == {"model.keras", "model.json", "curves.png", "history.csv"}
        assert set(files) == {"model.onnx", "manifest.json", "card.md", *listed}
        assert {name: each["bytes"] for name, each in listed.items()} == {name: files[name] for name in listed}
        assert {"keras", "torch"} <= set(saved_cnn.manifest["versions"])

    def test_any_version_of_scikit_learn_loads_it(self, damaged):
        manifest = json.loads((damaged / "manifest.json").read_text())
        manifest["versions"]["scikit-learn"] = "0.1"
        (damaged / "manifest.json").write_text(json.dumps(manifest))
        assert load_artifact(damaged).classes == IN_ORDER

    def test_it_runs_without_a_training_framework(self, saved_crop_cnn):
        code = (
            "import sys\n"
            "for name in ('keras', 'onnx', 'onnxscript', 'matplotlib'): "
            "sys.modules[name] = None\n"
            "from landmark_fer.artifact.artifact import load_artifact\n"
            f"print(load_artifact({str(saved_crop_cnn.path)!r}).classes, 'torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout == f"{IN_ORDER} False\n", done.stderr

    @pytest.mark.parametrize("damage", ["cut", "flip", "swap", "remove"])
    def test_a_damaged_network_is_refused(self, damaged, damage):
        model = damaged / "model.onnx"
        content = bytearray(model.read_bytes())
        content[len(content) // 2] ^= 1
        model.unlink() if damage == "remove" else model.write_bytes(
            {"cut": content[:-9], "flip": content, "swap": hand_made_onnx()}[damage]
        )
        with pytest.raises(ArtifactError, match=r"model\.onnx (must have the SHA-256|cannot be read)"):
            load_artifact(damaged)

    def test_the_keras_network_loads_for_fine_tuning_after_its_hash_is_checked(self, saved_cnn, damaged):
        network = load_keras_network(saved_cnn.path, saved_cnn.manifest)
        assert network.count_params() == saved_cnn.manifest["network"]["parameters"]
        (damaged / "model.keras").write_bytes(b"words")
        with pytest.raises(ArtifactError, match=r"model\.keras must have the SHA-256"):
            load_keras_network(damaged, saved_cnn.manifest)
        with pytest.raises(ArtifactError, match=r"must be an artifact of a network with model\.keras, got none"):
            load_keras_network(damaged, {"model": {}})

    def test_both_files_load_without_the_artifact(self, saved_cnn):
        records = random_records(3)
        expected = saved_cnn.predictor.predict_proba(records)
        for name in ("model.onnx", "model.keras"):
            artifact = load_artifact(saved_cnn.path / name)
            np.testing.assert_allclose(artifact.predictor.predict_proba(records), expected, atol=1e-5)
            assert artifact.classes == IN_ORDER

    def test_the_card_describes_the_network(self, saved_cnn):
        card = (saved_cnn.path / "card.md").read_text(encoding="utf-8")
        assert card == render_card(saved_cnn.manifest)
        for part in (
            "`model.onnx` needs only onnxruntime",
            f"`aligned_cnn`: 3x3 convolutions 32, 64-64, 128-128, 256 on standardised aligned chips; "
            f"{saved_cnn.manifest['network']['parameters']:,} parameters",
            "temperature 1.300",
            "![Loss and accuracy by epoch](curves.png)",
            "calibrated by one temperature on the validation set",
        ):
            assert part in card, part

    def test_other_predictors_are_not_saved_as_networks(self, model, saved_cnn, tmp_path):
        with pytest.raises(InputError, match="must be a CalibratedNetwork to be saved as one, got Pipeline"):
            save_artifact(tmp_path / "x", model.predictor, model.facts, format="network")
        with pytest.raises(InputError, match="must have the fields chip, got landmarks"):
            facts = saved_cnn.manifest | {"fields": ["landmarks"]}
            save_artifact(tmp_path / "x", saved_cnn.predictor, facts, format="network")
        with pytest.raises(InputError, match=r"is ONNX already"):
            export_onnx(saved_cnn, tmp_path / "x")
        assert list(tmp_path.iterdir()) == []


class TestNetworkFiles:
    def test_a_file_with_metadata_needs_no_sidecar(self, tmp_path, astronaut):
        (tmp_path / "small.onnx").write_bytes(hand_made_onnx())
        artifact = load_artifact(tmp_path / "small.onnx")
        assert artifact.classes == IN_ORDER and artifact.manifest["fields"] == ["chip"]
        (face,) = Recognizer(artifact).recognize(astronaut)
        assert face.expression in CLASSES and sum(face.probabilities.values()) == pytest.approx(1, abs=1e-5)

    def test_the_contract_of_the_model_zoo_reads_the_crop_of_a_face(self, tmp_path, astronaut):
        from landmark_fer.models.networks.description import FERPLUS_DESCRIPTION

        (tmp_path / "zoo.onnx").write_bytes(hand_made_onnx(FERPLUS_DESCRIPTION, metadata=False, factor=0.01))
        artifact = load_artifact(tmp_path / "zoo.onnx")
        assert artifact.manifest["extractor"]["crop_size"] == 64 and len(artifact.classes) == 8
        (face,) = Recognizer(artifact).recognize(astronaut)
        assert list(face.probabilities) == list(artifact.classes) and face.face.crop.shape == (64, 64)

    def test_evaluate_extracts_the_crops_that_the_network_reads(
        self, tmp_path, lfw_csv, session_cache, monkeypatch, capsys
    ):
        from landmark_fer.evaluate import main
        from landmark_fer.models.networks.description import FERPLUS_DESCRIPTION

        monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))
        (tmp_path / "zoo.onnx").write_bytes(hand_made_onnx(FERPLUS_DESCRIPTION, metadata=False, factor=0.01))
        arguments = ["--model", tmp_path / "zoo.onnx", "--data", lfw_csv, "--split", "PublicTest", "--jobs", 1]
        assert main(list(map(str, arguments))) == 0
        assert "PublicTest: 15 faces" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("none.onnx", r"network .*none\.onnx cannot be read \(No such file"),
            ("words.onnx", r"words\.onnx must be a complete ONNX model"),
            ("bare.onnx", r"bare\.onnx must be described by .*bare\.json"),
            ("words.keras", r"words\.keras must be described by .*words\.keras|words\.json"),
        ],
    )
    def test_unreadable_files_are_reported(self, tmp_path, name, sentence):
        for file in ("words.onnx", "words.keras"):
            (tmp_path / file).write_bytes(b"words")
        (tmp_path / "bare.onnx").write_bytes(hand_made_onnx(metadata=False))
        with pytest.raises(ArtifactError, match=sentence):
            load_artifact(tmp_path / name)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_is_refused_without_blocking(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.onnx")
        with pytest.raises(ArtifactError, match=r"pipe\.onnx must be a regular file with a network"):
            load_artifact(tmp_path / "pipe.onnx")

    def test_the_suffix_may_be_in_capitals(self, tmp_path):
        (tmp_path / "SMALL.ONNX").write_bytes(hand_made_onnx())
        assert load_artifact(tmp_path / "SMALL.ONNX").classes == IN_ORDER

    def test_flipped_bits_never_crash(self, tmp_path):
        content, generator = hand_made_onnx(SMALL), np.random.default_rng(3)
        structure = [place for place in range(len(content)) if not 200 < place < len(content) - 500]
        for _ in range(6):
            flipped = bytearray(content)
            flipped[generator.choice(structure)] ^= 1 << generator.integers(8)
            (tmp_path / "flipped.onnx").write_bytes(flipped)
            try:
                load_artifact(tmp_path / "flipped.onnx")
            except ArtifactError as error:
                assert "flipped.onnx" in str(error)
