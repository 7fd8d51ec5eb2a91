"""A folder of images, and a zip or tar of one, seen alike: names, what else is there, and the content of each image."""

import hashlib
import itertools
import json
import os
import tarfile
import zipfile
from pathlib import Path

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.readers.csv_files import DAMAGE, damage_named
from landmark_fer.perception.image_formats import HEAD_BYTES, HIDDEN, NOT_AN_IMAGE, head_of, sorted_out

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
CLOSED = "a folder that cannot be opened"
UNREAD = (NOT_AN_IMAGE, HIDDEN, CLOSED)
LARGEST_FILE = 256 * 2**20  # bytes; a zip can claim any size for a member


class FolderTree:
    """The images under a folder, links followed.

    Attributes
    ----------
    images : list of str
        Paths below the folder with ``/`` between the parts, in no order that counts.
    others : dict of str to str
        All other files but litter, and why they are not read; as from `sorted_out`.
    """

    def __init__(self, path):
        self.path = Path(path)
        folder, closed = str(path), []
        with damage_named(path):
            names = _files_below(self.path, closed)
            files = ((name, lambda name=name: head_of(os.path.join(folder, name))) for name in names)
            self.images, self.others = sorted_out(files)
        self.others |= dict.fromkeys(closed, CLOSED)

    def fingerprint(self):
        """Return a hash of the relative paths, sizes and times of change."""
        digest = hashlib.sha256()
        for name in sorted(self.images):
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
    """The images in a zip, read without unpacking it; attributes and methods as those of `FolderTree`."""

    def __init__(self, path):
        self.path = Path(path)
        with damage_named(path), zipfile.ZipFile(path) as archive:
            members = {info.filename.replace("\\", "/"): info for info in archive.infolist() if not info.is_dir()}
            files = ((name, lambda info=info: _zip_head(archive, info)) for name, info in members.items())
            self.images, self.others = sorted_out(files)
        self._members = members

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
    """The images in a tar, whose contents come in its order, not in that of the names asked for.

    Parameters
    ----------
    path : path-like
    most : int, optional
        Look at so many files from the front only.
    """

    def __init__(self, path, most=None):
        self.path, self.others = Path(path), {}
        self.images = [name for name, _ in tar_images(path, self.others, most=most)]

    def fingerprint(self):
        """Return the SHA-256 of the tar."""
        return file_sha256(self.path)

    def contents(self, names):
        """Yield (name, content as bytes, or a DataError that says why it has none) for each name."""
        wanted = set(names)
        for name, read in tar_images(self.path, {}):
            if name in wanted:
                yield name, read()


def image_tree(path, *, most=None):
    """Return the tree of a folder, zip or tar; of a tar with `most` only so many files from the front."""
    if not Path(path).is_file():
        return FolderTree(path)
    return TarTree(path, most) if is_tar_path(path) else ZipTree(path)


def is_tar_path(path):
    """Return whether a path is named like a tar, packed or not."""
    return str(path).lower().endswith(TAR_SUFFIXES)


def tar_images(path, others, *, most=None):
    """Yield the images of a tar from front to back.

    Parameters
    ----------
    path : path-like
    others : dict
        Gets what else is there, as from `sorted_out`.
    most : int, optional
        Look at so many files only.

    Yields
    ------
    name : str
    read : callable
        Returns the content as bytes, or a DataError that says why there is none. Only the present one can be read.
    """
    with damage_named(path), tarfile.open(path, mode="r|*") as archive:
        for _ in itertools.count() if most is None else range(most):
            if (member := archive.next()) is None:
                return
            archive.members.clear()  # which would keep a kilobyte a member
            if member.isdir():
                continue
            name, content = tar_name(member), _TarContent(archive, member)
            images, rest = sorted_out([(name, content.head)])
            others.update(rest)
            if images:
                yield name, content.read


class _TarContent:
    """The content of a member of a tar that is read from front to back, whose first bytes are looked at before."""

    def __init__(self, archive, member):
        self._archive, self._member, self._file, self._head = archive, member, None, b""

    def head(self):
        """Return the first bytes; none of what is no file."""
        if self._member.isreg():
            self._file = self._archive.extractfile(self._member)
            self._head = self._file.read(HEAD_BYTES)
        return self._head

    def read(self):
        """Return all of it as bytes, or a DataError that says why there is none."""
        name, size = tar_name(self._member), self._member.size
        if not self._member.isreg():
            return DataError(f"{name} is a link or a device in the tar, and not followed; pack the image itself")
        if size > LARGEST_FILE:
            return DataError(f"{name} must have at most {LARGEST_FILE:,} bytes, has {size:,}; unpack it")
        file = self._file or self._archive.extractfile(self._member)
        return self._head + file.read()


def file_sha256(path):
    """Return the SHA-256 of a file."""
    with damage_named(path), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tar_name(member):
    """Return the path of a member of a tar with ``/`` between the parts, none of them empty or a dot."""
    return "/".join(part for part in member.name.split("/") if part not in ("", "."))


def _zip_head(archive, info):
    """Return the first bytes of a member of a zip; none where it cannot be read."""
    try:
        with archive.open(info) as file:
            return file.read(HEAD_BYTES)
    except (*DAMAGE, NotImplementedError):
        return b""


def _files_below(folder, closed):
    """Yield the relative paths of all files below a folder; links are followed, circles of them once.

    Folders that cannot be opened are added to the list `closed`; the folder itself raises OSError.
    """

    def note(error):
        if Path(error.filename) == folder:
            raise error
        closed.append(Path(error.filename).relative_to(folder).as_posix())

    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=note):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        below = Path(place).relative_to(folder)
        yield from ((below / file).as_posix() for file in files)
