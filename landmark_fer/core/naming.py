"""Names of files: their order, which of them are litter, and names as text that can be written."""

import os
import re

# What systems and programs leave in folders, in lower case. It is no part of anybody's data and is skipped in silence.
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

LONGEST_SHOWN = 120  # characters of a path in a sentence

_NUMBER = re.compile(r"0*(\d+)")


def natural_key(name):
    """Return the key that sorts names with their numbers by value: 1, 2, 10.

    Parameters
    ----------
    name : str or path-like
        Of a file, or a path.

    Returns
    -------
    str
        One string a name, since a list of parts takes a kilobyte. Names that differ have keys that differ.

    Examples
    --------
    >>> sorted(["10.png", "1.png", "2.png"], key=natural_key)
    ['1.png', '2.png', '10.png']
    """
    # The number of digits goes before each number, so that longer numbers come later. A folder's files stay together:
    # the end of its name sorts before any letter. Zeros in front of numbers decide last.
    name = str(name)
    by_value = _NUMBER.sub(lambda number: f"0{len(number[1]):04}{number[1]}", name.replace("/", "\1"))
    return f"{by_value}\0{name}"


def is_litter(name):
    """Return whether a path is what systems and programs leave behind, or lies in a folder of that kind.

    Parameters
    ----------
    name : str
        A path below the folder that was given, with ``/`` between the parts.

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
    """Return a text that UTF-8 can hold, for files and pages that tell names.

    Parameters
    ----------
    text : str
        Bytes of names that are no text in the system's encoding stand in it as lone surrogates (PEP 383).

    Returns
    -------
    str
        Those bytes are letters again where they are UTF-8 (as under ``LC_ALL=C``), and U+FFFD elsewhere.
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # surrogates of another origin
        return text.encode("utf-8", "replace").decode("utf-8")


def library_path(path):
    """Return the path of a file as OpenCV and dlib can be given it.

    Every path that is handed to either goes through here.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str or bytes
        Absolute, since FFmpeg takes ``12:30.mp4`` for an address. Bytes where UTF-8 cannot hold the name: OpenCV ends
        the interpreter on such text, and both libraries take the bytes as they are.
    """
    path = os.path.abspath(path)
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def show(path):
    """Return a path as it can stand in a sentence: shortened if it is long, escaped if it cannot be printed."""
    text = os.fspath(path)
    if len(text) > LONGEST_SHOWN:
        text = f"{text[: LONGEST_SHOWN // 2]}...{text[-LONGEST_SHOWN // 4 :]}"
    return text if text.isprintable() and text.strip() else repr(text)
