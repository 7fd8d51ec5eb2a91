"""What was seen in the last seconds: for each track the runs of one expression, kept as frames come."""

from dataclasses import dataclass

SECONDS = 30.0
LONGEST_PAUSE = 1.0  # seconds between frames, beyond which nothing is known of the time between


@dataclass
class Run:
    """A time through which a track showed one expression.

    Attributes
    ----------
    begin, end : float
        Seconds.
    expression : str
        As answered, `UNCERTAIN` too.
    """

    begin: float
    end: float
    expression: str


class History:
    """The last seconds of a video.

    Parameters
    ----------
    seconds : float, default=30
        How long something is remembered.

    Attributes
    ----------
    now : float or None
        Time of the last frame; None before the first.
    """

    def __init__(self, seconds=SECONDS):
        self.seconds = seconds
        self.now = None
        self._runs = {}
        self._shown = set()

    def add(self, time_s, seen):
        """Remember a frame. A time before the last one begins anew: another video, or the same one again.

        Parameters
        ----------
        time_s : float
        seen : list of SeenFace
        """
        if self.now is not None and time_s < self.now:
            self._runs, self._shown, self.now = {}, set(), None
        if self.now is not None and time_s - self.now > LONGEST_PAUSE:
            self._shown = set()
        for face in seen:
            self._extend(face.track_id, time_s, face.recognition.expression)
        self._shown, self.now = {face.track_id for face in seen}, time_s
        kept = {track_id: self._recent(runs) for track_id, runs in self._runs.items()}
        self._runs = {track_id: runs for track_id, runs in kept.items() if runs}

    def runs(self):
        """Return the runs of each track, oldest first, as a dictionary in the order of the tracks' ids.

        Of a run that began earlier only what is remembered is given.
        """
        begin = None if self.now is None else self.now - self.seconds
        return {
            track_id: [Run(max(run.begin, begin), run.end, run.expression) for run in self._runs[track_id]]
            for track_id in sorted(self._runs)
        }

    def _extend(self, track_id, time_s, expression):
        runs = self._runs.setdefault(track_id, [])
        if track_id in self._shown:
            runs[-1].end = time_s
        if track_id not in self._shown or runs[-1].expression != expression:
            runs.append(Run(time_s, time_s, expression))

    def _recent(self, runs):
        return [run for run in runs if run.end >= self.now - self.seconds]
