"""The fit command: artifacts, printed output, export, report, and errors in one sentence."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landmark_fer.artifact.artifact import load_artifact, read_manifest
from landmark_fer.fit.__main__ import main
from tests.conftest import made_up_faces
from tests.datasets import copies
from tests.selection import slow

ROOT = Path(__file__).parents[2]
HEADER = "emotion,pixels,Usage\n"


@pytest.fixture(autouse=True)
def place(tmp_path, session_cache, monkeypatch):
    """Run in the test's own folder, with the cache of the test session."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))


def fit(*arguments, models="ls_svm", features="geometry", folds=3, out="out"):
    """Run the command in this process, quickly."""
    quick = ["--models", models, "--features", features, "--folds", folds, "--jobs", 1, "--out", out]
    quick += [] if "--report" in arguments else ["--report", "none"]
    return main([str(word) for word in (*quick, *arguments)])


@pytest.fixture
def refused(capsys):
    """A function that runs the command, asserts status 2 and one sentence, and returns the sentence."""

    def run(*arguments, **options):
        assert fit(*arguments, **options) == 2
        error = capsys.readouterr().err
        sentences = [line for line in error.splitlines() if line.startswith("error: ")]
        assert len(sentences) == 1 and "Traceback" not in error
        return sentences[0]

    return run


class TestArtifact:
    def test_the_artifact_loads_and_records_data_and_command(self, lfw_model):
        artifact = load_artifact(lfw_model.path)
        manifest = artifact.manifest
        assert artifact.classes == ("happy", "sad", "neutral")
        assert manifest["seed"] == 4 and manifest["command"].startswith("python -m landmark_fer.fit --data")
        assert manifest["data"]["n_training"] == 45 and manifest["scores"]["PublicTest"]["n"] == 15
        assert manifest["features"] == "both" and manifest["fields"] == ["landmarks", "chip"]
        records, _ = made_up_faces(2)
        np.testing.assert_allclose(artifact.predictor.predict_proba(records).sum(axis=1), 1, atol=1e-5)

    def test_faces_table_reason_and_scores_are_printed(self, lfw_model):
        manifest = read_manifest(lfw_model.path)
        for part in ("lfw.csv: 60 faces", "macro-F1", manifest["choice"], manifest["folds"], "PublicTest: 15 faces"):
            assert part in lfw_model.printed
        assert "try it: python -m landmark_fer.live --model" in lfw_model.printed

    @pytest.mark.slow
    def test_the_same_seed_gives_the_same_probabilities(self, lfw_csv):
        records, _ = made_up_faces(4)
        predictions = {}
        for name, seed in [("first", 1), ("second", 1), ("other", 2)]:
            assert fit("--data", lfw_csv, "--seed", seed, models="dropout_mlp", out=name) == 0
            predictions[name] = load_artifact(name).predictor.predict_proba(records)
        np.testing.assert_array_equal(predictions["first"], predictions["second"])
        assert np.abs(predictions["first"] - predictions["other"]).max() > 1e-6

    @pytest.mark.slow
    def test_networks_are_imported_only_if_named(self, lfw_csv):
        code = (
            "import sys; from landmark_fer.fit.__main__ import main; assert main(sys.argv[1:]) == 0;"
            "unnamed = ('landmark_fer.models.networks.', 'onnxruntime.', 'keras.');"
            "print([name for name in sys.modules if name.startswith(unnamed)])"
        )
        command = [sys.executable, "-c", code, "--data", lfw_csv, "--models", "dummy,ls_svm", "--features", "geometry"]
        command += ["--folds", "3", "--jobs", "1", "--report", "full", "--out", "out"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "[]"

    def test_a_subset_of_expressions_can_be_fitted(self, lfw_csv):
        assert fit("--data", lfw_csv, "--expressions", "sadness, happy") == 0
        assert load_artifact("out").classes == ("happy", "sad")

    @pytest.mark.parametrize(("features", "fields"), [("geometry", ["landmarks"]), ("hog", ["chip"])])
    def test_features_select_the_fields(self, lfw_csv, features, fields):
        assert fit("--data", lfw_csv, features=features) == 0
        assert read_manifest("out")["fields"] == fields

    @pytest.mark.slow
    def test_a_search_prints_its_settings_and_keeps_the_best(self, lfw_csv, capsys):
        assert fit("--data", lfw_csv, "--search", models="dummy,embedding_knn") == 0
        manifest = read_manifest("out")
        assert {row["name"] for row in manifest["comparison"]} == {"dummy", "embedding_knn"}
        assert len([row for row in manifest["search"]["rows"] if row["name"].startswith("embedding_knn")]) > 3
        assert "n_neighbors=" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (("--minutes", "3"), "--minutes limits --search, got --minutes 3 alone; add --search"),
            (("--search", "--minutes", "0"), "minutes must be"),
            (("--choose", "stacking"), "--choose must be one of --models (dummy, embedding_knn), got stacking"),
            (("--fold-sample", "3"), "--fold-sample must be 100 or more, got 3"),
        ],
    )
    def test_options_that_would_fail_later_are_refused_first(self, options, sentence, capsys):
        assert fit(*options, models="dummy,embedding_knn") == 2
        assert sentence in capsys.readouterr().err

    def test_stacking_is_compared_and_can_be_chosen_by_its_former_name(self, lfw_csv):
        assert fit("--data", lfw_csv, "--choose", "ensemble", models="dummy,embedding_knn,ls_svm,ensemble") == 0
        assert read_manifest("out")["model_name"] == "stacking"

    @pytest.mark.parametrize("models", ["dummy,embedding_knn", *slow("dummy,embedding_knn,ls_svm,svm,dropout_mlp")])
    def test_a_folder_per_class_has_held_out_test_faces(self, lfw_crops, tmp_path, models):
        for row, crop in enumerate(lfw_crops[:30]):
            path = tmp_path / "faces" / ("happiness", "anger")[row % 2] / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(crop).save(path)
        assert fit("--data", "faces", models=models) == 0
        manifest = read_manifest("out")
        assert manifest["classes"] == ["angry", "happy"] and list(manifest["scores"]) == ["held out"]
        assert len(manifest["comparison"]) == len(models.split(",")) and load_artifact("out").classes == (
            "angry",
            "happy",
        )

    def test_a_broken_row_is_reported_and_left_out(self, lfw_csv, tmp_path, capsys):
        lines = lfw_csv.read_text().splitlines()
        lines[4] = lines[4].replace(" ", " x", 1)
        (tmp_path / "broken.csv").write_text("\n".join(lines))
        assert fit("--data", "broken.csv") == 0
        assert "left out: row 3 (line 5) has pixels that are not whole numbers" in capsys.readouterr().err
        assert read_manifest("out")["data"]["n_left_out"] == 1

    def test_left_out_images_are_counted(self, tmp_path):
        folder = copies.make_ck48(tmp_path / "ck48", subjects=4, folders=("happy", "sadness", "surprise", "contempt"))
        (folder / "happy" / next((folder / "happy").iterdir()).name).write_bytes(b"no image")
        assert fit("--data", folder, "--folds", 2) == 0
        data = read_manifest("out")["data"]
        contempt = len(list((folder / "contempt").iterdir()))
        assert contempt == 12 and data["n_left_out"] == 1 + contempt

    def test_an_earlier_artifact_is_replaced(self, lfw_csv):
        assert fit("--data", lfw_csv, "--seed", 1) == fit("--data", lfw_csv, "--seed", 2) == 0
        assert read_manifest("out")["seed"] == 2


class TestExport:
    @pytest.mark.parametrize(
        ("models", "choice", "names"),
        [
            ("knn", None, "knn"),
            ("knn,svm", None, "knn, svm"),
            ("mlp,knn,svm", "knn", "knn"),
            ("mlp,knn,stacking", "stacking", "knn"),
        ],
    )
    def test_a_model_without_an_onnx_form_is_refused_before_the_work(self, refused, models, choice, names):
        pytest.importorskip("onnx")
        arguments = ["--data", "none.csv", "--export", "onnx", *(["--choose", choice] if choice else [])]
        sentence = f"--export onnx needs a model with an ONNX form, got {names}; choose among dummy, mlp, "
        assert sentence in refused(*arguments, models=models)

    def test_a_chosen_model_without_an_onnx_form_is_saved_and_reported(self, lfw_csv, capsys):
        pytest.importorskip("onnx")
        assert fit("--data", lfw_csv, "--export", "onnx", models="dummy,knn") == 2
        printed = capsys.readouterr()
        assert "error: out is saved, but not exported: classifiers of an ONNX export" in printed.err
        assert "try it: python -m landmark_fer.live --model out" in printed.out
        assert load_artifact("out").manifest["model_name"] == "knn"


class TestReport:
    def test_the_report_is_in_the_artifact_and_complete(self, lfw_model):
        page, manifest = (lfw_model.path / "report.html").read_text(encoding="utf-8"), read_manifest(lfw_model.path)
        assert f"wrote {lfw_model.path / 'report.html'}" in lfw_model.printed
        assert page.count("<svg") == 7 and "not measured" not in page and "could not be drawn" not in page
        assert manifest["importance"]["n"] == 15 and len(manifest["fold_scores"]["models"]["ls_svm"]) == 3
        assert [row["n"] for row in manifest["learning_curve"]["rows"]] == [15, 30]

    def test_quick_measures_no_fits_and_none_writes_no_file(self, lfw_csv, tmp_path):
        assert fit("--data", lfw_csv, "--report", "quick") == 0
        manifest = read_manifest("out")
        assert "fold_scores" in manifest and "learning_curve" not in manifest and "importance" not in manifest
        assert (tmp_path / "out" / "report.html").is_file()
        assert fit("--data", lfw_csv, "--report", "none") == 0
        assert not (tmp_path / "out" / "report.html").exists()

    def test_a_failed_report_keeps_the_model(self, lfw_csv, monkeypatch, capsys):
        def fail(*args, **options):
            raise ImportError("no matplotlib")

        monkeypatch.setattr("landmark_fer.reports.model_report.render_report", fail)
        assert fit("--data", lfw_csv, "--report", "quick") == 0
        assert load_artifact("out").classes == ("happy", "sad", "neutral")
        printed = capsys.readouterr()
        assert "the report could not be written (no matplotlib); try: python -m landmark_fer.report out" in printed.err
        assert "try it: python -m landmark_fer.live" in printed.out


class TestSplits:
    @pytest.mark.parametrize(
        ("header", "change", "sentences"),
        [
            (HEADER, {}, ["splits: Training 45, PublicTest 15"]),
            ("Emotion;PIXELS; usage\n", {",": ";", "Training": "train"}, ["splits: Training 45, PublicTest 15"]),
            (
                "emotion,pixels\n",
                {",Training": "", ",PublicTest": ""},
                ["lfw.csv has no column Usage, so all of its rows count as Training", "splits: Training 60"],
            ),
            (
                HEADER,
                {"Training": "fold 1", "PublicTest": "fold 2"},
                [
                    "splits: fold 1 45, fold 2 15; no split is named Training, so training and test faces are drawn "
                    "from all faces"
                ],
            ),
        ],
    )
    def test_splits_and_missing_columns_are_printed(self, tmp_path, lfw_csv, capsys, header, change, sentences):
        rows = lfw_csv.read_text().removeprefix(HEADER)
        for old, new in change.items():
            rows = rows.replace(old, new)
        (tmp_path / "lfw.csv").write_text(header + rows)
        assert fit("--data", "lfw.csv", models="dummy") == 0
        printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
        assert [line for line in printed if line.startswith(("splits:", "lfw.csv has"))] == sentences

    def test_faces_without_a_split_are_reported(self, tmp_path, capsys, lfw_crops):
        for row, crop in enumerate(lfw_crops[:30]):
            Image.fromarray(crop).save(tmp_path / f"{row}.png")
        splits = ["", *["train"] * 20, *["test"] * 9]
        lines = [f"{row}.png,{('happy', 'sad')[row % 2]},{split}" for row, split in enumerate(splits)]
        (tmp_path / "faces.csv").write_text("\n".join(["file,label,split", *lines]))
        assert fit("--data", "faces.csv", models="dummy", folds=2) == 0
        sentence = "no split 1, Training 20, test 9; faces of no split are used neither for training nor for tests"
        assert sentence in capsys.readouterr().out
        lines = [f"{row}.png,{('sad', 'happy')[row % 2]}" for row in range(12)]  # no splits: test faces are drawn
        (tmp_path / "more.csv").write_text("\n".join(["file,label", *lines]))
        assert fit("--data", "faces.csv", "--data", "more.csv", models="dummy", folds=2) == 0
        sentence = "; 1 faces, whose data set has a split Training, of no split are used neither for training nor"
        assert sentence in capsys.readouterr().out


class TestBadInput:
    def test_missing_files_are_refused(self, refused):
        assert "none.csv does not exist" in refused("--data", "none.csv")

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("a,b\n1,2\n", "must have the columns emotion, pixels, Usage"),
            ("", "is empty"),
            (HEADER, "must hold faces, and none is left: empty"),
            (HEADER + f"9,{' '.join(['0'] * 2304)},Training\n", "has the label '9'"),
            (HEADER + "3,1 2 3,Training\n", "has 3 pixels, must have 2304"),
        ],
    )
    def test_malformed_csv_files_are_refused(self, refused, tmp_path, text, sentence):
        (tmp_path / "bad.csv").write_text(text)
        assert sentence in refused("--data", "bad.csv")

    def test_truncated_csv_files_are_refused(self, refused, tmp_path, lfw_csv):
        content = gzip.compress(lfw_csv.read_bytes())
        (tmp_path / "cut.csv.gz").write_bytes(content[: len(content) // 2])
        assert "cut.csv.gz is cut short, damaged or unreadable" in refused("--data", "cut.csv.gz")

    def test_other_files_are_refused(self, refused, tmp_path):
        for name in ("notes.txt", "table.npz", "images.zip"):
            (tmp_path / name).write_text("words")
            assert name in refused("--data", name)

    def test_folders_without_images_or_classes_are_refused(self, refused, tmp_path):
        (tmp_path / "empty").mkdir()
        assert "holds no images" in refused("--data", "empty")
        (tmp_path / "cats" / "tabby").mkdir(parents=True)
        Image.new("L", (48, 48)).save(tmp_path / "cats" / "tabby" / "1.png")
        assert "folders named after expressions" in refused("--data", "cats")

    def test_classes_with_fewer_faces_than_folds_are_refused(self, refused, lfw_csv, tmp_path):
        lines = lfw_csv.read_text().splitlines()
        angry = ["0" + line[1:] for line in lines[1:3]]
        (tmp_path / "few.csv").write_text("\n".join([lines[0], *angry, *lines[3:]]))
        assert "as many unrelated faces as folds (3), angry has 2 (of 2; " in refused("--data", "few.csv")

    def test_invalid_option_values_are_refused(self, refused, lfw_csv):
        assert "models must be among dummy, knn" in refused("--data", lfw_csv, models="forest")
        assert "got none" in refused("--data", lfw_csv, models="")
        assert "expression must be one of angry" in refused("--data", lfw_csv, "--expressions", "sleepy")
        assert "no face that shows angry" in refused("--data", lfw_csv, "--expressions", "angry")
        assert "at least 2 expressions" in refused("--data", lfw_csv, "--expressions", "happy")
        assert "folds must be 2 or more, got 1" in refused("--data", lfw_csv, folds=1)
        assert "is no file" in refused("--data", lfw_csv, "--predictor", "none.dat")
        assert "fer2013new.csv" in refused("--data", lfw_csv, "--labels", "ferplus")

    def test_features_of_images_are_refused_for_the_geometry_table(self, refused):
        assert "svm needs images with --features hog" in refused(features="hog")

    def test_unknown_choices_and_invalid_seeds_are_refused(self, capsys):
        with pytest.raises(SystemExit, match="2"):
            fit(features="pixels")
        assert "invalid choice: 'pixels'" in capsys.readouterr().err
        for seed in (-1, 2**32, "x"):
            with pytest.raises(SystemExit, match="2"):
                fit("--seed", seed)
            assert "must be a whole number from 0 to 4294967295" in capsys.readouterr().err

    def test_a_folder_with_other_files_is_refused_before_the_fit(self, refused, tmp_path):
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "mother.jpg").touch()
        assert "must be empty or hold an artifact" in refused("--data", "none.csv", out="photos")
        assert "because photos/mother.jpg is a file" in refused("--data", "none.csv", out="photos/mother.jpg/model")

    def test_an_interruption_changes_no_artifact(self, lfw_csv, monkeypatch, capsys):
        assert fit("--data", lfw_csv) == 0
        before = json.dumps(read_manifest("out"))

        def interrupt(*args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("landmark_fer.fit.training.compare", interrupt)
        assert fit("--data", lfw_csv) == 130
        assert "no artifact was changed" in capsys.readouterr().err and json.dumps(read_manifest("out")) == before


def test_without_keras_a_network_is_refused_before_the_data_are_read(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["--models", "elu_vgg", "--data", str(tmp_path / "missing.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "run: pip install -r requirements-cnn.txt" in capsys.readouterr().err


@pytest.mark.slow
def test_fit_needs_no_optional_package():
    code = (
        "import sys\n"
        "for name in ('dask', 'distributed', 'optuna', 'onnx', 'skops', 'fastapi'):\n"
        "    sys.modules[name] = None\n"
        "import landmark_fer.fit.__main__, landmark_fer.fit.cluster, landmark_fer.fit.checks\n"
        "import landmark_fer.fit.training, landmark_fer.evaluate, landmark_fer.live.session\n"
        "with landmark_fer.fit.cluster.computing_on(None, 1) as jobs:\n"
        "    assert jobs == 1\n"
        "assert 'landmark_fer.fit.cluster_backend' not in sys.modules\n"  # it imports Dask's packages
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
