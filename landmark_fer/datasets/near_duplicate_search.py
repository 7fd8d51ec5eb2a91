"""All pairs of unit vectors that correlate highly, found without taking every inner product in full.

A vector is split into its leading components and the rest. The product of two rests is at most the product of their
lengths, so the components, with that length as one more, give a bound of the correlation at a tenth of the work. Few
pairs reach the threshold by their bound, and those are looked at in full: nothing is missed.
"""

import numpy as np

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
