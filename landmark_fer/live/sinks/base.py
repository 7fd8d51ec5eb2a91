"""Common parts of sinks: the kind of a file by its suffix, times as text."""

from datetime import UTC, datetime
from pathlib import Path

from landmark_fer.core.errors import InputError


def by_suffix(table, path, option):
    """Return what a table has for the suffix of a path.

    Raises
    ------
    InputError
        If it has nothing for it; the message names the command's option.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in table:
        raise InputError(f"--{option} must end in {' or '.join(table)}, got {str(path)!r}")
    return table[suffix]


def wall_time(wall_s):
    """Return Unix time as ISO 8601 in UTC with milliseconds: ``2026-11-21T05:53:12.250Z``."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
