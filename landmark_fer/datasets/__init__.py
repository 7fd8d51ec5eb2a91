"""Data sets: readers, cached extraction of face records, near-duplicates, the bundled geometry table."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from landmark_fer.core.errors import InputError
from landmark_fer.datasets.base import subject_remarks

if TYPE_CHECKING:
    from landmark_fer.core.types import PathLike
    from landmark_fer.datasets.base import FaceDataset
    from landmark_fer.perception.extraction import ExtractorSettings

LABELS = ("auto", "fer2013", "ferplus")
VOTES = ("auto", "none")


def load_dataset(
    path: "PathLike | Sequence[PathLike] | None" = None,
    *,
    labels: str = "auto",
    votes: str = "auto",
    expressions: Sequence[str] | None = None,
    images: str = "auto",
    dataset: str = "auto",
    poses: str = "frontal",
    keep_rare: bool = False,
    weights: Sequence[int] | None = None,
    settings: "ExtractorSettings | None" = None,
    predictor: "PathLike | None" = None,
    jobs: int | None = None,
    cache: "PathLike | None" = None,
    progress: bool = True,
) -> "FaceDataset":
    """Return the faces of a data set, extracted now or read from the cache.

    Parameters
    ----------
    path : path-like or list of them, optional
        FER2013's csv (``.csv``, ``.csv.gz``, or inside ``.tar.gz`` or ``.zip``), a folder with a folder per class
        (or a ``.zip`` of one), another data set in its own layout (see data/README.md), a csv with a column
        ``subject``, a geometry table (``.npz``), or a folder that ``collect`` recorded. By default the bundled
        geometry table. Several paths are joined as by `merging.join`.
    labels : {"auto", "fer2013", "ferplus"}, default="auto"
        "ferplus" replaces FER2013's labels by the clear majority of the votes in ``fer2013new.csv``, which lies next
        to the csv, and leaves out the faces without one. "auto" keeps the data set's own.
    votes : {"auto", "none"}, default="auto"
        Whether to load these votes as `FaceDataset.votes` where the file exists. Models that accept votes train on
        them; labels do not change.
    expressions : sequence of str, optional
        Classes to keep; by default all.
    images : {"auto", "crops", "scenes"}, default="auto"
        Whether images are cropped to one face each; as for `FolderReader`.
    dataset : str, default="auto"
        Name of the data set, one of `registry.DATASETS`; "auto" recognizes the layout.
    poses : {"frontal", "half", "all"}, default="frontal"
        Which head poses to keep, where the data set has several; as for `LayoutReader`.
    keep_rare : bool, default=False
        Whether to keep expressions with too few images (contempt in CK+). `expressions` keeps
        those that it names in any case.
    weights : sequence of int, optional
        With several paths: how many times the faces of each count when a model is fitted.
    settings, predictor, jobs, cache, progress
        As for `build_dataset`. The geometry table uses none of them.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If an option has a value that is not listed above.
    DataError
        If the path does not exist or does not hold a data set.
    """
    if labels not in LABELS:
        raise InputError(f"labels must be one of {', '.join(LABELS)}, got {labels!r}")
    if votes not in VOTES:
        raise InputError(f"votes must be one of {', '.join(VOTES)}, got {votes!r}")
    load = partial(
        _load_one,
        votes=votes,
        images=images,
        poses=poses,
        keep_rare=keep_rare or bool(expressions),
        settings=settings,
        predictor=predictor,
        jobs=jobs,
        cache=cache,
        progress=progress,
    )
    if isinstance(path, list | tuple) and (len(path) > 1 or weights is not None):
        faces = _load_joined(path, load, labels=labels, dataset=dataset, weights=weights, cache=cache)
    else:
        faces = load(path[0] if isinstance(path, list | tuple) else path, labels=labels, dataset=dataset)
    return faces.only(expressions) if expressions else faces


def open_source(path, *, dataset="auto", images="auto", poses="frontal"):
    """Return the reader for a path; as `registry.open_source`."""
    from landmark_fer.datasets.readers import registry

    return registry.open_source(path, dataset=dataset, images=images, poses=poses)


def _load_joined(paths, load, *, labels, dataset, weights, cache):
    """Return several data sets as one; `labels` and `dataset` do not apply to collections."""
    from landmark_fer.datasets.collection import is_collection
    from landmark_fer.datasets.merging import checked_weights, join

    checked_weights(weights, len(paths))
    parts = [load(path) if is_collection(path) else load(path, labels=labels, dataset=dataset) for path in paths]
    return join(parts, weights=weights, cache=cache)


def _load_one(
    path, *, labels="auto", dataset="auto", votes, images, poses, keep_rare, settings, predictor, jobs, cache, progress
):
    """Return the faces of one data set, with its votes or labelled by them."""
    from landmark_fer.datasets.collection import is_collection

    reader = None
    if path is None or Path(path).suffix.lower() == ".npz":
        from landmark_fer.datasets.geometry_table import read_table

        faces = read_table(path)
    elif is_collection(path):
        from landmark_fer.datasets.readers.collected import read_collection

        faces = read_collection(path, settings=settings, predictor=predictor)
    else:
        from landmark_fer.datasets.extraction_cache import build_dataset

        reader = open_source(path, dataset=dataset, images=images, poses=poses)
        faces = build_dataset(reader, settings=settings, predictor=predictor, jobs=jobs, cache=cache, progress=progress)
        if (cells := getattr(reader, "attributes", None)) is not None:
            faces = _with_attributes(faces, cells)
            faces = replace(faces, remarks=[*faces.remarks, *subject_remarks(faces.subjects)])
    if labels == "ferplus":
        faces = _with_ferplus_labels(faces, path, reader)
    elif votes == "auto" and reader is not None:
        faces = _with_ferplus_votes(faces, reader)
    if votes == "none":
        faces = replace(faces, votes=None)
    return faces if keep_rare else _without_rare(faces, getattr(reader, "rare_expressions", ()))


def _with_attributes(faces, cells):
    """Return the faces with the cells of further columns, by the name of the image and that of the column."""
    import numpy as np

    rows = [cells.get(name, {}) for name in faces.names.tolist()] if cells else []
    columns = dict.fromkeys(column for row in rows for column in row)
    return replace(faces, attributes={name: np.array([row.get(name, "") for row in rows]) for name in columns})


def _without_rare(faces, rare):
    """Return the faces without those of rare expressions, unless there are no others."""
    present = [expression for expression in faces.classes if expression in rare]
    others = [expression for expression in faces.classes if expression not in rare]
    if not present or not others:
        return faces
    counts = ", ".join(f"{(faces.expressions == expression).sum():,} of {expression}" for expression in present)
    sentence = f"{counts} are left out; --expressions {','.join(faces.classes)} keeps them"
    frequent = faces.only(others)
    n_left_out = faces.n_left_out + len(faces) - len(frequent)
    return replace(frequent, problems=[*faces.problems, sentence], n_left_out=n_left_out)


def _with_ferplus_labels(faces, path, reader):
    from landmark_fer.datasets.readers.fer2013 import Fer2013Csv
    from landmark_fer.datasets.readers.ferplus import find_votes, label_by_majority

    if not isinstance(reader, Fer2013Csv):
        raise InputError(f"labels='ferplus' needs FER2013's csv, whose rows match those of the votes, got {path}")
    if not reader.has_splits:
        raise InputError(f"labels='ferplus' needs the column Usage to match rows, and {reader.name} lacks it")
    return label_by_majority(faces, find_votes(reader.path))


def _with_ferplus_votes(faces, reader):
    from landmark_fer.datasets.readers.fer2013 import Fer2013Csv
    from landmark_fer.datasets.readers.ferplus import FERPLUS_NAME, join_votes

    votes = reader.path.with_name(FERPLUS_NAME)
    if not isinstance(reader, Fer2013Csv) or not votes.is_file():
        return faces
    if not reader.has_splits:
        remark = f"{FERPLUS_NAME} is not used: {reader.name} has no column Usage to match rows by"
        return replace(faces, remarks=[*faces.remarks, remark])
    return join_votes(faces, votes)
