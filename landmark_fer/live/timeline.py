"""Timeline of a session and its summary in text."""

from collections import Counter
from dataclasses import dataclass, field

LONGEST_PAUSE_S = 2.0  # between two frames; of a longer time nothing is known, and none of it is counted
MOST_SEGMENTS = 600  # of a track; beyond, short ones are merged: a image of it shows no more
MOST_TRACKS = 100  # with a timeline of their own; beyond, the briefest are only counted


@dataclass
class Segment:
    """A time through which a face showed one expression.

    Attributes
    ----------
    begin, end : float
        Seconds since the source began.
    expression : str
        As answered, `UNCERTAIN` too.
    """

    begin: float
    end: float
    expression: str


@dataclass
class Track:
    """What one face showed.

    Attributes
    ----------
    seconds : Counter
        Time by expression; exact, whatever was merged in the segments.
    changes : int
        How often the answer changed.
    segments : list of Segment
        In their order; not while the face was away.
    """

    seconds: Counter = field(default_factory=Counter)
    changes: int = 0
    segments: list = field(default_factory=list)
    _last: str | None = None

    def add(self, begin, end, expression):
        """Count a time that follows on those before."""
        self.seconds[expression] += end - begin
        self.changes += self._last not in (None, expression)
        last = self.segments[-1] if self.segments else None
        if last is not None and last.expression == expression and begin - last.end < 1e-6:
            last.end = end
        else:
            self.segments.append(Segment(begin, end, expression))
        self._last = expression
        if len(self.segments) > MOST_SEGMENTS:
            self.segments = merged(self.segments, MOST_SEGMENTS // 2)


class Timelines:
    """The timelines of a video, frame by frame.

    A face shows what was answered until the next frame says otherwise, so that shares are shares of time at any frame
    rate, an uneven one too.

    Parameters
    ----------
    frame_s : float
        How long a frame lasts that no other follows within `LONGEST_PAUSE_S`, as long as no two frames have told.

    Attributes
    ----------
    tracks : dict of int to Track
        By track id.
    others : Track
        Seconds and changes of the tracks that were too many, without their segments.
    n_others : int
        How many those are.
    begin, end : float or None
        Of the video, in seconds; None before the first frame.
    """

    def __init__(self, frame_s=0.04):
        self.tracks, self.others, self.n_others = {}, Track(), 0
        self.begin = self.end = None
        self._frame_s, self._shown = frame_s, {}

    def add(self, time_s, expressions):
        """Take a frame.

        Parameters
        ----------
        time_s : float
            Seconds since the source began.
        expressions : dict of int to str
            Answer by track id.
        """
        if self.begin is None:
            self.begin = self.end = time_s
        step = time_s - self.end
        if 0 < step <= LONGEST_PAUSE_S:
            self._frame_s = step
        self._count_shown()
        self._shown, self.end = dict(expressions), time_s
        self._forget_the_briefest()

    def finish(self):
        """Count the last frame."""
        if self.end is not None:
            self._count_shown()
            self.end, self._shown = self.end + self._frame_s, {}

    def _count_shown(self):
        for track_id, expression in self._shown.items():
            self.tracks.setdefault(track_id, Track()).add(self.end, self.end + self._frame_s, expression)

    def _forget_the_briefest(self):
        while len(self.tracks) > MOST_TRACKS and (gone := self.tracks.keys() - self._shown.keys()):
            briefest = min(gone, key=lambda track_id: (self.tracks[track_id].seconds.total(), track_id))
            track = self.tracks.pop(briefest)
            self.others.seconds.update(track.seconds)
            self.others.changes += track.changes
            self.n_others += 1


def merged(segments, cells):
    """Return segments as they look through a grid: in each cell what is shown longest; gaps of whole cells stay.

    Parameters
    ----------
    segments : list of Segment
        In their order.
    cells : int
        Into which their whole time is cut; at most so many segments are returned.

    Returns
    -------
    list of Segment
    """
    begin = segments[0].begin
    width = (segments[-1].end - begin) / cells
    held = [Counter() for _ in range(cells)]
    for segment in segments:
        for cell in range(int((segment.begin - begin) / width), cells):
            left = begin + cell * width
            if left >= segment.end:
                break
            held[cell][segment.expression] += min(segment.end, left + width) - max(segment.begin, left)
    coarse = []
    for cell, shares in enumerate(held):
        if not shares:
            continue
        left = begin + cell * width
        expression = max(shares, key=shares.get)
        if coarse and coarse[-1].expression == expression and left - coarse[-1].end < width / 2:
            coarse[-1].end = left + width
        else:
            coarse.append(Segment(left, left + width, expression))
    return coarse


MOST_LISTED_TRACKS = 8  # that are told, those that were seen for longest
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
        seen : list of RecognizedFace
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
        longest = sorted(seconds, key=lambda track_id: -seconds[track_id].total())[:MOST_LISTED_TRACKS]
        lines = [f"  #{each}: {seconds[each].total():.1f} s; {_shares(seconds[each])}" for each in sorted(longest)]
        others = len(seconds) - len(longest) + self.timelines.n_others
        return [*lines, f"  and {others} more, seen for less time"] if others else lines


def _shares(counted):
    total = counted.total()
    return ", ".join(f"{name} {value / total:.0%}" for name, value in counted.most_common(MOST_EXPRESSIONS))
