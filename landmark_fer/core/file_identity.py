"""Which file a path is, however it is written or linked."""

import os
import stat
import unicodedata
from pathlib import Path


def same_file(first, second):
    """Return whether two paths are one file or folder, whatever they are called, even before it is there.

    Links of both kinds, ``..`` and, where the file system does not tell letter cases apart, these are seen through.
    Devices and pipes are nobody's: several may read and write them.
    """
    known = _identity(first)
    return known is not None and known == _identity(second)


def lies_in(file, folder, *, deep=True):
    """Return whether a file that exists is one of those in a folder, by its path or by a link of either kind.

    Parameters
    ----------
    file, folder : path-like
    deep : bool, default=True
        Whether folders in the folder count.
    """
    try:
        wanted = os.stat(file)
    except OSError:
        return False
    folders, seen = [os.fspath(folder)] if os.path.isdir(folder) else [], set()
    while folders:
        entries, real = _entries(place := folders.pop()), os.path.realpath(place)
        if real in seen:
            continue
        seen.add(real)
        for entry in entries:
            if _is_folder(entry):
                folders += [entry.path] if deep else []
            elif (entry.is_symlink() or entry.inode() == wanted.st_ino) and _is(entry, wanted):
                return True
    return False


def is_special(path):
    """Return whether a path is a pipe, a socket or a device, which may never end: there, and no file or folder."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _identity(path):
    """Return what tells a file or folder from every other, also one that is still to be made; None for devices."""
    missing = []
    for place in (real := Path(os.path.realpath(path)), *real.parents):
        try:
            status = os.stat(place)
            break
        except OSError:
            missing.append(place.name)
    else:
        return None
    if not missing and not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return None
    if missing and _folds_case(place):
        missing = [unicodedata.normalize("NFC", name).casefold() for name in missing]
    return status.st_dev, status.st_ino, *missing


def _folds_case(folder):
    """Return whether the file system of a folder takes names that differ in letter case for the same."""
    other = folder.with_name(folder.name.swapcase()) if folder.name else folder
    try:
        return other != folder and os.path.samefile(other, folder)
    except OSError:
        return False


def _entries(folder):
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is(entry, status):
    try:
        return os.path.samestat(os.stat(entry.path), status)
    except OSError:
        return False
