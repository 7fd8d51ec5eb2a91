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


LONGEST_VALUE = 120  # characters of a value in a message


def plain_value(value):
    """Return a value from a file or an option as words for a message.

    Parameters
    ----------
    value : object
        Of JSON: None, a truth value, number, text, list or dictionary.

    Returns
    -------
    str
        Without brackets; ``none``, ``yes``, ``no``. Shortened after 120 characters.
    """
    if value is None or value in ("", [], {}, ()):
        text = "none"
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, dict):
        text = ", ".join(f"{name} {plain_value(each)}" for name, each in value.items())
    elif isinstance(value, list | tuple):
        text = ", ".join(map(plain_value, value))
    else:
        text = str(value) if str(value).isprintable() else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def plain_reason(error):
    """Return why another library or the system raised an error, in a line without Python's form of it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError) and error.args:
        return f"{plain_value(error.args[0])} is missing"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return first_line(error)


def first_line(error):
    """Return the first line of the message of an error, or the name of its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
