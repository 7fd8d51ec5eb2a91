"""What looks on while a network is trained: watched faces, history, best weights, patience, backups."""

import csv
import io
from pathlib import Path

import numpy as np

from landmark_fer.cache_files import written_beside
from landmark_fer.models.cnn.pictures import scaled_pictures

HISTORY, WEIGHTS, BACKUP = "history.csv", "best.weights.h5", ".backup.weights.h5"
HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "watched_loss", "watched_accuracy", "learning_rate", "seconds")

_BATCH = 256
_SMALLEST = 1e-7  # probability, for the logarithm


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


def watching_callbacks(keras, network, faces, wanted, recipe, folder):
    """Return Keras callbacks, in the order in which they must come: the history feeds the others.

    Parameters
    ----------
    keras : module
    network : keras.Model
        Whose weights are kept; the model that is trained may have a second head over the same layers.
    faces : TrainingFaces
    wanted : NetworkInput
    recipe : Recipe
    folder : Path
        For `HISTORY`, `WEIGHTS` and the backup.
    """
    history = _history_callback(keras, network, faces, wanted, recipe, folder / HISTORY)
    monitor = {"monitor": "watched_loss", "mode": "min"}

    class BestWeights(keras.callbacks.ModelCheckpoint):
        def set_model(self, model):
            super().set_model(_Whole(network))

    best = min((row["watched_loss"] for row in read_history(folder / HISTORY)), default=None)
    options = {"save_best_only": True, "save_weights_only": True, "initial_value_threshold": best}
    looking = [history, BestWeights(folder / WEIGHTS, **monitor, **options)]
    if recipe.schedule == "plateau":
        looking.append(keras.callbacks.ReduceLROnPlateau(factor=0.2, patience=3, **monitor))
        looking.append(keras.callbacks.EarlyStopping(patience=recipe.patience, **monitor))
    return [*looking, _backup_callback(keras, folder)]


class _Whole:
    """Saves weights beside their place and renames them: Keras writes in place, and a kill leaves half a file."""

    def __init__(self, model):
        self._model = model

    def save_weights(self, path, overwrite=True):
        with written_beside(Path(path)) as temporary:
            self._model.save_weights(temporary.with_suffix(".weights.h5"), overwrite=overwrite)
            temporary.with_suffix(".weights.h5").rename(temporary)


def _backup_callback(keras, folder):
    """Return the callback that keeps weights and optimizer of the last epoch, its number in the file's name."""

    class Backup(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            _Whole(self.model).save_weights(folder / f"{epoch + 1:04}{BACKUP}")
            for older in sorted(folder.glob(f"*{BACKUP}"))[:-1]:
                older.unlink()

    return Backup()


def restore_backup(model, folder):
    """Load the last backup into a compiled model and return how many epochs are done; 0 where there is none.

    Parameters
    ----------
    model : keras.Model
    folder : Path
    """
    for path in sorted(folder.glob(f"*{BACKUP}"), reverse=True):
        model.optimizer.build(model.trainable_variables)
        model.load_weights(path)
        return int(path.name.removesuffix(BACKUP))
    return 0


def _history_callback(keras, network, faces, wanted, recipe, path):
    """Return the callback that looks at the watched faces after each epoch and writes a row of the history."""
    import time

    class History(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.begin = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            answers = answers_of(network, faces.watched_pictures, wanted, mirrored=recipe.mirrored)
            right = answers.argmax(axis=1) == faces.watched_labels.argmax(axis=1)
            shares = faces.watched_labels * np.log(np.maximum(answers, _SMALLEST))
            logs["watched_loss"], logs["watched_accuracy"] = float(-shares.sum(axis=1).mean()), float(right.mean())
            accuracy = next(logs[name] for name in ("accuracy", "expression_accuracy") if name in logs)
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            row = logs | {"epoch": epoch + 1, "accuracy": accuracy, "learning_rate": rate}
            _append(path, row | {"seconds": time.perf_counter() - self.begin})

    return History()


def _append(path, row):
    fresh = not path.is_file()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HISTORY_COLUMNS, extrasaction="ignore")
        if fresh:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
