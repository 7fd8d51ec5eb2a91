"""Where things go on a image: rectangles of whole pixels that stay inside and keep out of each other's way."""

from typing import NamedTuple

import numpy as np

_DISTANCE = 0.1  # what a diagonal of the face's box further away is worth, in shares of the panel that hide something


class Rectangle(NamedTuple):
    """Whole pixels, x before y."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self):
        """The first column beyond it."""
        return self.x + self.width

    @property
    def bottom(self):
        """The first row below it."""
        return self.y + self.height

    def inside(self, bounds):
        """Return the rectangle moved, and cut where it is too large, so that it lies inside `bounds`."""
        width, height = min(self.width, bounds.width), min(self.height, bounds.height)
        x = min(max(self.x, bounds.x), bounds.right - width)
        y = min(max(self.y, bounds.y), bounds.bottom - height)
        return Rectangle(x, y, width, height)


def beside(box, size, bounds, taken, *, gap):
    """Return where a panel goes near a face: on its right if that is free, else where it hides least.

    Parameters
    ----------
    box : Rectangle
        Of the face.
    size : pair of int
        Width and height of the panel.
    bounds : Rectangle
        In which the panel has to lie.
    taken : list of (Rectangle, float)
        What should stay in sight, and how bad it is to hide a pixel of it.
    gap : int
        Pixels between the face and the panel.

    Returns
    -------
    Rectangle
    float
        How much it hides: the hidden pixels, times how bad each is, for each pixel of the panel.
    """
    width, height = size
    columns = box.right + gap, box.x - gap - width
    rows = (
        box.y,
        box.bottom - height,
        *(other.bottom + gap for other, _ in taken),
        *(o.y - gap - height for o, _ in taken),
    )
    below, above = box.bottom + gap, box.y - gap - height
    along = box.x, box.right - width, *(other.right + gap for other, _ in taken), *(o.x - gap - width for o, _ in taken)
    corners = [(x, y) for x in (bounds.right - width, bounds.x) for y in (bounds.y, bounds.bottom - height)]
    places = [(x, y) for y in rows for x in columns] + [(x, y) for y in (below, above) for x in along] + corners
    rectangles = [Rectangle(x, y, width, height).inside(bounds) for x, y in places]
    hidden = _hidden(rectangles, taken)
    best = int((hidden + _DISTANCE * _distances(rectangles, box, near=2 * gap)).argmin())
    return rectangles[best], float(hidden[best])


def _distances(rectangles, box, *, near):
    """Return how far beyond `near` rectangles are from a box, edge from edge, in its diagonals, shape (n,)."""
    x, y, width, height = np.array(rectangles, dtype=np.float64).T
    across = np.maximum(x - box.right, box.x - x - width).clip(0)
    down = np.maximum(y - box.bottom, box.y - y - height).clip(0)
    return (np.hypot(across, down) - near).clip(0) / max(1.0, np.hypot(box.width, box.height))


def _hidden(rectangles, taken):
    """Return how much each rectangle hides of what is taken, for each of its own pixels, shape (n,)."""
    x, y, width, height = np.array(rectangles, dtype=np.float64).T[..., None]
    others = np.array([other for other, _ in taken], dtype=np.float64).reshape(-1, 4)
    across = np.minimum(x + width, others[:, 0] + others[:, 2]) - np.maximum(x, others[:, 0])
    down = np.minimum(y + height, others[:, 1] + others[:, 3]) - np.maximum(y, others[:, 1])
    shared = across.clip(0) * down.clip(0) * [badness for _, badness in taken]
    return shared.sum(axis=1) / np.maximum(1, width * height)[:, 0]
