"""Takes from labelled time spans of a video: reads the spans and records the faces in them."""

import itertools
import math
import os
from dataclasses import dataclass
from pathlib import Path

from landmark_fer.collect.takes import MIN_FACES, Recorder
from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, find_expression
from landmark_fer.datasets.collection_writer import checked_subject
from landmark_fer.datasets.readers.csv_files import Columns, csv_rows

COLUMNS = ("start_s", "end_s", "expression")

_ALIASES = {name: (name,) for name in (*COLUMNS, "subject")}
_RULE = f"the columns {', '.join(COLUMNS)} and a row for each span"


@dataclass(frozen=True)
class Span:
    """A labelled part of a video, in seconds; the end is exclusive."""

    start_s: float
    end_s: float
    expression: str
    subject: str

    def overlaps(self, start_s, end_s):
        """Return whether the span shares time with another."""
        return self.start_s < end_s and start_s < self.end_s

    def __str__(self):
        return f"{self.subject}, {self.expression}, {self.start_s:g} to {self.end_s:g} s"


def read_spans(path, *, subject):
    """Return the spans in a csv file with the columns ``start_s, end_s, expression`` and optionally ``subject``.

    Parameters
    ----------
    path : path-like
    subject : str
        Subject of rows that name none.

    Returns
    -------
    list of Span
        In the order of time.

    Raises
    ------
    DataError
        If the file or a row is invalid, or two spans overlap.
    """
    if not os.path.isfile(path):
        raise DataError(f"{path} is not a file; give a csv with {_RULE}")
    rows = csv_rows(path)
    columns = Columns(next((row.cells for row in rows), []), _ALIASES)
    columns.check(COLUMNS, source=path, rule=_RULE)
    filled = [row for row in rows if any(row.cells)]
    if not filled:
        raise DataError(f"{path} must have {_RULE}, and has no such row; see docs/own_model.md")
    spans = sorted((_read_span(path, row, columns, subject) for row in filled), key=lambda span: span.start_s)
    for first, second in itertools.pairwise(spans):
        if first.overlaps(second.start_s, second.end_s):
            raise DataError(
                f"spans must not overlap, and in {Path(path).name} {first.expression} ({first.start_s:g} to "
                f"{first.end_s:g} s) and {second.expression} (from {second.start_s:g} s) do; shorten one"
            )
    return spans


def _read_span(path, row, columns, subject):
    where = f"{row.where} of {path}"
    if problem := columns.problem_of(row.cells, optional=("subject",)):
        raise DataError(f"{where} {problem}; correct it")
    cells = columns.cells_of(row.cells)
    start_s, end_s = (_parse_seconds(cells[name]) for name in COLUMNS[:2])
    if not 0 <= start_s < end_s < math.inf:
        actual = f"{cells['start_s']!r} to {cells['end_s']!r}"
        raise DataError(f"{where} must have seconds with 0 <= start_s < end_s, got {actual}; correct it")
    expression = find_expression(cells["expression"])
    if expression is None:
        names = ", ".join(EXPRESSIONS)
        raise DataError(f"{where} must name an expression ({names}), got {cells['expression']!r}; correct it")
    try:
        return Span(start_s, end_s, expression, checked_subject(cells.get("subject") or subject))
    except InputError as error:
        raise DataError(f"{where}: {error}") from error


def _parse_seconds(text):
    try:
        return float(text)
    except ValueError:
        return math.nan


def collect_spans(frames, follower, spans, collection, *, settings, source, keep_images=False):
    """Store a take for each span of a video; yield a message about each span as soon as it is done.

    Spans that already have a take are skipped, so that running the same command again continues a stopped run.

    Parameters
    ----------
    frames : iterable of Frame
    follower : FaceFollower
    spans : list of Span
        In the order of time.
    collection : Collection
        Open.
    settings : ExtractorSettings
    source : str
        Name that identifies the video.
    keep_images : bool, default=False

    Yields
    ------
    str
    """
    stored = [take for take in collection.takes() if take["source"] == source]
    pending = [span for span in spans if not any(_is_take_of(take, span) for take in stored)]
    for span in spans:
        if span not in pending:
            yield f"{span}: stored already"
    recorder = Recorder(settings, keep_images=keep_images)
    for frame in frames if pending else ():
        followed = follower.follow(frame.image, time_s=frame.time_s)
        while pending and frame.time_s >= pending[0].end_s:
            yield _store(pending.pop(0), recorder, collection, source)
            recorder = Recorder(settings, keep_images=keep_images)
        if not pending:
            break
        if frame.time_s >= pending[0].start_s:
            recorder.add(frame, followed)
    for span in pending:
        yield _store(span, recorder, collection, source)
        recorder = Recorder(settings, keep_images=keep_images)


def _store(span, recorder, collection, source):
    if not recorder.is_complete:
        faces = f"{len(recorder)} faces were detected" if len(recorder) else "no face was detected"
        return f"{span}: not stored, because {faces} and a take needs {MIN_FACES}"
    records, frames, images = recorder.data()
    take = collection.add(span.subject, span.expression, records, frames, source=source, images=images)
    return f"{span}: {take['faces']} faces, round {take['round']}"


def _is_take_of(take, span):
    same = (take["subject"], take["expression"]) == (span.subject, span.expression)
    return same and span.overlaps(take["begin_s"], max(take["end_s"], take["begin_s"] + 1e-3))
