"""Timelines of the tracks of a session: of the whole time, of the last seconds, and a summary in text."""

from collections import Counter
from dataclasses import dataclass, field, replace

MAX_GAP_S = 2.0  # between two frames; a longer gap is not counted
MAX_SEGMENTS = 600  # for each track; beyond it, short segments are merged, which a plot does not show
MAX_TRACKS = 100  # with a timeline of their own; beyond it, the shortest only count in the totals


@dataclass
class Segment:
    """A span of time in which a track shows one expression.

    Attributes
    ----------
    begin, end : float
        Seconds since the source began.
    expression : str
        The predicted expression, or `UNCERTAIN`.
    """

    begin: float
    end: float
    expression: str


@dataclass
class TrackTimeline:
    """The timeline of one track.

    Attributes
    ----------
    seconds : Counter
        Time by expression; exact, also where segments are merged.
    reasons : Counter
        Part of the uncertain time, by the reason why the face could not be read.
    changes : int
        How often the expression changes.
    segments : list of Segment
        In temporal order, with gaps where the face is not in sight.
    """

    seconds: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)
    changes: int = 0
    segments: list = field(default_factory=list)
    _last_expression: str | None = None

    def add(self, begin, end, expression, reason=None):
        """Add a span of time after all spans added before."""
        self.seconds[expression] += end - begin
        if reason is not None:
            self.reasons[reason] += end - begin
        self.changes += self._last_expression not in (None, expression)
        last = self.segments[-1] if self.segments else None
        if last is not None and last.expression == expression and begin - last.end < 1e-6:
            last.end = end
        else:
            self.segments.append(Segment(begin, end, expression))
        self._last_expression = expression
        if len(self.segments) > MAX_SEGMENTS:
            self.segments = merge_segments(self.segments, MAX_SEGMENTS // 2)


class Timelines:
    """The timelines of all tracks of a video.

    A prediction holds until the next frame, so that shares are shares of time at any frame rate, even a varying one.

    Parameters
    ----------
    frame_s : float
        Duration of a frame without a successor within `MAX_GAP_S`, until two frames give a better estimate.

    Attributes
    ----------
    tracks : dict of int to TrackTimeline
        By track id.
    others : TrackTimeline
        Seconds, reasons and changes of the tracks beyond `MAX_TRACKS`, without segments.
    n_others : int
        Number of those tracks.
    baselines : dict of int to dict of str to float
        Origins of the neutral baselines of a track, each with the time of its first frame in seconds.
    begin, end : float or None
        Times of the first and the last frame, in seconds; None before the first frame.
    frame_s : float
        Duration of the frame before the last one.
    """

    def __init__(self, frame_s=0.04):
        self.tracks, self.others, self.n_others = {}, TrackTimeline(), 0
        self.baselines = {}
        self.begin = self.end = None
        self.frame_s, self._current, self._reasons = frame_s, {}, {}

    def add(self, time_s, expressions, origins=None, *, reasons=None):
        """Add a frame.

        Parameters
        ----------
        time_s : float
            Seconds since the source began.
        expressions : dict of int to str
            Expression by track id.
        origins : dict of int to str, optional
            Origin of the neutral baseline by track id; tracks without one are left out.
        reasons : dict of int to str or None, optional
            Why a face cannot be read, by track id.
        """
        if self.begin is None:
            self.begin = self.end = time_s
        step_s = time_s - self.end
        if 0 < step_s <= MAX_GAP_S:
            self.frame_s = step_s
        self._count_current_frame()
        self._current, self._reasons, self.end = dict(expressions), dict(reasons or {}), time_s
        for track_id, origin in (origins or {}).items():
            self.baselines.setdefault(track_id, {}).setdefault(origin, time_s)
        self._drop_shortest_tracks()

    def finish(self):
        """Count the last frame."""
        if self.end is not None:
            self._count_current_frame()
            self.end, self._current = self.end + self.frame_s, {}

    def _count_current_frame(self):
        for track_id, expression in self._current.items():
            track, reason = self.tracks.setdefault(track_id, TrackTimeline()), self._reasons.get(track_id)
            track.add(self.end, self.end + self.frame_s, expression, reason)

    def _drop_shortest_tracks(self):
        while len(self.tracks) > MAX_TRACKS and (finished := self.tracks.keys() - self._current.keys()):
            shortest = min(finished, key=lambda track_id: (self.tracks[track_id].seconds.total(), track_id))
            track = self.tracks.pop(shortest)
            self.baselines.pop(shortest, None)
            self.others.seconds.update(track.seconds)
            self.others.reasons.update(track.reasons)
            self.others.changes += track.changes
            self.n_others += 1


def merge_segments(segments, n_cells):
    """Return fewer, longer segments: each cell of a grid over the whole time gets its longest-shown expression.

    Parameters
    ----------
    segments : list of Segment
        In temporal order.
    n_cells : int
        Cells of the grid, and the largest number of segments returned.

    Returns
    -------
    list of Segment
        Gaps of whole cells stay.
    """
    begin = segments[0].begin
    width = (segments[-1].end - begin) / n_cells
    cells = [Counter() for _ in range(n_cells)]
    for segment in segments:
        for cell in range(int((segment.begin - begin) / width), n_cells):
            left = begin + cell * width
            if left >= segment.end:
                break
            cells[cell][segment.expression] += min(segment.end, left + width) - max(segment.begin, left)
    merged = []
    for cell, seconds in enumerate(cells):
        if not seconds:
            continue
        left = begin + cell * width
        expression = max(seconds, key=seconds.get)
        if merged and merged[-1].expression == expression and left - merged[-1].end < width / 2:
            merged[-1].end = left + width
        else:
            merged.append(Segment(left, left + width, expression))
    return merged


HISTORY_S = 30.0
MAX_HISTORY_GAP_S = 1.0  # between two frames; a longer one stays a gap


class History:
    """The segments of each track over the last seconds of a video.

    Parameters
    ----------
    seconds : float, default=30
        Length of the history.

    Attributes
    ----------
    now : float or None
        Time of the last frame; None before the first.
    marks : list of (float, str)
        Times at which an event became current, and its label.
    """

    def __init__(self, seconds=HISTORY_S):
        self.seconds, self.now = seconds, None
        self._segments = {}
        self._current_tracks = set()
        self.marks, self._event = [], None

    def add(self, time_s, faces, event=None):
        """Add a frame. A time before the last frame's clears the history: the video has started again.

        Parameters
        ----------
        time_s : float
        faces : list of RecognizedFace
        event : str, optional
            Label of the current event.
        """
        if self.now is not None and time_s < self.now:
            self._segments, self._current_tracks, self.now, self.marks = {}, set(), None, []
        if self.now is not None and time_s - self.now > MAX_HISTORY_GAP_S:
            self._current_tracks = set()
        for face in faces:
            self._extend(face.track_id, time_s, face.recognition.expression)
        self._current_tracks, self.now = {face.track_id for face in faces}, time_s
        recent = {
            track_id: [segment for segment in segments if segment.end >= self.now - self.seconds]
            for track_id, segments in self._segments.items()
        }
        self._segments = {track_id: segments for track_id, segments in recent.items() if segments}
        if event is not None and event != self._event:
            self.marks.append((time_s, event))
        self._event = event
        self.marks = [mark for mark in self.marks if mark[0] >= self.now - self.seconds]

    def segments(self):
        """Return the segments by track id, ids ascending, oldest first; the oldest is cut to the history's length."""
        begin = None if self.now is None else self.now - self.seconds
        return {
            track_id: [replace(segment, begin=max(segment.begin, begin)) for segment in self._segments[track_id]]
            for track_id in sorted(self._segments)
        }

    def _extend(self, track_id, time_s, expression):
        segments = self._segments.setdefault(track_id, [])
        if track_id in self._current_tracks:
            segments[-1].end = time_s
        if track_id not in self._current_tracks or segments[-1].expression != expression:
            segments.append(Segment(time_s, time_s, expression))


MAX_LISTED_TRACKS = 8  # in the text, those with the most time
MAX_LISTED_EXPRESSIONS = 3


@dataclass
class RunSummary:
    """Counts of a session's frames, faces and expressions; as text, the summary that the command prints.

    Attributes
    ----------
    frames, faces : int
    left_out : int
        Faces that were left out because of their quality.
    seconds : float
        Duration of the run by the clock.
    expressions : Counter
        Faces by expression, `UNCERTAIN` included.
    timelines : Timelines or None
        Timelines of a video; None for single images, which have no duration.
    hint : str or None
        Advice for the next run, as the last line of the text.
    interrupted : bool
        Whether Ctrl-C or another signal ended the run.
    damage : list of str
        Clauses on damage of the video.
    """

    frames: int = 0
    faces: int = 0
    left_out: int = 0
    seconds: float = 0.0
    expressions: Counter = field(default_factory=Counter)
    timelines: Timelines | None = None
    hint: str | None = None
    interrupted: bool = False
    damage: list = field(default_factory=list)

    def add(self, time_s, faces, n_left_out=0):
        """Count a frame.

        Parameters
        ----------
        time_s : float
        faces : list of RecognizedFace
        n_left_out : int, default=0
            Number of further faces, which were left out.
        """
        expressions = {face.track_id: face.recognition.expression for face in faces}
        self.frames += 1
        self.faces += len(faces)
        self.left_out += n_left_out
        self.expressions.update(expressions.values())
        if self.timelines is not None:
            reasons = {face.track_id: face.recognition.reason for face in faces}
            self.timelines.add(time_s, expressions, baseline_origins(faces), reasons=reasons)

    def finish(self, seconds):
        """End the count; the run took so many seconds by the clock."""
        self.seconds = seconds
        if self.timelines is not None:
            self.timelines.finish()

    def __str__(self):
        rate = self.frames / self.seconds if self.seconds > 0 else 0.0
        left_out = f" ({self.left_out} more left out by --min-quality)" if self.left_out else ""
        line = f"{self.frames} frames, {self.faces} faces{left_out}, {rate:.1f} frames/s"
        if self.interrupted:
            line = f"{line}, interrupted"
        if self.expressions:
            line = f"{line}; most often {_shares(self.expressions)}"
        lines = self._track_lines() if self.timelines is not None else []
        return "\n".join([line, *lines, *([self.hint] if self.hint else [])])

    def _track_lines(self):
        """Return a line for each of the tracks with the most time."""
        tracks = self.timelines.tracks
        seconds = {track_id: track.seconds for track_id, track in tracks.items()}
        listed = sorted(seconds, key=lambda track_id: -seconds[track_id].total())[:MAX_LISTED_TRACKS]
        lines = [
            f"  #{each}: {seconds[each].total():.1f} s; {_shares(seconds[each])}"
            f"{_reasons(tracks[each])}{self._baselines(each)}"
            for each in sorted(listed)
        ]
        n_others = len(seconds) - len(listed) + self.timelines.n_others
        return [*lines, f"  and {n_others} more, seen for less time"] if n_others else lines

    def _baselines(self, track_id):
        origins = self.timelines.baselines.get(track_id, {})
        return "".join(f"; baseline {origin} from {time_s:.1f} s" for origin, time_s in origins.items())


def baseline_origins(faces):
    """Return the origin of the neutral baseline by track id, for the faces that have one."""
    return {face.track_id: face.baseline_origin for face in faces if face.baseline is not None}


def _shares(counts):
    total = counts.total()
    return ", ".join(f"{name} {value / total:.0%}" for name, value in counts.most_common(MAX_LISTED_EXPRESSIONS))


def _reasons(track):
    total = track.seconds.total()
    listed = ", ".join(f"{name} {value / total:.0%}" for name, value in track.reasons.most_common())
    return f" ({listed})" if listed else ""
