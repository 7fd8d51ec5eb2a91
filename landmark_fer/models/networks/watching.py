"""What a training leaves behind: its history and its best weights; and what a Keras network answers."""

import csv
import io
from pathlib import Path

import numpy as np

from landmark_fer.cache_files import written_beside
from landmark_fer.models.networks.images import scaled_pictures

HISTORY, WEIGHTS = "history.csv", "best.weights.h5"
HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "watched_loss", "watched_accuracy", "learning_rate", "seconds")

_BATCH = 256


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


def answers_of(network, pictures, wanted, *, mirrored):
    """Return a Keras network's probabilities of pictures of shape (n, side, side), uint8; shape (n, k).

    Parameters
    ----------
    network : keras.Model
    pictures : ndarray
    wanted : NetworkInput
    mirrored : bool
        Whether the mean of the pictures' and the mirrored pictures' is returned.
    """
    answers = []
    for start in range(0, len(pictures), _BATCH):
        batch = pictures[start : start + _BATCH]
        answer = np.asarray(network.predict_on_batch(scaled_pictures(batch, wanted)))
        if mirrored:
            answer = (answer + np.asarray(network.predict_on_batch(scaled_pictures(batch[..., ::-1], wanted)))) / 2
        answers.append(answer)
    return np.concatenate(answers)


def replace_weights(network, path):
    """Save a Keras model's weights where older ones may be; a kill leaves the older ones, or the newer ones, whole.

    Parameters
    ----------
    network : keras.Model
    path : Path
    """
    with written_beside(path) as temporary:
        network.save_weights(temporary.with_suffix(".weights.h5"), overwrite=True)
        temporary.with_suffix(".weights.h5").rename(temporary)


def append_history(path, row):
    """Write one more row of a history, which is a dictionary with the keys `HISTORY_COLUMNS`."""
    fresh = not path.is_file()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HISTORY_COLUMNS, extrasaction="ignore")
        if fresh:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
