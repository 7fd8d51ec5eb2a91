"""What a video shows: where another shot begins, and whether anything changed beside the faces that are followed."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

_SAMPLES = (128, 96)  # pixels taken of a image, then averaged to a thumbnail
_THUMBNAIL = (32, 24)
_LEVELS = 16
_LEAST_CHANGE = 6.0  # mean grey levels: less is noise, and in the dark nothing correlates with anything

# Least correlation of thumbnails within a shot, and the same where the shares of the grey levels changed, too. On a
# stage filmed with a moving camera they fell to 0.6 within shots, with a fast walk across the image to 0.4; at cuts
# they were under 0.2.
_ALIKE, _ALIKE_RELIT = 0.25, 0.5
_RELIT = 0.15

_CHANGE = 6.0  # grey levels of a thumbnail's pixel; a sensor's noise changes the mean of so many pixels less
_AROUND = 0.5  # sides of a face's box, on each side: hair and neck move with it


class CutFinder:
    """Tells whether a image begins a new shot, from its thumbnail and that of the image before."""

    def __init__(self):
        self._shape, self._samples, self._thumbnail = None, None, None

    @property
    def thumbnail(self):
        """The newest image's, less its mean, shape (24, 32), float32."""
        return self._thumbnail

    def is_cut(self, grey):
        """Return whether a image shows something else than the one before; the first one never does.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
            The next image of the video.

        Returns
        -------
        bool
        """
        samples = cv2.resize(grey, _SAMPLES, interpolation=cv2.INTER_NEAREST)
        thumbnail = cv2.resize(samples, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        thumbnail -= thumbnail.sum() / thumbnail.size
        shape, samples_before, before = self._shape, self._samples, self._thumbnail
        self._shape, self._samples, self._thumbnail = grey.shape, samples, thumbnail
        if shape != grey.shape:
            return shape is not None
        if cv2.norm(thumbnail, before, cv2.NORM_L1) < _LEAST_CHANGE * thumbnail.size:
            return False
        relit = np.abs(_shares(samples) - _shares(samples_before)).sum() / 2 > _RELIT
        return _correlation(thumbnail, before) < (_ALIKE_RELIT if relit else _ALIKE)


def _shares(samples):
    """Return how many of the pixels have each of a few grey levels, of all."""
    return np.bincount((samples // (256 // _LEVELS)).ravel(), minlength=_LEVELS) / samples.size


def _correlation(now, before):
    """Return the correlation of centred thumbnails; 0 where one is even."""
    spread = math.sqrt(float((now**2).sum() * (before**2).sum()))
    return float((now * before).sum()) / spread if spread > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """A image's thumbnail and the part of it that followed faces cover.

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
        """Return the scene of a image of a size (width, height) in which faces lie in boxes."""
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
