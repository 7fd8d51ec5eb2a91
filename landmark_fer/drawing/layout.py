"""Rectangles on a frame, and the placement of panels next to faces."""

import heapq
import math
from typing import NamedTuple

_N_NEIGHBOURS = 6  # occupied rectangles next to which a panel may lie; in a crowd, all would take too long


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

    @property
    def area(self):
        """Number of its pixels."""
        return self.width * self.height

    def inside(self, bounds):
        """Return the rectangle moved, and cut if it is too large, so that it lies inside `bounds`."""
        width, height = min(self.width, bounds.width), min(self.height, bounds.height)
        x = min(max(self.x, bounds.x), bounds.right - width)
        y = min(max(self.y, bounds.y), bounds.bottom - height)
        return Rectangle(x, y, width, height)

    def overlaps(self, other):
        """Return whether two rectangles have a pixel in common."""
        x, y, width, height = self
        left, top, across, down = other
        return x < left + across and left < x + width and y < top + down and top < y + height

    def shared_area(self, other):
        """Return how many pixels two rectangles have in common."""
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(0, across) * max(0, down)


def is_free(rectangle, occupied):
    """Return whether a rectangle overlaps none of a list of rectangles."""
    return not any(rectangle.overlaps(other) for other in occupied)


def stays_free(rectangle, occupied, bounds, room):
    """Return whether a rectangle is free, and still so where it and what is occupied move by `room` pixels.

    Only the bounds can hold it back, to the left, right, above or below; it is then pushed over what moves.
    """
    if not is_free(rectangle, occupied):
        return False
    moves = ((room, 0), (-room, 0), (0, room), (0, -room)) if room else ()
    moved = {rectangle.inside(bounds._replace(x=bounds.x + x, y=bounds.y + y)) for x, y in moves}
    return all(is_free(each, occupied) for each in moved)


class Offset(NamedTuple):
    """Where a panel is in relation to a box, separately in both directions.

    Outside the box, a distance is counted from the nearer edge and is negative on the left and above; else, it is
    counted between the left or upper edges.
    """

    across: int
    down: int
    outside_across: bool
    outside_down: bool

    @classmethod
    def of(cls, place, box):
        """Return the offset of a place from a box."""
        across, outside_across = _offset(place.x, place.right, box.x, box.right)
        down, outside_down = _offset(place.y, place.bottom, box.y, box.bottom)
        return cls(across, down, outside_across, outside_down)

    def place(self, size, box, bounds):
        """Return a rectangle of a size with this offset from a box, moved inside `bounds`."""
        width, height = size
        x = _moved(self.across, self.outside_across, width, box.x, box.right)
        y = _moved(self.down, self.outside_down, height, box.y, box.bottom)
        return Rectangle(x, y, width, height).inside(bounds)


def _offset(begin, end, box_begin, box_end):
    """Return the offset in one direction, and whether the place is outside the box."""
    if begin >= box_end:
        return begin - box_end, True
    return (end - box_begin - 1, True) if end <= box_begin else (begin - box_begin, False)


def _moved(offset, outside, length, box_begin, box_end):
    if not outside:
        return box_begin + offset
    return box_end + offset if offset >= 0 else box_begin + offset + 1 - length


def place_panel(box, size, bounds, occupied, *, gap, room=0, others=(), reach=math.inf):
    """Return a free place for a panel: on the right of a face if that is free, else as near to the face as possible.

    Parameters
    ----------
    box : Rectangle
        Box of the face.
    size : pair of int
        Width and height of the panel.
    bounds : Rectangle
        The panel lies inside.
    occupied : list of Rectangle
        What the panel must not cover, with the face itself.
    gap : int
        Pixels between the panel and what is next to it.
    room : int, default=0
        Pixels by which the face can move with its panel until it would be covered; see `stays_free`.
    others : sequence of Rectangle, optional
        Other faces; the panel is not nearer to one of them.
    reach : float, default=inf
        Largest distance between the panel and the face, in pixels.

    Returns
    -------
    Rectangle or None
        None if no place next to the face, next to something occupied or in a corner is free.
    """
    width, height = size
    if width > bounds.width or height > bounds.height:
        return None
    best, least = None, math.inf
    for place in _places(box, width, height, bounds, occupied, gap):
        distance = _distance(place, box) if stays_free(place, occupied, bounds, room) else math.inf
        if distance > reach or any(_distance(place, other) < distance for other in others):
            continue
        if distance <= 2 * gap:
            return place
        if distance < least:
            best, least = place, distance
    return best


def _places(box, width, height, bounds, occupied, gap):
    """Yield places for a panel in the order of preference."""
    columns = box.right + gap, box.x - gap - width
    ends = box.bottom + gap, box.y - gap - height
    corners = [(x, y) for y in (box.y, box.bottom - height) for x in columns]
    corners += [(x, y) for y in ends for x in (box.x, box.right - width)]
    for x, y in corners:
        yield Rectangle(x, y, width, height).inside(bounds)
    for other in heapq.nsmallest(_N_NEIGHBOURS, occupied, key=lambda other: _distance(other, box)):
        for y in (other.bottom + gap, other.y - gap - height):
            for x in (*columns, box.x):
                yield Rectangle(x, y, width, height).inside(bounds)
        for x in (other.right + gap, other.x - gap - width):
            for y in ends:
                yield Rectangle(x, y, width, height).inside(bounds)
    for x in (bounds.right - width, bounds.x):
        for y in (bounds.y, bounds.bottom - height):
            yield Rectangle(x, y, width, height)


def _distance(place, box):
    """Return the distance between the edges of two rectangles in pixels."""
    across = max(place.x - box.right, box.x - place.right, 0)
    down = max(place.y - box.bottom, box.y - place.bottom, 0)
    return math.hypot(across, down)
