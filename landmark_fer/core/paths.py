"""Paths of a command line: each is an input or an output, and no output replaces an input."""

import errno
import os
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from landmark_fer.core.errors import InputError, SinkError
from landmark_fer.core.naming import show


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


_ROOM = "." + "x" * 12  # what the name of a file that is written first and then renamed has more than its last name


@dataclass(frozen=True)
class Input:
    """The type of an option that names what a command reads.

    Attributes
    ----------
    files : callable
        From the option's text to the paths that are read: the named one first, then files that are read along with it.
        Some may be missing.
    holds : callable
        Takes one of these paths and an existing file; returns whether the file is read as a part of it. By default a
        folder holds every file below it.
    default : callable
        Returns what is read where the option is not given: what messages call it and its path, or None.
    is_path : callable
        Takes the text; returns whether it is a path and not, say, the number of a camera.
    takes_devices : bool, default=False
        Whether the path may be neither a file nor a folder.
    """

    files: Callable = lambda text: [Path(text)]
    holds: Callable = lambda path, file: lies_in(file, path)
    default: Callable = lambda: None
    is_path: Callable = lambda text: True
    takes_devices: bool = False

    def __call__(self, text):
        """Return the text as it is; argparse converts values by calling their type."""
        return text


@dataclass(frozen=True)
class Output:
    """The type of an option that names what a command writes.

    Attributes
    ----------
    kind : {"file", "folder", "growing"}, default="file"
        A file, or a folder, is replaced as a whole. A growing folder only gets new files.
    beside : callable
        Takes the text and all options; returns more that is written, as pairs of kind and path.
    default : callable
        Takes all options; returns the path that is written where the option is not given, or None.
    written : callable
        Takes all options; returns whether the command writes this time, and does not only read what is there.
    makes_parents : bool, default=False
        Whether missing folders above a file are made.
    """

    kind: str = "file"
    beside: Callable = lambda text, options: ()
    default: Callable = lambda options: None
    written: Callable = lambda options: True
    makes_parents: bool = False

    def __call__(self, text):
        """Return the text as it is; argparse converts values by calling their type."""
        return text


def check_paths(parser, options):
    """Refuse paths that a command cannot use, and outputs that would replace an input or each other.

    Nothing is written, and of inputs no more is read than tells which files belong to them.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Its options that take paths have an `Input` or an `Output` as their type.
    options : argparse.Namespace
        What it parsed.

    Raises
    ------
    InputError
        If a path is empty, too long or otherwise no path, or cannot be read, or an output is an input, a part of one,
        a folder around one, or another output.
    SinkError
        If an output can never be written.
    """
    inputs, outputs = _inputs(parser, options), _outputs(parser, options)
    for each in (*inputs, *outputs):
        _check_name(each)
        _check_kind(each)
    for output in outputs:
        for read in inputs:
            _check_kept(output, read)
    for first, second in combinations(outputs, 2):
        _check_apart(first, second)
    for read in inputs:
        _check_readable(read)
    for output in outputs:
        _check_writable(output)


def check_place(path, name=None):
    """Raise SinkError if a file can never be written at a path, before any work is done for it.

    Parameters
    ----------
    path : Path
    name : str, optional
        What messages call it.
    """
    name = name or show(path)
    if path.is_dir():
        raise SinkError(f"{name} is a folder; give the name of a file in it")
    if not path.parent.is_dir():
        raise SinkError(f"{name} cannot be written: there is no folder {show(path.parent)}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SinkError(f"{name} cannot be written (no permission); give another place")


@dataclass(frozen=True)
class _Named:
    """A path of a command: its option, what messages call it, its role, and whether the user gave it."""

    option: str
    name: str
    text: str
    role: Input | Output
    kind: str = ""
    is_given: bool = True

    @property
    def path(self):
        return Path(self.text)


def _inputs(parser, options):
    found = []
    for option, role, texts, _ in _declared(parser, options, Input):
        found += [_Named(option, f"{option} {show(text)}", text, role) for text in texts]
        if not texts and (default := role.default()) is not None:
            found.append(_Named(option, default[0], os.fspath(default[1]), role, is_given=False))
    for option, role, texts, _ in _declared(parser, options, Output):
        if not role.written(options):
            found += [_Named(option, f"{option} {show(text)}", text, Input()) for text in texts]
    return found


def _outputs(parser, options):
    found = []
    for option, role, texts, is_default in _declared(parser, options, Output):
        if not role.written(options):
            continue
        if not texts and (default := role.default(options)) is not None:
            texts, is_default = [os.fspath(default)], True
        for text in texts:
            name = f"{option} {show(text)}"
            found.append(_Named(option, name, text, role, role.kind, not is_default))
            for kind, path in role.beside(text, options) if _can_be_path(text) else ():
                found.append(_Named(option, f"{show(path)} of {name}", os.fspath(path), role, kind, False))
    return found


def _declared(parser, options, kind):
    """Yield (name of the option, its role, its values, whether they are its default) of options of a kind."""
    for action in parser._actions:
        if isinstance(action.type, kind):
            value = getattr(options, action.dest)
            texts = [value] if isinstance(value, str) else list(value or ())
            yield (action.option_strings or [action.metavar])[-1], action.type, texts, value == action.default


def _can_be_path(text):
    return bool(text) and "\0" not in text


def _check_name(named):
    """Refuse what can be the path of nothing."""
    if not _can_be_path(named.text):
        came = "has a NUL in it" if named.text else "is empty"
        raise InputError(f"{named.option} must be given a path, and {show(named.text)} {came}; give another")
    if isinstance(named.role, Input) and not named.role.is_path(named.text):
        return
    try:
        if isinstance(named.role, Output) and named.path.name:
            _is_there(named.path.with_name(f".{named.path.name}{_ROOM}"))
        _is_there(named.path)
    except NotADirectoryError as error:
        file = next((show(above) for above in named.path.parents if os.path.isfile(above)), "a part of it")
        raise InputError(f"{named.name} cannot be there, because {file} is a file; give another path") from error
    except OSError as error:
        reason = "no permission" if isinstance(error, PermissionError) else error.strerror or error
        reason = "the name is too long" if error.errno == errno.ENAMETOOLONG else reason
        raise InputError(f"{named.name} cannot be reached ({reason}); give another path") from error
    except ValueError as error:  # letters that the system's names cannot have
        raise InputError(f"{named.name} must be a path, and the system has no such names; give another") from error


def _check_kind(output):
    """Refuse a folder where a file is written, and the other way round."""
    if output.kind == "file" and output.path.is_dir():
        raise SinkError(f"{output.name} is a folder; give the name of a file in it")
    if output.kind in ("folder", "growing") and output.path.exists() and not output.path.is_dir():
        raise SinkError(f"{output.name} must be a folder, and is a file; give another path")


def _is_there(path):
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def _check_kept(output, read):
    """Refuse an output that would replace an input."""
    for path in read.role.files(read.text):
        if _replaces(output, path):
            harmed = show(path)
        elif output.kind == "file" and output.path.is_file() and read.role.holds(path, output.path):
            harmed = f"a file of {show(path)}"
        else:
            continue
        raise InputError(
            f"{output.name} would replace {harmed}, which is an input ({read.name}); give {output.option} another path"
        )


def _replaces(output, path):
    """Return whether an output is written in the place of a path, or of a folder around it."""
    if output.kind == "folder":
        return any(same_file(above, output.path) for above in _upwards(path))
    return output.kind == "file" and same_file(path, output.path)


def _check_apart(first, second):
    """Refuse two outputs of which one would replace the other."""
    if first.kind == second.kind == "growing":
        return
    if same_file(first.path, second.path):
        raise InputError(f"{first.name} and {second.name} are one path; give each output a path of its own")
    for outer, inner in ((first, second), (second, first)):
        if outer.kind != "growing" and any(same_file(above, outer.path) for above in _upwards(inner.path)[1:]):
            raise InputError(f"{inner.name} lies in {outer.name}, which is replaced; give {inner.option} another path")


def _check_readable(read):
    if not read.role.takes_devices and is_special(read.path):
        raise InputError(f"{read.name} is a pipe or a device, which may never end; save it as a file, and give that")
    if read.role.is_path(read.text) and _is_there(read.path) and not os.access(read.path, os.R_OK):
        raise InputError(f"{read.name} cannot be read (no permission); give another path")


def _check_writable(output):
    """Refuse a place where nothing can be written; what replaces a folder looks at more than that, by itself."""
    if not output.is_given or output.kind == "folder":
        return
    if output.kind == "file" and not output.role.makes_parents:
        check_place(output.path, output.name)
    elif not os.access(next(place for place in _upwards(output.path) if place.exists()), os.W_OK):
        raise SinkError(f"{output.name} cannot be written (no permission); give another path")


def _upwards(path):
    """Return a path and the folders above it, as it is written and, where they are others, as links lead."""
    written, real = Path(os.path.abspath(path)), Path(os.path.realpath(path))
    return list(dict.fromkeys([written, *written.parents, real, *real.parents]))
