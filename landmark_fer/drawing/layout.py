"""Rectangles on a frame, and the placement of panels next to faces."""

from typing import NamedTuple

import numpy as np

_DISTANCE_COST = 0.1  # of one diagonal of the face's box, in shares of the panel that hide something


class Rectangle(NamedTuple):
    """A rectangle of whole pixels, x before y."""

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
        """Return the rectangle moved, and cut if it is too large, so that it lies inside `bounds`."""
        width, height = min(self.width, bounds.width), min(self.height, bounds.height)
        x = min(max(self.x, bounds.x), bounds.right - width)
        y = min(max(self.y, bounds.y), bounds.bottom - height)
        return Rectangle(x, y, width, height)


def place_panel(box, size, bounds, occupied, *, gap):
    """Return a place for a panel next to a face: on its right if that is free, else where it hides least.

    Parameters
    ----------
    box : Rectangle
        Box of the face.
    size : pair of int
        Width and height of the panel.
    bounds : Rectangle
        The panel lies inside.
    occupied : list of (Rectangle, float)
        What should stay visible, and the cost of each hidden pixel.
    gap : int
        Pixels between the face and the panel.

    Returns
    -------
    place : Rectangle
    cost : float
        Cost of all hidden pixels, divided by the pixels of the panel.
    """
    width, height = size
    others = [other for other, _ in occupied]
    columns = box.right + gap, box.x - gap - width
    rows = (
        box.y,
        box.bottom - height,
        *(other.bottom + gap for other in others),
        *(other.y - gap - height for other in others),
    )
    below, above = box.bottom + gap, box.y - gap - height
    along = (
        box.x,
        box.right - width,
        *(other.right + gap for other in others),
        *(other.x - gap - width for other in others),
    )
    corners = [(x, y) for x in (bounds.right - width, bounds.x) for y in (bounds.y, bounds.bottom - height)]
    places = [(x, y) for y in rows for x in columns] + [(x, y) for y in (below, above) for x in along] + corners
    rectangles = [Rectangle(x, y, width, height).inside(bounds) for x, y in places]
    costs = _hiding_costs(rectangles, occupied)
    best = int((costs + _DISTANCE_COST * _distances(rectangles, box, near=2 * gap)).argmin())
    return rectangles[best], float(costs[best])


def _distances(rectangles, box, *, near):
    """Return the distances beyond `near` between the edges of rectangles and a box, in its diagonals, shape (n,)."""
    x, y, width, height = np.array(rectangles, dtype=np.float64).T
    across = np.maximum(x - box.right, box.x - x - width).clip(0)
    down = np.maximum(y - box.bottom, box.y - y - height).clip(0)
    return (np.hypot(across, down) - near).clip(0) / max(1.0, np.hypot(box.width, box.height))


def _hiding_costs(rectangles, occupied):
    """Return the cost of what each rectangle hides, divided by its own pixels, shape (n,)."""
    x, y, width, height = np.array(rectangles, dtype=np.float64).T[..., None]
    others = np.array([other for other, _ in occupied], dtype=np.float64).reshape(-1, 4)
    across = np.minimum(x + width, others[:, 0] + others[:, 2]) - np.maximum(x, others[:, 0])
    down = np.minimum(y + height, others[:, 1] + others[:, 3]) - np.maximum(y, others[:, 1])
    hidden = across.clip(0) * down.clip(0) * [cost for _, cost in occupied]
    return hidden.sum(axis=1) / np.maximum(1, width * height)[:, 0]
