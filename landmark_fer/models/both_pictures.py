"""The answers of networks to faces and mirrored faces: each weight is read once for both, which is what one face costs.

A mirrored face has the same symmetric features and the negative antisymmetric ones. So the first layers, where most
weights are, add the two parts' sums for a face and subtract them for the mirrored face.
"""

import itertools

import numpy as np

_FEW_ROWS = 4  # up to so many, products row by row are quicker: BLAS copies the weights before it multiplies matrices


class BothPictures:
    """Networks in single precision, laid out for `hidden` and `scores`.

    Parameters
    ----------
    networks : list of list of ndarray
        As in `DropoutMLP.networks_`.
    mirror_signs : array-like of shape (d,) or None
        As from `MirrorPCA`; None where the mirror is not known: there is then one picture a face.
    """

    def __init__(self, networks, mirror_signs=None):
        networks = [[layer.astype(np.float32) for layer in layers] for layers in networks]
        weights = np.hstack([layers[0] for layers in networks])
        self._offsets = np.hstack([layers[1] for layers in networks])
        self._rest = [layers[2:] for layers in networks]
        ends = np.cumsum([len(layers[1]) for layers in networks]).tolist()
        self._columns = [slice(*pair) for pair in itertools.pairwise([0, *ends])]
        self._mirrored = mirror_signs is not None
        signs = np.asarray(mirror_signs) if self._mirrored else np.ones(len(weights))
        self._alike, self._turned = np.flatnonzero(signs > 0), np.flatnonzero(signs < 0)
        self._of_alike, self._of_turned = weights[self._alike], weights[self._turned]

    def scores(self, X):
        """Return what each network's last layer says of the faces and, below them, of the mirrored faces.

        Parameters
        ----------
        X : ndarray of shape (n, d), float32

        Returns
        -------
        list of ndarray of shape (n, k), or (2 n, k) where the mirror is known
        """
        return [_through(first, rest) for first, rest in zip(self._first(X), self._rest, strict=True)]

    def hidden(self, X):
        """Return each network's last hidden layer, rows as for `scores`."""
        firsts = zip(self._first(X), self._rest, strict=True)
        return [np.maximum(_through(first, rest[:-2]), 0) for first, rest in firsts]

    def _first(self, X):
        """Return the sums of the first layer of each network, not yet rectified."""
        sums = few_rows_times(X[:, self._alike], self._of_alike) + self._offsets
        if self._mirrored:
            turned = few_rows_times(X[:, self._turned], self._of_turned)
            sums = np.vstack([sums + turned, sums - turned])
        return [sums[:, columns] for columns in self._columns]


def few_rows_times(X, weights):
    """Return the product of matrices, quick also where the first has few rows."""
    if not 1 < len(X) <= _FEW_ROWS:
        return X @ weights
    product = np.empty((len(X), weights.shape[1]), dtype=np.result_type(X, weights))
    for row, of_row in zip(X, product, strict=True):
        np.dot(row, weights, out=of_row)
    return product


def _through(sums, layers):
    """Return what layers of weights and offsets in turn make of the sums before them."""
    for weights, offsets in zip(layers[::2], layers[1::2], strict=True):
        sums = few_rows_times(np.maximum(sums, 0), weights) + offsets
    return sums
