"""Labelled spans of a video, and the faces in them."""

import itertools
import math
import os
from dataclasses import dataclass
from pathlib import Path

from landmark_fer.collect.recorder import FEWEST_FACES, Recorder
from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, find_expression
from landmark_fer.datasets.collection import checked_subject
from landmark_fer.datasets.readers.csv_files import Columns, csv_rows

COLUMNS = ("start_s", "end_s", "expression")

_NAMES = {name: (name,) for name in (*COLUMNS, "subject")}
_RULE = f"the columns {', '.join(COLUMNS)} and a row for each span"


@dataclass(frozen=True)
class Span:
    """A part of a video, in seconds; the end is no part of it."""

    start_s: float
    end_s: float
    expression: str
    subject: str

    def overlaps(self, start_s, end_s):
        """Return whether it shares time with another part."""
        return self.start_s < end_s and start_s < self.end_s


def read_spans(path, *, subject):
    """Return the spans of a csv file with the columns ``start_s, end_s, expression`` and perhaps ``subject``, in order.

    Parameters
    ----------
    path : path-like
    subject : str
        Of rows that name none.

    Raises
    ------
    DataError
        If the file or a row is not as it must be, or two spans overlap.
    """
    if not os.path.isfile(path):
        raise DataError(f"{path} is no file; give a csv with {_RULE}")
    rows = csv_rows(path)
    columns = Columns(next((row.cells for row in rows), []), _NAMES)
    columns.check(COLUMNS, source=path, rule=_RULE)
    filled = [row for row in rows if any(row.cells)]
    if not filled:
        raise DataError(f"{path} must have {_RULE}, and has no such row; see docs/collect.md")
    spans = sorted((_span(path, row, columns, subject) for row in filled), key=lambda span: span.start_s)
    for first, second in itertools.pairwise(spans):
        if first.overlaps(second.start_s, second.end_s):
            raise DataError(
                f"spans must not overlap, and in {Path(path).name} {first.expression} ({first.start_s:g} to "
                f"{first.end_s:g} s) and {second.expression} (from {second.start_s:g} s) do; shorten one"
            )
    return spans


def _span(path, row, columns, subject):
    """Return the span of a row; raise DataError naming its line if it is none."""
    place = f"{row.where} of {path}"
    if problem := columns.problem_of(row.cells, optional=("subject",)):
        raise DataError(f"{place} {problem}; mend it")
    of = columns.cells_of(row.cells)
    start_s, end_s = (_seconds(of[name]) for name in COLUMNS[:2])
    if not 0 <= start_s < end_s < math.inf:
        came = f"{of['start_s']!r} to {of['end_s']!r}"
        raise DataError(f"{place} must have seconds with 0 <= start_s < end_s, got {came}; mend it")
    expression = find_expression(of["expression"])
    if expression is None:
        raise DataError(
            f"{place} must name an expression ({', '.join(EXPRESSIONS)}), got {of['expression']!r}; mend it"
        )
    try:
        return Span(start_s, end_s, expression, checked_subject(of.get("subject") or subject))
    except InputError as error:
        raise DataError(f"{place}: {error}") from error


def _seconds(text):
    try:
        return float(text)
    except ValueError:
        return math.nan


def collect_spans(frames, follower, spans, collection, *, settings, source, keep_images=False):
    """Keep a take for each span of a video, and yield a sentence on each as soon as it is done.

    Spans of which there is a take already are left out, so that a run that was stopped is taken up again by the same
    command.

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
        What tells this video from others.
    keep_images : bool, default=False

    Yields
    ------
    str
    """
    known = [take for take in collection.takes() if take["source"] == source]
    waiting = [span for span in spans if not any(_is_take_of(take, span) for take in known)]
    for span in spans:
        if span not in waiting:
            yield f"{_words(span)}: there already"
    recorder = Recorder(settings, keep_images=keep_images)
    for frame in frames if waiting else ():
        followed = follower.follow(frame.image, time_s=frame.time_s)
        while waiting and frame.time_s >= waiting[0].end_s:
            yield _finish(waiting.pop(0), recorder, collection, source)
            recorder = Recorder(settings, keep_images=keep_images)
        if not waiting:
            break
        if frame.time_s >= waiting[0].start_s:
            recorder.add(frame, followed)
    for span in waiting:
        yield _finish(span, recorder, collection, source)
        recorder = Recorder(settings, keep_images=keep_images)


def _finish(span, recorder, collection, source):
    if not recorder.enough:
        seen = f"{len(recorder)} faces were seen" if len(recorder) else "no face was seen"
        return f"{_words(span)}: not kept, because {seen} and a take needs {FEWEST_FACES}"
    records, frames, images = recorder.take()
    take = collection.add(span.subject, span.expression, records, frames, source=source, images=images)
    return f"{_words(span)}: {take['faces']} faces, round {take['round']}"


def _is_take_of(take, span):
    same = (take["subject"], take["expression"]) == (span.subject, span.expression)
    return same and span.overlaps(take["begin_s"], max(take["end_s"], take["begin_s"] + 1e-3))


def _words(span):
    return f"{span.subject}, {span.expression}, {span.start_s:g} to {span.end_s:g} s"
