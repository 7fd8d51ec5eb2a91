"""Neutral baseline: measurements of a person's neutral face, from which later measurements are subtracted.

The differences are shown next to the prediction and do not change it (docs/decisions/0011-smoothing-and-baseline.md).
"""

import math

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure


class NeutralBaseline:
    """Estimates the neutral measurements of each track and returns how far a face differs from them.

    A track has a baseline after `begin`, if its face was added within the time window. While a new window is open,
    each track keeps its earlier baseline.
    """

    def __init__(self):
        self._begin_s = self._end_s = math.inf
        self._samples = {}
        self._baselines = {}

    @property
    def collecting(self):
        """Whether a time window is open."""
        return self._end_s < math.inf

    def begin(self, time_s, seconds):
        """Open a time window whose faces are taken as neutral.

        Parameters
        ----------
        time_s : float
            Time of the first frame of the window.
        seconds : float
            Length of the window.

        Raises
        ------
        InputError
            If the length is not a positive number.
        """
        if not 0 < seconds < math.inf:
            raise InputError(f"seconds of the neutral baseline must be over 0, got {seconds!r}; try 2")
        self._begin_s, self._end_s, self._samples = time_s, time_s + seconds, {}

    def add(self, track_id, recognition, time_s):
        """Add a face to the open window, or close the window and set the baselines if its time has passed.

        Parameters
        ----------
        track_id : int
        recognition : Recognition
            Raw or smoothed.
        time_s : float
            Time of the frame. If it lies before the window, because the clock stepped back, the window begins again.
        """
        if not self.collecting:
            return
        if time_s >= self._end_s:
            self._baselines |= {track: np.median(rows, axis=0) for track, rows in self._samples.items()}
            self._begin_s = self._end_s = math.inf
            self._samples = {}
            return
        if time_s < self._begin_s:
            self.begin(time_s, self._end_s - self._begin_s)
        self._samples.setdefault(track_id, []).append(measure(recognition.face.landmarks))

    def shift(self, track_id, recognition):
        """Return the difference of each measurement from the track's neutral baseline.

        Parameters
        ----------
        track_id : int
        recognition : Recognition

        Returns
        -------
        dict of str to float, or None
            One for each of `MEASUREMENT_NAMES`, in their order and units; None if the track has no baseline.
        """
        baseline = self._baselines.get(track_id)
        if baseline is None:
            return None
        shifts = measure(recognition.face.landmarks) - baseline
        return dict(zip(MEASUREMENT_NAMES, shifts.tolist(), strict=True))

    def keep_only(self, track_ids):
        """Remove all tracks but these."""
        valid_ids = set(track_ids)
        self._baselines = {track: baseline for track, baseline in self._baselines.items() if track in valid_ids}
        self._samples = {track: rows for track, rows in self._samples.items() if track in valid_ids}
