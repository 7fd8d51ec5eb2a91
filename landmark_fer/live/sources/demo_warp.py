"""Warping a image along points: a radial interpolation says for each place where its colour comes from."""

import cv2
import numpy as np


def fit_warp(centres, values):
    """Return the weights of the radial interpolation (kernel: distance) that takes given values at given points.

    Parameters
    ----------
    centres : ndarray of shape (n, 2)
    values : ndarray of shape (n, k)

    Returns
    -------
    ndarray of shape (n + 1, k), float32
        The last row is the constant.
    """
    n = len(centres)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = np.linalg.norm(centres[:, None] - centres[None], axis=-1) - 0.05 * np.eye(n)
    system[:n, n] = system[n, :n] = 1
    # OpenCV's solver and product need no threads: NumPy's wait for cores that the recognizer is using.
    _, weights = cv2.solve(system, np.vstack([values, np.zeros(values.shape[1])]), flags=cv2.DECOMP_LU)
    return weights.astype(np.float32)


def evaluate_warp(weights, centres, *, corner, size, step, pixels):
    """Return the interpolated values in a rectangle, computed on a grid and enlarged.

    Parameters
    ----------
    weights : ndarray of shape (n + 1, k), float32
        As from `fit_warp`; k at most 4.
    centres : ndarray of shape (n, 2)
    corner, size : pair of float
        Of the rectangle, in the unit of the centres.
    step : float
        Of the grid.
    pixels : pair of int
        Width and height of the result.

    Returns
    -------
    ndarray of shape (height, width, k), float32
    """
    columns, rows = (max(2, round(length / step)) for length in size)
    x = corner[0] + (np.arange(columns, dtype=np.float32) + 0.5) * (size[0] / columns) - 0.5
    y = corner[1] + (np.arange(rows, dtype=np.float32) + 0.5) * (size[1] / rows) - 0.5
    x, y = x.astype(np.float32), y.astype(np.float32)
    across = (x[:, None] - centres[None, :, 0].astype(np.float32)) ** 2
    down = (y[:, None] - centres[None, :, 1].astype(np.float32)) ** 2
    distances = np.sqrt(down[:, None] + across[None])
    values = cv2.gemm(distances.reshape(-1, len(centres)), weights[:-1], 1, None, 0) + weights[-1]
    size = [int(side) for side in pixels]
    return cv2.resize(values.reshape(rows, columns, -1), size, interpolation=cv2.INTER_LINEAR)
