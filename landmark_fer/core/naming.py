"""File names: natural order, files to ignore, and names as printable text."""

import os
import re

# Files that systems and programs leave in folders, in lower case; skipped without a message.
LITTER = frozenset({
    "__macosx", "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r",
    "picasa.ini", "@eadir", "#recycle", "$recycle.bin", "recycler", "system volume information", "lost+found",
    "__pycache__", ".ds_store", ".localized", ".appledouble", ".lsoverride", ".apdisk",
    ".spotlight-v100", ".trashes", ".trash", ".fseventsd", ".temporaryitems", ".documentrevisions-v100",
    ".volumeicon.icns", ".directory", ".thumbnails", ".nomedia", ".picasa.ini", ".ipynb_checkpoints", ".gitkeep",
    ".gitignore", ".gitattributes", ".git", ".svn", ".hg", ".idea", ".vscode", ".cache", ".dvc", ".dvcignore",
    ".keep", ".placeholder",
})  # fmt: skip
_LITTER_PATTERN = re.compile(r"\._.*|\.~lock\..*|~\$.*|.*~|\.trash-\d+|\.nfs[0-9a-f]+|\.fuse_hidden.*")

LONGEST_SHOWN = 120  # characters of a path in a message

_NUMBER = re.compile(r"0*(\d+)")


def natural_key(name):
    """Return the key that sorts names with their numbers by value: 1, 2, 10.

    Parameters
    ----------
    name : str or path-like
        File name or path.

    Returns
    -------
    str
        Different names have different keys. One string, because a list of parts takes a kilobyte per name.

    Examples
    --------
    >>> sorted(["10.png", "1.png", "2.png"], key=natural_key)
    ['1.png', '2.png', '10.png']
    """
    # Each number is preceded by its number of digits, so that longer numbers come later. "/" sorts before any letter,
    # so that the files of a folder stay together. The name itself decides last, between 1 and 01.
    name = str(name)
    by_value = _NUMBER.sub(lambda number: f"0{len(number[1]):04}{number[1]}", name.replace("/", "\1"))
    return f"{by_value}\0{name}"


def is_litter(name):
    """Return whether a path is a system file to ignore, or lies in a folder to ignore.

    Parameters
    ----------
    name : str
        Path relative to the data folder, with ``/`` as separator.

    Returns
    -------
    bool
        True for ``.DS_Store``, ``Thumbs.db``, ``._a.jpg``, ``__MACOSX/a.jpg``, in any letter case.
    """
    parts = [part.lower() for part in name.split("/")]
    return any(part in LITTER or _LITTER_PATTERN.fullmatch(part) for part in parts)


def is_hidden(name):
    """Return whether a path, as for `is_litter`, or a folder on it has a name that begins with a dot."""
    return any(part.startswith(".") and part not in (".", "..") for part in name.split("/"))


def writable(text):
    """Return text that can be encoded as UTF-8, for files and pages that show file names.

    Parameters
    ----------
    text : str
        May hold lone surrogates: the bytes of file names that the system's encoding cannot decode (PEP 383).

    Returns
    -------
    str
        These bytes are decoded if they are UTF-8 (as under ``LC_ALL=C``), else replaced by U+FFFD.
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # surrogates of another origin
        return text.encode("utf-8", "replace").decode("utf-8")


def library_path(path):
    """Return the path of a file in a form that OpenCV and dlib accept.

    Every path that is passed to them goes through this function.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str or bytes
        Absolute, because FFmpeg takes ``12:30.mp4`` for a URL. Bytes if the name is not valid UTF-8, because OpenCV
        ends the interpreter on such text; both libraries accept bytes.
    """
    path = os.path.abspath(path)
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def show(path):
    """Return a path for a message: shortened if it is long, escaped if it is not printable."""
    text = os.fspath(path)
    if len(text) > LONGEST_SHOWN:
        text = f"{text[: LONGEST_SHOWN // 2]}...{text[-LONGEST_SHOWN // 4 :]}"
    return text if text.isprintable() and text.strip() else repr(text)
