"""Events: marked moments and segments of a video, from a csv file or a key; one at most is current."""

import bisect
import itertools
import math
import os
import unicodedata
from dataclasses import dataclass

from landmark_fer.core.errors import DataError
from landmark_fer.core.naming import show

COLUMNS = ("time_s", "label")
MAX_LABEL = 100  # characters

_ALIASES = {name: (name,) for name in (*COLUMNS, "end")}
_RULE = f"the columns {' and '.join(COLUMNS)}, and optionally end, and a row for each event"
_ROUNDING_S = 1e-6  # times of frames are sums


@dataclass(frozen=True)
class Event:
    """A marked moment or segment of a video.

    Attributes
    ----------
    begin_s : float
        Seconds since the source began.
    label : str
    end_s : float or None
        The end, exclusive. None if the event lasts until the next one begins, or until the source ends.
    """

    begin_s: float
    label: str
    end_s: float | None = None


def read_events(path):
    """Return the events in a csv file with the columns ``time_s``, ``label`` and optionally ``end``, in its order.

    Parameters
    ----------
    path : path-like
        As for `csv_rows`. Rows may be in any order, and events may overlap; other columns are ignored.

    Returns
    -------
    list of Event

    Raises
    ------
    DataError
        If the file or a row is invalid, or there is no row.
    """
    if not os.path.isfile(path):
        raise DataError(f"{show(path)} is not a file; give a csv with {_RULE}")
    from landmark_fer.datasets.readers.csv_files import Columns, csv_rows  # most sessions have no events

    rows = csv_rows(path)
    columns = Columns(next((row.cells for row in rows), []), _ALIASES)
    columns.check(COLUMNS, source=path, rule=_RULE)
    events = [_read_event(path, row, columns) for row in rows if any(row.cells)]
    if not events:
        raise DataError(f"{path} must have {_RULE}, and has no such row; add one")
    return events


def _read_event(path, row, columns):
    where = f"{row.where} of {path}"
    if problem := columns.problem_of(row.cells, optional=("end",)):
        raise DataError(f"{where} {problem}; correct it")
    cells = {"end": "", **columns.cells_of(row.cells)}
    begin_s, label, end = _parse_seconds(cells["time_s"]), cells["label"], cells["end"]
    if not 0 <= begin_s < math.inf:
        raise DataError(f"{where} must have seconds from 0 in time_s, got {_quoted(cells['time_s'])}; correct it")
    if not (0 < len(label) <= MAX_LABEL and all(map(_is_printable, label))):
        raise DataError(
            f"{where} must have a label of 1 to {MAX_LABEL} printable characters in one line, got {_quoted(label)}; "
            "correct it"
        )
    if end and not begin_s < _parse_seconds(end) < math.inf:
        raise DataError(
            f"{where} must have seconds after time_s ({begin_s:g}) in end, or leave it empty, got {_quoted(end)}; "
            "correct it"
        )
    return Event(begin_s, label, float(end) if end else None)


def _quoted(text):
    """Return text for a message: in quotes, escaped where it is not printable, and shortened."""
    return repr(text if len(text) <= MAX_LABEL else f"{text[:MAX_LABEL]}...")


def _is_printable(character):
    return character.isprintable() or unicodedata.category(character) == "Zs"  # such as the ideographic space


def _parse_seconds(text):
    try:
        return float(text)
    except ValueError:
        return math.nan


class Events:
    """The events of one video or session.

    Each moment belongs to one event at most, the current one: of the events that have begun and not ended, the one that
    began last; of those that began together, the one that was added last. So an event inside another interrupts it, and
    an event without an end ends when any other begins.

    Parameters
    ----------
    events : iterable of Event
        In any order.
    """

    def __init__(self, events=()):
        self._events = sorted(events, key=lambda event: event.begin_s)
        self._labels = {event.label for event in self._events}
        self._changes = _label_changes(self._events)

    def mark(self, time_s):
        """Add an event without an end, numbered ``event 1``, ``event 2`` and so on, and return its label.

        Parameters
        ----------
        time_s : float
            When it begins.
        """
        label = next(name for number in itertools.count(1) if (name := f"event {number}") not in self._labels)
        self._labels.add(label)
        bisect.insort(self._events, Event(time_s, label), key=lambda event: event.begin_s)
        self._changes = _label_changes(self._events)
        return label

    def label_at(self, time_s):
        """Return the label of the event that is current at a time, or None."""
        times, labels = self._changes
        place = bisect.bisect_right(times, time_s + _ROUNDING_S)
        return labels[place - 1] if place else None

    def describe_missed(self, end_s):
        """Return a sentence on the events that begin after the last frame, or None if there are none.

        Parameters
        ----------
        end_s : float
            Time of the last frame.
        """
        missed = self._events[self._n_begun(end_s) :]
        if not missed:
            return None
        return (
            f"{len(missed)} of {len(self._events)} events begin after the last frame at {end_s:.1f} s, the first at "
            f"{missed[0].begin_s:g} s ({missed[0].label}); times count from the start of the source, in seconds"
        )

    def _n_begun(self, time_s):
        return bisect.bisect_right(self._events, time_s + _ROUNDING_S, key=lambda event: event.begin_s)


def _label_changes(events):
    """Return the times at which the current event may change, ascending, and its label (or None) from each on.

    One pass, so that a file of many events delays no frame: the events that have begun are a stack, the last one on
    top; one that has ended matters only, and is dropped, when it is on top.
    """
    times = sorted({event.begin_s for event in events} | {event.end_s for event in events if event.end_s is not None})
    begun, labels, n_begun = [], [], 0
    for time_s in times:
        while n_begun < len(events) and events[n_begun].begin_s <= time_s:
            if begun and begun[-1].end_s is None:  # it lasts until the next event begins
                begun.pop()
            begun.append(events[n_begun])
            n_begun += 1
        while begun and begun[-1].end_s is not None and begun[-1].end_s <= time_s:
            begun.pop()
        labels.append(begun[-1].label if begun else None)
    return times, labels
