"""Files that sinks write: a place checked before any work, a whole file beside its place, times as text."""

import os
from datetime import UTC, datetime
from pathlib import Path

from landmark_fer.errors import InputError, SinkError


def by_suffix(table, path, option):
    """Return what a table has for the suffix of a path.

    Raises
    ------
    InputError
        If it has nothing for it; the message names the door's option.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in table:
        raise InputError(f"--{option} must end in {' or '.join(table)}, got {str(path)!r}")
    return table[suffix]


def check_place(path):
    """Raise SinkError if a file can never be written at a path, before any work is done for it."""
    if path.is_dir():
        raise SinkError(f"{path} is a folder; give the name of a file in it")
    if not path.parent.is_dir():
        raise SinkError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SinkError(f"{path} cannot be written (no permission); give another place")


def wall_time(wall_s):
    """Return Unix time as ISO 8601 in UTC with milliseconds: ``2026-11-21T05:53:12.250Z``."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
