"""The file layer: atomic writes of files and folders, a lock between processes, and the cache folder.

A new file or folder is written under the name ``.new-XXXXXXXX-NAME`` in the same folder, flushed to the disk, and then
renamed. A kill, a full disk or Ctrl-C leaves the old one as it was.
"""

import contextlib
import errno
import glob
import os
import shutil
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from landmark_fer.core.errors import SinkError
from landmark_fer.core.naming import writable
from landmark_fer.core.paths import is_special

CACHE_VARIABLE = "LANDMARK_FER_CACHE"
LEFTOVER_S = 24 * 3600  # an older unfinished file or folder belongs to a killed process
ATTEMPTS = 100

_PAUSE_S = 0.02
_STREAMS = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))  # links to open files, which may be regular ones
_RACED = (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST)  # another process is renaming the same folder
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of renameat2(2)


def cache_folder(path=None):
    """Return the folder of the cache.

    The first of: `path`, the environment variable ``LANDMARK_FER_CACHE``, ``data/cache`` of the checkout that the
    package runs from, the user's cache folder (on Linux ``~/.cache/landmark_fer``).

    Raises
    ------
    SinkError
        If the user has no home folder to put a cache in.
    """
    if path or os.environ.get(CACHE_VARIABLE):
        return Path(path or os.environ[CACHE_VARIABLE])
    if folder := checkout_folder():
        return folder / "data" / "cache"
    from platformdirs import user_cache_path

    with contextlib.suppress(RuntimeError):  # no home
        folder = user_cache_path("landmark_fer", appauthor=False)
        if folder.is_absolute():
            return folder
    raise SinkError(f"there is no cache folder, because this user has no home; set {CACHE_VARIABLE} to a folder")


def checkout_folder():
    """Return the folder of the checkout that the package runs from, or None where it is installed."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() else None


@contextlib.contextmanager
def atomic_file(path):
    """Yield the path of a new file to write, which replaces `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        In a folder that exists. A pipe or a device, such as ``/dev/stdout``, is written directly and not replaced.

    Yields
    ------
    Path
        In the same folder, with the same suffixes.
    """
    path = Path(path)
    if is_special(path) or path.absolute().parent in _STREAMS:
        yield path
        return
    new = _hidden(path, "new")
    try:
        yield new
        sync(new)
        os.replace(new, path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink()
        _remove_old_leftovers(path)


def atomic_write_text(path, text):
    """Write a text file in UTF-8, which replaces `path` once it is whole."""
    with atomic_file(path) as new:
        new.write_text(writable(text), encoding="utf-8", newline="\n")


@contextlib.contextmanager
def atomic_folder(path):
    """Yield an empty folder to fill, which replaces `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        Missing parents are created. If it is a link, the folder that it leads to is replaced.

    Yields
    ------
    Path
        In the same folder as `path`.
    """
    path = _real(path)
    _remove_old_leftovers(path)
    new = _hidden(path, "new")
    new.mkdir(parents=True)
    try:
        yield new
        move_folder(new, path)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def move_folder(new, path):
    """Flush a folder to the disk and rename it to `path`, replacing a folder there.

    If several processes replace the same folder at once, the last one wins.
    """
    for file in (file for file in new.rglob("*") if file.is_file()):
        sync(file)
    backup = _backup(path)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if path.exists() and _exchange(new, path):
                shutil.rmtree(new, ignore_errors=True)
                break
            if path.exists():
                shutil.rmtree(backup, ignore_errors=True)
                path.rename(backup)
            new.rename(path)
            break
        except OSError as error:
            if error.errno not in _RACED or attempt == ATTEMPTS or not new.exists():
                raise
            time.sleep(_PAUSE_S)
    shutil.rmtree(backup, ignore_errors=True)
    with contextlib.suppress(OSError):  # a folder that may not be listed
        sync(path.parent)


def recover_folder(path):
    """Restore a folder whose replacement was killed between two renames."""
    path = _real(path)
    if not path.exists() and _backup(path).is_dir():
        with contextlib.suppress(OSError):  # the replacement is still running, and was quicker
            _backup(path).rename(path)


def read_folder(path, read, error):
    """Return ``read(path)``; read again if `error` was raised because the folder was replaced meanwhile.

    Parameters
    ----------
    path : Path
        A folder that `atomic_folder` writes.
    read : callable
        Takes the path.
    error : type of Exception, or tuple of them
        What `read` raises if the folder is missing, or if its files come from two versions.
    """
    for _ in range(ATTEMPTS):
        recover_folder(path)
        before = _identity(path)
        try:
            return read(path)
        except error:
            if _identity(path) == before and (before or not _backup(_real(path)).exists()):
                raise
            time.sleep(_PAUSE_S)
    return read(path)


def remove_folder(path):
    """Delete a folder: one rename hides it from every reader, then its files are removed."""
    removed = _hidden(path, "removed")
    os.replace(path, removed)
    shutil.rmtree(removed)


def remove_leftovers(folder):
    """Delete the unfinished files and folders in a folder that no other process writes to."""
    for path in (*folder.glob(".new-*-*"), *folder.glob(".removed-*-*")):
        _remove(path)


@contextlib.contextmanager
def locked(path, waiting):
    """Hold a lock between threads and processes; the system releases it even if the process is killed.

    Parameters
    ----------
    path : Path
        A file that exists while the lock is held. Missing parents are created.
    waiting : str
        What to log while another process holds the lock.
    """
    import logging

    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        logging.getLogger(__name__).warning(waiting)
        lock.acquire(poll_interval=0.2)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file; the next holder uses it again
            path.unlink()
        lock.release()


def time_text(seconds, timespec="milliseconds"):
    """Return a time since 1970 as text in UTC; the seconds themselves outside of the years 1 to 9999.

    Parameters
    ----------
    seconds : float
        Such as the ``st_mtime`` of a file, which may be anything.
    timespec : str, default="milliseconds"
        As for `datetime.isoformat`.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=timespec)
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def sync(path):
    """Flush a file, or the names in a folder, to the disk where the system can."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(first, second):
    """Exchange two folders atomically, so that readers always find one; return False where the system cannot."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or a C library from before 2018
        return False
    return renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0


def _remove_old_leftovers(path):
    """Delete what killed processes left of a file or folder."""
    for leftover in path.parent.glob(f".new-????????-{glob.escape(path.name)}"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_S:
                _remove(leftover)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _hidden(path, state):
    """Return a free name for a new or removed version of a path, in the same folder."""
    return path.with_name(f".{state}-{uuid.uuid4().hex[:8]}-{path.name}")


def _backup(path):
    return path.with_name(f".{path.name}.old")


def _real(path):
    return Path(os.path.realpath(path))


def _identity(path):
    """Return the inode and time of the folder at a path, or None."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
