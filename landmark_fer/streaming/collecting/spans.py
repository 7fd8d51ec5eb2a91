"""Spans: which expression somebody shows from when to when in a film, from a csv file."""

import csv
import itertools
import math
from dataclasses import dataclass
from pathlib import Path

from landmark_fer.datasets.collection import checked_subject
from landmark_fer.errors import DataError, InputError
from landmark_fer.face.expressions import EXPRESSIONS, find_expression

COLUMNS = ("start_s", "end_s", "expression")


@dataclass(frozen=True)
class Span:
    """A part of a film, in seconds; the end is no part of it."""

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
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows = list(reader)
            names = {name.strip() for name in reader.fieldnames or () if name}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read as csv ({error}); give a text file with {', '.join(COLUMNS)}"
        ) from error
    missing = [name for name in COLUMNS if name not in names]
    if missing or not rows:
        raise DataError(
            f"{path} must have the columns {', '.join(COLUMNS)} and a row for each span; see docs/collect.md"
        )
    spans = sorted(
        (_span(path, number, row, subject) for number, row in enumerate(rows, start=2)), key=lambda span: span.start_s
    )
    for first, second in itertools.pairwise(spans):
        if first.overlaps(second.start_s, second.end_s):
            raise DataError(
                f"spans must not overlap, and in {Path(path).name} {first.expression} ({first.start_s:g} to "
                f"{first.end_s:g} s) and {second.expression} (from {second.start_s:g} s) do; shorten one"
            )
    return spans


def _span(path, number, row, subject):
    """Return the span of a row; raise DataError naming its line if it is none."""
    values = {(name or "").strip(): (value or "").strip() for name, value in row.items() if isinstance(value, str)}
    start_s, end_s = (_seconds(values.get(name, "")) for name in COLUMNS[:2])
    if not 0 <= start_s < end_s < math.inf:
        came = f"{values.get('start_s')!r} to {values.get('end_s')!r}"
        raise DataError(f"line {number} of {path} must have seconds with 0 <= start_s < end_s, got {came}; mend it")
    expression = find_expression(values.get("expression", ""))
    if expression is None:
        raise DataError(
            f"line {number} of {path} must name an expression ({', '.join(EXPRESSIONS)}), "
            f"got {values.get('expression')!r}; mend it"
        )
    try:
        return Span(start_s, end_s, expression, checked_subject(values.get("subject") or subject))
    except InputError as error:
        raise DataError(f"line {number} of {path}: {error}") from error


def _seconds(text):
    try:
        return float(text)
    except ValueError:
        return math.nan
