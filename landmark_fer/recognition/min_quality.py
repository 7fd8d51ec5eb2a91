"""The minimum quality of faces: those below it are left out."""

import math

from landmark_fer.core.errors import InputError

QUALITY_COLUMNS = {
    "score": "detector_score",
    "size": "size_px",
    "sharpness": "sharpness",
    "brightness": "brightness",
    "inside": "inside",
}
"""Columns of the field group ``quality`` by the names that limits have."""

_SHARES = ("brightness", "inside")


def parse_min_quality(text):
    """Return the limits in a text like ``size=40,inside=0.9``, as from `check_min_quality`.

    Raises
    ------
    InputError
        If it has another form.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        limits = {name.strip(): float(value) for name, _, value in pairs}
    except ValueError:
        limits = {}
    if len(limits) < len(pairs):
        raise InputError(f"a minimum quality must be NAME=NUMBER,... such as size=40,inside=0.9, got {text!r}")
    return check_min_quality(limits)


def check_min_quality(limits):
    """Return limits by their names in `QUALITY_COLUMNS`.

    Parameters
    ----------
    limits : mapping of str to float, or None
        The least allowed values. A name may be that of the column, too.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        If a name is unknown, or a value impossible: negative, or over 1 where it is a share.
    """
    names, written = {column: name for name, column in QUALITY_COLUMNS.items()}, list(limits or {})
    limits = {names.get(name, name): float(value) for name, value in (limits or {}).items()}
    if len(limits) < len(written):
        raise InputError(f"a minimum quality must have each limit once, got {', '.join(written)}; leave one out")
    for name, value in limits.items():
        if name not in QUALITY_COLUMNS:
            raise InputError(
                f"a minimum quality must be of {', '.join(QUALITY_COLUMNS)}, got {name!r}; give one of these"
            )
        if not (0 <= value < math.inf and (value <= 1 or name not in _SHARES)):
            rule = "from 0 to 1" if name in _SHARES else "of at least 0"
            raise InputError(f"the minimum {name} must be a number {rule}, got {value:g}; give another")
    return limits


def has_quality(face, image_shape, limits):
    """Return whether a face reaches all limits.

    Parameters
    ----------
    face : Face
    image_shape : tuple of int
        Height and width of its image.
    limits : dict of str to float
        As from `check_min_quality`. A detector score that is unknown (NaN, where no detector saw the face) is not
        below any.

    Returns
    -------
    bool
    """
    if not limits:
        return True
    from landmark_fer.perception.quality import face_quality

    quality = face_quality(face, image_shape)
    return not any(getattr(quality, QUALITY_COLUMNS[name]) < value for name, value in limits.items())
