"""Reader of a collection: faces recorded by ``collect``, with their subjects and takes."""

import hashlib
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.base import FaceDataset
from landmark_fer.datasets.collection import COLUMNS, check_made_with, read_description, read_records, read_takes
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.predictor_file import find_predictor, sha256_of

_SCORE = COLUMNS.index("detector_score")
_SETTINGS_OF_RECORDS = ("chip_size", "crop_size", "crop_margin")


def read_collection(path, *, settings=None, predictor=None):
    """Return the faces of a collection, by subject, expression and round; they are not extracted again.

    Parameters
    ----------
    path : path-like
    settings : ExtractorSettings, optional
        Settings that the records must have been extracted with.
    predictor : path-like, optional
        As for `find_predictor`.

    Returns
    -------
    FaceDataset
        With `subjects` and `takes`; each take is a group of near-duplicates, since its frames are nearly one
        photograph.

    Raises
    ------
    DataError
        If the folder is not a collection, holds no takes or a damaged one, or was recorded with other settings.
    """
    path = Path(path)
    _check_settings(path, settings or ExtractorSettings(), sha256_of(find_predictor(predictor)))
    takes = read_takes(path)
    if not takes:
        raise DataError(f"{path} holds no takes; run: python -m landmark_fer.collect --out {path}")
    parts = [read_records(take) for take in takes]
    counts = [len(records) for records, _ in parts]
    names = [
        f"{take['path'].relative_to(path).as_posix()}#{row}"
        for take, count in zip(takes, counts, strict=True)
        for row in range(count)
    ]
    return FaceDataset(
        records=np.concatenate([records for records, _ in parts]),
        expressions=np.repeat([take["expression"] for take in takes], counts),
        splits=np.full(len(names), ""),
        subjects=np.repeat([take["subject"] for take in takes], counts),
        names=np.array(names),
        rows=np.arange(len(names)),
        detector_scores=np.concatenate([frames[:, _SCORE] for _, frames in parts]).astype(np.float32),
        cropped=False,
        source=path.resolve().name,
        key=_key(takes),
        near_duplicate_groups=np.repeat(np.arange(len(takes)), counts),
        near_duplicate_correlations=np.full(len(names), np.nan, np.float32),
        takes=np.repeat([f"{take['subject']}, {take['path'].name}" for take in takes], counts),
    )


def _key(takes):
    """Return a hash that changes with any take."""
    parts = [str((take["path"].name, take["subject"], take["sha256"])) for take in takes]
    return hashlib.sha256("\n".join(["collection", *parts]).encode()).hexdigest()[:32]


def _check_settings(path, settings, predictor_sha256):
    """Raise DataError where records were extracted with other settings, or not all with the same."""
    made_with = read_description(path)["made_with"]
    check_made_with(path, made_with)
    expected = ExtractorSettings(**settings.to_dict())
    actual = ExtractorSettings.from_dict(made_with["extractor"])
    for name in _SETTINGS_OF_RECORDS:
        if getattr(actual, name) != getattr(expected, name):
            raise DataError(
                f"{path} must hold faces with {name.replace('_', ' ')} {getattr(expected, name):g}, got "
                f"{getattr(actual, name):g}; choose another model, or collect into another folder"
            )
    if made_with["shape_predictor_sha256"] != predictor_sha256:
        raise DataError(
            f"{path} was collected with another shape predictor than the one in use; "
            "name that one with --predictor, or collect into another folder"
        )
