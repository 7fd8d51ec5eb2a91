"""Data sets: one reader a source, face records that are measured once and kept, twins, the bundled geometry table."""

from dataclasses import replace
from pathlib import Path

from landmark_fer.errors import DataError, InputError

LABELS = ("auto", "fer2013", "ferplus")
VOTES = ("auto", "none")


def load_dataset(
    path=None,
    *,
    labels="auto",
    votes="auto",
    expressions=None,
    pictures="auto",
    settings=None,
    predictor=None,
    jobs=None,
    cache=None,
    progress=True,
):
    """Return the faces of a data set, measured now or taken from the cache.

    Parameters
    ----------
    path : path-like, optional
        FER2013's csv (``.csv``, ``.csv.gz``, or inside ``.tar.gz`` or ``.zip``), a folder with a folder per class
        (or a ``.zip`` of one), or a geometry table (``.npz``). By default the bundled geometry table.
    labels : {"auto", "fer2013", "ferplus"}, default="auto"
        "ferplus" replaces FER2013's labels by the clear majority of the votes in ``fer2013new.csv`` beside the csv
        and leaves out the faces without one. "auto" takes the data set's own.
    votes : {"auto", "none"}, default="auto"
        Whether those votes, where the file lies beside the csv, come along as `FaceDataset.votes`. Models that take
        them learn from those of the training faces; the votes change no label.
    expressions : sequence of str, optional
        Classes to keep; by default all.
    pictures : {"auto", "crops", "scenes"}, default="auto"
        Whether the pictures of a folder are cropped to one face each; as for `FolderReader`.
    settings, predictor, jobs, cache, progress
        As for `build_dataset`. The geometry table, which is measured already, needs none of them.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If an option is none of those listed.
    DataError
        If there is no such path, or it does not hold what it should.
    """
    if labels not in LABELS:
        raise InputError(f"labels must be one of {', '.join(LABELS)}, got {labels!r}")
    if votes not in VOTES:
        raise InputError(f"votes must be one of {', '.join(VOTES)}, got {votes!r}")
    if path is None or Path(path).suffix.lower() == ".npz":
        from landmark_fer.datasets.geometry_table import read_table

        dataset, reader = read_table(path), None
    else:
        from landmark_fer.datasets.extraction_cache import build_dataset

        reader = open_source(path, pictures=pictures)
        options = {"settings": settings, "predictor": predictor, "jobs": jobs, "cache": cache, "progress": progress}
        dataset = build_dataset(reader, **options)
    if labels == "ferplus":
        dataset = _with_ferplus(dataset, path, reader)
    elif votes == "auto" and reader is not None:
        dataset = _with_votes(dataset, reader)
    if votes == "none":
        dataset = replace(dataset, votes=None)
    return dataset.only(expressions) if expressions else dataset


def open_source(path, *, pictures="auto"):
    """Return the reader for a path: `Fer2013Csv` or `FolderReader`.

    Raises
    ------
    DataError
        If there is nothing of the kind.
    """
    from landmark_fer.datasets.csv_sources import find_csv, is_csv_path
    from landmark_fer.datasets.fer2013 import COLUMNS, CSV_PLACES, Fer2013Csv
    from landmark_fer.datasets.folders import FolderReader

    path = Path(path)
    if path.is_dir():
        inside = next((path / place for place in CSV_PLACES if (path / place).is_file()), None)
        return Fer2013Csv(inside) if inside else FolderReader(path, pictures=pictures)
    if not path.exists():
        raise DataError(f"{path} does not exist; give FER2013's csv (or .csv.gz, .zip) or a folder with one per class")
    if path.suffix.lower() == ".zip":
        return Fer2013Csv(path) if find_csv(path, set(COLUMNS)) else FolderReader(path, pictures=pictures)
    if is_csv_path(path):
        return Fer2013Csv(path)
    raise DataError(f"{path} must be a .csv, .csv.gz, .tar.gz, .zip or .npz file or a folder with one per class")


def _with_ferplus(dataset, path, reader):
    from landmark_fer.datasets.fer2013 import Fer2013Csv
    from landmark_fer.datasets.ferplus import label_by_majority, votes_beside

    if not isinstance(reader, Fer2013Csv):
        raise InputError(f"labels='ferplus' needs FER2013's csv, whose rows the votes follow, got {path}")
    return label_by_majority(dataset, votes_beside(reader.path))


def _with_votes(dataset, reader):
    from landmark_fer.datasets.fer2013 import Fer2013Csv
    from landmark_fer.datasets.ferplus import FERPLUS_NAME, join_votes

    beside = reader.path.with_name(FERPLUS_NAME)
    return join_votes(dataset, beside) if isinstance(reader, Fer2013Csv) and beside.is_file() else dataset
