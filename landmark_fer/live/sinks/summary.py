"""Summary of a session as an HTML page."""

import json
from collections import Counter
from pathlib import Path

from landmark_fer.core.errors import SinkError
from landmark_fer.core.expressions import UNCERTAIN, in_order
from landmark_fer.core.files import atomic_write_text
from landmark_fer.core.paths import check_place
from landmark_fer.core.templates import render_template
from landmark_fer.figures.palette import DARK, EXPRESSION_COLOURS, LIGHT
from landmark_fer.live.event_statistics import BLOCK_S, MIN_BLOCKS, N_DRAWS, EventComparison
from landmark_fer.live.sinks.base import Sink, by_suffix, wall_time
from landmark_fer.live.timeline import Timelines, baseline_origins

SUFFIXES = {".html": "HTML", ".htm": "HTML"}


def render_summary(timelines, *, title, when, facts=None, events=()):
    """Return the page of finished timelines as HTML.

    Parameters
    ----------
    timelines : Timelines
    title : str
        Name of the source.
    when : str
        A sentence on the time of the session.
    facts : dict, optional
        Settings of the session, as from `log_facts`.
    events : sequence of EventStatistics
        Compared in a section of their own, unless there is no event.

    Returns
    -------
    str
    """
    if all(each.label is None for each in events):
        events = ()
    every = [*timelines.tracks.values(), timelines.others]
    return render_template(
        __package__,
        "summary.html",
        timelines=timelines,
        tracks=sorted(timelines.tracks.items()),
        total=sum((track.seconds for track in every), start=Counter()),
        total_reasons=sum((track.reasons for track in every), start=Counter()),
        title=title,
        when=when,
        facts=json.dumps(facts or {}, indent=1, ensure_ascii=False),
        clock=clock,
        colours=EXPRESSION_COLOURS,
        light=LIGHT,
        dark=DARK,
        percent=lambda share: f"{share:.1%}",
        shares_of=_shares,
        events=events,
        event_data=json.dumps(_event_data(events), indent=1, ensure_ascii=False),
        min_blocks=MIN_BLOCKS,
    )


def clock(seconds, *, fine=False):
    """Return seconds as ``m:ss`` or ``h:mm:ss``, with tenths where `fine`."""
    tenths = round(seconds * 10) if fine else 10 * round(seconds)
    hours, rest = divmod(tenths, 36000)
    minutes, rest = divmod(rest, 600)
    text = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{text}:{rest // 10:02}" + (f".{rest % 10}" if fine else "")


def _shares(seconds):
    """Return (expression, seconds, share) of each expression shown, in the order of the expressions, uncertain last."""
    total = seconds.total() or 1.0
    names = [*in_order(seconds), *([UNCERTAIN] if UNCERTAIN in seconds else [])]
    return [(name, seconds[name], seconds[name] / total) for name in names]


def _event_data(events):
    """Return the statistics of events as JSON values."""
    return {"block_s": BLOCK_S, "draws": N_DRAWS, "level": 0.95, "events": [each.to_dict() for each in events]}


class SummaryWriter(Sink):
    """Writes one HTML file when it is closed: shares of time, changes and a timeline for each face, and events.

    The file is replaced in one step, and only if there was a frame: a failed start or a kill leaves an earlier file.

    Parameters
    ----------
    path : path-like
        Its suffix is a key of `SUFFIXES`.
    classes : sequence of str
        Expressions that the model predicts.
    facts : dict, optional
        Settings of the session, as from `log_facts`; shown on the page.
    frames_per_second : float, default=25
        Nominal frame rate of the source, for the duration of the last frame.

    Attributes
    ----------
    timelines : Timelines
    """

    def __init__(self, path, classes, *, facts=None, frames_per_second=25.0):
        self.path, self.classes, self.facts = Path(path), tuple(classes), facts
        by_suffix(SUFFIXES, path, "summary")
        check_place(self.path)
        self.timelines, self._comparison = Timelines(1 / frames_per_second), EventComparison(classes)
        self._walls = None

    def write(self, frame, faces=(), explanations=None):
        """Add a frame to the timelines."""
        self._walls = (self._walls[0] if self._walls else frame.wall_s, frame.wall_s)
        shown = {face.track_id: face.recognition for face in faces}
        expressions = {track_id: each.expression for track_id, each in shown.items()}
        reasons = {track_id: each.reason for track_id, each in shown.items()}
        self.timelines.add(frame.time_s, expressions, baseline_origins(faces), reasons=reasons)
        self._comparison.add(frame, faces, previous_s=self.timelines.frame_s)

    def close(self):
        """Write the page.

        Raises
        ------
        SinkError
            If it cannot be written.
        """
        if self._walls is None:
            return
        self.timelines.finish()
        self._comparison.finish(self.timelines.frame_s)
        begin, end = (wall_time(wall_s)[:19].replace("T", " ") for wall_s in self._walls)
        title = (self.facts or {}).get("source") or "summary"
        facts = {"classes": self.classes, **(self.facts or {})}
        when, events = f"Recorded from {begin} to {end}, UTC", self._comparison.statistics()
        page = render_summary(self.timelines, title=title, when=when, facts=facts, events=events)
        self._walls = None
        try:
            atomic_write_text(self.path, page)
        except OSError as error:
            raise SinkError(f"{self.path} cannot be written ({error.strerror}); give another --summary") from error
