"""Explaining while a video runs: not every frame, since an explanation asks the model a hundred times."""

import math
from typing import NamedTuple

EVERY_S = 0.3
AFTER_CHANGE_S = 0.1  # where the answer is another than the one explained


class Explainer:
    """Keeps an explanation for each face that is seen, and makes new ones in turn.

    Parameters
    ----------
    every_s : float, default=0.3
        Time between two explanations of a face, in seconds of the video; less where its answer has changed.
    at_once : int, optional
        How many explanations are made for one image, the longest overdue first; without it all that are due.
    """

    def __init__(self, *, every_s=EVERY_S, at_once=None):
        self.every_s, self.at_once = every_s, at_once
        self._made = {}

    def update(self, seen, time_s):
        """Explain the faces of a image whose turn it is.

        Parameters
        ----------
        seen : list of SeenFace
        time_s : float

        Returns
        -------
        dict of int to Explanation
            The new ones, by track.
        """
        here = {face.track_id for face in seen}
        self._made = {track_id: made for track_id, made in self._made.items() if track_id in here}
        due = sorted((face for face in seen if self._is_due(face, time_s)), key=self._at)
        new = {face.track_id: face.recognition.explain() for face in due[: self.at_once]}
        predictions = {face.track_id: face.recognition.expression for face in seen}
        self._made |= {track_id: _Made(time_s, predictions[track_id], new[track_id]) for track_id in new}
        return new

    @property
    def latest(self):
        """The last explanation of each face that was in the last image, by track."""
        return {track_id: made.explanation for track_id, made in self._made.items()}

    def _at(self, face):
        made = self._made.get(face.track_id)
        return made.time_s if made else -math.inf

    def _is_due(self, face, time_s):
        made = self._made.get(face.track_id)
        if made is None:
            return True
        wait_s = self.every_s if made.prediction == face.recognition.expression else AFTER_CHANGE_S
        return abs(time_s - made.time_s) >= wait_s - 1e-6  # times are sums of frames; a clock may step back


class _Made(NamedTuple):
    """An explanation, when it was made, and the answer that it explains."""

    time_s: float
    prediction: str
    explanation: object
