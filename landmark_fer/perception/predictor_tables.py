"""The shape predictor of a file, kept in the cache as it is used: reading dlib's own format takes seconds."""

import contextlib
import logging
from functools import lru_cache

import numpy as np

from landmark_fer.cache_files import cache_folder, locked, read_npz, written_beside
from landmark_fer.errors import DependencyError, SinkError
from landmark_fer.perception.dlib_format import FormatError, read_forests
from landmark_fer.perception.predictor_file import changed_at, sha256_of
from landmark_fer.perception.shape_predictor import ShapePredictor, Tables

_FORM = 1  # of what is kept; another one has another name
_WAITING = "another process reads the shape predictor for the first time on this machine; waiting for it"

_LOG = logging.getLogger(__name__)


def load_shape_predictor(path):
    """Return the `ShapePredictor` of a dlib file: 70 MB, which all that ask for it share.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DependencyError
        If it cannot be read as one.
    """
    return _loaded(path, changed_at(path))


@lru_cache(maxsize=1)
def _loaded(path, _changed_at):
    kept = _place(sha256_of(path))
    found = kept and _kept(kept)
    if found:
        return ShapePredictor(found)
    with contextlib.ExitStack() as stack:
        if kept:
            with contextlib.suppress(OSError):  # where nothing can be written each makes its own
                stack.enter_context(locked(kept.with_suffix(".lock"), _WAITING))
                found = _kept(kept)
        return ShapePredictor(found or _made(path, kept))


def _kept(path):
    """Return the tables of a file in the cache, None where they are missing, damaged, or of another version."""
    with contextlib.suppress(TypeError):
        return Tables(**(read_npz(path) or {}))
    return None


def _made(path, kept):
    """Return the tables of a dlib file, and keep them for the next time."""
    try:
        tables = Tables.of(read_forests(path))
    except (OSError, FormatError) as error:
        raise DependencyError(f"{path} must be a dlib shape predictor, and cannot be read as one ({error})") from error
    if kept:
        _keep(tables, kept)
    return tables


def _place(content_hash):
    """Return where the tables of a file with this hash are kept, None where there is no place for a cache."""
    try:
        return cache_folder() / f"shape-predictor-{_FORM}-{content_hash[:32]}.npz"
    except SinkError:
        return None


def _keep(tables, path):
    """Write the tables for the next time; without leave or room to write, that will read dlib's format again."""
    try:
        with written_beside(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **vars(tables))
    except OSError as error:
        _LOG.info("the shape predictor is not kept in the cache: %s", error)
