"""Tests of training: every architecture, validation set, weights, votes, resuming."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, DependencyError, InputError
from landmark_fer.core.records import record_dtype
from landmark_fer.models.networks import training
from landmark_fer.models.networks.architectures import ARCHITECTURES, build_network
from landmark_fer.models.networks.classifier import NetworkClassifier, validation_split
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.networks.recipes import NO_AUGMENTATION, Recipe
from landmark_fer.models.networks.training import HISTORY_COLUMNS, TrainingFaces, read_history
from tests.conftest import made_up_faces

pytestmark = pytest.mark.usefixtures("keras")
QUICK = {"epochs": 1, "batch_size": 16, "schedule": "plateau"}


@pytest.fixture(scope="module")
def faces():
    """Made-up faces with chip and crop, and ten votes for each."""
    made, expressions = made_up_faces(16)
    records = np.zeros(len(made), dtype=record_dtype(80, 64))
    records["landmarks"], records["chip"], records["crop"] = (
        made["landmarks"],
        made["chip"],
        made["chip"][:, 8:72, 8:72],
    )
    votes = np.zeros((len(made), 10), dtype=int)
    votes[np.arange(len(made)), [{"happy": 1, "surprise": 2, "sad": 3}[each] for each in expressions]] = 9
    votes[:, 0] = 1
    return records, expressions, votes


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "vgg16_transfer"])
def test_every_architecture_trains_an_epoch(name, faces, tmp_path):
    records, expressions, votes = faces
    options = {"filters": 4} if name == "single_conv" else None
    classifier = NetworkClassifier(name, recipe=QUICK, options=options, verbose=False, cache=tmp_path)
    classifier.fit(records, expressions, votes=votes)
    probabilities = classifier.predict_proba(records)
    assert classifier.classes_.tolist() == ["happy", "sad", "surprise"]
    assert probabilities.shape == (48, 3)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert [int(row["epoch"]) for row in classifier.history_] == [1]
    assert set(HISTORY_COLUMNS) == set(classifier.history_[0])


def test_a_network_learns_made_up_faces(faces, tmp_path):
    records, expressions, _ = faces
    recipe = {"epochs": 8, "batch_size": 12, "augmentation": NO_AUGMENTATION}
    classifier = NetworkClassifier("pixel_mlp", recipe=recipe, verbose=False, cache=tmp_path)
    classifier.fit(records, expressions)
    history = classifier.history_
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert np.mean(classifier.predict(records) == expressions) > 0.6


def test_the_best_weights_are_loaded_and_a_finished_training_is_not_repeated(faces, tmp_path):
    records, expressions, _ = faces
    recipe = {"epochs": 3, "batch_size": 16, "schedule": "plateau"}
    options = {"recipe": recipe, "options": {"width": 4}, "verbose": False, "cache": tmp_path}
    first = NetworkClassifier("aligned_cnn", **options).fit(records, expressions)
    again = NetworkClassifier("aligned_cnn", **options).fit(records, expressions)
    assert again.history_ == first.history_
    assert np.array_equal(again.predict_proba(records), first.predict_proba(records))
    best = min(row["validation_loss"] for row in first.history_)
    validation = first.validation_
    columns = [first.classes_.tolist().index(each) for each in expressions[validation]]
    predictions = first.predict_proba(records[validation])[np.arange(len(validation)), columns]
    assert -np.log(predictions).mean() == pytest.approx(best, abs=0.01)  # validated in bfloat16 on some processors


def test_votes_are_targets_with_soft_targets(faces, tmp_path):
    records, expressions, votes = faces
    classifier = NetworkClassifier("aligned_cnn", recipe=QUICK | {"targets": "soft"}, cache=tmp_path, verbose=False)
    with pytest.raises(InputError, match=r"--targets labels"):
        classifier.fit(records, expressions)
    classifier.fit(records, expressions, votes=votes)
    assert classifier._targets(np.eye(3, dtype=np.float32)[:1], votes[:1]) == pytest.approx(np.array([[1.0, 0.0, 0.0]]))


def trained_layer(folder, faces):
    """Return weights and losses of a single layer after three epochs with one batch each."""
    keras = training.import_keras()
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 1))
    network = keras.Model(image, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(image)))
    recipe = Recipe(epochs=3, batch_size=64, augmentation=NO_AUGMENTATION, votes_weight=0.5)
    options = {"folder": folder, "verbose": False}
    history = training.train_network(network, faces, NetworkInput(16), recipe, **options)
    return network.get_weights(), [row["loss"] for row in history]


@pytest.mark.parametrize("with_votes", [False, True])
@pytest.mark.parametrize("counts", [[1, 2, 1, 3] * 3, [0, 1, 1, 1] * 3])
def test_weights_are_equivalent_to_repeated_faces(counts, with_votes, tmp_path, generator):
    images = generator.integers(0, 256, (12, 16, 16), dtype=np.uint8)
    labels = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
    votes = generator.dirichlet(np.ones(10), 12).astype(np.float32) if with_votes else None
    counts = np.array(counts)
    weights = (counts / counts.mean()).astype(np.float32)
    rows = np.repeat(np.arange(12), counts)
    validation = images[:2], labels[:2]
    weighted = TrainingFaces(images, labels, votes, *validation, weights)
    repeated = TrainingFaces(images[rows], labels[rows], votes[rows] if with_votes else None, *validation)
    plain = TrainingFaces(images, labels, votes, *validation)
    results = [trained_layer(tmp_path / str(i), each) for i, each in enumerate((weighted, repeated, plain))]
    for weights, expected in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_allclose(weights, expected, atol=1e-4)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-4)
    assert results[0][1] != pytest.approx(results[2][1], rel=1e-3)


def small_training(folder, recipe, monkeypatch, *, stop_after=None):
    """Train a small network, interrupted after `stop_after` epochs and resumed; return its weights and losses."""
    from landmark_fer.models.networks import torch_training

    generator = np.random.default_rng(0)
    images, labels = (
        generator.integers(0, 256, (24, 48, 48), dtype=np.uint8),
        np.eye(3, dtype=np.float32)[[0, 1, 2] * 8],
    )
    votes = generator.dirichlet(np.ones(10), 24).astype(np.float32)
    faces = TrainingFaces(images, labels, votes, images[:6], labels[:6])
    options = {"folder": folder, "verbose": False, "seed": 3}

    def train():
        network = build_network("aligned_cnn", 3, width=2)
        history = training.train_network(network, faces, ARCHITECTURES["aligned_cnn"].input, recipe, **options)
        return network.get_weights(), [row["loss"] for row in history]

    if stop_after:
        save = torch_training._Training.save

        def saved_and_stopped(self, folder):
            save(self, folder)
            if self.epochs_done == stop_after:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(torch_training._Training, "save", saved_and_stopped)
            train()
    return train()


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_resumed_training_has_the_same_result(schedule, tmp_path, monkeypatch):
    recipe = Recipe(epochs=4, batch_size=8, schedule=schedule, votes_weight=1.0, averaging=0.9)
    whole, resumed = (small_training(tmp_path / str(stop), recipe, monkeypatch, stop_after=stop) for stop in (None, 2))
    assert resumed[1] == whole[1] and len(whole[1]) == 4
    for weights, expected in zip(resumed[0], whole[0], strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_balance_weights_rare_classes():
    from landmark_fer.models.networks.torch_training import _face_weights

    labels = np.eye(2, dtype=np.float32)[[0] * 16 + [1]]
    faces = TrainingFaces(np.zeros((17, 8, 8), np.uint8), labels, None, None, None)
    for balance, ratio in ((0, 1), (0.25, 2), (1, 16)):
        weights = _face_weights(faces, balance)
        assert weights[-1] / weights[0] == pytest.approx(ratio)
        assert weights.mean() == pytest.approx(1)


def test_a_pretrained_network_takes_the_statistics_of_the_images_and_keeps_its_predictions(generator):
    import torch

    from landmark_fer.models.networks.torch_network import TorchNetwork

    network = TorchNetwork(build_network("dlib_resnet", 3)).eval()
    images = torch.from_numpy(generator.normal(size=(16, 1, 96, 96)).astype(np.float32))
    with torch.no_grad():
        before = network(images)[0]
        network.normalize_by(images)
        np.testing.assert_allclose(network(images)[0], before, atol=1e-4)
        network.train()
        network.draw_from(torch.Generator().manual_seed(0))
        for part in network.parts:
            part.train(type(part).__name__ != "_Dropout")
        np.testing.assert_allclose(network(images)[0], before, atol=0.02)  # normalized by the batch, nearly the same


def test_frozen_layers_are_not_trained():
    from landmark_fer.models.networks.torch_network import TorchNetwork

    network = TorchNetwork(build_network("vgg16_transfer", 3, weights=None))
    assert sum(each.requires_grad for each in network.parameters()) == 4  # two layers of weights and biases


def test_weights_change_the_training_and_not_the_validation_set(faces, tmp_path):
    records, expressions, _ = faces
    options = {"recipe": QUICK, "verbose": False, "cache": tmp_path}

    def fitted(weights):
        return NetworkClassifier("pixel_mlp", **options).fit(records, expressions, weights=weights)

    plain, same, other = map(fitted, (None, np.full(48, 7), np.where(expressions == "happy", 20, 1)))
    assert same.folder_ == plain.folder_ and other.folder_ != plain.folder_
    assert np.array_equal(other.validation_, plain.validation_)
    happy = plain.classes_.tolist().index("happy")
    assert other.predict_proba(records)[:, happy].mean() > plain.predict_proba(records)[:, happy].mean() + 0.05


@pytest.mark.parametrize("weights", [np.ones(47), np.zeros(48), np.full(48, -1), np.full(48, np.nan)])
def test_invalid_weights_are_refused(weights, faces, tmp_path):
    with pytest.raises(InputError, match="weights must be one finite number from 0 for each of 48 faces"):
        NetworkClassifier("pixel_mlp", cache=tmp_path).fit(*faces[:2], weights=weights)


def test_classes_are_drawn_by_their_shares():
    from landmark_fer.models.networks.torch_training import _draw_classes

    drawn = _draw_classes(np.array([[0.0, 0.3, 0.7]] * 2000, dtype=np.float32), np.random.default_rng(0))
    assert drawn.sum(axis=1) == pytest.approx(1)
    assert drawn.mean(axis=0) == pytest.approx([0.0, 0.3, 0.7], abs=0.04)


def test_groups_are_on_one_side_of_the_validation_split(generator):
    expressions = np.repeat([0, 1, 2], 200)
    groups = generator.integers(0, 250, 600)
    training_rows, validation_rows = validation_split(expressions, groups)
    assert not set(groups[training_rows]) & set(groups[validation_rows])
    assert sorted([*training_rows, *validation_rows]) == list(range(600))
    assert 0.03 < len(validation_rows) / 600 < 0.08
    with pytest.raises(DataError, match="unrelated faces"):
        validation_split(np.array([0, 0, 1, 1]), np.array([1, 2, 3, 3]))


def test_unknown_architectures_are_refused(faces):
    with pytest.raises(InputError, match="a network must be one of aligned_cnn"):
        NetworkClassifier("resnet").fit(*faces[:2])


def test_without_pytorch_the_message_has_the_file_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match=r"requirements-cnn\.txt"):
        training.import_keras()


def test_other_keras_backends_are_refused(keras, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(
        DependencyError, match="needs Keras on PyTorch, and it runs on jax; set the environment variable"
    ):
        training.import_keras()


def test_incomplete_and_repeated_rows_of_a_history_are_ignored(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n1,3.0\n2,2.0\n2,1.5\n3")
    assert read_history(path) == [{"epoch": 1, "loss": 3.0}, {"epoch": 2, "loss": 1.5}]
    assert read_history(tmp_path / "none.csv") == []


def test_a_killed_training_resumes(tmp_path):
    code = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {os.getcwd()!r})
        from tests.conftest import made_up_faces
        from landmark_fer.models.networks.classifier import NetworkClassifier
        recipe = {{"epochs": 12, "batch_size": 8, "schedule": "cosine"}}
        options = {{"recipe": recipe, "options": {{"width": 2}}, "verbose": False, "cache": {str(tmp_path)!r}}}
        fitted = NetworkClassifier("aligned_cnn", **options).fit(*made_up_faces(12))
        print(len(fitted.history_), fitted.history_[-1]["learning_rate"])
    """)
    killed = subprocess.Popen([sys.executable, "-c", code])
    history = None
    for _ in range(1200):
        time.sleep(0.1)
        history = next(tmp_path.glob("networks/*/history.csv"), None)
        if history is not None and len(read_history(history)) >= 3:
            break
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = read_history(history)
    assert 3 <= len(before) < 12
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    epochs, rate = finished.stdout.split()[-2:]
    rows = read_history(history)
    assert [int(row["epoch"]) for row in rows] == list(range(1, 13))
    assert rows[: len(before) - 1] == before[:-1]  # the epoch of the kill may have been run again
    assert int(epochs) == 12
    assert float(rate) < 1e-3  # the cosine schedule resumed, too
