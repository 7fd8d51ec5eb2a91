"""Ensembles of ``fit``: honest faces for the mean, members that do not fit together, the command."""

import json
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.artifact.artifact import Artifact, load_artifact, save_artifact
from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.evaluation.splits import split_for_networks
from landmark_fer.fit import ensemble as fitting
from landmark_fer.fit.__main__ import main
from landmark_fer.fit.ensemble import fit_ensemble, load_members, merged_settings
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.networks.classifier import validation_split
from landmark_fer.models.networks.onnx_network import OnnxNetwork
from tests.artifact.test_ensemble_artifact import DESCRIPTION
from tests.conftest import made_up_dataset
from tests.models.networks.small_networks import hand_made_onnx


@pytest.fixture(scope="module")
def dataset():
    return made_up_dataset(14, splits=(["Training"] * 10 + ["PublicTest"] * 4) * 3)


def validation_rows(dataset, seed=0):
    """Return the rows of the data set in the validation set of a network."""
    split = split_for_networks(dataset, random_state=seed)
    columns = np.unique(dataset.expressions[split.training], return_inverse=True)[1]
    return split.training[validation_split(columns, split.groups, random_state=seed)[1]]


def network_artifact(dataset, model, seed=0, **changes):
    """Return a hand-made network as an artifact that `fit` might have saved."""
    network = OnnxNetwork(hand_made_onnx(DESCRIPTION, factor=0.3))
    rows, classes = validation_rows(dataset, seed), list(dataset.classes)
    truth = np.array([classes.index(name) for name in dataset.expressions[rows]])
    guesses = predict_in_order(network, dataset.records[rows], classes).argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (truth, guesses), 1)
    row = {"name": "small", "confusion": confusion.tolist(), "accuracy": float((truth == guesses).mean())}
    manifest = {
        "model": {"format": "network", "sha256": "b" * 64, "bytes": 1},
        "classes": classes,
        "fields": ["chip"],
        "extractor": {"detector": "hog", "smallest_face": 80, "chip_size": 80},
        "model_name": "small",
        "seed": seed,
        "data": model.facts["data"],
        "comparison": [row],
        "folds": "one validation set",
    }
    return Artifact(network, manifest | changes)


@pytest.fixture(scope="module")
def members(dataset, model, tmp_path_factory):
    saved = save_artifact(tmp_path_factory.mktemp("members") / "classical", model.predictor, model.facts | {"seed": 0})
    return [saved, network_artifact(dataset, model)]


@pytest.fixture(scope="module")
def fitted(dataset, members, tmp_path_factory):
    return fit_ensemble(dataset, members, out=tmp_path_factory.mktemp("out") / "both")


def test_the_classical_member_for_the_mean_never_saw_the_validation_set(dataset, members, monkeypatch, tmp_path):
    seen, scored = [], []
    fit, result = fitting.fit_predictor, fitting._result

    def watched_fit(predictor, records, expressions, votes=None):
        seen.extend(record.tobytes() for record in records)
        return fit(predictor, records, expressions, votes)

    def watched_result(predictor, dataset, rows, *rest):
        scored.append((predictor, rows))
        return result(predictor, dataset, rows, *rest)

    monkeypatch.setattr(fitting, "fit_predictor", watched_fit)
    monkeypatch.setattr(fitting, "_result", watched_result)
    fitted = fit_ensemble(dataset, members, out=tmp_path / "both")
    validation = validation_rows(dataset)
    held_out = {dataset.records[row].tobytes() for row in validation}
    assert held_out and not held_out & set(seen)
    assert len(seen) == 30 - len(validation)  # all others
    for predictor, rows in scored:
        assert rows.tolist() == validation.tolist() and predictor is not members[0].predictor
    assert fitted.predictor.members[0][1] is members[0].predictor  # fitted on all training faces


def test_facts_describe_members_mean_and_scores(fitted, members):
    facts = fitted.facts
    assert {row["name"] for row in facts["comparison"]} == {"ensemble", "ls_svm", "small", "plain arithmetic mean"}
    assert facts["model_name"] == "ensemble" and facts["fields"] == ["landmarks", "chip"]
    assert facts["ensemble"]["mean"] == fitted.predictor.mean.to_dict()
    assert [member["format"] for member in facts["ensemble"]["members"]] == ["joblib", "network"]
    assert [member["sha256"] for member in facts["ensemble"]["members"]] == [
        artifact.manifest["model"]["sha256"] for artifact in members
    ]
    assert not any("artifact" in member for member in facts["ensemble"]["members"])
    assert set(facts["ensemble"]["scores"]["PublicTest"]) == {"ls_svm", "small", "plain arithmetic mean"}
    assert 0 <= facts["rejection"]["threshold"] <= 1
    for part in ("ls_svm is fitted on all 30 training faces", "with predictions of a ls_svm that was fitted without"):
        assert part in facts["folds"]
    assert json.loads(json.dumps(facts)) is not None


def test_it_is_saved_and_loaded(fitted, tmp_path):
    saved = save_artifact(tmp_path / "both", fitted.predictor, fitted.facts, format="ensemble")
    assert load_artifact(saved.path).manifest["scores"] == json.loads(json.dumps(saved.manifest["scores"]))
    card = (saved.path / "card.md").read_text()
    assert "## Members" in card and "## Members on the validation set" in card


def test_a_fine_tuned_network_that_may_have_learnt_the_faces_is_reported(dataset, model, members, tmp_path):
    network = network_artifact(dataset, model, folds="its training may have included faces of this validation set.")
    fitted = fit_ensemble(dataset, [members[0], network], out=tmp_path / "x")
    assert "may have learnt from some of these faces" in fitted.folds


@pytest.mark.parametrize("change", ["accuracy", "confusion"])
def test_a_validation_set_that_cannot_be_reproduced_is_refused(dataset, model, members, tmp_path, change):
    network = network_artifact(dataset, model)
    (row,) = network.manifest["comparison"]
    other = row["accuracy"] - 0.6 if row["accuracy"] > 0.6 else row["accuracy"] + 0.6
    row |= {"accuracy": other} if change == "accuracy" else {"confusion": [[9, 0, 0], [0, 9, 0], [0, 0, 9]]}
    with pytest.raises(InputError, match=r"the validation set of .* cannot be reproduced: "):
        fit_ensemble(dataset, [members[0], network], out=tmp_path / "x")


def test_members_of_other_data_are_refused(dataset, members, tmp_path):
    fewer = dataset.take(np.arange(len(dataset)) != 0)
    with pytest.raises(
        InputError, match="must be fitted on the same training faces as given, 29 of made-up faces, got"
    ):
        fit_ensemble(fewer, members, out=tmp_path / "x")
    with pytest.raises(InputError, match="need data of these expressions, got happy, sad"):
        fit_ensemble(dataset.take(dataset.expressions != "surprise"), members, out=tmp_path / "x")


def test_without_an_official_split_the_seeds_must_agree(model, members, tmp_path):
    faces = made_up_dataset(14)
    n_training = len(split_for_networks(faces).training)
    counts = dict.fromkeys(faces.classes, n_training // 3)
    split = split_for_networks(faces)
    counts = {name: int((faces.expressions[split.training] == name).sum()) for name in faces.classes}
    data = {"n_by_expression": counts, "n_training": n_training, "source": "made-up faces"}
    classical = replace(members[0], manifest=members[0].manifest | {"data": data, "seed": 3})
    network = network_artifact(faces, model, data=data)
    with pytest.raises(InputError, match="with seed 3; give its --data, or fit it again"):
        fit_ensemble(faces, [classical, network], out=tmp_path / "x")


class TestMembers:
    def test_the_bundled_models_go_together_in_either_order(self):
        for names in (["default", "cnn"], ["cnn", "default"]):
            assert [artifact.path.name for artifact in load_members(names)] == ["default", "cnn"]

    @pytest.mark.parametrize("names", [["default"], ["default", "default"], ["cnn", "cnn"], ["default", "cnn", "cnn"]])
    def test_other_numbers_and_kinds_are_refused(self, names):
        with pytest.raises(InputError, match=r"must be a classical model \(joblib or skops\) and a network"):
            load_members(names)

    @pytest.mark.parametrize(
        "change",
        [
            {"comparison": []},
            {"comparison": "high"},
            {"comparison": [{"accuracy": "high", "confusion": [[1]]}]},
            {"comparison": [{"accuracy": 0.5, "confusion": 1}]},
            {"data": []},
            {"data": {"n_by_expression": {"happy": None}}},
            {"seed": "0"},
            {"seed": -1},
            {"model_name": None},
            {"folds": 5},
        ],
    )
    def test_damaged_facts_of_a_member_are_one_sentence(self, change, tmp_path, monkeypatch):
        cnn = load_artifact("cnn")
        if isinstance(change.get("comparison"), list):
            change = {"comparison": [row | {"name": cnn.manifest["model_name"]} for row in change["comparison"]]}
        damaged = replace(cnn, manifest=cnn.manifest | change, path=tmp_path / "net")
        monkeypatch.setattr(fitting, "load_artifact", {"default": load_artifact("default"), "net": damaged}.get)
        with pytest.raises(ArtifactError, match=r"net must have the training data, seed and scores of its model in"):
            load_members(["default", "net"])

    def test_a_network_file_without_an_artifact_is_refused(self, tmp_path):
        (tmp_path / "small.onnx").write_bytes(hand_made_onnx(DESCRIPTION))
        with pytest.raises(InputError, match=r"both saved by fit, got default \(joblib\), .*small.onnx \(network\)"):
            load_members(["default", tmp_path / "small.onnx"])

    def test_members_of_different_chips_are_refused_and_crops_are_added(self, members):
        extractor = {"detector": "hog", "smallest_face": 80, "chip_size": 80, "crop_size": 64, "crop_margin": 0.1}
        cropped = replace(members[1], manifest=members[1].manifest | {"extractor": extractor})
        assert merged_settings([members[0], cropped]).to_dict() == extractor
        other = replace(members[1], manifest=members[1].manifest | {"extractor": extractor | {"chip_size": 96}})
        with pytest.raises(InputError, match="must have the same chip_size, got 80 and 96"):
            merged_settings([members[0], other])


class TestCommand:
    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (["--models", "dummy,residual", "--ensemble"], "--ensemble needs a classical model and a network in"),
            (["--models", "knn,mlp", "--ensemble"], "--ensemble needs a classical model and a network in --models"),
            (["--models", "knn,residual", "--ensemble", "--choose", "knn"], "--ensemble takes the best model of each"),
            (["--models", "knn,residual"], "combine them with --ensemble"),
            (["--members", "default,cnn", "--models", "knn"], "--models is not for --members"),
            (["--members", "default,cnn", "--epochs", "3"], "--epochs is not for --members"),
            (["--members", "default,cnn", "--ensemble"], "--ensemble is not for --members"),
            (["--members", "default"], "must be a classical model (joblib or skops) and a network"),
            (["--members", "default,missing"], "artifact missing does not exist"),
            (["--members", "a,out"], "--out out would replace out, an input (--members out)"),
        ],
    )
    def test_options_that_do_not_go_together_are_refused(self, options, sentence, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert main([*options, "--out", "out"]) == 2
        assert sentence in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.slow
    def test_members_are_trained_saved_and_combined(self, keras, lfw_csv, session_cache, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))
        monkeypatch.chdir(tmp_path)
        command = ["--data", str(lfw_csv), "--models", "dummy,ls_svm,aligned_cnn", "--ensemble", "--epochs", "1"]
        command += ["--folds", "3", "--report", "quick", "--jobs", "1", "--out", "both", "--export", "onnx"]
        assert main(command) == 0
        assert {path.name for path in tmp_path.iterdir()} == {"both", "both-classical", "both-network", "both-onnx"}
        artifact = load_artifact("both")
        assert [name for name, _ in artifact.predictor.members] == ["ls_svm", "aligned_cnn"]
        assert (tmp_path / "both" / "report.html").is_file()
        capsys.readouterr()
        again = ["--data", str(lfw_csv), "--members", "both-network,both-classical", "--jobs", "1", "--out", "again"]
        assert main([*again, "--format", "skops"]) == 0
        assert "fitting the ensemble of ls_svm and aligned_cnn" in capsys.readouterr().out
        loaded = load_artifact("again")
        assert loaded.manifest["ensemble"]["mean"] == artifact.manifest["ensemble"]["mean"]
        assert (tmp_path / "again" / "model.skops").is_file()
