"""Training a network: what it learns from, its history and weights in files; a training that was killed goes on.

PyTorch trains, in `torch_training`; what comes out is a Keras model.
"""

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DependencyError, InputError
from landmark_fer.core.files import atomic_file
from landmark_fer.core.optional_packages import import_optional

HISTORY, WEIGHTS, FINISHED = "history.csv", "best.weights.h5", "finished"
"""Files in the folder of a training; the last is empty and stands for its end."""

HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds")

_BACKEND = "torch"


@dataclass(frozen=True, eq=False)
class TrainingFaces:
    """What a network is trained on, and what it is watched on meanwhile.

    Attributes
    ----------
    images : ndarray of shape (n, side, side), uint8
    labels : ndarray of shape (n, k), float32
        Shares of each class; one 1 a row where the label is certain.
    votes : ndarray of shape (n, m), float32, or None
        Shares of people's votes; rows of zeros teach nothing.
    validation_images, validation_labels
        The same of faces that are never learnt from.
    weights : ndarray of shape (n,), float32, optional
        How much each face counts in the loss; 1 in the mean. By default all count the same.
    """

    images: np.ndarray
    labels: np.ndarray
    votes: np.ndarray | None
    validation_images: np.ndarray
    validation_labels: np.ndarray
    weights: np.ndarray | None = None


def import_keras(*, purpose="training a network"):
    """Return the module ``keras`` on PyTorch.

    Parameters
    ----------
    purpose : str
        What cannot be done without, as the beginning of a sentence.

    Raises
    ------
    DependencyError
        If one of them is not installed, or Keras runs on something else already.
    """
    os.environ.setdefault("KERAS_BACKEND", _BACKEND)
    import_optional("torch", purpose=purpose)
    keras = import_optional("keras", purpose=purpose)
    if (backend := keras.backend.backend()) != _BACKEND:
        raise DependencyError(
            f"{purpose} needs Keras on PyTorch, and it runs on {backend}; set the environment variable "
            f"KERAS_BACKEND={_BACKEND}"
        )
    return keras


def train_network(network, faces, wanted, recipe, *, folder, seed=0, verbose=True):
    """Train a network, give it the weights that the watched faces liked best, and return its history.

    Parameters
    ----------
    network : keras.Model
        As from `build_network`; its weights are changed.
    faces : TrainingFaces
    wanted : NetworkInput
    recipe : Recipe
    folder : path-like
        For the state after each epoch, the best weights and the history; a run that was killed goes on from them, and
        ends as if it had not been.
    seed : int, default=0
    verbose : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    list of dict of str to float
        One an epoch, with the keys `HISTORY_COLUMNS`.
    """
    import_keras()
    from landmark_fer.models.networks.torch_training import fit_network

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FINISHED).is_file():
        fit_network(network, faces, wanted, recipe, folder=folder, seed=seed, verbose=verbose)
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


def read_history(path):
    """Return the rows of a history as dictionaries of numbers; of an epoch that was run twice, the last.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    list of dict of str to float
        With the keys `HISTORY_COLUMNS`; the loss is that of training, with all that a recipe adds to it, the watched
        loss is the cross-entropy.
    """
    if not Path(path).is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        whole = [row for row in csv.DictReader(file) if None not in row.values()]  # the last may be of a kill
    rows = {int(row["epoch"]): {name: float(value) for name, value in row.items()} for row in whole}
    return [rows[epoch] for epoch in sorted(rows)]


def history_text(rows):
    """Return a history's rows as the text of its file.

    Parameters
    ----------
    rows : list of dict of str to float
        As from `read_history`.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)
    return text.getvalue()


def replace_weights(network, path):
    """Save a Keras model's weights where older ones may be; a kill leaves the older ones, or the newer ones, whole.

    Parameters
    ----------
    network : keras.Model
    path : Path
    """
    with atomic_file(path) as new:
        network.save_weights(new, overwrite=True)


def append_history(path, row):
    """Write one more row of a history, which is a dictionary with the keys `HISTORY_COLUMNS`."""
    fresh = not path.is_file()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HISTORY_COLUMNS, extrasaction="ignore")
        if fresh:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
