"""A folder, or a file, that is written wholly or not at all."""

import ctypes
import errno
import glob
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from landmark_fer.core.naming import writable

FORGOTTEN_S = 24 * 3600  # an unfinished folder that was begun longer ago is a killed run's
ATTEMPTS = 100

_RACED = (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST)  # somebody else renames the same folder just now
_PAUSE_S = 0.02
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)


@contextmanager
def replaced(path):
    """Give an empty folder to fill; leaving without an error puts it in the place of the one at `path`.

    The new folder lies beside its place until it is whole, so that a kill, a full disk or Ctrl-C leaves an earlier
    folder as it was.

    Parameters
    ----------
    path : Path
        What stands there is replaced; missing parents are made. Of a link the folder that it leads to is replaced.

    Yields
    ------
    Path
    """
    path = _real(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_forgotten(path)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent))
    try:
        yield beside
        _swap(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def recover(path):
    """Bring back a folder whose replacement was killed between two renames."""
    path = _real(path)
    if not path.exists() and _backup(path).is_dir():
        with suppress(OSError):  # its replacement goes on, and was quicker
            _backup(path).rename(path)


def read_steadily(path, read, error):
    """Return ``read(path)``; read again where `error` came because the folder was replaced meanwhile.

    Parameters
    ----------
    path : Path
        A folder that `replaced` writes.
    read : callable
        Takes the path.
    error : type of Exception, or tuple of them
        What `read` raises of a folder that is missing, or half of the one and half of the other.
    """
    for _ in range(ATTEMPTS):
        recover(path)
        before = _standing(path)
        try:
            return read(path)
        except error:
            if _standing(path) == before and (before or not _backup(_real(path)).exists()):
                raise
            time.sleep(_PAUSE_S)
    return read(path)


def write_whole(path, text):
    """Write a file beside its place and rename it, so that what stood there stays until the new one is whole.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.
    """
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(writable(text))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _swap(beside, path):
    """Put the new folder in the place of the old one; of several that come at once the last stays."""
    old = _backup(path)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if path.exists() and _exchange(beside, path):
                break
            if path.exists():
                shutil.rmtree(old, ignore_errors=True)
                path.rename(old)
            beside.rename(path)
            break
        except OSError as error:
            if error.errno not in _RACED or attempt == ATTEMPTS or not beside.exists():
                raise
            time.sleep(_PAUSE_S)
    shutil.rmtree(old, ignore_errors=True)


def _exchange(beside, path):
    """Let two folders change places in one step, so that no reader meets neither; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or before its C library of 2018
        return False
    return rename(_HERE, os.fsencode(beside), _HERE, os.fsencode(path), _EXCHANGE) == 0


def _clear_forgotten(path):
    """Remove what killed runs left beside a folder."""
    for beside in path.parent.glob(f".{glob.escape(path.name)}.*.new"):
        with suppress(OSError):
            if time.time() - beside.stat().st_mtime > FORGOTTEN_S:
                shutil.rmtree(beside, ignore_errors=True)


def _standing(path):
    """Return which folder stands at a path, or None."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _real(path):
    return Path(os.path.realpath(path))


def _backup(path):
    return path.parent / f".{path.name}.old"
