"""The neutral baseline of each track of a video."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from landmark_fer.core.errors import InputError
from landmark_fer.recognition.baseline import Baseline

if TYPE_CHECKING:
    from landmark_fer.recognition.recognizer import Recognizer
    from landmark_fer.recognition.results import Recognition


class TrackBaselines:
    """Collects the neutral baseline of each track, in a time window that the user opens.

    A track has a baseline after `begin`, if its face was added within the time window. While a new window is open,
    each track keeps its earlier baseline. No track gets that of another.

    Parameters
    ----------
    recognizer : Recognizer, optional
        The one that makes the recognitions; without it the baselines have measurements only.
    """

    def __init__(self, recognizer: "Recognizer | None" = None) -> None:
        self._recognizer = recognizer
        self._begin_s = self._end_s = math.inf
        self._samples: dict[int, list[Any]] = {}
        self._baselines: dict[int, Baseline] = {}

    @property
    def collecting(self) -> bool:
        """Whether a time window is open."""
        return self._end_s < math.inf

    def begin(self, time_s: float, seconds: float) -> None:
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

    def add(self, track_id: int, recognition: "Recognition", time_s: float) -> None:
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
            self._baselines |= {track: self._baseline(samples) for track, samples in self._samples.items()}
            self._begin_s = self._end_s = math.inf
            self._samples = {}
            return
        if time_s < self._begin_s:
            self.begin(time_s, self._end_s - self._begin_s)
        self._samples.setdefault(track_id, []).append((time_s, recognition))

    def get(self, track_id: int) -> Baseline | None:
        """Return the baseline of a track; None if it has none."""
        return self._baselines.get(track_id)

    def shift(self, track_id: int, recognition: "Recognition") -> dict[str, float] | None:
        """Return the difference of each measurement from the track's baseline.

        Parameters
        ----------
        track_id : int
        recognition : Recognition

        Returns
        -------
        dict of str to float, or None
            One for each of `MEASUREMENT_NAMES`, in their order and units; None if the track has no baseline.
        """
        baseline = self.get(track_id)
        return None if baseline is None else baseline.shift(recognition.face.landmarks)

    def keep_only(self, track_ids: Sequence[int]) -> None:
        """Remove all tracks but these."""
        valid_ids = set(track_ids)
        self._baselines = {track: baseline for track, baseline in self._baselines.items() if track in valid_ids}
        self._samples = {track: samples for track, samples in self._samples.items() if track in valid_ids}

    def _baseline(self, samples):
        times, recognitions = zip(*samples, strict=True)
        return Baseline.from_recognitions(recognitions, self._recognizer, seconds=times[-1] - times[0])
