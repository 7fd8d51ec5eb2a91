"""What a saved model's report lacks is measured later as fitting would have, on the same faces, and kept with it."""

import json
import shutil

import numpy as np
import pytest

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.artifact.manifest import read_manifest
from landmark_fer.core.errors import ArtifactError, DataError, InputError, SinkError
from landmark_fer.evaluation.splits import split_for_networks
from landmark_fer.report import completion as report_completion
from landmark_fer.report.__main__ import main
from landmark_fer.report.completion import measure_importance
from landmark_fer.reports.report import REPORT_NAME
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


def change(path, how):
    manifest = read_manifest(path)
    how(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


class TestMeasuring:
    def test_it_is_what_the_fit_would_have_measured(self, older, lfw_model, lfw_csv):
        wanted = read_manifest(lfw_model.path)["importance"]
        found = measure_importance(older, [lfw_csv])
        assert len(wanted["rows"]) == 12 and found == wanted | {"command": None}

    def test_it_is_kept_beside_all_that_was_known_and_the_model_still_loads(self, older, lfw_csv):
        before = read_manifest(older)
        found = measure_importance(older, [lfw_csv], command="python -m x")
        assert load_artifact(older).manifest == before | {"importance": found}
        assert found["command"] == "python -m x" and not list(older.glob(".*"))

    def test_faces_held_out_by_the_seed_are_those_of_the_fit(self, lfw_crops, tmp_path):
        from PIL import Image

        from landmark_fer.fit.__main__ import main as fit

        for i, crop in enumerate(lfw_crops[:40]):
            place = tmp_path / "images" / ("happy", "neutral")[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(crop).save(place / f"{i}.png")
        words = ["--models", "ls_svm", "--features", "geometry", "--folds", "3", "--seed", "7", "--jobs", "1"]
        assert fit(["--data", str(tmp_path / "images"), "--out", str(tmp_path / "out"), *words]) == 0
        wanted = read_manifest(tmp_path / "out")["importance"]
        (tmp_path / "images").rename(tmp_path / "elsewhere")
        found = measure_importance(tmp_path / "out", [tmp_path / "elsewhere"])
        assert found["faces"] == "held out" and found == wanted | {"command": None}

    def test_faces_of_a_network_are_divided_as_its_training_does(self):
        dataset = made_up_dataset(
            9, near_duplicates=np.arange(27) // 3
        )  # three unrelated faces each: too few for five folds
        options = report_completion._options_of({"command": "python -m landmark_fer.fit --models aligned_cnn --seed 3"})
        _, split = report_completion._divided(dataset, options, True, None)
        wanted = split_for_networks(dataset, random_state=3)
        assert split.training.tolist() == wanted.training.tolist() and len(split.training) == 18


class TestRefusing:
    def test_other_faces_than_those_of_the_fit(self, older, lfw_csv, tmp_path):
        lines = lfw_csv.read_text().splitlines()
        (tmp_path / "fewer.csv").write_text("\n".join(lines[:1] + lines[4:]) + "\n")
        before = (older / "manifest.json").read_bytes()
        with pytest.raises(DataError, match=r"fitted on \(lfw.csv, 45 training faces, .* fewer.csv has 42 of key"):
            measure_importance(older, [tmp_path / "fewer.csv"])
        assert (older / "manifest.json").read_bytes() == before

    def test_the_same_faces_divided_otherwise(self, older, lfw_csv):
        change(older, lambda manifest: manifest["scores"]["PublicTest"].update(n=14))
        with pytest.raises(DataError, match="give the others"):
            measure_importance(older, [lfw_csv])

    def test_a_manifest_that_names_no_data(self, older, lfw_csv):
        change(older, lambda manifest: manifest.pop("data"))
        with pytest.raises(ArtifactError, match="names no data"):
            measure_importance(older, [lfw_csv])

    def test_a_model_that_reads_nothing_with_regions_before_any_data_are_read(self, older, monkeypatch):
        artifact = load_artifact(older)
        artifact.manifest["fields"] = ["crop"]
        monkeypatch.setattr(report_completion, "load_artifact", lambda folder, **options: artifact)
        with pytest.raises(InputError, match="reads crop, in which regions of the face have no fixed place"):
            measure_importance(older, ["no such file"])

    def test_another_model_that_took_its_place(self, older, lfw_csv, monkeypatch):
        def replaced(*faces, **options):
            change(older, lambda manifest: manifest["model"].update(sha256="0" * 64))
            return {"rows": []}

        monkeypatch.setattr(report_completion, "importance", replaced)
        with pytest.raises(ArtifactError, match="replaced by another model meanwhile"):
            measure_importance(older, [lfw_csv])
        assert "importance" not in read_manifest(older)

    def test_a_place_that_cannot_be_written(self, older, lfw_csv, monkeypatch):
        def full(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(report_completion, "importance", lambda *faces, **options: {"rows": []})
        monkeypatch.setattr("os.replace", full)
        with pytest.raises(SinkError, match="No space left on device"):
            measure_importance(older, [lfw_csv])
        assert "importance" not in read_manifest(older)


@pytest.mark.parametrize("command", [None, "", "make a model", "python -m landmark_fer.fit --of-another-version 3"])
def test_a_command_that_is_not_known_means_the_defaults(command, capsys):
    options = report_completion._options_of({"command": command})
    assert (options.seed, options.folds, options.labels) == (0, 5, "auto")
    assert capsys.readouterr().err == ""


class TestCommand:
    def test_the_report_has_it_and_says_by_which_command(self, older, lfw_csv, capsys):
        assert main([str(older)]) == 0
        assert "python -m landmark_fer.report DIR --data PATH" in (older / REPORT_NAME).read_text(encoding="utf-8")
        assert main([str(older), "--data", str(lfw_csv), "--jobs", "1"]) == 0
        printed, manifest = capsys.readouterr().out, read_manifest(older)
        page = (older / REPORT_NAME).read_text(encoding="utf-8")
        check_numbers(page, manifest)
        assert "DIR --data PATH" not in page and f"python -m landmark_fer.report {older} --data" in page
        assert "15 faces of PublicTest" in printed and "mouth (landmarks)" in printed

    def test_bad_data_are_one_sentence_and_leave_the_report(self, older, tmp_path, capsys):
        assert main([str(older), "--data", str(tmp_path / "none.csv")]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1
        assert not (older / REPORT_NAME).exists()
