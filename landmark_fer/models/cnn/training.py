"""Training a network with Keras: watched, charted, and taken up again where it was killed."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landmark_fer.errors import InputError
from landmark_fer.models.cnn.batches import training_batches
from landmark_fer.models.cnn.watching import HISTORY, WEIGHTS, read_history, restore_backup, watching_callbacks
from landmark_fer.models.optional_packages import import_optional

ANSWER, VOTES = "expression", "votes"
FINISHED = "finished"

_WARM_UP = 0.08  # share of the steps of a cosine in which the learning rate rises


@dataclass(frozen=True, eq=False)
class TrainingFaces:
    """What a network is trained on, and what it is watched on meanwhile.

    Attributes
    ----------
    pictures : ndarray of shape (n, side, side), uint8
    labels : ndarray of shape (n, k), float32
        Shares of each class; one 1 a row where the label is certain.
    votes : ndarray of shape (n, m), float32, or None
        Shares of people's votes; rows of zeros teach nothing.
    watched_pictures, watched_labels
        The same of faces that are never learnt from.
    weights : ndarray of shape (n,), float32, optional
        How much each face counts in the loss; 1 in the mean. By default all count the same.
    """

    pictures: np.ndarray
    labels: np.ndarray
    votes: np.ndarray | None
    watched_pictures: np.ndarray
    watched_labels: np.ndarray
    weights: np.ndarray | None = None


def import_keras(*, purpose="training a network"):
    """Return the module ``keras`` on TensorFlow, the only backend whose ONNX export runs everywhere.

    Parameters
    ----------
    purpose : str
        What cannot be done without, as the beginning of a sentence.

    Raises
    ------
    DependencyError
        If one of them is not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # With AVX-512 oneDNN writes beyond its arrays in TensorFlow 2.20 and 2.21, and the process dies while it trains
    # (tensorflow/tensorflow, issues 117700 and 123109).
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    import_optional("tensorflow", purpose=purpose)
    return import_optional("keras", purpose=purpose)


def train_network(network, faces, wanted, recipe, *, folder, seed=0, verbose=True):
    """Train a network and return it with the weights that the watched faces liked best, and its history.

    Parameters
    ----------
    network : keras.Model
        As from `build_network`; its weights are changed.
    faces : TrainingFaces
    wanted : NetworkInput
    recipe : Recipe
    folder : path-like
        For backups after each epoch, the best weights and the history; a run that was killed goes on from them.
    seed : int, default=0
    verbose : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    list of dict of str to float
        One a epoch: epoch, loss, accuracy, watched_loss, watched_accuracy, learning_rate.
    """
    keras, folder = import_keras(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FINISHED).is_file():
        steps = -(-len(faces.pictures) // recipe.batch_size)
        trained = _with_votes(keras, network, faces.votes, recipe)
        _compile(keras, trained, recipe, steps)
        _fit(keras, trained, network, faces, wanted, recipe, folder=folder, seed=seed, verbose=verbose)
        (folder / FINISHED).touch()
    network.load_weights(folder / WEIGHTS)
    return read_history(folder / HISTORY)


def take_weights(network, other):
    """Give a network the weights of another one.

    Raises
    ------
    InputError
        If their shapes differ.
    """
    mine, theirs = ([weights.shape for weights in each.get_weights()] for each in (network, other))
    if mine != theirs:
        raise InputError(
            f"a network to start from must have the weights of the new one, got {len(theirs)} arrays for {len(mine)}, "
            "or other shapes; train on the same classes and options, or begin anew"
        )
    network.set_weights(other.get_weights())


def _with_votes(keras, network, votes, recipe):
    """Return a model of the answer and, where votes are learnt from, of a second softmax over the same last layer."""
    outputs = {ANSWER: network.output}
    if votes is not None and recipe.votes_weight:
        last = network.layers[-1].input
        outputs[VOTES] = keras.layers.Dense(votes.shape[1], activation="softmax", name=VOTES)(last)
    return keras.Model(network.input, outputs)


def _compile(keras, model, recipe, steps):
    total, rate = steps * recipe.epochs, recipe.learning_rate
    if recipe.schedule == "cosine":
        warm = max(1, int(_WARM_UP * total))
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 25, max(1, total - warm), alpha=1e-3, warmup_target=rate, warmup_steps=warm
        )
    if recipe.weight_decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    else:
        optimizer = keras.optimizers.Adam(rate)
    loss = {ANSWER: keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)}
    weights = {ANSWER: 1.0}
    if VOTES in model.output:
        loss[VOTES], weights[VOTES] = keras.losses.CategoricalCrossentropy(), recipe.votes_weight
    metrics = {ANSWER: [keras.metrics.CategoricalAccuracy(name="accuracy")]}
    model.compile(optimizer, loss, loss_weights=weights, metrics=metrics, jit_compile=False)


def _fit(keras, model, network, faces, wanted, recipe, *, folder, seed, verbose):
    import tensorflow

    done = restore_backup(model, folder)
    random = np.random.default_rng([seed, done])
    batches, steps = training_batches(
        tensorflow,
        faces.pictures,
        _targets(faces, recipe, model, random),
        wanted,
        augmentation=recipe.augmentation,
        batch_size=recipe.batch_size,
        random=random,
        weights=faces.weights,
    )
    model.fit(
        batches,
        steps_per_epoch=steps,
        shuffle=False,
        epochs=recipe.epochs,
        initial_epoch=done,
        callbacks=watching_callbacks(keras, network, faces, wanted, recipe, folder),
        verbose=1 if verbose else 0,
    )


def _targets(faces, recipe, model, random):
    """Return the function that gives the targets of some rows by output, drawn anew where the recipe says so."""

    def targets(rows):
        answer = faces.labels[rows]
        if recipe.targets == "drawn":
            answer = _drawn(answer, random)
        return {ANSWER: answer, VOTES: faces.votes[rows]} if VOTES in model.output else {ANSWER: answer}

    return targets


def _drawn(shares, random):
    """Return one class drawn for each row of shares, as rows with one 1."""
    reached = shares.cumsum(axis=1) >= random.random((len(shares), 1)) * shares.sum(axis=1, keepdims=True)
    return np.eye(shares.shape[1], dtype=np.float32)[reached.argmax(axis=1)]
