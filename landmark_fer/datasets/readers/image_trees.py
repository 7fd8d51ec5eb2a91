"""Images in a folder, a zip or a tar behind one interface: names, other files, and contents."""

import hashlib
import itertools
import json
import os
import tarfile
import zipfile
from pathlib import Path

from landmark_fer.core.errors import DataError, plain_reason
from landmark_fer.datasets.readers.csv_files import DAMAGE, wrap_read_errors
from landmark_fer.perception.image_formats import HEAD_BYTES, HIDDEN, NOT_AN_IMAGE, divide_files, head_of

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")  # a zip, and an empty one
CLOSED = "a folder that cannot be opened"
UNREAD = (NOT_AN_IMAGE, HIDDEN, CLOSED)
MAX_FILE = 256 * 2**20  # bytes; a zip can claim any size for a member


class FolderTree:
    """The images under a folder; links are followed.

    Attributes
    ----------
    images : list of str
        Paths below the folder with ``/`` between the parts, in no particular order.
    others : dict of str to str
        All other files except litter, and why they are not read; as from `divide_files`.
    """

    def __init__(self, path):
        self.path = Path(path)
        folder, closed = str(path), []
        with wrap_read_errors(path):
            names = _files_below(self.path, closed)
            files = ((name, lambda name=name: head_of(os.path.join(folder, name))) for name in names)
            self.images, self.others = divide_files(files)
        self.others |= dict.fromkeys(closed, CLOSED)

    def fingerprint(self):
        """Return a hash of the relative paths, sizes and modification times."""
        return stat_fingerprint(self.path, sorted(self.images))

    def contents(self, names):
        """Yield (name, path of the file) for each image."""
        return ((name, self.path / name) for name in names)


class ZipTree:
    """The images in a zip, read without unpacking it; interface as `FolderTree`.

    Attributes
    ----------
    members : dict of str to ZipInfo
        All files, by their names with ``/`` between the parts.
    """

    def __init__(self, path):
        self.path = Path(path)
        with wrap_read_errors(path), zipfile.ZipFile(path) as archive:
            self.members = {info.filename.replace("\\", "/"): info for info in archive.infolist() if not info.is_dir()}
            files = ((name, lambda info=info: _zip_head(archive, info)) for name, info in self.members.items())
            self.images, self.others = divide_files(files)

    def fingerprint(self):
        """Return the SHA-256 of the zip."""
        return file_sha256(self.path)

    def contents(self, names):
        """Yield (name, content as bytes, or the DataError that reading it raised) for each file."""
        with wrap_read_errors(self.path), zipfile.ZipFile(self.path) as archive:
            for name in names:
                yield name, self._content(archive, name)

    def _content(self, archive, name):
        info = self.members[name]
        if info.file_size > MAX_FILE:
            return DataError(f"{name} must have at most {MAX_FILE:,} bytes, got {info.file_size:,}; unpack it")
        try:
            return archive.read(info)
        except (*DAMAGE, NotImplementedError) as error:
            return DataError(
                f"{name} cannot be read from {self.path.name} ({plain_reason(error)}); fetch the zip again"
            )


class TarTree:
    """The images in a tar; interface as `FolderTree`, but contents come in the order of the tar.

    Parameters
    ----------
    path : path-like
    limit : int, optional
        List only this many files from the front.
    """

    def __init__(self, path, limit=None):
        self.path, self.others = Path(path), {}
        self.images = [name for name, _ in tar_images(path, self.others, limit=limit)]

    def fingerprint(self):
        """Return the SHA-256 of the tar."""
        return file_sha256(self.path)

    def contents(self, names):
        """Yield (name, content as bytes, or a DataError on why it cannot be read) for each file."""
        names = set(names)
        for name, content in _tar_members(self.path):
            if name in names:
                yield name, content.read()


def image_tree(path, *, limit=None):
    """Return the tree of a folder, zip or tar.

    Parameters
    ----------
    path : path-like
    limit : int, optional
        List only this many files from the front of a tar.
    """
    if not Path(path).is_file():
        return FolderTree(path)
    return TarTree(path, limit) if archive_kind(path) == "tar" else ZipTree(path)


def archive_kind(path):
    """Return "zip" or "tar" (compressed or not) by a file's content, by its name only if it is damaged; else None.

    Raises
    ------
    DataError
        If the file cannot be opened.
    """
    path, name = Path(path), str(path).lower()
    if not path.is_file():
        return None
    with wrap_read_errors(path):
        if head_of(path).startswith(_ZIP_HEADS):
            return "zip"
        if name.endswith(TAR_SUFFIXES) or tarfile.is_tarfile(path):
            return "tar"
        return "zip" if name.endswith(".zip") or zipfile.is_zipfile(path) else None


def tar_images(path, others, *, limit=None):
    """Yield the images of a tar from front to back.

    Parameters
    ----------
    path : path-like
    others : dict
        The other files are added to it, as from `divide_files`.
    limit : int, optional
        Read only this many files.

    Yields
    ------
    name : str
    read : callable
        Returns the content as bytes, or a DataError on why it cannot be read. Valid until the next image is yielded.
    """
    for name, content in _tar_members(path, limit):
        images, rest = divide_files([(name, content.head)])
        others.update(rest)
        if images:
            yield name, content.read


def file_sha256(path):
    """Return the SHA-256 of a file."""
    with wrap_read_errors(path), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stat_fingerprint(folder, names):
    """Return a hash of the names, sizes and modification times of files below a folder."""
    digest = hashlib.sha256()
    for name in names:
        try:
            status = (folder / name).stat()
            line = [name, status.st_size, status.st_mtime_ns]
        except OSError:  # deleted meanwhile, or a broken link: reading it reports that
            line = [name]
        digest.update(json.dumps(line).encode())
    return digest.hexdigest()


def _tar_members(path, limit=None):
    """Yield (name, content) of the members of a tar that are not folders."""
    with wrap_read_errors(path), tarfile.open(path, mode="r|*") as archive:
        for _ in itertools.count() if limit is None else range(limit):
            if (member := archive.next()) is None:
                return
            archive.members.clear()  # otherwise it grows by a kilobyte a member
            if not member.isdir():
                content = _TarContent(archive, member)
                yield content.name, content


class _TarContent:
    """The content of one member of a tar that is read from front to back.

    Attributes
    ----------
    name : str
        Path with ``/`` between the parts, none of them empty or a dot.
    """

    def __init__(self, archive, member):
        self._archive, self._member, self._file, self._head = archive, member, None, b""
        self.name = "/".join(part for part in member.name.split("/") if part not in ("", "."))

    def head(self):
        """Return the first bytes; none of links and devices."""
        if self._member.isreg():
            self._file = self._archive.extractfile(self._member)
            self._head = self._file.read(HEAD_BYTES)
        return self._head

    def read(self):
        """Return the content as bytes, or a DataError on why it cannot be read."""
        size = self._member.size
        if not self._member.isreg():
            return DataError(f"{self.name} is a link or a device in the tar, and not followed; pack the image itself")
        if size > MAX_FILE:
            return DataError(f"{self.name} must have at most {MAX_FILE:,} bytes, got {size:,}; unpack it")
        file = self._file or self._archive.extractfile(self._member)
        return self._head + file.read()


def _zip_head(archive, info):
    """Return the first bytes of a member of a zip; none where it cannot be read."""
    try:
        with archive.open(info) as file:
            return file.read(HEAD_BYTES)
    except (*DAMAGE, NotImplementedError):
        return b""


def _files_below(folder, closed):
    """Yield the relative paths of all files below a folder; links are followed, circular ones once.

    Folders that cannot be opened are added to the list `closed`; `folder` itself raises OSError.
    """

    def on_error(error):
        if Path(error.filename) == folder:
            raise error
        closed.append(Path(error.filename).relative_to(folder).as_posix())

    visited = set()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=on_error):
        real = os.path.realpath(place)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        below = Path(place).relative_to(folder)
        yield from ((below / file).as_posix() for file in files)
