"""Cuts: where a film goes from one shot to another."""

import cv2
import numpy as np

_SAMPLES = (128, 96)  # pixels taken of a picture, then averaged to a thumbnail
_THUMBNAIL = (32, 24)
_LEVELS = 16
_LEAST_CHANGE = 6.0  # mean grey levels: less is noise, and in the dark nothing correlates with anything

# Least correlation of thumbnails within a shot, and the same where the shares of the grey levels changed, too. On a
# stage filmed with a moving camera they fell to 0.6 within shots, with a fast walk across the picture to 0.4; at cuts
# they were under 0.2.
_ALIKE, _ALIKE_RELIT = 0.25, 0.5
_RELIT = 0.15


class CutFinder:
    """Tells whether a picture begins a new shot, from its thumbnail and that of the picture before."""

    def __init__(self):
        self._shape, self._thumbnail, self._shares = None, None, None

    def is_cut(self, grey):
        """Return whether a picture shows something else than the one before; the first one never does.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
            The next picture of the film.

        Returns
        -------
        bool
        """
        samples = cv2.resize(grey, _SAMPLES, interpolation=cv2.INTER_NEAREST)
        thumbnail = cv2.resize(samples, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        shares = np.bincount((samples // (256 // _LEVELS)).ravel(), minlength=_LEVELS) / samples.size
        before = self._shape, self._thumbnail, self._shares
        self._shape, self._thumbnail, self._shares = grey.shape, thumbnail, shares
        if before[0] is None:
            return False
        if before[0] != grey.shape:
            return True
        return _differ(thumbnail - thumbnail.mean(), before[1] - before[1].mean(), np.abs(shares - before[2]).sum() / 2)


def _differ(now, before, moved_shares):
    if np.abs(now - before).mean() < _LEAST_CHANGE:
        return False
    spread = np.sqrt((now**2).sum() * (before**2).sum())
    alike = float((now * before).sum() / spread) if spread > 0 else 0.0
    return alike < (_ALIKE_RELIT if moved_shares > _RELIT else _ALIKE)
