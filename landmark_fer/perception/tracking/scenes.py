"""What a picture shows beside the faces that are followed: while that stays as it is, no new face has come."""

from dataclasses import dataclass

import numpy as np

_CHANGE = 6.0  # grey levels of a thumbnail's pixel; a sensor's noise changes the mean of so many pixels less
_AROUND = 0.5  # sides of a face's box, on each side: hair and neck move with it


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture's thumbnail and the part of it that followed faces cover.

    Attributes
    ----------
    thumbnail : ndarray of shape (rows, columns), float32
        Less its mean: light that changes everywhere alike is no change.
    covered : ndarray of shape (rows, columns), bool
    """

    thumbnail: np.ndarray
    covered: np.ndarray

    @classmethod
    def of(cls, thumbnail, size, boxes):
        """Return the scene of a picture of a size (width, height) in which faces lie in boxes."""
        covered = np.zeros(thumbnail.shape, dtype=bool)
        across, down = (cells / pixels for cells, pixels in zip(thumbnail.shape[::-1], size, strict=True))
        for box in boxes:
            left, top = box.x - _AROUND * box.width, box.y - _AROUND * box.height
            right, bottom = box.x + (1 + _AROUND) * box.width, box.y + (1 + _AROUND) * box.height
            rows = slice(max(0, round(top * down)), max(0, round(bottom * down)))
            covered[rows, max(0, round(left * across)) : max(0, round(right * across))] = True
        return cls(thumbnail, covered)

    def differs(self, before):
        """Return whether something else changed since another scene than the faces that were and are covered."""
        changed = np.abs(self.thumbnail - before.thumbnail) > _CHANGE
        return bool((changed & ~(self.covered & before.covered)).any())
