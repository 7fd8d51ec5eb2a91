"""Summary: the sink that writes, at the end, how much of the time each face showed each expression."""

import logging
from pathlib import Path

from landmark_fer.artifact.folders import write_whole
from landmark_fer.core.errors import SinkError
from landmark_fer.core.paths import check_place
from landmark_fer.live.sinks.files import by_suffix, wall_time
from landmark_fer.live.sinks.summary_page import render_summary
from landmark_fer.live.timeline import Timelines

logger = logging.getLogger(__name__)

SUFFIXES = {".html": "HTML", ".htm": "HTML"}


class SummaryWriter:
    """Writes one HTML file when it is closed: shares of time, changes and a timeline for each face.

    It is written beside its place and renamed, and only if there was a frame: a start that fails, and a kill, leave
    what stood there.

    Parameters
    ----------
    path : path-like
        Its suffix is a key of `SUFFIXES`.
    classes : sequence of str
        Expressions that the model tells apart.
    facts : dict, optional
        What the answers were made with, as from `log_facts`; kept on the page.
    frames_per_second : float, optional
        Nominal, of the source: how long the last frame lasts where nothing else tells.

    Attributes
    ----------
    timelines : Timelines
    """

    takes_annotated = False

    def __init__(self, path, classes, *, facts=None, frames_per_second=25.0):
        self.path, self.classes, self.facts = Path(path), tuple(classes), facts
        by_suffix(SUFFIXES, path, "summary")
        check_place(self.path)
        self.timelines = Timelines(1 / frames_per_second)
        self._walls = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.close()
        except SinkError as error:
            if kind is None:
                raise
            logger.warning("%s", error)

    def write(self, frame, seen):
        """Take a frame's answers.

        Parameters
        ----------
        frame : Frame
        seen : sequence of SeenFace
        """
        self._walls = (self._walls[0] if self._walls else frame.wall_s, frame.wall_s)
        self.timelines.add(frame.time_s, {face.track_id: face.recognition.expression for face in seen})

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
        begin, end = (wall_time(wall_s)[:19].replace("T", " ") for wall_s in self._walls)
        title = (self.facts or {}).get("source") or "summary"
        facts = {"classes": self.classes, **(self.facts or {})}
        page = render_summary(self.timelines, title=title, when=f"Looked at from {begin} to {end}, UTC", facts=facts)
        self._walls = None
        try:
            write_whole(self.path, page)
        except OSError as error:
            raise SinkError(f"{self.path} cannot be written ({error.strerror}); give another --summary") from error
