"""The command ``fit`` with networks: training, artifact, fine-tuning, errors in one sentence."""

import contextlib
import io
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from landmark_fer import load_artifact
from landmark_fer.artifact.artifact import read_manifest
from landmark_fer.core.errors import InputError
from landmark_fer.evaluate import main as evaluate
from landmark_fer.fit.__main__ import main
from landmark_fer.fit.network_training import read_initial_weights
from landmark_fer.models.networks.classifier import NetworkClassifier
from landmark_fer.models.networks.training import copy_weights
from tests.datasets import copies

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(scope="module")
def trained(keras, tmp_path_factory, session_cache, lfw_csv):
    """Two networks trained for an epoch by the command, the better one saved, and what it printed."""
    out, printed = tmp_path_factory.mktemp("networks") / "small", io.StringIO()
    arguments = [
        "--data",
        lfw_csv,
        "--models",
        "mini_xception,aligned_cnn",
        "--epochs",
        "1",
        "--jobs",
        "1",
        "--out",
        out,
    ]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("LANDMARK_FER_CACHE", str(session_cache))
        assert main(list(map(str, arguments))) == 0
    return SimpleNamespace(path=out, printed=printed.getvalue(), cache=session_cache)


def test_cost_comparison_and_scores_are_printed(trained):
    assert "mini_xception: 53,811 parameters, about" in trained.printed
    assert "aligned_cnn: 575,139 parameters, about" in trained.printed
    assert "are the validation set, which selects" in trained.printed
    assert "PublicTest: 15 faces, accuracy" in trained.printed


def test_the_artifact_has_both_network_files_history_and_card(trained):
    names = {file.name for file in trained.path.iterdir()}
    networks = {"model.onnx", "model.keras", "model.json", "history.csv", "curves.png"}
    assert names == networks | {"manifest.json", "card.md", "report.html"}
    manifest = json.loads((trained.path / "manifest.json").read_text())
    assert manifest["network"]["epochs"] == 1
    assert manifest["extractor"]["crop_size"] == 64
    assert len(manifest["comparison"]) == 2
    assert "are the validation set" in (trained.path / "card.md").read_text()


def test_checkpoints_are_removed_once_the_network_is_saved(trained):
    assert list((trained.cache / "networks").iterdir()) == []


def test_evaluate_scores_it_again_with_the_same_result(trained, lfw_csv, session_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))
    arguments = [
        "--model",
        trained.path,
        "--data",
        lfw_csv,
        "--split",
        "PublicTest",
        "--json",
        tmp_path / "scores.json",
    ]
    assert evaluate(list(map(str, arguments))) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    saved = load_artifact(trained.path).manifest["scores"]["PublicTest"]
    assert scores["accuracy"] == saved["accuracy"]
    assert scores["log_loss"] == pytest.approx(saved["log_loss"], abs=1e-4)


def test_it_loads_without_a_framework(trained):
    code = (
        "import sys; from landmark_fer import load_artifact; load_artifact(sys.argv[1]);"
        "print([name for name in ('keras', 'torch', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(trained.path)], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_saved_network_is_fine_tuned(trained, lfw_csv, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(trained.cache))
    before = json.loads((trained.path / "manifest.json").read_text())
    name = before["model_name"]
    command = ["--data", lfw_csv, "--models", name, "--start", trained.path, "--epochs", "1", "--learning-rate", "1e-7"]
    assert main(list(map(str, [*command, "--jobs", "1", "--out", tmp_path / "more"]))) == 0
    after = json.loads((tmp_path / "more" / "manifest.json").read_text())
    (earlier,) = after["network"]["earlier"]
    assert earlier["command"] == before["command"] and earlier["model_sha256"] == before["model"]["sha256"]
    assert after["network"]["recipe"]["learning_rate"] == 1e-7
    assert "may have included" not in after["folds"]
    history = (tmp_path / "more" / "history.csv").read_text().splitlines()
    assert len(history) == 3 and history[2].startswith("2,")
    assert history[1].split(",")[3] == (trained.path / "history.csv").read_text().splitlines()[1].split(",")[3]
    assert f"model {earlier['model_sha256'][:8]}" in (tmp_path / "more" / "card.md").read_text()


def test_initial_weights_of_other_data_are_reported(trained):
    initial = read_initial_weights(trained.path, json.loads((trained.path / "manifest.json").read_text())["model_name"])
    same = SimpleNamespace(key=initial.manifest["data"]["key"])
    assert initial.warning(same, initial.manifest["seed"]) == ""
    assert "may have included faces" in initial.warning(same, initial.manifest["seed"] + 1)
    assert "may have included faces" in initial.warning(SimpleNamespace(key="other"), initial.manifest["seed"])


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--models", "elu_vgg", "--start", "{trained}"], "--start must be an artifact of elu_vgg, got"),
        (["--models", "elu_vgg,relu_vgg", "--start", "{trained}"], "--start needs a single network"),
        (["--models", "aligned_cnn", "--start", "artifacts/default"], "--start must be an artifact of aligned_cnn"),
        (["--models", "ls_svm", "--start", "{trained}"], "--start is for networks"),
        (["--models", "elu_vgg", "--learning-rate", "2"], "--learning-rate must be between 0 and 1, got 2"),
    ],
)
def test_bad_initial_weights_are_refused_before_the_data_are_read(trained, arguments, sentence, capsys, tmp_path):
    arguments = [each.format(trained=trained.path) for each in arguments]
    assert main([*arguments, "--data", str(tmp_path / "missing.csv"), "--out", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err


def test_weights_of_another_shape_are_refused():
    import keras

    small, large = (keras.Sequential([keras.Input((4,)), keras.layers.Dense(n)]) for n in (2, 3))
    with pytest.raises(InputError, match="weights of the same shapes as the new one"):
        copy_weights(large, small)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--models", "ls_svm,elu_vgg"], "fit them separately"),
        (["--models", "elu_vgg", "--search"], "--search is not for networks"),
        (["--models", "elu_vgg", "--format", "skops"], "--format is not for networks"),
        (["--models", "elu_vgg", "--epochs", "0"], "--epochs must be 1 or more"),
        (["--models", "elu_vgg", "--filters", "8"], "--filters is for single_conv only"),
        (["--models", "ferplus_vgg13,mini_xception"], "different crops"),
        (["--models", "ls_svm", "--epochs", "3"], "is for networks"),
        (["--models", "elu_vgg", "--choose", "ls_svm"], "--choose must be one of"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_the_data_are_read(arguments, sentence, capsys, tmp_path):
    assert main([*arguments, "--data", str(tmp_path / "missing.csv"), "--out", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err


def test_networks_need_three_people(tmp_path, session_cache, monkeypatch, capsys):
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))
    monkeypatch.chdir(tmp_path)
    command = ["--models", "pixel_mlp", "--epochs", "1", "--jobs", "1", "--report", "none", "--out", "model"]
    for n_people in (4, 2):
        folder = copies.make_ck48(tmp_path / f"{n_people}", subjects=n_people, folders=("happy", "sadness", "surprise"))
        status = main(["--data", str(folder), *command])
        assert status == (0 if n_people == 4 else 2)
    manifest = read_manifest("model")
    assert manifest["data"]["n_training"] == 27 and manifest["scores"]["held out"]["n"] == 9  # one of four people
    error = capsys.readouterr().err
    assert "a network needs 3 unrelated subjects for each expression" in error and "--folds 2" not in error


def test_data_weights_reach_the_network(lfw_csv, tmp_path, session_cache, monkeypatch, capsys):
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))
    header, *rows = lfw_csv.read_text().splitlines()
    few = tmp_path / "few.csv"
    few.write_text("\n".join([header, *rows[:12], *rows[45:51]]) + "\n")
    weights, fit = [], NetworkClassifier.fit
    monkeypatch.setattr(
        NetworkClassifier, "fit", lambda *faces, **options: weights.append(options["weights"]) or fit(*faces, **options)
    )
    command = ["--data", lfw_csv, "--data", few, "--data-weights", "1,5", "--models", "pixel_mlp", "--epochs", "1"]
    assert main(list(map(str, [*command, "--report", "none", "--jobs", "1", "--out", tmp_path / "out"]))) == 0
    assert weights[0].tolist() == [1] * 45 + [5] * 12
    manifest = read_manifest(tmp_path / "out")
    assert [part["weight"] for part in manifest["data"]["parts"]] == [1, 5]
    assert "each face of few.csv counts 5 times" in manifest["folds"]


def test_networks_need_images(capsys, tmp_path):
    assert main(["--models", "elu_vgg", "--out", str(tmp_path / "out")]) == 2
    assert "chip" in capsys.readouterr().err
