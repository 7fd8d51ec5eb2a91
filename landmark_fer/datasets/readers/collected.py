"""Own data: the faces of a collection as a data set, straight from the records that were kept, measured once only."""

import hashlib
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.base import FaceDataset
from landmark_fer.datasets.collection import (
    COLUMNS,
    check_made_with,
    is_collection,
    read_about,
    read_records,
    read_takes,
)
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.predictor_file import find_predictor, sha256_of

_SCORE = COLUMNS.index("detector_score")
_OF_RECORD = ("chip_size", "crop_size", "crop_margin")  # settings that decide what is in a record


class CollectedReader:
    """Reads a folder of takes, as `collection` describes it.

    Parameters
    ----------
    path : path-like

    Attributes
    ----------
    name : str
    cropped : bool
        False: images of a camera show more than a face.

    Raises
    ------
    DataError
        If the folder is none of takes.
    """

    cropped = False

    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.resolve().name
        self._about = read_about(self.path)

    def fingerprint(self):
        """Return a hash of all takes; it changes with any of them."""
        parts = [str((take["path"].name, take["subject"], take["sha256"])) for take in read_takes(self.path)]
        return hashlib.sha256("\n".join(["collection", *parts]).encode()).hexdigest()

    def read(self, *, settings=None, predictor=None):
        """Return the faces as a `FaceDataset`, by subject, expression and round.

        Parameters
        ----------
        settings : ExtractorSettings, optional
            As faces are wanted.
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
            If there are no takes, one is damaged, or they were made otherwise than is wanted.
        """
        self._check(settings or ExtractorSettings(), sha256_of(find_predictor(predictor)))
        takes = read_takes(self.path)
        if not takes:
            raise DataError(f"{self.path} holds no takes; run: python -m landmark_fer.collect --out {self.path}")
        parts = [read_records(take) for take in takes]
        counts = [len(records) for records, _ in parts]
        words = {name: np.repeat([take[name] for take in takes], counts) for name in ("subject", "expression")}
        labels = [f"{take['subject']}, {take['path'].name}" for take in takes]
        names = [
            f"{take['path'].relative_to(self.path).as_posix()}#{row}"
            for take, count in zip(takes, counts, strict=True)
            for row in range(count)
        ]
        n_faces = sum(counts)
        return FaceDataset(
            records=np.concatenate([records for records, _ in parts]),
            expressions=words["expression"],
            splits=np.full(n_faces, ""),
            subjects=words["subject"],
            names=np.array(names),
            rows=np.arange(n_faces),
            detector_scores=np.concatenate([frames[:, _SCORE] for _, frames in parts]).astype(np.float32),
            cropped=False,
            source=self.name,
            key=self.fingerprint()[:32],
            near_duplicate_groups=np.repeat(np.arange(len(takes)), counts),
            near_duplicate_correlations=np.full(n_faces, np.nan, np.float32),
            takes=np.repeat(labels, counts),
        )

    def _check(self, settings, predictor_sha256):
        """Raise DataError where records are not what is wanted, or not all of one make."""
        kept = self._about["made_with"]
        check_made_with(self.path, kept)
        wanted = ExtractorSettings(**settings.to_dict())
        stored = ExtractorSettings.from_dict(kept["extractor"])
        for name in _OF_RECORD:
            if getattr(stored, name) != getattr(wanted, name):
                raise DataError(
                    f"{self.path} must hold faces with {name.replace('_', ' ')} {getattr(wanted, name):g}, and was "
                    f"collected with {getattr(stored, name):g}; choose another model, or collect into another folder"
                )
        if kept["shape_predictor_sha256"] != predictor_sha256:
            raise DataError(
                f"{self.path} was collected with another shape predictor than the one in use; "
                "name that one with --predictor, or collect into another folder"
            )


def read_collection(path, *, settings=None, predictor=None):
    """Return the faces of a collection; as `CollectedReader.read`."""
    return CollectedReader(path).read(settings=settings, predictor=predictor)


__all__ = ["CollectedReader", "is_collection", "read_collection"]
