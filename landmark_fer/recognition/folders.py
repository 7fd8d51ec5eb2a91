"""A folder that is written wholly or not at all."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(path):
    """Give an empty folder to fill; leaving without an error puts it in the place of the one at `path`.

    The new folder lies beside its place until it is whole, so that a kill, a full disk or Ctrl-C leaves an earlier
    folder as it was.

    Parameters
    ----------
    path : Path
        What stands there is replaced; missing parents are made.

    Yields
    ------
    Path
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent))
    try:
        yield beside
        _swap(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def recover(path):
    """Bring back a folder whose replacement was killed between two renames."""
    if not path.exists() and _backup(path).is_dir():
        _backup(path).rename(path)


def _swap(beside, path):
    """Put the new folder in the place of the old one."""
    if not path.exists():
        beside.rename(path)
        return
    old = _backup(path)
    shutil.rmtree(old, ignore_errors=True)
    path.rename(old)
    beside.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _backup(path):
    return path.parent / f".{path.name}.old"
