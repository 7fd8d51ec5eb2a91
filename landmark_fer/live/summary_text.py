"""What a run saw, in a few lines: frames, faces, and the expressions of each face by their share of its time."""

from collections import Counter
from dataclasses import dataclass, field

from landmark_fer.live.timeline import Timelines

MOST_TRACKS = 8  # that are told, those that were seen for longest
MOST_EXPRESSIONS = 3


@dataclass
class RunSummary:
    """Counts what was seen.

    Attributes
    ----------
    frames, faces : int
    seconds : float
        That the run took, by the clock.
    expressions : Counter
        Faces by expression, or `UNCERTAIN`.
    timelines : Timelines or None
        Of a video; None where single images are read, whose faces have no time.
    hint : str or None
        What could be done better, said at the end.
    """

    frames: int = 0
    faces: int = 0
    seconds: float = 0.0
    expressions: Counter = field(default_factory=Counter)
    timelines: Timelines | None = None
    hint: str | None = None

    def add(self, time_s, seen):
        """Count a frame.

        Parameters
        ----------
        time_s : float
        seen : list of SeenFace
        """
        shown = {face.track_id: face.recognition.expression for face in seen}
        self.frames += 1
        self.faces += len(seen)
        self.expressions.update(shown.values())
        if self.timelines is not None:
            self.timelines.add(time_s, shown)

    def finish(self, seconds):
        """End the count after so many seconds by the clock."""
        self.seconds = seconds
        if self.timelines is not None:
            self.timelines.finish()

    def __str__(self):
        rate = self.frames / self.seconds if self.seconds > 0 else 0.0
        line = f"{self.frames} frames, {self.faces} faces, {rate:.1f} frames/s"
        if self.expressions:
            line = f"{line}; most often {_shares(self.expressions)}"
        lines = self._track_lines() if self.timelines is not None else []
        return "\n".join([line, *lines, *([self.hint] if self.hint else [])])

    def _track_lines(self):
        """Return a line for each of the faces that were seen for longest."""
        seconds = {track_id: track.seconds for track_id, track in self.timelines.tracks.items()}
        longest = sorted(seconds, key=lambda track_id: -seconds[track_id].total())[:MOST_TRACKS]
        lines = [f"  #{each}: {seconds[each].total():.1f} s; {_shares(seconds[each])}" for each in sorted(longest)]
        others = len(seconds) - len(longest) + self.timelines.n_others
        return [*lines, f"  and {others} more, seen for less time"] if others else lines


def _shares(counted):
    total = counted.total()
    return ", ".join(f"{name} {value / total:.0%}" for name, value in counted.most_common(MOST_EXPRESSIONS))
