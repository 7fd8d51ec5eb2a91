"""What a file is by its first bytes: images that are read, images that are not, anything else."""

import re
from pathlib import Path

from PIL import features

from landmark_fer.core.naming import is_hidden, is_litter, natural_key

HEAD_BYTES = 64  # of a file, which say what it is

# Why a file is passed over.
NOT_AN_IMAGE = "not an image"
HIDDEN = "hidden: its name, or a folder's, begins with a dot"

# What Pillow calls the formats that are read, however a file is named. EPS, which it knows as well, would run programs.
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

# The first one that matches says what a file is.
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
_KNOWN = {kind: re.compile(signature, re.DOTALL) for kind, signature in _SIGNATURES.items()}

# Usual endings of images: what is called so counts as an image without a look inside, and is refused when it is read
# if it is none.
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jif", ".jfif", ".jfi", ".mpo", ".png", ".apng", ".gif", ".webp", ".tif", ".tiff",
    ".bmp", ".dib", ".pbm", ".pgm", ".ppm", ".pnm", ".pfm", ".avif", ".avifs", ".heic", ".heif", ".hif",
    ".jp2", ".j2k", ".jpx", ".jxl", ".exr", ".psd",
})  # fmt: skip


def image_kind(head):
    """Return which kind of image a file is.

    Parameters
    ----------
    head : bytes
        Its first `HEAD_BYTES` or more.

    Returns
    -------
    str or None
        A key of `READ_BY`, or the name of a kind that is not read ("HEIC"); None where it is no image that is known.
    """
    head = head[:HEAD_BYTES]
    return next((kind for kind, signature in _KNOWN.items() if signature.match(head)), None)


def is_image(name, head):
    """Return whether a file is an image, read or not: by its usual ending, else by its content.

    Parameters
    ----------
    name : str
    head : callable
        Returns the first `HEAD_BYTES`; called where the ending does not tell.
    """
    return suffix_of(name) in IMAGE_SUFFIXES or image_kind(head()) is not None


def suffix_of(name):
    """Return the ending of a file's name in lower case, with its dot; "" where it has none."""
    return Path(name).suffix.lower()


def head_of(path):
    """Return the first `HEAD_BYTES` of a regular file; fewer where it is shorter, none where it cannot be read."""
    path = Path(path)
    try:
        if not path.is_file():  # reading a pipe or a device may never end
            return b""
        with path.open("rb", buffering=0) as file:
            return file.read(HEAD_BYTES)
    except (OSError, ValueError):
        return b""


def image_file_kind(path):
    """Return `image_kind` of a file, whatever it is called; None where it is no image or cannot be read."""
    return image_kind(head_of(path))


def sorted_out(files):
    """Return which of some files are images, and why the others are none.

    Parameters
    ----------
    files : iterable of (str, callable)
        The path of each below the folder or archive that was given, with ``/`` between the parts, and what returns its
        first `HEAD_BYTES`.

    Returns
    -------
    images : list of str
        In the order given. Those of kinds that are not read, and those that turn out damaged, are among them.
    others : dict of str to str
        All other files but litter (`naming.is_litter`): `NOT_AN_IMAGE` or `HIDDEN`.
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
    """Return the images of a folder, not of those in it, in natural order, and why its other files are none.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    images : list of Path
    others : dict of str to str
        As from `sorted_out`.
    """
    paths = sorted(Path(folder).iterdir(), key=lambda path: natural_key(path.name))
    files = ((path.name, lambda path=path: head_of(path)) for path in paths if not path.is_dir())
    images, others = sorted_out(files)
    return [Path(folder) / name for name in images], others
