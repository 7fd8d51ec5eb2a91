"""Searching whole pictures for faces, beside the film: the detector works while the next picture is followed."""

import contextlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Search:
    """A picture that is searched.

    Attributes
    ----------
    grey : ndarray of shape (height, width), uint8
    time_s : float
        Of the picture.
    known : list of (Track, Box, Pose)
        The faces that are followed, and where they are in this picture.
    answer : Future
        Of the detector's boxes and scores.
    """

    grey: np.ndarray
    time_s: float
    known: list
    answer: Future

    def boxes(self):
        """Return the faces that the detector sees as (Box, score); waits for it."""
        return self.answer.result()


class Searcher:
    """Runs a detector in a thread of its own, one picture after another.

    dlib and OpenCV let other threads work meanwhile.

    Parameters
    ----------
    detector : detector
        As from `make_detector`.
    """

    def __init__(self, detector):
        self._detector = detector
        self._thread = None

    def begin(self, grey, time_s, tracks):
        """Return a `Search` of a picture in which some tracks' faces are known; does not wait.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        time_s : float
        tracks : sequence of Track
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "landmark_fer search", _step_back)
        known = [(track, track.face.box, track.pose) for track in tracks]
        return Search(grey, time_s, known, self._thread.submit(self._detector.detect, grey))

    def close(self):
        """Wait for the thread and end it."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None


def _step_back():
    """Let this thread take its share of a core, but never at once from another that works: sched(7), SCHED_BATCH."""
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
