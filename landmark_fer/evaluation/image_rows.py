"""Predictions joined to the images of a folder: the file of each row, and a row for each image without a prediction."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from landmark_fer.core.image_status import BASELINE, LEFT_OUT, OK
from landmark_fer.datasets.readers.folder_names import split_of_image
from landmark_fer.evaluation.personal import baseline_rows
from landmark_fer.perception.image_formats import head_of, is_image

IMAGE_COLUMNS = ("image", "status")
"""Columns that `add_images` adds."""


def add_images(table, dataset, folder, *, split=None):
    """Return predictions with the columns ``image`` and ``status``, and a row for each image that was left out.

    Parameters
    ----------
    table : DataFrame
        One row per face, as from `assess`.
    dataset : FaceDataset
        The data set that was assessed.
    folder : path-like
        The folder that the data set was read from.
    split : str, optional
        The split that was assessed. Images without a face have a row if their path names this split.

    Returns
    -------
    DataFrame
        ``image`` is the path relative to the folder. ``status`` is ``ok``, ``no face``, ``unreadable``,
        ``baseline`` (a neutral face that the predictions of its subject are given), or ``left out`` (the image shows no
        expression of the model, its label, pose or folder excludes it, or its subject has no baseline). Rows
        without a prediction follow the others. The table itself if the data set does not consist of the images of
        this folder.
    """
    folder = Path(folder)
    if not (folder.is_dir() and (folder / str(dataset.names[0])).is_file()):
        return table
    name_of_row = dict(zip(dataset.rows.tolist(), dataset.names.tolist(), strict=True))
    scored = table.assign(row=table["row"].astype("Int64"), image=table["row"].map(name_of_row), status=OK)
    unscored = ~np.isin(dataset.rows, table["row"])
    if split is not None:
        unscored &= dataset.splits == split
    statuses = np.where(np.isin(dataset.rows, _rows_of_baselines(table, dataset, split)), BASELINE, LEFT_OUT)
    others = {"row": dataset.rows[unscored], "expression": dataset.expressions[unscored]}
    others |= {"image": dataset.names[unscored], "status": statuses[unscored]}
    others = pd.DataFrame(others).astype({"row": "Int64"})
    left_out = [
        (name, status)
        for name, status in _left_out_images(dataset, folder)
        if split is None or split_of_image(name) == split
    ]
    return pd.concat([scored, others, pd.DataFrame(left_out, columns=["image", "status"])], ignore_index=True)


def _rows_of_baselines(table, dataset, split):
    """Return the rows of the faces that served as baselines of those in a table of predictions."""
    if "predicted_with_baseline" not in table:
        return []
    faces = dataset if split is None else dataset.of_split(split)
    return faces.rows[baseline_rows(faces)[np.isin(faces.rows, table["row"])]]


def _left_out_images(dataset, folder):
    """Yield the name and status of each image in which no face was found, or which was not read."""
    names = set(dataset.names.tolist())  # those left out because of a second label have a row already
    with open(dataset.left_out_csv, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name, status = row["name"], row.get("status")  # none of files that are no images
            if status and name not in names and _is_image_file(folder / name):
                yield name, status


def _is_image_file(path):
    return path.is_file() and is_image(path.name, lambda: head_of(path))
