"""The data set of ``fit``: loaded by the command's options, and described in sentences."""

from collections import Counter

from landmark_fer.core.errors import InputError
from landmark_fer.datasets import load_dataset

NO_SPLIT = "no split"


def load_fit_data(options, *, paths=None, settings=None, predictor=None, jobs=None, cache=None):
    """Return the data set that the options of ``fit`` name.

    Parameters
    ----------
    options : argparse.Namespace
        Options of ``fit``.
    paths : list of path-like, optional
        The data sets; default ``--data``.
    settings, predictor, jobs, cache
        As for `load_dataset`.

    Returns
    -------
    FaceDataset

    Raises
    ------
    InputError
        If ``--data-weights`` has no second data set.
    """
    paths = options.data if paths is None else paths
    weights = comma_separated(options.data_weights)
    if weights and len(paths or ()) < 2:
        raise InputError(f"--data-weights needs two or more --data, got {len(paths or ())}; leave it out")
    return load_dataset(
        paths,
        labels=options.labels,
        votes=options.votes,
        expressions=comma_separated(options.expressions),
        dataset=options.dataset,
        images=options.images,
        poses=options.poses,
        weights=[int(word) if word.isdecimal() else word for word in weights] if weights else None,
        settings=settings,
        predictor=predictor,
        jobs=jobs,
        cache=cache,
    )


def comma_separated(text):
    """Return the words of a comma-separated text; None for no text."""
    return [word.strip() for word in text.split(",") if word.strip()] if text else None


def data_lines(dataset):
    """Return what ``fit`` prints about a data set: faces by expression, remarks and splits."""
    lines = [f"{dataset.source}: {len(dataset):,} faces"]
    for name, undetected in dataset.undetected_by_class().items():
        total = int((dataset.expressions == name).sum())
        lines.append(f"  {name:9} {total:6,}  {undetected:,} not detected")
    return lines + [f"  {sentence}" for sentence in [*dataset.remarks, *_splits(dataset)]]


def _splits(dataset):
    """Return at most one sentence on the splits that a data set names."""
    counts = Counter(dataset.splits.tolist())
    if not any(counts):
        return []
    sentence = f"splits: {', '.join(f'{name or NO_SPLIT} {n:,}' for name, n in counts.items())}"
    if dataset.origins is None and "Training" not in counts:
        sentence += "; no split is named Training, so training and test faces are drawn from all faces"
    elif unused := _unused(dataset):
        faces = "faces" if unused == counts[""] else f"{unused:,} faces, whose data set has a split Training,"
        sentence += f"; {faces} of {NO_SPLIT} are used neither for training nor for tests"
    return [sentence]


def _unused(dataset):
    """Return the number of faces without a split whose data set has a split Training."""
    splits = dataset.splits.tolist()
    origins = [dataset.source] * len(splits) if dataset.origins is None else dataset.origins.tolist()
    trained = {origin for origin, split in zip(origins, splits, strict=True) if split == "Training"}
    return sum(not split and origin in trained for origin, split in zip(origins, splits, strict=True))
