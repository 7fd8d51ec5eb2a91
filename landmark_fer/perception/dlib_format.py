"""Reading the file of a dlib shape predictor, without dlib, which takes a second for it and lets nobody else work.

dlib packs each number as a control byte, whose low half is the count of bytes that follow (least significant first)
and whose highest bit is the sign; a float is two of them, mantissa and power of two (dlib/serialize.h and
dlib/image_processing/shape_predictor.h, version 1). Where a number begins is known only once the one before it is.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

_PART = 16_000_000  # bytes of the file whose numbers are found together
_LANES = 1024  # places of a part from which they are looked for at the same time
_STRIDE = 256  # steps between two looks whether all have arrived
_VERSION = 1
_LARGEST = 1_000_000  # of any count in a sound file
_MOST_PIXELS = 32_767  # of a cascade: their numbers are kept in 16 bits


class FormatError(ValueError):
    """The file is no shape predictor, or one of a form that is not known."""


@dataclass(frozen=True, eq=False)
class Forests:
    """What a file holds: in each of c cascades t trees of s splits and s + 1 leaves, and p pixels that they compare.

    Attributes
    ----------
    initial : ndarray of shape (n, 2), float32
        The mean shape, in sides of the box.
    firsts, seconds : ndarray of shape (c, t, s), int64
        The two pixels of each split; it goes left, to split 2 i + 1, where their difference exceeds the threshold.
    thresholds : ndarray of shape (c, t, s), float32
    leaves : ndarray of shape (c, t, s + 1, 2 n), float32
        What each adds to the shape x0, y0, x1, ...
    anchors : ndarray of shape (c, p), int64
        The landmark beside which each pixel lies.
    deltas : ndarray of shape (c, p, 2), float32
        Where it lies from there, in the mean shape.
    """

    initial: np.ndarray
    firsts: np.ndarray
    seconds: np.ndarray
    thresholds: np.ndarray
    leaves: np.ndarray
    anchors: np.ndarray
    deltas: np.ndarray


def read_forests(path):
    """Return the `Forests` of a file.

    Raises
    ------
    FormatError
        If it is no shape predictor, or its trees are not all of one depth.
    """
    numbers = _Numbers(np.fromfile(path, dtype=np.uint8))
    if numbers.integer() != _VERSION:
        raise FormatError("not a shape predictor of version 1")
    initial = _matrix(numbers)
    cascades = [_trees(numbers, len(initial)) for _ in range(numbers.count())]
    anchors = [numbers.integers(numbers.count()) for _ in range(numbers.count())]
    deltas = [numbers.floats(2 * numbers.count()).reshape(-1, 2) for _ in range(numbers.count())]
    if not numbers.at_end:
        raise FormatError("something follows the last number")
    try:
        trees = [np.stack(parts) for parts in zip(*cascades, strict=True)]
        forests = Forests(initial.reshape(-1, 2), *trees, np.stack(anchors), np.stack(deltas))
    except ValueError as error:
        raise FormatError("the cascades are not all of one form") from error
    _check(forests)
    return forests


class _Numbers:
    """The numbers of a file, one after another."""

    def __init__(self, data):
        if not len(data):
            raise FormatError("the file is empty")
        self._data, self._sizes, self._at, self._byte = data, _sizes(data), 0, 0

    @property
    def at_end(self):
        return self._at == len(self._sizes)

    def integers(self, count):
        """Return the next integers, int64."""
        sizes = self._sizes[self._at : self._at + count]
        if len(sizes) < count:
            raise FormatError("the file ends too early")
        ends = self._byte + np.cumsum(sizes, dtype=np.int64) + np.arange(1, count + 1)
        starts = ends - sizes - 1
        self._at, self._byte = self._at + count, int(ends[-1])
        control = self._data[starts]
        if sizes.max(initial=0) > 8 or (control & 0x70).any():
            raise FormatError("something in it is no number")
        values = np.zeros(count, np.int64)
        for byte in range(sizes.max(initial=0)):
            there = np.where(sizes > byte, self._data.take(starts + (1 + byte), mode="clip"), 0)
            values |= there.astype(np.int64) << (8 * byte)
        return np.where(control & 0x80, -values, values)

    def floats(self, count):
        """Return the next floating-point numbers, float32."""
        return _floats(self.integers(2 * count))

    def integer(self):
        return int(self.integers(1)[0])

    def count(self):
        """Return the next integer, which counts what follows."""
        count = self.integer()
        if not 0 < count <= _LARGEST:
            raise FormatError(f"{count} is no count")
        return count


def _floats(pairs):
    """Return the numbers of which the last axis holds mantissa and power of two in turn."""
    return np.ldexp(pairs[..., ::2].astype(np.float64), pairs[..., 1::2].astype(np.int32)).astype(np.float32)


def _matrix(numbers):
    """Return a column, which dlib writes as minus its height, minus its width, and its values."""
    height, width = -numbers.integers(2)
    if width != 1 or not 0 < height <= _LARGEST or height % 2:
        raise FormatError("the mean shape is no column of coordinates")
    return numbers.floats(int(height))


def _trees(numbers, n_coordinates):
    """Return a cascade's splits (first, second, threshold) and leaves, each as in `Forests` but for its first axis."""
    n_trees, n_splits = numbers.count(), numbers.count()
    n_leaves, of_leaf = n_splits + 1, 2 + 2 * n_coordinates
    # The first tree's count of splits is read already, and one is missing at the end.
    rows = numbers.integers(n_trees * (2 + 4 * n_splits + n_leaves * of_leaf) - 1)
    rows = np.concatenate([[n_splits], rows]).reshape(n_trees, -1)
    splits = rows[:, 1 : 1 + 4 * n_splits].reshape(n_trees, n_splits, 4)
    leaves = rows[:, 2 + 4 * n_splits :].reshape(n_trees, n_leaves, of_leaf)
    counts = rows[:, 0] == n_splits, rows[:, 1 + 4 * n_splits] == n_leaves, leaves[..., :2] == (-n_coordinates, -1)
    if not all(count.all() for count in counts):
        raise FormatError("the trees are not all of one form")
    firsts, seconds = splits[..., 0].copy(), splits[..., 1].copy()  # a view would keep all rows in memory
    return firsts, seconds, _floats(splits[..., 2:])[..., 0], _floats(leaves[..., 2:])


def _check(forests):
    """Raise FormatError unless everything that a tree refers to is there."""
    n_pixels, n_splits = forests.anchors.shape[1], forests.firsts.shape[-1]
    if (n_splits + 1) & n_splits or not forests.leaves.shape[0] == len(forests.anchors) == len(forests.deltas):
        raise FormatError("the trees are not full, or the cascades not all there")
    limits = (forests.firsts, n_pixels), (forests.seconds, n_pixels), (forests.anchors, len(forests.initial))
    if any(part.min() < 0 or part.max() >= limit for part, limit in limits):
        raise FormatError("a tree refers to what is not there")
    if forests.deltas.shape != (*forests.anchors.shape, 2) or n_pixels > _MOST_PIXELS:
        raise FormatError(f"a pixel has no place, or there are more than {_MOST_PIXELS} in a cascade")
    if not all(np.isfinite(part).all() for part in (forests.initial, forests.leaves, forests.deltas)):
        raise FormatError("a number is not finite")


def _sizes(data):
    """Return how many bytes follow the control byte of each number of a file, shape (n,), uint8."""
    found, begin = [], 0
    while begin < len(data):
        part = data[begin : begin + _PART]
        starts, next_start = _starts(part)
        found.append(part[starts] & 15)
        begin += next_start
    return np.concatenate(found)


def _starts(data):
    """Return where the numbers of a part of a file begin, shape (n,), int32, and where the next after them does.

    The first begins where the part does. Whoever begins anywhere and goes from control byte to control byte soon steps
    on the same ones as from the beginning. So all stretches of the part are walked at once, and each is joined to the
    next where its own walk, carried on, meets the other's.
    """
    # Beyond the end a walk stands still.
    lengths = np.concatenate([(data & 15) + np.uint8(1), np.zeros(16, np.uint8)])
    bounds = np.linspace(0, len(data), min(_LANES, len(data)) + 1).astype(np.int64)
    at, steps = bounds[:-1], []
    while (at < bounds[1:]).any():
        for _ in range(_STRIDE):
            steps.append(at.astype(np.int32))
            at = at + lengths.take(at)
    steps.append(at.astype(np.int32))
    lanes = np.ascontiguousarray(np.stack(steps).T)
    found, begin, position = [], 0, 0
    for lane, end, following in zip(lanes, bounds[1:].tolist(), [*lanes[1:], None], strict=True):
        last = max(begin, bisect_left(lane, end))  # they may have met beyond it
        found.append(lane[begin:last])
        position, joining = int(lane[last]), []
        while following is not None and position < len(data):
            begin = bisect_left(following, position)
            if begin == len(following):
                raise FormatError("its numbers cannot be told apart")
            if following[begin] == position:
                break
            joining.append(position)
            position += int(lengths[position])
        found.append(np.array(joining, dtype=np.int32))
        if position >= len(data):
            break
    return np.concatenate(found), position
