"""A folder of pictures, and a zip or tar of one, seen alike: names, and the content of each file."""

import hashlib
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

from PIL import Image

from landmark_fer.datasets.csv_sources import DAMAGE, damage_named
from landmark_fer.errors import DataError
from landmark_fer.perception.pictures import PICTURE_SUFFIXES

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
LARGEST_FILE = 256 * 2**20  # bytes; a zip can claim any size for a member


class FolderTree:
    """The pictures under a folder, links followed.

    Attributes
    ----------
    pictures : list of str
        Paths below the folder with ``/`` between the parts, in no order that counts.
    """

    def __init__(self, path):
        self.path = Path(path)
        with damage_named(path):
            self.pictures = [name for name in _files_below(self.path) if is_picture(name)]

    def fingerprint(self):
        """Return a hash of the relative paths, sizes and times of change."""
        digest = hashlib.sha256()
        for name in sorted(self.pictures):
            try:
                status = (self.path / name).stat()
                line = [name, status.st_size, status.st_mtime_ns]
            except OSError:  # it went meanwhile, or links to nothing: reading it will say so
                line = [name]
            digest.update(json.dumps(line).encode())
        return digest.hexdigest()

    def contents(self, names):
        """Yield (name, path of the file) for each name."""
        return ((name, self.path / name) for name in names)


class ZipTree:
    """The pictures in a zip, read without unpacking it; attributes and methods as those of `FolderTree`."""

    def __init__(self, path):
        self.path = Path(path)
        with damage_named(path), zipfile.ZipFile(path) as archive:
            members = {info.filename.replace("\\", "/"): info for info in archive.infolist() if not info.is_dir()}
        self._members = {name: info for name, info in members.items() if is_picture(name)}
        self.pictures = list(self._members)

    def fingerprint(self):
        """Return the SHA-256 of the zip."""
        return file_sha256(self.path)

    def contents(self, names):
        """Yield (name, content as bytes, or the DataError that reading it raised) for each name."""
        with damage_named(self.path), zipfile.ZipFile(self.path) as archive:
            for name in names:
                yield name, self._content(archive, name)

    def _content(self, archive, name):
        info = self._members[name]
        if info.file_size > LARGEST_FILE:
            return DataError(f"{name} must have at most {LARGEST_FILE:,} bytes, has {info.file_size:,}; unpack it")
        try:
            return archive.read(info)
        except (*DAMAGE, NotImplementedError) as error:
            return DataError(f"{name} cannot be read from {self.path.name} ({error}); fetch the zip again")


class TarTree:
    """The pictures in a tar, whose contents come in its order, not in that of the names asked for."""

    def __init__(self, path):
        self.path = Path(path)
        self.pictures = [name for name, _, _ in tar_pictures(path)]

    def fingerprint(self):
        """Return the SHA-256 of the tar."""
        return file_sha256(self.path)

    def contents(self, names):
        """Yield (name, content as bytes, or a DataError that says why it has none) for each name."""
        wanted = set(names)
        for name, member, archive in tar_pictures(self.path):
            if name in wanted:
                yield name, tar_content(name, member, archive)


def picture_tree(path):
    """Return the tree of a folder, zip or tar."""
    if not Path(path).is_file():
        return FolderTree(path)
    return TarTree(path) if str(path).lower().endswith(TAR_SUFFIXES) else ZipTree(path)


def tar_pictures(path):
    """Yield (name, member, archive) of each picture of a tar from front to back; only the present one can be read."""
    with damage_named(path), tarfile.open(path, mode="r|*") as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # which would keep a kilobyte a member
            name = "/".join(part for part in member.name.split("/") if part not in ("", "."))
            if is_picture(name) and not member.isdir():
                yield name, member, archive


def tar_content(name, member, archive):
    """Return the content of a member of a tar as bytes, or a DataError that says why it has none."""
    if not member.isreg():
        return DataError(f"{name} is a link or a device in the tar, and not followed; pack the picture itself")
    if member.size > LARGEST_FILE:
        return DataError(f"{name} must have at most {LARGEST_FILE:,} bytes, has {member.size:,}; unpack it")
    return archive.extractfile(member).read()


def file_sha256(path):
    """Return the SHA-256 of a file."""
    with damage_named(path), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def picture_size(content):
    """Return (width, height) from the header of a picture (path or bytes), or None if it has none to read."""
    try:
        with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as image:
            return image.size
    except Exception:  # a damaged header makes Pillow raise nearly anything; the picture will be reported when read
        return None


def _files_below(folder):
    """Yield the relative paths of all files below a folder; links are followed, circles of them once."""
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        below = Path(place).relative_to(folder)
        yield from ((below / file).as_posix() for file in files)


def is_picture(name):
    """Whether a path below a folder is named like a picture, and no part of it is hidden."""
    hidden = any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in name.split("/"))
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES and not hidden
