"""Searching whole pictures for faces beside the film: who looks when, and works while the next picture is followed."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

SEARCH_S = 0.25  # of film between two searches of the whole picture
_SEEK_S = 0.1  # the same while a face is missed
_REST_S = 1.0  # the same while nothing changes outside of the faces that are followed
_ROUNDING_S = 1e-6  # times of pictures are sums


class SearchPlan:
    """Which detector looks through a picture of a film.

    In a quick film the parts of a detector take turns, so that no picture bears the work of a whole search. Where
    nothing but the faces that are followed changed since a part looked, there is no new face: it looks again after a
    second.

    Parameters
    ----------
    detector : Detector
    every : int, optional
        Have each n-th picture searched, and by the detector as a whole.
    """

    def __init__(self, detector, every=None):
        self._detector, self._parts, self._every = detector, detector.parts, every
        self._searched_s, self._scenes, self._pictures_since = None, None, 0  # of each part

    @property
    def begins(self):
        """Whether no picture was searched yet, or none since `begin_anew`."""
        return self._searched_s is None

    def begin_anew(self):
        """Have the next picture searched, whatever was searched before."""
        self._searched_s = None

    def next(self, time_s, look, *, at_once, quick, seeking):
        """Return the detector that the next picture is shown to, None where it is shown to none.

        Parameters
        ----------
        time_s : float
            Of the picture.
        look : callable
            Returns its `Scene`.
        at_once : bool
            Whether all of it must be searched.
        quick : bool
            Whether the picture before is so recent that a part of the search may wait for the next one.
        seeking : bool
            Whether a face is missed.
        """
        self._pictures_since += 1
        pause = _SEEK_S if seeking else SEARCH_S
        if at_once or self.begins or (self._every is not None and self._pictures_since >= self._every):
            return self._all_parts(time_s, pause, look())
        part = self._searched_s.index(min(self._searched_s)) if quick else 0
        waited_s = time_s - self._searched_s[part] + _ROUNDING_S
        if self._every is not None or waited_s < pause:
            return None
        scene = look()
        if not seeking and waited_s < _REST_S and not scene.differs(self._scenes[part]):
            return None
        if not quick:
            return self._all_parts(time_s, pause, scene)
        self._searched_s[part], self._scenes[part] = time_s, scene
        return self._parts[part]

    def _all_parts(self, time_s, pause, scene):
        """Return the detector as a whole; its parts are taken up again at even distances."""
        count, self._pictures_since = len(self._parts), 0
        self._searched_s = [time_s - pause * turn / count for turn in range(count)]
        self._scenes = [scene] * count
        return self._detector


class Search:
    """A picture that is to be searched, is being searched, or was.

    Parameters
    ----------
    find : callable
        Returns a Future of the detector's boxes and scores; called once.
    grey : ndarray of shape (height, width), uint8
    time_s : float
        Of the picture.
    known : list of (Track, Box, Pose)
        The faces that are followed, and where they are in this picture.
    """

    def __init__(self, find, grey, time_s, known):
        self._find, self._answer = find, None
        self.grey, self.time_s, self.known = grey, time_s, known

    def begin(self):
        """Let the detector look, beside what the caller does now; does not wait."""
        if self._answer is None:
            self._answer = self._find(self.grey)

    def boxes(self):
        """Return the faces that the detector sees as (Box, score); waits for it."""
        self.begin()
        return self._answer.result()


class Searcher:
    """Runs detectors in a thread of its own, one picture after another.

    dlib and OpenCV let other threads work meanwhile.
    """

    def __init__(self):
        self._thread = None

    def search(self, detector, grey, time_s, tracks):
        """Return the `Search` of a picture in which some tracks' faces are known; it has not begun.

        Parameters
        ----------
        detector : Detector
        grey : ndarray of shape (height, width), uint8
        time_s : float
        tracks : sequence of Track
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "landmark_fer search", _step_back)
        known = [(track, track.face.box, track.pose) for track in tracks]
        return Search(partial(self._thread.submit, detector.find), grey, time_s, known)

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
