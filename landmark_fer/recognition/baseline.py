"""A person's resting face as the zero of the measurements.

What it gives is shown beside the answer and does not enter it: docs/decisions/0011-smoothing-and-baseline.md says why.
"""

import math

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure


class NeutralBaseline:
    """Learns what each track measures at rest, and says how far a face has moved from there.

    Nothing is known before `begin` was called, its window has passed, and the track was seen within it. InitialWeights
    anew keeps the older zero of each track until the new window has passed.
    """

    def __init__(self):
        self._begin_s = self._end_s = math.inf
        self._seen = {}
        self._zeros = {}

    @property
    def collecting(self):
        """Whether a window has begun and not yet passed."""
        return self._end_s < math.inf

    def begin(self, time_s, seconds):
        """Take what is seen from a time on, for some seconds, for the resting faces.

        Parameters
        ----------
        time_s : float
            Of the frame with which the window begins.
        seconds : float
            Length of the window.

        Raises
        ------
        InputError
            If the window has no length.
        """
        if not 0 < seconds < math.inf:
            raise InputError(f"seconds of the resting face must be over 0, got {seconds!r}; try 2")
        self._begin_s, self._end_s, self._seen = time_s, time_s + seconds, {}

    def add(self, track_id, recognition, time_s):
        """Take note of a face, if a window has begun; with the first frame after it the zeros are set.

        Parameters
        ----------
        track_id : int
        recognition : Recognition
            Raw or smoothed.
        time_s : float
            When the frame was taken. Where the clock has stepped back to before the window, the window begins anew.
        """
        if not self.collecting:
            return
        if time_s >= self._end_s:
            self._zeros |= {seen: np.median(rows, axis=0) for seen, rows in self._seen.items()}
            self._begin_s = self._end_s = math.inf
            self._seen = {}
            return
        if time_s < self._begin_s:
            self.begin(time_s, self._end_s - self._begin_s)
        self._seen.setdefault(track_id, []).append(measure(recognition.face.landmarks))

    def shift(self, track_id, recognition):
        """Return how far each measurement lies from the track's resting face.

        Parameters
        ----------
        track_id : int
        recognition : Recognition

        Returns
        -------
        dict of str to float, or None
            One for each of `MEASUREMENT_NAMES`, in their order and units; None where the track has no zero.
        """
        zero = self._zeros.get(track_id)
        if zero is None:
            return None
        shifts = measure(recognition.face.landmarks) - zero
        return dict(zip(MEASUREMENT_NAMES, shifts.tolist(), strict=True))

    def forget_but(self, track_ids):
        """Drop what is known of all tracks but these."""
        kept = set(track_ids)
        self._zeros = {track_id: zero for track_id, zero in self._zeros.items() if track_id in kept}
        self._seen = {track_id: rows for track_id, rows in self._seen.items() if track_id in kept}
