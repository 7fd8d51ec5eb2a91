"""What can go wrong in a way that a person can mend.

Every message is one sentence: it names the thing, the rule, what came, and what to do. The commands catch the
root class, print the message, and return exit status 2.
"""


class LandmarkFerError(Exception):
    """Root of every error that landmark_fer raises on purpose."""


class InputError(LandmarkFerError, ValueError):
    """A value given by the caller breaks a rule."""


class DataError(LandmarkFerError):
    """A data set or a image cannot be read or does not hold what it should."""


class ArtifactError(LandmarkFerError):
    """A saved model is missing, damaged, of another version, or not a model at all."""


class SourceError(LandmarkFerError):
    """A camera, video, stream or display cannot be opened."""


class SinkError(LandmarkFerError):
    """A log, a recording or an artifact cannot be written."""


class DependencyError(LandmarkFerError):
    """A file or package that should be installed is not."""
