"""The commands on other data sets: layout, folds by subject, classes that only the model or only the data have."""

import json

import pandas as pd
import pytest

from landmark_fer.artifact.artifact import read_manifest
from landmark_fer.evaluate import main as evaluate
from landmark_fer.fit.__main__ import main as fit
from tests.datasets import copies

FOLDERS = ("happy", "sadness", "surprise", "contempt")


@pytest.fixture(autouse=True)
def place(tmp_path, session_cache, monkeypatch):
    """Run in the test's own folder, with the cache of the test session."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))


@pytest.fixture(scope="module")
def ck48(tmp_path_factory):
    """CK+48 with four subjects and four classes: 48 crops."""
    return copies.make_ck48(tmp_path_factory.mktemp("ck48"), subjects=4, folders=FOLDERS)


def run(command, *arguments):
    return command([str(each) for each in arguments])


def run_fit(data, *words):
    return run(fit, "--data", data, "--models", "dummy", "--jobs", 1, "--out", "model", *words)


def error_line(capsys):
    error = capsys.readouterr().err
    assert "Traceback" not in error
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    return line


def test_folds_of_a_data_set_with_too_few_subjects_are_refused(ck48, capsys):
    assert run_fit(ck48) == 2
    line = error_line(capsys)
    assert "need 7 unrelated subjects for each expression" in line and "has 4 for happy" in line
    assert "use --folds 2, or --folds-by faces" in line


def test_folds_by_subject_keep_people_together(ck48):
    assert run_fit(ck48, "--folds", 2) == 0
    manifest = read_manifest("model")
    assert manifest["data"]["n_training"] == 18 and manifest["scores"]["held out"]["n"] == 18, "two people each"
    assert "subjects stay together" in manifest["folds"] and "ignore subjects" not in manifest["folds"]


def test_folds_by_faces_are_an_option_and_on_the_card(lfw_csv, tmp_path):
    header, *rows = lfw_csv.read_text().splitlines()
    lines = [
        f"{header},subject",
        *(f"{row.rpartition(',')[0]},Training,s{place % 3}" for place, row in enumerate(rows)),
    ]
    (tmp_path / "three.csv").write_text("\n".join(lines) + "\n")
    assert run_fit("three.csv") == 2
    assert run_fit("three.csv", "--folds-by", "faces") == 0
    assert "ignore subjects (3 are known)" in read_manifest("model")["folds"]
    assert "too high for others" in (tmp_path / "model" / "card.md").read_text()


def test_contempt_is_kept_by_name(ck48, capsys):
    assert run_fit(ck48, "--folds", 2, "--expressions", "happy,sad,contempt") == 0
    assert read_manifest("model")["classes"] == ["happy", "sad", "contempt"]
    assert run_fit(ck48, "--folds", 2) == 0
    assert "12 of contempt are left out; --expressions" in capsys.readouterr().err


def test_evaluate_reports_classes_that_only_one_side_has(ck48, lfw_model, capsys):
    words = ["--model", lfw_model.path, "--data", ck48, "--jobs", 1]
    assert run(evaluate, *words, "--json", "all.json") == 0
    printed = capsys.readouterr().out
    assert "24 faces of other expressions than the model's were left out: 12 of surprise, 12 of contempt" in printed
    assert "the data have no faces of neutral: predicting them is wrong" in printed
    assert "the interval resamples people: 4 subjects" in printed
    assert run(evaluate, *words, "--classes", "shared", "--json", "shared.json", "--predictions", "lines.csv") == 0
    assert "the model may not predict them" in capsys.readouterr().out
    with open("all.json", encoding="utf-8") as file, open("shared.json", encoding="utf-8") as other:
        every, shared = json.load(file), json.load(other)
    assert every["accuracy_shared"] == shared["accuracy"] and shared["accuracy_all"] == every["accuracy"]
    assert not (pd.read_csv("lines.csv")["predicted"] == "neutral").any()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dataset", "ck49"], "dataset must be one of auto, fer2013, ck+, ck48"),
        (["--dataset", "ck+"], "must hold CK+: cohn-kanade-images/S005/001/"),
        (["--dataset", "table"], "must hold a csv with the columns path, expression"),
    ],
)
def test_wrong_data_set_names_are_reported_by_both_commands(ck48, lfw_model, capsys, words, sentence):
    assert run_fit(ck48, *words) == 2
    assert sentence in error_line(capsys)
    assert run(evaluate, "--model", lfw_model.path, "--data", ck48, "--jobs", 1, *words) == 2
    assert sentence in error_line(capsys)


def test_the_benchmark_prints_the_table_across_data_sets(ck48, tmp_path, capsys):
    from benchmarks.cross_data import main, parsed

    other = copies.make_ck48(tmp_path / "other", subjects=4, folders=("happy", "anger"))
    words = [f"one={ck48}@ck48", other, "--folds", "2", "--json", "table.json", "--features", "geometry"]
    assert main([str(word) for word in words]) == 0
    printed = capsys.readouterr().out
    assert "one -> other: all faces, 12 faces of 1 classes; 4 subjects" in printed
    assert "not in the test data, so never predicted: sad, surprise" in printed and "left out: 12 of angry" in printed
    rows = json.loads((tmp_path / "table.json").read_text())
    assert [row["protocol"] for row in rows] == ["out of fold", "all faces", "all faces", "out of fold"]
    assert rows[1]["accuracy_leak_free"] is None, "the same people and photographs"
    assert main([str(ck48), str(ck48)]) == 2 and "needs a name of its own" in capsys.readouterr().err
    assert main([]) == 2
    assert parsed("a=b.csv@jaffe")[0] == "a" and parsed("b@other")[2] == "auto"
