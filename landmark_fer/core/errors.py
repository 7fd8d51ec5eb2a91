"""Errors that a user can fix.

Each message is one sentence that names the thing, the rule, the actual value, and what to do. The commands catch the
base class, print the message, and exit with status 2.
"""


class LandmarkFerError(Exception):
    """Base class of the errors that landmark_fer raises on purpose."""


class InputError(LandmarkFerError, ValueError):
    """An argument is invalid."""


class DataError(LandmarkFerError):
    """A data set or an image cannot be read, or lacks required content."""


class ArtifactError(LandmarkFerError):
    """A saved model is missing, damaged, of another version, or not a model."""


class SourceError(LandmarkFerError):
    """A camera, video, stream or display cannot be opened."""


class SinkError(LandmarkFerError):
    """A log, a recording or an artifact cannot be written."""


class DependencyError(LandmarkFerError):
    """A required file or package is not installed."""


def first_line(error):
    """Return the first line of the message of an error, or the name of its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
