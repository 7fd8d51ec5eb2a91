"""The folder of the cache, and files in it that are whole or not there: written beside their place, then renamed."""

import contextlib
import os
import shutil
import uuid
import zipfile
import zlib
from pathlib import Path

import numpy as np

CACHE_VARIABLE = "LANDMARK_FER_CACHE"
DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def cache_folder(path=None):
    """Return the folder of the cache.

    The first of: `path`, the environment variable ``LANDMARK_FER_CACHE``, ``data/cache`` of the checkout that the
    package runs from, ``~/.cache/landmark_fer``.
    """
    if path or os.environ.get(CACHE_VARIABLE):
        return Path(path or os.environ[CACHE_VARIABLE])
    folder = checkout()
    return folder / "data" / "cache" if folder else Path.home() / ".cache" / "landmark_fer"


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


def read_npz(path, names=None):
    """Return arrays of an npz file as a dict (all, or those of `names`), or None if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names or file.files}
    except DAMAGE:
        return None
