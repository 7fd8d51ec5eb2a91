"""Data sets: readers, cached extraction of face records, near-duplicates, the bundled geometry table."""

from dataclasses import replace
from pathlib import Path

from landmark_fer.core.errors import InputError

LABELS = ("auto", "fer2013", "ferplus")
VOTES = ("auto", "none")
UNASKED = ("left out", "kept")


def load_dataset(
    path=None,
    *,
    labels="auto",
    votes="auto",
    expressions=None,
    images="auto",
    dataset="auto",
    poses="frontal",
    unasked="left out",
    weights=None,
    settings=None,
    predictor=None,
    jobs=None,
    cache=None,
    progress=True,
):
    """Return the faces of a data set, measured now or taken from the cache.

    Parameters
    ----------
    path : path-like or list of them, optional
        FER2013's csv (``.csv``, ``.csv.gz``, or inside ``.tar.gz`` or ``.zip``), a folder with a folder per class
        (or a ``.zip`` of one), another data set in its own layout (see data/README.md), a csv with a column
        ``subject``, a geometry table (``.npz``), or a folder of own faces that ``collect`` made. By default the bundled
        geometry table. Several paths are joined as `joined.join` does it.
    labels : {"auto", "fer2013", "ferplus"}, default="auto"
        "ferplus" replaces FER2013's labels by the clear majority of the votes in ``fer2013new.csv`` beside the csv
        and leaves out the faces without one. "auto" takes the data set's own.
    votes : {"auto", "none"}, default="auto"
        Whether those votes, where the file lies beside the csv, come along as `FaceDataset.votes`. Models that take
        them learn from those of the training faces; the votes change no label.
    expressions : sequence of str, optional
        Classes to keep; by default all.
    images : {"auto", "crops", "scenes"}, default="auto"
        Whether the images of a folder are cropped to one face each; as for `FolderReader`.
    dataset : str, default="auto"
        Which data set it is, one of `sources.DATASETS`; "auto" recognizes its layout.
    poses : {"frontal", "half", "all"}, default="frontal"
        Which poses of a head count, where the data set has several; as for `LayoutReader`.
    unasked : {"left out", "kept"}, default="left out"
        Whether expressions that a data set has too few of (contempt in CK+) are left out unless `expressions` has them.
    weights : sequence of int, optional
        Of several paths: how many times the faces of each count in a fit.
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
    if unasked not in UNASKED:
        raise InputError(f"unasked must be one of {', '.join(UNASKED)}, got {unasked!r}")
    given = {"dataset": dataset, "images": images, "poses": poses, "votes": votes, "labels": labels}
    given |= {"settings": settings, "predictor": predictor, "jobs": jobs, "cache": cache, "progress": progress}
    if isinstance(path, list | tuple) and (len(path) > 1 or weights is not None):
        return _joined(path, weights, expressions, unasked, given)
    path = path[0] if isinstance(path, list | tuple) else path
    if path is None or Path(path).suffix.lower() == ".npz":
        from landmark_fer.datasets.geometry_table import read_table

        faces, reader = read_table(path), None
    elif (Path(path) / "collection.json").is_file():
        from landmark_fer.datasets.readers.collected import CollectedReader

        faces, reader = CollectedReader(path).read(settings=settings, predictor=predictor), None
    else:
        from landmark_fer.datasets.extraction_cache import build_dataset

        reader = open_source(path, dataset=dataset, images=images, poses=poses)
        options = {"settings": settings, "predictor": predictor, "jobs": jobs, "cache": cache, "progress": progress}
        faces = build_dataset(reader, **options)
    if labels == "ferplus":
        faces = _with_ferplus(faces, path, reader)
    elif votes == "auto" and reader is not None:
        faces = _with_votes(faces, reader)
    if votes == "none":
        faces = replace(faces, votes=None)
    if unasked == "left out" and not expressions:
        faces = _without_unasked(faces, getattr(reader, "unasked", ()))
    return faces.only(expressions) if expressions else faces


def _joined(paths, weights, expressions, unasked, given):
    """Return several data sets as one; what tells data sets apart on disk is not asked of own faces."""
    from landmark_fer.datasets.collection import is_collection
    from landmark_fer.datasets.merging import checked_weights, join

    checked_weights(weights, len(paths))
    plain = {"labels": "auto", "dataset": "auto"}
    unasked = "kept" if expressions else unasked
    parts = [load_dataset(path, unasked=unasked, **(given | plain if is_collection(path) else given)) for path in paths]
    faces = join(parts, weights=weights, cache=given["cache"])
    return faces.only(expressions) if expressions else faces


def open_source(path, *, dataset="auto", images="auto", poses="frontal"):
    """Return the reader for a path; as `sources.open_source`, which has the table of readers."""
    from landmark_fer.datasets.readers import registry as sources

    return sources.open_source(path, dataset=dataset, images=images, poses=poses)


def _without_unasked(faces, unasked):
    """Return the faces without the expressions that a data set leaves out unless they are asked for."""
    present = [expression for expression in faces.classes if expression in unasked]
    others = [expression for expression in faces.classes if expression not in unasked]
    if not present or not others:
        return faces
    counts = ", ".join(f"{(faces.expressions == expression).sum():,} of {expression}" for expression in present)
    sentence = f"{counts} are left out; --expressions {','.join(faces.classes)} keeps them"
    kept = faces.only(others)
    n_left_out = faces.n_left_out + len(faces) - len(kept)
    return replace(kept, problems=[*faces.problems, sentence], n_left_out=n_left_out)


def _with_ferplus(dataset, path, reader):
    from landmark_fer.datasets.readers.fer2013 import Fer2013Csv
    from landmark_fer.datasets.readers.ferplus import label_by_majority, votes_beside

    if not isinstance(reader, Fer2013Csv):
        raise InputError(f"labels='ferplus' needs FER2013's csv, whose rows the votes follow, got {path}")
    if not reader.has_splits:
        raise InputError(f"labels='ferplus' needs the column Usage, by which rows are checked; {reader.name} lacks it")
    return label_by_majority(dataset, votes_beside(reader.path))


def _with_votes(dataset, reader):
    from landmark_fer.datasets.readers.fer2013 import Fer2013Csv
    from landmark_fer.datasets.readers.ferplus import FERPLUS_NAME, join_votes

    beside = reader.path.with_name(FERPLUS_NAME)
    if not isinstance(reader, Fer2013Csv) or not beside.is_file():
        return dataset
    if not reader.has_splits:
        remark = f"{FERPLUS_NAME} is not used, since {reader.name} has no column Usage, by which its rows are checked"
        return replace(dataset, remarks=[*dataset.remarks, remark])
    return join_votes(dataset, beside)
