"""The folder of the cache, and files in it that are whole or not there: written beside their place, then renamed."""

import contextlib
import errno
import logging
import os
import shutil
import time
import uuid
import zipfile
import zlib
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import SinkError

CACHE_VARIABLE = "LANDMARK_FER_CACHE"
_PATIENCE = 0.2  # seconds between two looks at a lock
_log = logging.getLogger(__name__)

DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def cache_folder(path=None):
    """Return the folder of the cache.

    The first of: `path`, the environment variable ``LANDMARK_FER_CACHE``, ``data/cache`` of the checkout that the
    package runs from, ``~/.cache/landmark_fer``.

    Raises
    ------
    SinkError
        If there is no such place, because the user has no home.
    """
    if path or os.environ.get(CACHE_VARIABLE):
        return Path(path or os.environ[CACHE_VARIABLE])
    folder = checkout()
    if folder:
        return folder / "data" / "cache"
    try:
        return Path.home() / ".cache" / "landmark_fer"
    except RuntimeError as error:
        raise SinkError(f"the cache has no place: this user has no home; set {CACHE_VARIABLE} to a folder") from error


def checkout():
    """Return the folder of the checkout that the package runs from, or None where it is installed."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() else None


@contextlib.contextmanager
def written_beside(path, *, scratch=None):
    """Give the name of a new file or folder to write, and rename it to `path` at the end.

    A folder in the place is replaced. After an error only the temporary goes. It lies in the folder `scratch` of the
    same disk, by default beside `path`.
    """
    scratch = scratch or path.parent
    for folder in (scratch, path.parent):
        folder.mkdir(parents=True, exist_ok=True)
    temporary = scratch / f".{uuid.uuid4().hex}{path.suffix}"
    replaced = temporary.with_suffix(".old")
    try:
        yield temporary
        if path.is_dir():
            os.replace(path, replaced)
        os.replace(temporary, path)
    finally:
        for leftover in (temporary, replaced):
            shutil.rmtree(leftover, ignore_errors=True)
            with contextlib.suppress(OSError):
                leftover.unlink()


@contextlib.contextmanager
def locked(path, waiting):
    """Hold a lock that one process, or thread, has at a time; the system frees it however its holder ends.

    Parameters
    ----------
    path : Path
        A file that is there while the lock is held.
    waiting : str
        What to say in the log while another holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("ab") as file:
            _wait_for(file, path, waiting)
            if not _is_at(file, path):  # its last holder has removed it, and another may hold its successor
                continue
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    path.unlink()
            return


def moved_into_place(folder, path):
    """Rename a folder to `path`; a folder in the place is replaced."""
    replaced = folder.with_name(f".{uuid.uuid4().hex}.old")
    if path.is_dir():
        os.replace(path, replaced)
    os.replace(folder, path)
    shutil.rmtree(replaced, ignore_errors=True)


def _wait_for(file, path, waiting):
    said = False
    while not _try_lock(file):
        if not said:
            _log.warning(waiting)
            said = True
        time.sleep(_PATIENCE)


def _try_lock(file):
    """Lock an open file; return False if another holds it. File systems that know no locks let everyone in."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def read_npz(path, names=None):
    """Return arrays of an npz file as a dict (all, or those of `names`), or None if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in names or file.files}
    except Exception:  # for damaged content NumPy and zipfile raise nearly anything
        return None
    return arrays if all(isinstance(array, np.ndarray) for array in arrays.values()) else None
