"""Training of Keras networks: training data, and checkpoints from which a killed training resumes.

PyTorch trains the network, in `torch_training`; the result is a Keras model.
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
"""Files of a training: rows per epoch, weights of the best epoch, and an empty file when it is finished."""

HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds")

_BACKEND = "torch"


@dataclass(frozen=True, eq=False)
class TrainingFaces:
    """Training and validation data of a network.

    Attributes
    ----------
    images : ndarray of shape (n, side, side), uint8
    labels : ndarray of shape (n, k), float32
        Probability of each class: one-hot, or shares of votes.
    votes : ndarray of shape (n, m), float32, or None
        Shares of votes for the second output; rows of zeros have no effect.
    validation_images, validation_labels : ndarray
        Images and labels of the validation set.
    weights : ndarray of shape (n,), float32, optional
        Sample weights with mean 1; by default all are equal.
    """

    images: np.ndarray
    labels: np.ndarray
    votes: np.ndarray | None
    validation_images: np.ndarray
    validation_labels: np.ndarray
    weights: np.ndarray | None = None


def import_keras(*, purpose="training a network"):
    """Return the module ``keras`` with PyTorch as its backend.

    Parameters
    ----------
    purpose : str, default="training a network"
        What needs Keras, as the subject of a message.

    Raises
    ------
    DependencyError
        If Keras or PyTorch is not installed, or Keras already runs on another backend.
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


def train_network(network, faces, network_input, recipe, *, folder, seed=0, verbose=True):
    """Train a network, load the weights of the epoch with the lowest validation loss, and return its history.

    Parameters
    ----------
    network : keras.Model
        As from `build_network`; its weights are changed.
    faces : TrainingFaces
    network_input : NetworkInput
    recipe : Recipe
    folder : path-like
        For checkpoints, the best weights and the history. A killed training resumes from them with the same result.
    seed : int, default=0
    verbose : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    list of dict of str to float
        One row per epoch, with the keys `HISTORY_COLUMNS`.
    """
    import_keras()
    from landmark_fer.models.networks.torch_training import fit_network

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FINISHED).is_file():
        fit_network(network, faces, network_input, recipe, folder=folder, seed=seed, verbose=verbose)
        (folder / FINISHED).touch()
    network.load_weights(folder / WEIGHTS)
    return read_history(folder / HISTORY)


def copy_weights(source, target):
    """Copy the weights of one Keras network to another.

    Raises
    ------
    InputError
        If their shapes differ.
    """
    source_shapes, target_shapes = ([each.shape for each in network.get_weights()] for network in (source, target))
    if source_shapes != target_shapes:
        raise InputError(
            "the initial network must have weights of the same shapes as the new one, got "
            f"{len(source_shapes)} arrays for {len(target_shapes)}, or other shapes; train on the same classes and "
            "options, or without initial weights"
        )
    target.set_weights(source.get_weights())


def read_history(path):
    """Return the rows of a history file; for an epoch that was run twice, the last row.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    list of dict of str to float
        With the keys `HISTORY_COLUMNS`. The loss includes label smoothing, votes and weights; the validation loss is
        the plain cross-entropy. Empty if there is no file.
    """
    if not Path(path).is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        complete = [row for row in csv.DictReader(file) if None not in row.values()]  # a kill may truncate the last row
    rows = {int(row["epoch"]): {name: float(value) for name, value in row.items()} for row in complete}
    return [rows[epoch] for epoch in sorted(rows)]


def history_text(rows):
    """Return a history as the text of its file.

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


def save_weights(network, path):
    """Save the weights of a Keras network, atomically replacing an older file.

    Parameters
    ----------
    network : keras.Model
    path : Path
    """
    with atomic_file(path) as new:
        network.save_weights(new, overwrite=True)


def append_history(path, row):
    """Append a row, a dictionary with the keys `HISTORY_COLUMNS`, to a history file."""
    is_new = not path.is_file()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HISTORY_COLUMNS, extrasaction="ignore")
        if is_new:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
