"""Near-duplicate search: groups of face chips that show nearly the same image."""

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

_COMPONENTS = 64
_SAMPLE = 4000  # vectors among which the components are found
_TILE = 2048, 8192  # rows and columns of bounds at a time
_PAIRS = 2**14  # looked at in full at a time
_SLACK = 1e-4  # of a bound in single precision


def pairs_above(vectors, threshold):
    """Return the pairs of vectors whose inner product is at least a threshold.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32
        Of unit length, or 0. Memory-mapped ones are read in passing.
    threshold : float
        More than 0.

    Returns
    -------
    ndarray of shape (2, m), int
        Each pair once, the smaller position first; no vector is paired with itself.
    """
    bounds = _bounding(vectors)
    found = [np.empty((2, 0), dtype=np.int64)]
    for row in range(0, len(bounds), _TILE[0]):
        rows = bounds[row : row + _TILE[0]]
        for column in range(row, len(bounds), _TILE[1]):
            first, second = np.nonzero(rows @ bounds[column : column + _TILE[1]].T >= threshold - _SLACK)
            first, second = first + row, second + column
            found += _checked(vectors, first[first < second], second[first < second], threshold)
    return np.concatenate(found, axis=1)


def _bounding(vectors):
    """Return the leading components and the length of the rest, shape (n, k + 1)."""
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


def _checked(vectors, first, second, threshold):
    """Yield those of some pairs that reach the threshold."""
    for start in range(0, len(first), _PAIRS):
        pairs = np.stack([first[start : start + _PAIRS], second[start : start + _PAIRS]])
        exact = np.einsum("ij,ij->i", vectors[pairs[0]], vectors[pairs[1]])
        yield pairs[:, exact >= threshold]


NEAR_DUPLICATE_THRESHOLD = 0.90
"""Correlation from which two faces count as one photograph. Low on purpose: between 0.90 and 0.92 most pairs are
lookalikes in the same light, above 0.94 nearly all are one photograph; a leak-free score should rather miss a face."""

NEAR_DUPLICATE_SIDE = 52  # pixels of the chip's middle that are compared: the face without its surroundings
REDUCTION = 2

_BLOCK = 2**24  # correlations in memory at once
_ROWS = 8192  # chips in memory at once
_IN_MEMORY = 2**28  # bytes of vectors
_AUDIT_FORMAT = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """What `find_near_duplicates` found, one entry for each face of the data set.

    Attributes
    ----------
    correlations : ndarray of shape (n,), float32
        Highest correlation with a training face; NaN for training faces, and where there is nothing to compare with.
    nearest : ndarray of shape (n,), int
        Position of that training face in the data set that it is from; -1 where there is none or it is not known.
    groups : ndarray of shape (n,), int
        Faces of one group are near-duplicates, or near-duplicates of near-duplicates.
    """

    correlations: np.ndarray
    nearest: np.ndarray
    groups: np.ndarray

    @property
    def leak_free(self):
        """Whether a face is known to have no near-duplicate among the training faces, shape (n,), bool."""
        return self.correlations < NEAR_DUPLICATE_THRESHOLD


def find_near_duplicates(dataset, *, against=None, cache=None):
    """Look for near-duplicates in a data set; computed once and kept in the cache.

    Parameters
    ----------
    dataset : FaceDataset
    against : FaceDataset, optional
        Where the training faces are: its split Training, or all of it if it has none. By default they are those of
        `dataset` itself, with which its other faces are compared.
    cache : path-like, optional
        As for `cache_folder`.

    Returns
    -------
    NearDuplicates

    Raises
    ------
    InputError
        If one of the data sets has no chips, and did not bring an audit with it.
    """
    brought = dataset.near_duplicate_groups is not None and (
        against is None or against.near_duplicate_groups is not None
    )
    if brought:
        nearest = np.full(len(dataset), -1)
        return NearDuplicates(
            correlations=dataset.near_duplicate_correlations, nearest=nearest, groups=dataset.near_duplicate_groups
        )
    for part in (dataset, against or dataset):
        if "chip" not in part.records.dtype.names:
            raise InputError(
                f"near-duplicates are looked for in chips, and {part.source} has none; give the images instead"
            )
    keys = f"{_AUDIT_FORMAT} {dataset.key} {against.key if against else ''}"
    path = cache_folder(cache) / f"near-duplicates-{hashlib.sha256(keys.encode()).hexdigest()[:32]}.npz"
    stored = _read_audit(path)
    if stored is not None and len(stored["groups"]) == len(dataset):
        return NearDuplicates(**stored)
    audit = _audit(dataset, against)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as new:
            np.savez(new, correlations=audit.correlations, nearest=audit.nearest, groups=audit.groups)
    except OSError as error:  # the audit is worth more than its copy
        _log.warning("the near-duplicate audit of %s was not kept: %s", dataset.source, error)
    return audit


def _read_audit(path):
    """Return the arrays of a stored audit, or None if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ("correlations", "nearest", "groups")}
    except Exception:  # damaged content makes NumPy and zipfile raise nearly any error
        return None


def near_duplicate_vectors(records):
    """Return what near-duplicates are told by: the middle of the chip, reduced, without its mean, of unit length.

    Parameters
    ----------
    records : ndarray of shape (n,), structured
        Face records with chips of at least `NEAR_DUPLICATE_SIDE` pixels.

    Returns
    -------
    ndarray of shape (n, 676), float32
        The inner product of two is their correlation. All zeros for a chip without contrast.
    """
    side = take_field(records[:0], "chip").shape[1]
    if side < NEAR_DUPLICATE_SIDE:
        raise InputError(
            f"chips must have at least {NEAR_DUPLICATE_SIDE} pixels a side to find near-duplicates, got {side}"
        )
    vectors = _room((len(records), (NEAR_DUPLICATE_SIDE // REDUCTION) ** 2))
    for start in range(0, len(records), _ROWS):
        vectors[start : start + _ROWS] = _block_of_vectors(take_field(records[start : start + _ROWS], "chip"))
    return vectors


def _block_of_vectors(chips):
    margin, side = (chips.shape[1] - NEAR_DUPLICATE_SIDE) // 2, NEAR_DUPLICATE_SIDE // REDUCTION
    middle = chips[:, margin : margin + NEAR_DUPLICATE_SIDE, margin : margin + NEAR_DUPLICATE_SIDE]
    cells = middle.reshape(len(chips), side, REDUCTION, side, REDUCTION)
    vectors = cells.mean(axis=(2, 4), dtype=np.float32).reshape(len(chips), -1)
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-3)


def _room(shape):
    """Return an array to fill, float32: in memory, or where it is large mapped from a temporary file."""
    if np.prod(shape) * 4 <= _IN_MEMORY:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile(prefix="landmark_fer-") as file:  # the map keeps what it needs of it
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)


def near_duplicate_correlations(records, against):
    """Return each face's highest correlation with any face of `against`, and which face that is.

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
    ours, theirs = near_duplicate_vectors(records), near_duplicate_vectors(against)
    correlations, nearest = np.empty(len(ours), np.float32), np.empty(len(ours), np.int64)
    for rows in _blocks(len(ours), len(theirs)):
        products = ours[rows] @ theirs.T
        nearest[rows] = products.argmax(axis=1)
        correlations[rows] = products.max(axis=1)
    return correlations, nearest


def near_duplicate_groups(records, *, threshold=NEAR_DUPLICATE_THRESHOLD):
    """Return the group of each face: faces that correlate at the threshold or more share one, and so do chains.

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


def _audit(dataset, against):
    training = dataset.splits == "Training"
    correlations = np.full(len(dataset), np.nan, dtype=np.float32)
    nearest = np.full(len(dataset), -1)
    if against is None:
        asked, places, faces = ~training, np.flatnonzero(training), dataset.records
    else:
        theirs = against.splits == "Training"
        asked = np.ones(len(dataset), dtype=bool)
        places, faces = np.flatnonzero(theirs if theirs.any() else np.ones(len(against), bool)), against.records
    if asked.any() and len(places):
        others = rows_of(dataset.records, np.flatnonzero(asked))
        correlations[asked], found = near_duplicate_correlations(others, rows_of(faces, places))
        nearest[asked] = places[found]
    return NearDuplicates(correlations=correlations, nearest=nearest, groups=near_duplicate_groups(dataset.records))


def _blocks(n, m):
    """Yield slices of n rows that keep products with m columns within `_BLOCK` values."""
    step = max(1, _BLOCK // max(m, 1))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))
