"""The bundled geometry table: landmarks of FER2013's faces without their pixels.

It holds, for each Training and PublicTest face: landmarks, expression, split, row, detector score, near-duplicate group
and near-duplicate correlation. ``python -m landmark_fer.datasets.geometry_table --data fer2013.csv.gz`` makes it again.

Landmarks are stored in whole 1/32 pixels of the 48x48 image (so exact to 1/64, a twentieth of the predictor's
resolution), as differences between consecutive points, one row a coordinate: deflate compresses these to a third.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from landmark_fer.core.bundled import bundled
from landmark_fer.core.command import run_command
from landmark_fer.core.command_parser import CommandParser
from landmark_fer.core.errors import DataError, InputError, SinkError, plain_reason
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.files import atomic_file, checkout_folder
from landmark_fer.core.landmarks import N_LANDMARKS
from landmark_fer.core.paths import Output, check_paths
from landmark_fer.core.records import records_of_landmarks
from landmark_fer.datasets.base import FaceDataset
from landmark_fer.datasets.inputs import DATA

TABLE_NAME = "fer2013_geometry.npz"
TABLE_FORMAT = 2
SPLITS = ("Training", "PublicTest")
STEPS = 32  # per pixel

_COMMAND = "python -m landmark_fer.datasets.geometry_table --data fer2013.csv.gz"


def table_path():
    """Return the path of the bundled table."""
    return bundled(f"data/{TABLE_NAME}")


def new_table_path():
    """Return the default path of a new table: in ``data/`` of the checkout, else of the working directory."""
    return (checkout_folder() or Path()) / "data" / TABLE_NAME


def write_table(dataset, path=None, *, cache=None):
    """Write the geometry table of FER2013.

    Parameters
    ----------
    dataset : FaceDataset
        With chips (for the near-duplicate search) and the splits of `SPLITS`; other splits are left out.
    path : path-like, optional
        By default that of the bundled table.
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If there is no face of these splits, or a coordinate lies beyond 1023 pixels.
    SinkError
        If the file cannot be written.
    """
    from landmark_fer.datasets.near_duplicates import find_near_duplicates

    dataset = dataset.take(np.isin(dataset.splits, SPLITS))
    if not len(dataset):
        raise InputError(f"the geometry table needs faces of the splits {', '.join(SPLITS)}, and {dataset} has none")
    near_duplicates = find_near_duplicates(dataset, cache=cache)
    words, expressions = np.unique(dataset.expressions, return_inverse=True)
    path = Path(path or new_table_path())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as new, open(new, "wb") as file:
            np.savez_compressed(
                file,
                format=TABLE_FORMAT,
                landmarks=_packed(dataset.records["landmarks"]),
                words=words,
                expression=expressions.astype(np.uint8),
                split=np.array([SPLITS.index(split) for split in dataset.splits], dtype=np.uint8),
                row=dataset.rows.astype(np.int32),
                detector_score=dataset.detector_scores.round(3),
                near_duplicate_group=near_duplicates.groups.astype(np.int32),
                near_duplicate_correlation=near_duplicates.correlations,
            )
    except OSError as error:
        raise SinkError(f"{path} cannot be written ({error.strerror or error}); give another --out") from error
    return path


def read_table(path=None):
    """Return the faces of a geometry table: landmarks without chips, with their near-duplicates.

    Parameters
    ----------
    path : path-like, optional
        By default the bundled table.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DataError
        If the file is missing, damaged, or of another format.
    """
    path = Path(path or table_path())
    if not path.is_file():
        raise DataError(f"geometry table {path} does not exist; it comes with the package, or make it: {_COMMAND}")
    try:
        with np.load(path, allow_pickle=False) as file:
            table = {name: file[name] for name in file.files}
        if np.shape(table["format"]) or table["format"] != TABLE_FORMAT:
            raise DataError(f"geometry table {path} must have format {TABLE_FORMAT}, got {table['format']}: {_COMMAND}")
        return _dataset(table, path)
    except DataError:
        raise
    except Exception as error:  # a damaged file makes NumPy raise nearly anything
        raise DataError(
            f"geometry table {path} is damaged ({plain_reason(error)}); fetch it again or make it: {_COMMAND}"
        ) from error


def _dataset(table, path):
    rows = table["row"].astype(np.int64)
    if unknown := sorted(set(table["words"].tolist()) - set(EXPRESSIONS)):
        raise ValueError(f"unknown expression {unknown[0]!r}")
    return FaceDataset(
        records=records_of_landmarks(_unpacked(table["landmarks"])),
        expressions=table["words"][table["expression"]],
        splits=np.array(SPLITS)[table["split"]],
        subjects=np.full(len(rows), "", dtype=np.str_),
        names=np.array([f"row {row}" for row in rows.tolist()], dtype=np.str_),
        rows=rows,
        detector_scores=table["detector_score"],
        source=path.name,
        key=hashlib.sha256(path.read_bytes()).hexdigest(),
        near_duplicate_groups=table["near_duplicate_group"].astype(np.int64),
        near_duplicate_correlations=table["near_duplicate_correlation"],
    )


def _packed(landmarks):
    """Return landmarks of shape (n, 68, 2) as int16 of shape (136, n): differences between consecutive points."""
    steps = np.round(landmarks.astype(np.float64) * STEPS)
    differences = np.diff(steps, axis=1, prepend=0.0)
    if not (np.abs(differences) <= np.iinfo(np.int16).max).all():
        raise InputError(f"landmarks of a geometry table must lie within {2**15 // STEPS - 1} pixels")
    return np.ascontiguousarray(differences.reshape(len(landmarks), -1).T.astype(np.int16))


def _unpacked(packed):
    """Return landmarks of shape (n, 68, 2), float32, from the result of `_packed`."""
    differences = packed.T.reshape(-1, N_LANDMARKS, 2).astype(np.int64)
    return (differences.cumsum(axis=1) / STEPS).astype(np.float32)


def main(arguments=None):
    """Make the geometry table from FER2013's csv; return the exit status."""
    from landmark_fer.datasets import load_dataset

    parser = CommandParser("python -m landmark_fer.datasets.geometry_table", description=main.__doc__)
    table = Output(default=lambda options: new_table_path(), makes_parents=True)
    parser.add_argument("--data", required=True, type=DATA, help="FER2013's csv (.csv, .csv.gz, .zip)")
    parser.add_argument("--out", type=table, help=f"file to write (default: data/{TABLE_NAME})")
    parser.add_argument("--cache", type=Output("growing"), help="folder of the cache")
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one a core)")
    options = parser.parse_args(arguments)

    def work():
        check_paths(parser, options)
        dataset = load_dataset(options.data, jobs=options.jobs, cache=options.cache)
        path = write_table(dataset, options.out, cache=options.cache)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")  # noqa: T201
        return 0

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
