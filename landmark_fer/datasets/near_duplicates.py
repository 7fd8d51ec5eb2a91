"""Near-duplicate search: groups of faces whose chips show nearly the same photograph."""

import hashlib
import logging
import tempfile
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landmark_fer.core.errors import InputError
from landmark_fer.core.files import atomic_file, cache_folder
from landmark_fer.core.records import rows_of, take_field

NEAR_DUPLICATE_THRESHOLD = 0.90
"""Correlation from which two faces count as one photograph. Low on purpose: between 0.90 and 0.92 most pairs are
lookalikes in the same light, above 0.94 nearly all are one photograph; a leak-free score should rather omit a face."""

NEAR_DUPLICATE_SIDE = 52  # pixels of the chip's middle that are compared: the face without its surroundings
REDUCTION = 2

_CACHE_FORMAT = 1
_BLOCK = 2**24  # correlations in memory at once
_ROWS = 8192  # chips in memory at once
_IN_MEMORY = 2**28  # bytes of vectors; more are mapped from a temporary file

_COMPONENTS = 64  # principal components of the bounds
_SAMPLE = 4000  # vectors that the components are computed from
_TILE = 2048, 8192  # rows and columns of bounds at a time
_PAIRS = 2**14  # pairs whose exact products are computed at a time
_SLACK = 1e-4  # error of a bound in single precision

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Result of a near-duplicate search, one entry for each face of the data set.

    Attributes
    ----------
    correlations : ndarray of shape (n,), float32
        Highest correlation with a training face; NaN for training faces, and where there are none to compare with.
    nearest : ndarray of shape (n,), int
        Position of that training face in its data set; -1 where there is none or it is unknown.
    groups : ndarray of shape (n,), int
        Faces of one group are near-duplicates, or near-duplicates of near-duplicates.
    """

    correlations: np.ndarray
    nearest: np.ndarray
    groups: np.ndarray

    @property
    def leak_free(self):
        """Whether a face has no near-duplicate among the training faces, shape (n,), bool; False where unknown."""
        return self.correlations < NEAR_DUPLICATE_THRESHOLD


def find_near_duplicates(dataset, *, against=None, cache=None):
    """Search for near-duplicates in a data set; the result is cached.

    Parameters
    ----------
    dataset : FaceDataset
    against : FaceDataset, optional
        Data set with the training faces: its split Training, or all of it if it has none. By default the other faces
        of `dataset` are compared with its own split Training.
    cache : path-like, optional
        As for `cache_folder`.

    Returns
    -------
    NearDuplicates

    Raises
    ------
    InputError
        If one of the data sets has neither chips nor stored near-duplicates.
    """
    if dataset.near_duplicate_groups is not None and (against is None or against.near_duplicate_groups is not None):
        return NearDuplicates(
            correlations=dataset.near_duplicate_correlations,
            nearest=np.full(len(dataset), -1),
            groups=dataset.near_duplicate_groups,
        )
    for part in (dataset, against or dataset):
        if "chip" not in part.records.dtype.names:
            raise InputError(f"near-duplicate search needs chips, and {part.source} has none; give the images instead")
    keys = f"{_CACHE_FORMAT} {dataset.key} {against.key if against else ''}"
    path = cache_folder(cache) / f"near-duplicates-{hashlib.sha256(keys.encode()).hexdigest()[:32]}.npz"
    stored = _read_result(path)
    if stored is not None and len(stored["groups"]) == len(dataset):
        return NearDuplicates(**stored)
    result = _search(dataset, against)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as new:
            np.savez(new, correlations=result.correlations, nearest=result.nearest, groups=result.groups)
    except OSError as error:  # the result is still valid without a copy in the cache
        _log.warning("the near-duplicates of %s were not cached: %s", dataset.source, error)
    return result


def near_duplicate_correlations(records, against):
    """Return each face's highest correlation with any face of `against`, and the position of that face.

    Parameters
    ----------
    records : ndarray of shape (n,), structured
    against : ndarray of shape (m,), structured
        m must be at least 1.

    Returns
    -------
    correlations : ndarray of shape (n,), float32
    nearest : ndarray of shape (n,), int
        Positions in `against`.
    """
    if not len(against):
        raise InputError("against must hold at least one face, got none")
    vectors, other_vectors = near_duplicate_vectors(records), near_duplicate_vectors(against)
    correlations, nearest = np.empty(len(vectors), np.float32), np.empty(len(vectors), np.int64)
    step = max(1, _BLOCK // len(other_vectors))
    for start in range(0, len(vectors), step):
        rows = slice(start, start + step)
        products = vectors[rows] @ other_vectors.T
        nearest[rows] = products.argmax(axis=1)
        correlations[rows] = products.max(axis=1)
    return correlations, nearest


def near_duplicate_groups(records, *, threshold=NEAR_DUPLICATE_THRESHOLD):
    """Return the group of each face: faces that correlate at the threshold or more, directly or through others.

    Parameters
    ----------
    records : ndarray of shape (n,), structured
    threshold : float, default=0.90

    Returns
    -------
    ndarray of shape (n,), int
        Numbers from 0; a face without a near-duplicate has a group of its own.
    """
    vectors = near_duplicate_vectors(records)
    first, second = pairs_above(vectors, threshold)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(len(vectors), len(vectors)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def near_duplicate_vectors(records):
    """Return the vectors whose inner products are the correlations of chips.

    A vector is the middle of the chip at half its size, without its mean, of unit length.

    Parameters
    ----------
    records : ndarray of shape (n,), structured
        Face records with chips of at least `NEAR_DUPLICATE_SIDE` pixels.

    Returns
    -------
    ndarray of shape (n, 676), float32
        All zeros for a chip without contrast.
    """
    side = take_field(records[:0], "chip").shape[1]
    if side < NEAR_DUPLICATE_SIDE:
        raise InputError(
            f"chips must have at least {NEAR_DUPLICATE_SIDE} pixels a side to find near-duplicates, got {side}"
        )
    vectors = _empty_vectors((len(records), (NEAR_DUPLICATE_SIDE // REDUCTION) ** 2))
    for start in range(0, len(records), _ROWS):
        vectors[start : start + _ROWS] = _vectors_of_chips(take_field(records[start : start + _ROWS], "chip"))
    return vectors


def pairs_above(vectors, threshold):
    """Return the pairs of vectors whose inner product is at least a threshold.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32
        Rows have length 1 or 0; may be memory-mapped.
    threshold : float
        More than 0.

    Returns
    -------
    ndarray of shape (2, m), int
        Each pair once, the smaller position first; no vector is paired with itself.
    """
    bounds = _upper_bounds(vectors)
    pairs = [np.empty((2, 0), dtype=np.int64)]
    for row in range(0, len(bounds), _TILE[0]):
        rows = bounds[row : row + _TILE[0]]
        for column in range(row, len(bounds), _TILE[1]):
            first, second = np.nonzero(rows @ bounds[column : column + _TILE[1]].T >= threshold - _SLACK)
            first, second = first + row, second + column
            pairs += _exact_pairs(vectors, first[first < second], second[first < second], threshold)
    return np.concatenate(pairs, axis=1)


def _read_result(path):
    """Return the arrays of a cached result, or None if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ("correlations", "nearest", "groups")}
    except Exception:  # damaged content makes NumPy and zipfile raise nearly any error
        return None


def _search(dataset, against):
    training = dataset.splits == "Training"
    correlations = np.full(len(dataset), np.nan, dtype=np.float32)
    nearest = np.full(len(dataset), -1)
    if against is None:
        compared, positions, records = ~training, np.flatnonzero(training), dataset.records
    else:
        compared = np.ones(len(dataset), dtype=bool)
        training = against.splits == "Training"
        positions = np.flatnonzero(training if training.any() else np.ones(len(against), bool))
        records = against.records
    if compared.any() and len(positions):
        others = rows_of(dataset.records, np.flatnonzero(compared))
        correlations[compared], closest = near_duplicate_correlations(others, rows_of(records, positions))
        nearest[compared] = positions[closest]
    return NearDuplicates(correlations=correlations, nearest=nearest, groups=near_duplicate_groups(dataset.records))


def _vectors_of_chips(chips):
    margin, side = (chips.shape[1] - NEAR_DUPLICATE_SIDE) // 2, NEAR_DUPLICATE_SIDE // REDUCTION
    middle = chips[:, margin : margin + NEAR_DUPLICATE_SIDE, margin : margin + NEAR_DUPLICATE_SIDE]
    cells = middle.reshape(len(chips), side, REDUCTION, side, REDUCTION)
    vectors = cells.mean(axis=(2, 4), dtype=np.float32).reshape(len(chips), -1)
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-3)


def _empty_vectors(shape):
    """Return an uninitialized float32 array, memory-mapped from a temporary file where it is large."""
    if np.prod(shape) * 4 <= _IN_MEMORY:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile(prefix="landmark_fer-") as file:  # the map stays valid after the file is closed
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)


def _upper_bounds(vectors):
    """Return the leading components and the length of the rest, shape (n, k + 1), or the vectors, shape (n, d).

    The inner product of two rows is an upper bound of that of the vectors (Cauchy-Schwarz). Few vectors are returned
    themselves, because their components would take longer.
    """
    if len(vectors) <= vectors.shape[1]:
        return np.asarray(vectors)
    sample = np.asarray(vectors[:: -(-len(vectors) // _SAMPLE) or 1], dtype=np.float64)
    components = np.linalg.eigh(sample.T @ sample)[1][:, -_COMPONENTS:].astype(np.float32)
    bounds = np.empty((len(vectors), components.shape[1] + 1), dtype=np.float32)
    for start in range(0, len(vectors), _TILE[1]):
        block = np.asarray(vectors[start : start + _TILE[1]])
        leading = block @ components
        rest = np.einsum("ij,ij->i", block, block) - np.einsum("ij,ij->i", leading, leading)
        bounds[start : start + len(block), :-1] = leading
        bounds[start : start + len(block), -1] = np.sqrt(np.maximum(rest, 0))
    return bounds


def _exact_pairs(vectors, first, second, threshold):
    """Yield the pairs whose exact inner product reaches the threshold, shape (2, m), in blocks."""
    for start in range(0, len(first), _PAIRS):
        pairs = np.stack([first[start : start + _PAIRS], second[start : start + _PAIRS]])
        products = np.einsum("ij,ij->i", vectors[pairs[0]], vectors[pairs[1]])
        yield pairs[:, products >= threshold]
