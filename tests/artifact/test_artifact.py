"""Artifacts are written atomically and verified before anything in them is unpickled."""

import errno
import hashlib
import json
import shutil
from pathlib import Path

import joblib
import numpy as np
import pytest

from landmark_fer.artifact import artifact
from landmark_fer.artifact.artifact import check_destination, export_path, load_artifact, read_manifest, save_artifact
from landmark_fer.artifact.manifest import artifact_files
from landmark_fer.artifact.probe import probe_records
from landmark_fer.core import files
from landmark_fer.core.bundled import bundled
from landmark_fer.core.errors import ArtifactError, SinkError
from landmark_fer.report.importance import measure_importance
from landmark_fer.reports.model_report import report_artifact
from tests.conftest import made_up_faces


class Intruder:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def edit(path, change):
    """Rewrite the manifest of an artifact after a change."""
    manifest = json.loads((path / "manifest.json").read_text())
    change(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def leftovers(folder):
    """Names of everything in a folder but the artifact."""
    return sorted(entry.name for entry in folder.iterdir() if entry.name != "small")


class TestRoundTrip:
    def test_loaded_predictions_as_saved(self, model, saved):
        records, _ = made_up_faces(5, seed=2)
        loaded = load_artifact(saved.path)
        np.testing.assert_array_equal(loaded.predictor.predict_proba(records), model.predictor.predict_proba(records))
        assert loaded.classes == saved.classes == ("happy", "sad", "surprise")
        assert loaded.manifest == json.loads(json.dumps(saved.manifest)) and loaded.path == saved.path

    def test_saving_leaves_three_files_and_no_temporary_ones(self, artifact_path):
        assert sorted(contents(artifact_path)) == ["card.md", "manifest.json", "model.joblib"]
        assert leftovers(artifact_path.parent) == []

    def test_the_manifest_has_versions_hash_and_origin(self, saved):
        manifest = read_manifest(saved.path)
        assert {"landmark_fer", "python", "scikit-learn", "numpy", "joblib"} <= set(manifest["versions"])
        assert manifest["model"]["sha256"] == hashlib.sha256((saved.path / "model.joblib").read_bytes()).hexdigest()
        assert manifest["data"]["n_training"] == 30 and "PublicTest" in manifest["scores"]
        assert manifest["extractor"]["detector"] == "hog" and manifest["fields"] == ["landmarks", "chip"]

    def test_probe_faces_are_deterministic_and_have_probabilities(self, saved):
        assert probe_records(80).tobytes() == probe_records(80).tobytes()
        assert probe_records().dtype.names == ("landmarks",)
        np.testing.assert_allclose(np.sum(saved.manifest["probe"], axis=1), 1, atol=1e-5)

    def test_an_earlier_artifact_is_replaced_and_missing_folders_are_made(self, model, artifact_path, tmp_path):
        save_artifact(artifact_path, model.predictor, model.facts | {"seed": 7})
        assert load_artifact(artifact_path).manifest["seed"] == 7
        assert leftovers(tmp_path) == []
        deep = save_artifact(tmp_path / "new" / "deep", model.predictor, model.facts)
        assert load_artifact(deep.path).classes == deep.classes


DAMAGES = {
    "of another format version": (
        lambda m: m.update(format_version=9),
        "of format version 2, got .* 9; fit the model again: python -m",
    ),
    "of another program": (lambda m: m.update(format="cookbook"), "got cookbook 2"),
    "of another scikit-learn": (
        lambda m: m["versions"].update({"scikit-learn": "0.24.2"}),
        r"fitted with scikit-learn 0\.24\.2 and .* is installed.*install scikit-learn 0\.24",
    ),
    "without classes": (lambda m: m.pop("classes"), "must have classes, got none"),
    "without a probe": (lambda m: m.pop("probe"), "must have probe"),
    "with a wrong hash": (lambda m: m["model"].update(sha256="0" * 64), "must have the SHA-256 in its manifest"),
    "with another probe": (lambda m: m["probe"].reverse(), "must predict its probe faces within 0.001"),
    "with a probe of another shape": (lambda m: m.update(probe=[[1]] * 3), "cannot predict its probe faces"),
    "with classes in another order": (lambda m: m["classes"].reverse(), "must predict its probe faces"),
    "with an empty model entry": (lambda m: m.update(model={}), "must have"),
    "with a model entry that is a word": (lambda m: m.update(model="ls_svm"), "must have"),
    "with versions that are a list": (lambda m: m.update(versions=[]), "must have"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_manifest_with_damage_is_refused_in_a_sentence(artifact_path, damage):
    change, sentence = DAMAGES[damage]
    edit(artifact_path, change)
    with pytest.raises(ArtifactError, match=sentence):
        load_artifact(artifact_path)


def test_format_1_is_refused_with_the_command_that_fits_the_model_again(artifact_path):
    sentence = r"small must be a landmark_fer artifact of format version 2, got landmark_fer artifact 1; fit the model "
    edit(
        artifact_path, lambda manifest: manifest.update(format_version=1, command="python -m landmark_fer.fit --seed 3")
    )
    with pytest.raises(ArtifactError, match=rf"{sentence}again: python -m landmark_fer\.fit --seed 3$"):
        load_artifact(artifact_path)
    for command in ("\x1b[2J", 3, None):
        edit(artifact_path, lambda manifest, command=command: manifest.update(command=command, classes=None))
        with pytest.raises(ArtifactError, match=rf"{sentence}again: python -m landmark_fer\.fit --out \S*small$"):
            load_artifact(artifact_path)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"a word"', "null", "\x00\x01"])
def test_a_manifest_that_is_not_one_is_refused(artifact_path, text):
    (artifact_path / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"manifest\.json (cannot be read|must have)"):
        load_artifact(artifact_path)


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_truncated_model_is_refused(artifact_path, share):
    model = artifact_path / "model.joblib"
    content = model.read_bytes()
    model.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArtifactError, match=r"model\.joblib must have the SHA-256.*damaged or replaced"):
        load_artifact(artifact_path)


def test_a_model_with_a_wrong_hash_or_version_is_not_unpickled(artifact_path, tmp_path):
    marker = tmp_path / "touched"
    joblib.dump(Intruder(marker), artifact_path / "model.joblib")
    with pytest.raises(ArtifactError, match="SHA-256"):
        load_artifact(artifact_path)
    content = (artifact_path / "model.joblib").read_bytes()

    def admit(manifest):
        manifest["model"]["sha256"] = hashlib.sha256(content).hexdigest()
        manifest["versions"]["scikit-learn"] = "0.1"

    edit(artifact_path, admit)
    with pytest.raises(ArtifactError, match="scikit-learn"):
        load_artifact(artifact_path)
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"not a pickle", b""])
def test_a_file_that_is_not_a_model_is_refused_despite_its_correct_hash(artifact_path, content):
    (artifact_path / "model.joblib").write_bytes(content)
    edit(artifact_path, lambda manifest: manifest["model"].update(sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(ArtifactError, match=r"model\.joblib cannot be loaded .*; fit the model again"):
        load_artifact(artifact_path)


class TestBundledNames:
    @pytest.mark.parametrize("name", ["default", "cnn", "ensemble"])
    def test_a_name_means_the_bundled_artifact(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        loaded = load_artifact(name)
        assert loaded.path == bundled(f"artifacts/{name}")
        assert loaded.manifest["model"]["format"] == {"cnn": "network", "default": "joblib"}.get(name, name)

    def test_the_users_own_path_of_that_name_comes_first(self, artifact_path, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        shutil.copytree(artifact_path, "cnn")
        assert load_artifact("cnn").classes == ("happy", "sad", "surprise")

    def test_an_output_may_not_replace_the_files_of_a_named_artifact(self):
        assert bundled("artifacts/cnn") / "model.onnx" in artifact_files("cnn")

    def test_nothing_is_written_into_the_installed_package(self, artifact_path, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("landmark_fer.core.bundled._INSTALLED", artifact_path.parent.resolve())
        before = contents(artifact_path)
        assert export_path(artifact_path) == Path(f"{artifact_path.name}-onnx")
        assert report_artifact(artifact_path) == Path("report.html")
        with pytest.raises(SinkError, match="copy it and measure the copy"):
            measure_importance(artifact_path, ["data"])
        with pytest.raises(ArtifactError, match="does not exist; install landmark_fer again"):
            read_manifest(artifact_path.parent / "missing")
        assert contents(artifact_path) == before


def test_a_path_without_an_artifact_is_reported(tmp_path):
    (tmp_path / "file").write_text("words")
    (tmp_path / "empty").mkdir()
    for name, sentence in [
        ("none", r"artifact .*none does not exist; fit one with 'python -m landmark_fer\.fit --out"),
        ("empty", "must be an artifact folder with manifest.json, got none"),
        ("file", "must be an artifact folder"),
    ]:
        with pytest.raises(ArtifactError, match=sentence):
            load_artifact(tmp_path / name)


class TestFailuresWhileSaving:
    @pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("moment", ["dump", "card", "exchange", "first rename", "second rename"])
    def test_the_earlier_artifact_is_unchanged(self, model, artifact_path, monkeypatch, failure, moment):
        before = contents(artifact_path)
        rename, calls = Path.rename, []

        def fail(*args, **options):
            raise failure

        def fail_at(path, target):
            calls.append(path)
            if len(calls) == (1 if moment == "first rename" else 2):
                raise failure
            return rename(path, target)

        if moment == "dump":
            monkeypatch.setattr(joblib, "dump", fail)
        elif moment == "card":
            monkeypatch.setattr(artifact, "render_card", fail)
        else:
            monkeypatch.setattr(files, "_exchange", fail if moment == "exchange" else lambda *paths: False)
            monkeypatch.setattr(Path, "rename", fail_at)
        with pytest.raises((SinkError, KeyboardInterrupt)) as caught:
            save_artifact(artifact_path, model.predictor, model.facts)
        assert isinstance(caught.value, KeyboardInterrupt) or "No space left on device" in str(caught.value)
        monkeypatch.undo()
        assert load_artifact(artifact_path).classes
        assert contents(artifact_path) == before
        assert leftovers(artifact_path.parent) == []

    def test_loading_and_saving_recover_from_a_kill_between_the_renames(self, model, artifact_path, tmp_path):
        artifact_path.rename(tmp_path / ".small.old")
        assert load_artifact(artifact_path).classes
        assert leftovers(tmp_path) == []
        artifact_path.rename(tmp_path / ".small.old")
        save_artifact(artifact_path, model.predictor, model.facts)
        assert leftovers(tmp_path) == []

    def test_saving_removes_what_a_kill_after_the_renames_left(self, model, artifact_path, tmp_path):
        shutil.copytree(artifact_path, tmp_path / ".small.old")
        save_artifact(artifact_path, model.predictor, model.facts)
        assert leftovers(tmp_path) == []

    def test_a_link_is_kept_and_its_target_is_replaced(self, model, artifact_path, tmp_path):
        (tmp_path / "link").symlink_to(artifact_path)
        saved = save_artifact(tmp_path / "link", model.predictor, model.facts | {"seed": 77})
        assert (tmp_path / "link").is_symlink() and leftovers(tmp_path) == ["link"]
        assert load_artifact(artifact_path).manifest["seed"] == load_artifact(saved.path).manifest["seed"] == 77

    def test_a_folder_of_other_files_and_a_file_are_refused_and_unchanged(self, model, tmp_path):
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "mother.jpg").write_text("dear")
        (tmp_path / "notes").write_text("dear")
        for name, sentence in [("photos", "must be empty or hold an artifact"), ("notes", "got a file")]:
            with pytest.raises(ArtifactError, match=f"{sentence}.*choose another --out"):
                check_destination(tmp_path / name)
            with pytest.raises(ArtifactError, match=sentence):
                save_artifact(tmp_path / name, model.predictor, model.facts)
        assert (tmp_path / "photos" / "mother.jpg").read_text() == (tmp_path / "notes").read_text() == "dear"

    def test_an_empty_folder_is_filled_and_a_file_as_parent_is_refused(self, model, tmp_path):
        (tmp_path / "empty").mkdir()
        assert load_artifact(save_artifact(tmp_path / "empty", model.predictor, model.facts).path).classes
        (tmp_path / "notes").write_text("dear")
        with pytest.raises(ArtifactError, match=r"notes is not writable; choose another --out"):
            save_artifact(tmp_path / "notes" / "model", model.predictor, model.facts)
