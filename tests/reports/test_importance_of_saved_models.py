"""Importance of face regions, measured for a saved model: equal to that of the fit, and only on the same faces."""

import json
import shutil

import numpy as np
import pytest

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.artifact.manifest import read_manifest
from landmark_fer.core.errors import ArtifactError, DataError, InputError, SinkError
from landmark_fer.evaluation.splits import split_for_networks
from landmark_fer.report import importance as saved_importance
from landmark_fer.report.__main__ import main
from landmark_fer.report.importance import measure_importance
from landmark_fer.reports.model_report import REPORT_NAME
from tests.conftest import made_up_dataset
from tests.reports.test_report import check_numbers


@pytest.fixture(autouse=True)
def cache(session_cache, monkeypatch):
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))


@pytest.fixture
def older(lfw_model, tmp_path):
    """A saved model whose report lacks the importance of regions."""
    path = tmp_path / "older"
    shutil.copytree(lfw_model.path, path)
    change(path, lambda manifest: manifest.pop("importance"))
    (path / REPORT_NAME).unlink()
    return path


def change(path, edit):
    manifest = read_manifest(path)
    edit(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


class TestMeasuring:
    def test_it_equals_the_importance_measured_by_fit(self, older, lfw_model, lfw_csv):
        expected = read_manifest(lfw_model.path)["importance"]
        result = measure_importance(older, [lfw_csv])
        assert len(expected["rows"]) == 12 and result == expected | {"command": None}

    def test_it_is_added_to_the_manifest_and_the_model_loads(self, older, lfw_csv):
        before = read_manifest(older)
        result = measure_importance(older, [lfw_csv], command="python -m x")
        assert load_artifact(older).manifest == before | {"importance": result}
        assert result["command"] == "python -m x" and not list(older.glob(".*"))

    def test_held_out_faces_are_those_of_the_fit(self, lfw_crops, tmp_path):
        from PIL import Image

        from landmark_fer.fit.__main__ import main as fit

        for i, crop in enumerate(lfw_crops[:40]):
            place = tmp_path / "images" / ("happy", "neutral")[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(crop).save(place / f"{i}.png")
        words = ["--models", "ls_svm", "--features", "geometry", "--folds", "3", "--seed", "7", "--jobs", "1"]
        assert fit(["--data", str(tmp_path / "images"), "--out", str(tmp_path / "out"), *words]) == 0
        expected = read_manifest(tmp_path / "out")["importance"]
        (tmp_path / "images").rename(tmp_path / "elsewhere")
        result = measure_importance(tmp_path / "out", [tmp_path / "elsewhere"])
        assert result["faces"] == "held out" and result == expected | {"command": None}

    def test_networks_have_the_split_of_their_training(self):
        dataset = made_up_dataset(
            9, near_duplicates=np.arange(27) // 3
        )  # three unrelated faces each: too few for five folds
        options = saved_importance._options_of({"command": "python -m landmark_fer.fit --models aligned_cnn --seed 3"})
        _, split = saved_importance._split(dataset, options, {"network": {}}, None)
        expected = split_for_networks(dataset, random_state=3)
        assert split.training.tolist() == expected.training.tolist() and len(split.training) == 18


class TestRefusing:
    def test_other_faces_than_those_of_the_fit_are_refused(self, older, lfw_csv, tmp_path):
        lines = lfw_csv.read_text().splitlines()
        (tmp_path / "fewer.csv").write_text("\n".join(lines[:1] + lines[4:]) + "\n")
        before = (older / "manifest.json").read_bytes()
        with pytest.raises(DataError, match=r"fitted on \(lfw.csv, 45 training faces, .* got fewer.csv with 42 of key"):
            measure_importance(older, [tmp_path / "fewer.csv"])
        assert (older / "manifest.json").read_bytes() == before

    def test_another_split_is_refused(self, older, lfw_csv):
        change(older, lambda manifest: manifest["scores"]["PublicTest"].update(n=14))
        with pytest.raises(DataError, match="give all data sets"):
            measure_importance(older, [lfw_csv])

    def test_a_manifest_without_data_is_refused(self, older, lfw_csv):
        change(older, lambda manifest: manifest.pop("data"))
        with pytest.raises(ArtifactError, match="names no data"):
            measure_importance(older, [lfw_csv])

    def test_models_without_regions_are_refused_before_data_are_read(self, older, monkeypatch):
        artifact = load_artifact(older)
        artifact.manifest["fields"] = ["crop"]
        monkeypatch.setattr(saved_importance, "load_artifact", lambda folder, **options: artifact)
        with pytest.raises(InputError, match="reads crop, where regions of the face have no fixed place"):
            measure_importance(older, ["no such file"])

    def test_a_model_replaced_meanwhile_is_refused(self, older, lfw_csv, monkeypatch):
        def replaced(*faces, **options):
            change(older, lambda manifest: manifest["model"].update(sha256="0" * 64))
            return {"rows": []}

        monkeypatch.setattr(saved_importance, "importance", replaced)
        with pytest.raises(ArtifactError, match="replaced by another model meanwhile"):
            measure_importance(older, [lfw_csv])
        assert "importance" not in read_manifest(older)

    def test_a_failed_write_is_reported(self, older, lfw_csv, monkeypatch):
        def full(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(saved_importance, "importance", lambda *faces, **options: {"rows": []})
        monkeypatch.setattr("os.replace", full)
        with pytest.raises(SinkError, match="No space left on device"):
            measure_importance(older, [lfw_csv])
        assert "importance" not in read_manifest(older)


@pytest.mark.parametrize("command", [None, "", "make a model", "python -m landmark_fer.fit --of-another-version 3"])
def test_an_unknown_command_means_default_options(command, capsys):
    options = saved_importance._options_of({"command": command})
    assert (options.seed, options.folds, options.labels) == (0, 5, "auto")
    assert capsys.readouterr().err == ""


class TestCommand:
    def test_the_report_shows_the_importance_and_the_command(self, older, lfw_csv, capsys):
        assert main([str(older)]) == 0
        assert "python -m landmark_fer.report DIR --data PATH" in (older / REPORT_NAME).read_text(encoding="utf-8")
        assert main([str(older), "--data", str(lfw_csv), "--jobs", "1"]) == 0
        printed, manifest = capsys.readouterr().out, read_manifest(older)
        page = (older / REPORT_NAME).read_text(encoding="utf-8")
        check_numbers(page, manifest)
        assert "DIR --data PATH" not in page and f"python -m landmark_fer.report {older} --data" in page
        assert "15 faces of PublicTest" in printed and "mouth (landmarks)" in printed

    def test_bad_data_are_one_sentence_and_no_report(self, older, tmp_path, capsys):
        assert main([str(older), "--data", str(tmp_path / "none.csv")]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1
        assert not (older / REPORT_NAME).exists()
