"""The base class of sinks, and what they share: formats by file suffix, times as text."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from landmark_fer.core.errors import InputError, SinkError

logger = logging.getLogger(__name__)


class Sink:
    """Receives every frame of a session with its faces; a context manager.

    A file is opened for the first frame, so that a failed start leaves an older file as it is.

    Attributes
    ----------
    takes_annotated : bool
        Whether `write` takes frames with annotated images.
    takes_explanations : bool
        Whether `write` keeps explanations.
    """

    takes_annotated = False
    takes_explanations = False

    def write(self, frame, faces=(), explanations=None):
        """Write a frame.

        Parameters
        ----------
        frame : Frame
        faces : sequence of RecognizedFace
        explanations : dict of int to Explanation, optional
            Those made for this frame, by track id.

        Raises
        ------
        SinkError
            If it cannot be written.
        """
        raise NotImplementedError

    def write_unreadable(self, name):
        """Note an image that could not be read; ignored by default.

        Parameters
        ----------
        name : str
            As in `Frame`.

        Raises
        ------
        SinkError
            If it cannot be written.
        """

    def close(self):
        """Finish the file.

        Raises
        ------
        SinkError
            If it cannot be finished.
        """

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Close; where another error is on its way, a `SinkError` is only logged."""
        try:
            self.close()
        except SinkError as error:
            if kind is None:
                raise
            logger.warning("%s", error)


def by_suffix(table, path, option):
    """Return the entry of a table for the suffix of a path.

    Raises
    ------
    InputError
        If there is none; the message names the command's option.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in table:
        raise InputError(f"--{option} must end in {' or '.join(table)}, got {str(path)!r}")
    return table[suffix]


def wall_time(wall_s):
    """Return Unix time as ISO 8601 in UTC with milliseconds: ``2026-11-21T05:53:12.250Z``."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
