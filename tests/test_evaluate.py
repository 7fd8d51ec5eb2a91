"""The evaluate command: scores of a saved model as text, JSON, one row per face, and a report."""

import html
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from landmark_fer.artifact.artifact import read_manifest
from landmark_fer.evaluate import main

CLASSES = ["happy", "sad", "neutral"]
KEYS = {
    *("n", "accuracy", "accuracy_interval", "accuracy_leak_free", "n_leak_free", "macro_f1", "balanced_accuracy"),
    *("log_loss", "ece", "classes", "per_class", "confusion", "undetected", "ms_per_face"),
}


@pytest.fixture(autouse=True)
def place(tmp_path, session_cache, monkeypatch):
    """Run in the test's own folder, with the cache of the test session."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))


@pytest.fixture
def evaluate(lfw_model, lfw_csv):
    """Run the command on the small model and its data by default."""

    def run(*arguments, model=lfw_model.path, data=lfw_csv):
        words = ["--model", model, "--data", data, "--jobs", 1, *arguments]
        return main([str(word) for word in words])

    return run


@pytest.fixture
def scores_of(evaluate):
    def run(*arguments, **options):
        assert evaluate("--json", "scores.json", *arguments, **options) == 0
        with open("scores.json", encoding="utf-8") as file:
            return json.load(file)

    return run


def test_json_has_the_documented_keys(scores_of):
    scores = scores_of("--split", "PublicTest")
    assert set(scores) >= KEYS
    assert scores["n"] == 15 and scores["classes"] == CLASSES
    assert sum(map(sum, scores["confusion"])) == 15 and set(scores["undetected"]) == set(CLASSES)
    assert scores["ms_per_face"] > 0


def test_scores_equal_those_saved_by_fit(scores_of, lfw_model):
    saved = read_manifest(lfw_model.path)["scores"]["PublicTest"]
    scores = scores_of("--split", "PublicTest")
    for key in ("accuracy", "accuracy_interval", "macro_f1", "confusion", "n_leak_free", "accuracy_leak_free"):
        assert scores[key] == saved[key], key
    assert scores["log_loss"] == pytest.approx(saved["log_loss"], rel=1e-4)


def test_scores_of_a_model_with_a_threshold_have_the_rejection(scores_of, lfw_model, tmp_path, capsys):
    shutil.copytree(lfw_model.path, tmp_path / "rejecting")
    manifest = read_manifest("rejecting")
    manifest["rejection"] = {"target": 0.85, "threshold": 0.5, "coverage": 0.4, "accuracy": 0.9, "curve": []}
    (tmp_path / "rejecting" / "manifest.json").write_text(json.dumps(manifest))
    scores = scores_of("--split", "PublicTest", "--predictions", "lines.csv", model="rejecting")
    lines = pd.read_csv("lines.csv")
    accepted = lines[lines[CLASSES].max(axis=1) >= 0.5]
    assert scores["rejection"]["threshold"] == 0.5
    assert scores["rejection"]["n_accepted"] == len(accepted)
    assert scores["rejection"]["coverage_leak_free"] is not None
    assert "With a confidence of 50.0 % or more it predicts" in capsys.readouterr().out


def test_leak_free_accuracy_is_null_without_training_data(scores_of, lfw_csv, tmp_path):
    header, *rows = lfw_csv.read_text().splitlines()
    unseen = [row.replace("PublicTest", "PrivateTest") for row in rows[45:]]
    (tmp_path / "unseen.csv").write_text("\n".join([header, *unseen]))
    alone = scores_of(data="unseen.csv")
    assert alone["accuracy_leak_free"] is None and alone["n_leak_free"] is None
    against = scores_of("--against", lfw_csv, data="unseen.csv")
    assert against["n_leak_free"] is not None and against["accuracy"] == alone["accuracy"]


def test_copies_of_training_faces_are_not_leak_free(scores_of, lfw_csv, tmp_path, capsys):
    header, *rows = lfw_csv.read_text().splitlines()
    copies = [row.replace("Training", "PrivateTest") for row in rows[:5]]
    (tmp_path / "copies.csv").write_text("\n".join([header, *copies]))
    scores = scores_of("--against", lfw_csv, "--predictions", "lines.csv", data="copies.csv")
    assert scores["n_leak_free"] == 0 and scores["accuracy_leak_free"] is None
    assert (pd.read_csv("lines.csv")["near_duplicate_correlation"] > 0.999).all()
    assert "\n0 faces without a near-duplicate in training: each of the 5 has one there" in capsys.readouterr().out
    scores_of(data="copies.csv")
    assert "without a near-duplicate" not in capsys.readouterr().out, "no search for near-duplicates"


def test_predictions_have_one_row_per_face(evaluate, scores_of):
    scores = scores_of("--split", "PublicTest", "--predictions", "lines.csv")
    lines = pd.read_csv("lines.csv")
    assert list(lines) == ["row", "expression", "predicted", *CLASSES, "near_duplicate_correlation"]
    assert lines["row"].tolist() == list(range(45, 60))
    assert lines["expression"].tolist() == CLASSES * 5
    assert (lines["predicted"] == lines["expression"]).mean() == pytest.approx(scores["accuracy"])
    assert lines[CLASSES].sum(axis=1).tolist() == pytest.approx([1] * 15, abs=1e-4)


@pytest.fixture
def photographs(tmp_path, astronaut):
    """A folder of classes with faces, a landscape, a damaged image, a text and images that are no expression."""
    folder = tmp_path / "photographs"
    for name in ("happy", "test/sad", "fear", "holiday"):
        (folder / name).mkdir(parents=True)
    face, landscape = Image.fromarray(astronaut), Image.fromarray(np.full((300, 400, 3), (90, 160, 200), np.uint8))
    for name in ("happy/1.png", "test/sad/2.png", "fear/3.png", "holiday/4.png"):
        face.save(folder / name)
    landscape.save(folder / "happy" / "landscape.png")
    landscape.save(folder / "test" / "sad" / "landscape.png")
    (folder / "happy" / "damaged.png").write_bytes((folder / "happy" / "1.png").read_bytes()[:3000])
    (folder / "happy" / "notes.txt").write_text("words")
    return folder


def test_predictions_of_a_folder_have_a_row_for_each_image(evaluate, photographs):
    assert evaluate("--predictions", "lines.csv", data=photographs) == 0
    lines = pd.read_csv("lines.csv", keep_default_na=False, dtype=str)
    assert list(lines) == [
        "row", "expression", "predicted", *CLASSES, "near_duplicate_correlation", "image", "status",
    ]  # fmt: skip
    assert sorted(zip(lines["image"], lines["status"], strict=True)) == [
        ("fear/3.png", "left out"), ("happy/1.png", "ok"), ("happy/damaged.png", "unreadable"),
        ("happy/landscape.png", "no face"), ("holiday/4.png", "left out"), ("test/sad/2.png", "ok"),
        ("test/sad/landscape.png", "no face"),
    ]  # fmt: skip
    assert ((lines["predicted"] != "") == (lines["status"] == "ok")).all()
    of_image = lines.set_index("image")
    assert of_image.loc["test/sad/2.png", "expression"] == "sad" and of_image.loc["fear/3.png", "expression"] == "fear"
    assert of_image.loc["happy/1.png", "row"].isdecimal() and of_image.loc["happy/damaged.png", "row"] == ""


def test_predictions_of_a_split_of_a_folder_have_only_its_images(evaluate, photographs):
    assert evaluate("--predictions", "lines.csv", "--split", "test", data=photographs) == 0
    lines = pd.read_csv("lines.csv")
    assert lines["image"].tolist() == ["test/sad/2.png", "test/sad/landscape.png"]
    assert lines["status"].tolist() == ["ok", "no face"]


def test_the_printed_summary_has_the_main_figures(evaluate, capsys):
    assert evaluate("--split", "PublicTest") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("PublicTest: 15 faces, accuracy ")
    for part in ("precision", "label \\ prediction", "ms per face on one thread", *CLASSES):
        assert part in printed


def test_faces_of_other_expressions_are_left_out_and_reported(evaluate, lfw_csv, tmp_path, capsys):
    lines = lfw_csv.read_text().splitlines()
    (tmp_path / "other.csv").write_text("\n".join([*lines[:10], "0" + lines[10][1:], "x" + lines[11][1:]]))
    assert evaluate(data="other.csv") == 0
    captured = capsys.readouterr()
    assert "1 faces of other expressions than the model's were left out" in captured.out
    assert "left out: row 10 (line 12) has the label 'x'" in captured.err


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ([], {"data": "none.csv"}, "none.csv does not exist"),
        ([], {"model": "none"}, "artifact none does not exist; fit one with"),
        ([], {"model": "."}, "must be an artifact folder with manifest.json"),
        (["--split", "PrivateTest"], {}, "('PublicTest', 'Training'), got 'PrivateTest'"),
        (["--against", "none.csv"], {}, "none.csv does not exist"),
        (["--json", "no/such/folder.json"], {}, "no/such/folder.json cannot be written: there is no folder no/such"),
        (["--predictions", "no/such/folder.csv"], {}, "create it first"),
        (["--json", "."], {}, "--json . is a folder; give the name of a file in it"),
        (["--predictor", "none.dat"], {}, "none.dat is no file"),
    ],
)
def test_bad_input_gives_one_error_message_and_status_2(evaluate, capsys, arguments, options, sentence):
    assert evaluate(*arguments, **options) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    assert sentence in line


def test_an_interruption_is_reported(evaluate, monkeypatch, capsys):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("landmark_fer.evaluation.assessment.assess", interrupt)
    assert evaluate() == 130
    assert "stopped; extracted faces stay in the cache" in capsys.readouterr().err


class TestReport:
    def test_its_numbers_are_those_of_the_scores(self, evaluate, tmp_path):
        assert evaluate("--json", "scores.json", "--report", "page.html", "--split", "PublicTest") == 0
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        scores = json.loads((tmp_path / "scores.json").read_text())
        cited = re.findall(r'<data value="([^"]+)" data-of="([^"]+)"', page)
        assert len(cited) > 40
        for value, path in cited:
            root, *steps = json.loads(html.unescape(path))
            assert root in ("scores", "curve")  # the curve is computed from the predictions, face by face
            value_at_path = scores
            for step in steps if root == "scores" else ():
                value_at_path = value_at_path[step]
            assert root == "curve" or float(value) == value_at_path

    def test_it_has_model_data_and_command(self, evaluate, tmp_path):
        assert evaluate("--report", "page.html") == 0
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        for part in ("svm on lfw.csv", "Model and data", "Undetected faces", "--report page.html"):
            assert part in page
        assert page.count("<svg") == 4 and "could not be drawn" not in page and "http" not in page

    def test_a_missing_folder_is_refused_before_the_evaluation(self, evaluate, capsys):
        assert evaluate("--report", "nowhere/page.html") == 2
        assert "nowhere/page.html cannot be written: there is no folder nowhere" in capsys.readouterr().err


@pytest.fixture
def people_csv(tmp_path):
    """A table of four people, each once neutral and once happy, with their age."""
    from skimage.data import lfw_subset

    lines = ["path,expression,subject,age"]
    for place, image in enumerate(lfw_subset()[:8]):
        pixels = (image.clip(0, 1) * 255).astype(np.uint8)
        Image.fromarray(pixels).resize((48, 48)).save(tmp_path / f"{place}.png")
        lines.append(f"{place}.png,{('neutral', 'happy')[place % 2]},p{place // 2},{20 + place // 2}")
    (tmp_path / "people.csv").write_text("\n".join(lines))
    return tmp_path / "people.csv"


def test_a_baseline_and_groups_are_in_every_output(evaluate, people_csv, capsys):
    outputs = ("--json", "scores.json", "--predictions", "lines.csv", "--report", "scores.html")
    assert evaluate("--baseline", "neutral", "--by", "age", *outputs, data=people_csv) == 0
    printed = capsys.readouterr().out
    assert "given each person's neutral face: accuracy" in printed and "accuracy by age" in printed
    with open("scores.json", encoding="utf-8") as file:
        scores = json.load(file)
    assert scores["n"] == scores["n_with_baseline"] == scores["n_baselines"] == 4
    assert set(scores["per_class_with_baseline"]) == set(CLASSES)
    assert [row["group"] for row in scores["by"]["age"]] == ["20", "21", "22", "23"]
    lines = pd.read_csv("lines.csv")
    assert lines["age"].tolist() == [20, 21, 22, 23]
    assert lines[[f"{name}_with_baseline" for name in CLASSES]].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-4)
    with open("scores.html", encoding="utf-8") as file:
        report = file.read()
    assert "Accuracy by age" in report and "recall with baseline" in report


def test_a_baseline_without_subjects_and_an_unknown_column_are_one_sentence(evaluate, people_csv, capsys):
    assert evaluate("--baseline", "neutral") == 2
    assert "a baseline needs people with a neutral face" in capsys.readouterr().err
    assert evaluate("--by", "gender", data=people_csv) == 2
    assert "must name a further column of the csv (age), got 'gender'" in capsys.readouterr().err
