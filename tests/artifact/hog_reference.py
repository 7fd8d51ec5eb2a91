"""Reference implementation of OpenCV's HOG in NumPy, one chip at a time."""

import numpy as np

ORIENTATIONS = 18
ARCTANGENT = np.float32(180 / np.pi) * np.float32(
    [0.9997878412794807, -0.3258083974640975, 0.1555786518463281, -0.04432655554792128]
)


def reference_hog(chip, *, frame, side, cell):
    """Return the HOG of the middle of a chip of shape (S, S), uint8; parameters as of `landmark_fer.features.hog`."""
    rim = (len(chip) - frame) // 2
    pixels = resized(chip[rim : rim + frame, rim : rim + frame].astype(np.float64), side)
    padded = np.pad(pixels, 1, mode="reflect")
    across, down = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    place = angles(across.astype(np.float32), down.astype(np.float32)) / 360 * ORIENTATIONS - 0.5
    first = np.floor(place).astype(int)
    planes = np.zeros((side, side, ORIENTATIONS))
    rows, columns = np.mgrid[:side, :side]
    lengths = np.hypot(across, down)
    planes[rows, columns, first % ORIENTATIONS] += lengths * (1 - (place - first))
    planes[rows, columns, (first + 1) % ORIENTATIONS] += lengths * (place - first)
    places = range(0, side - 2 * cell + 1, cell)
    blocks = [block(planes[y : y + 2 * cell, x : x + 2 * cell], cell) for x in places for y in places]
    return np.concatenate(blocks)


def block(planes, cell):
    """Return the normalised histograms of the four cells of a block, column by column."""
    centres = (np.arange(2 * cell) + 0.5) / cell - 0.5
    weights = np.maximum(1 - np.abs(centres - np.arange(2)[:, None]), 0)  # a pixel adds to the nearest cells
    cells = np.einsum("ay,bx,yxo->bao", weights, weights, planes).ravel()
    cells = np.minimum(cells / (np.linalg.norm(cells) + 0.1 * len(cells)), 0.2)
    return cells / (np.linalg.norm(cells) + 1e-3)


def angles(across, down):
    """Return OpenCV's arctangent in degrees, 0 to 360."""
    wide, high = np.abs(across), np.abs(down)
    ratio = np.minimum(wide, high) / np.maximum(np.maximum(wide, high), 1)
    angle = ratio * np.polynomial.polynomial.polyval(ratio**2, ARCTANGENT)
    angle = np.where(wide < high, 90 - angle, angle)
    angle = np.where(across < 0, 180 - angle, angle)
    return np.where(down < 0, 360 - angle, angle)


def resized(pixels, side):
    """Return square images of bytes in another size, rounded: means of areas where smaller, linear where larger."""
    frame = len(pixels)
    if side == frame:
        return pixels
    if side < frame:
        edges, places = np.linspace(0, frame, side + 1)[:, None], np.arange(frame)
        weights = np.clip(np.minimum(edges[1:], places + 1) - np.maximum(edges[:-1], places), 0, None) * side / frame
        smaller = weights @ pixels @ weights.T
        return np.floor(smaller + 0.5) if frame == 2 * side else np.rint(smaller)
    places = (np.arange(side) + 0.5) * frame / side - 0.5
    first = np.floor(places).astype(int)
    share = places - first
    inside = np.clip(places, 0, frame - 1)
    wide = np.stack([np.interp(inside, np.arange(frame), row) for row in pixels])
    wide = np.floor(np.rint(wide * 2048 * 2**10) / 2**10 / 16)
    above, below = (np.clip(rows, 0, frame - 1) for rows in (first, first + 1))
    halves = np.floor(wide[above] * (1 - share)[:, None] / 32) + np.floor(wide[below] * share[:, None] / 32)
    return np.floor((halves + 2) / 4)
