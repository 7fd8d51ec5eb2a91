"""Recognize image files by their first bytes: supported formats, unsupported formats, other files."""

import os
import re
from pathlib import Path

from PIL import features

from landmark_fer.core.naming import is_hidden, is_litter, natural_key

HEAD_BYTES = 64  # number of first bytes of a file that determine its format

# Reasons why a file is not read.
NOT_AN_IMAGE = "not an image"
HIDDEN = "hidden: its name, or a folder's, begins with a dot"
# Reasons why a folder is not read.
LINKED_FOLDER = "a link to a folder"
LOCKED_FOLDER = "a folder that cannot be read"

# The supported formats and Pillow's names of them; file names do not matter. Pillow's EPS would run programs.
READ_BY = {
    "JPEG": ("JPEG",),
    "PNG": ("PNG",),
    "GIF": ("GIF",),
    "WebP": ("WEBP",),
    "TIFF": ("TIFF",),
    "BMP": ("BMP", "DIB"),
    "PNM": ("PPM",),
}
if "avif" in features.modules and features.check_module("avif"):  # Pillow 11.3 or newer, built with libavif
    READ_BY["AVIF"] = ("AVIF",)

# The first match is the format.
_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF.{4}WEBP",
    "camera raw": rb"II\*\0.{4}CR|II(?:RO|RS|U\0)|FUJIFILMCCD-RAW",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "BMP": rb"BM.{12}[\x0c\x10(48@l|]\0{3}|[(l|]\0{3}.{8}\x01\0[\x01\x04\x08\x10\x18\x20]\0",
    "PNM": rb"P(?:[1-6]|f)(?:\s+[#\d]|#)",
    "AVIF": rb".{4}ftyp(?:avi[fs]|(?:mif1|msf1|miaf).{4}(?:.{4})*?avi[fs])",
    "HEIC": rb".{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)",
    "JPEG 2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
    "OpenEXR": rb"v/1\x01",
    "Radiance HDR": rb"#\?(?:RADIANCE|RGBE)",
    "Photoshop": rb"8BPS\0[\x01\x02]",
    "colour PFM": rb"PF\s+[#\d]",
    "PAM": rb"P7\n",
}
_PATTERNS = {kind: re.compile(signature, re.DOTALL) for kind, signature in _SIGNATURES.items()}

# A file with one of these suffixes counts as an image without opening it; reading it raises an error if it is none.
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jif", ".jfif", ".jfi", ".mpo", ".png", ".apng", ".gif", ".webp", ".tif", ".tiff",
    ".bmp", ".dib", ".pbm", ".pgm", ".ppm", ".pnm", ".pfm", ".avif", ".avifs", ".heic", ".heif", ".hif",
    ".jp2", ".j2k", ".jpx", ".jxl", ".exr", ".psd",
})  # fmt: skip


def image_kind(head):
    """Return the image format of a file.

    Parameters
    ----------
    head : bytes
        At least its first `HEAD_BYTES`.

    Returns
    -------
    str or None
        A key of `READ_BY`, or the name of an unsupported format ("HEIC"); None if it is no known image.
    """
    head = head[:HEAD_BYTES]
    return next((kind for kind, signature in _PATTERNS.items() if signature.match(head)), None)


def is_image(name, head):
    """Return whether a file is an image, supported or not: by its suffix, else by its content.

    Parameters
    ----------
    name : str
    head : callable
        Returns the first `HEAD_BYTES`; called only if the suffix is not that of an image.
    """
    return suffix_of(name) in IMAGE_SUFFIXES or image_kind(head()) is not None


def suffix_of(name):
    """Return the suffix of a file name in lower case with its dot, or ""."""
    return Path(name).suffix.lower()


def head_of(path):
    """Return the first `HEAD_BYTES` of a regular file, or fewer; b"" if it cannot be read."""
    path = Path(path)
    try:
        if not path.is_file():  # reading a pipe or a device may never end
            return b""
        with path.open("rb", buffering=0) as file:
            return file.read(HEAD_BYTES)
    except (OSError, ValueError):
        return b""


def image_file_kind(path):
    """Return `image_kind` of a file; None if it is no image or cannot be read."""
    return image_kind(head_of(path))


def divide_files(files):
    """Divide files into images and others.

    Parameters
    ----------
    files : iterable of (str, callable)
        Path of each, relative to the folder or archive, with ``/`` as separator, and a function that returns its first
        `HEAD_BYTES`.

    Returns
    -------
    images : list of str
        In the same order, including unsupported formats and damaged images.
    others : dict of str to str
        `NOT_AN_IMAGE` or `HIDDEN` for each other file, without system files (`naming.is_litter`).
    """
    images, others = [], {}
    for name, head in files:
        if is_litter(name):
            continue
        if is_hidden(name):
            others[name] = HIDDEN
        elif is_image(name, head):
            images.append(name)
        else:
            others[name] = NOT_AN_IMAGE
    return images, others


def images_in(folder):
    """Divide the files of a folder and its subfolders into images in natural order and others.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    images : list of str
        Paths relative to the folder, with ``/`` as separator.
    others : dict of str to str
        As from `divide_files`, and folders that are not read, as from `files_below`.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    names, folders = files_below(folder)
    images, others = divide_files((name, lambda name=name: head_of(Path(folder, name))) for name in names)
    return images, others | folders


def files_below(folder, *, exclude=None):
    """List the files of a folder and its subfolders, without following links to folders.

    Parameters
    ----------
    folder : path-like
    exclude : path-like, optional
        A subfolder that is left out without a mention.

    Returns
    -------
    names : list of str
        Paths relative to the folder, with ``/`` as separator, in natural order; without those below system folders
        (`naming.is_litter`).
    unread : dict of str to str
        `LINKED_FOLDER` or `LOCKED_FOLDER` for each folder that is not read; its name ends with ``/``.

    Raises
    ------
    OSError
        If the folder itself cannot be read.
    """
    folder, names, unread = Path(folder), [], {}

    def note(error):
        if Path(error.filename) == folder:
            raise error
        unread[f"{Path(error.filename).relative_to(folder).as_posix()}/"] = LOCKED_FOLDER

    excluded = exclude and os.path.realpath(exclude)
    for place, subfolders, files in os.walk(folder, onerror=note):
        place = Path(place)
        subfolders[:] = [
            name for name in subfolders if not is_litter(name) and os.path.realpath(place / name) != excluded
        ]
        links = [name for name in subfolders if (place / name).is_symlink()]
        unread |= {f"{(place / name).relative_to(folder).as_posix()}/": LINKED_FOLDER for name in links}
        names += [(place / name).relative_to(folder).as_posix() for name in files]
    return sorted(names, key=natural_key), unread
