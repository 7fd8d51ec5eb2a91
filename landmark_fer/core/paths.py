"""Path options of commands: inputs and outputs, and the check that no output replaces an input."""

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
    """Return whether two paths lead to the same file or folder, even if it does not exist yet.

    Follows symbolic and hard links and ``..``, and ignores letter case where the file system does. False for devices
    and pipes, which several may read and write.
    """
    identity = _identity(first)
    return identity is not None and identity == _identity(second)


def lies_in(file, folder):
    """Return whether an existing file lies in a folder or its subfolders, or a link to it does.

    Parameters
    ----------
    file, folder : path-like
    """
    try:
        status = os.stat(file)
    except OSError:
        return False
    folders, visited = [os.fspath(folder)] if os.path.isdir(folder) else [], set()
    while folders:
        entries, real = _entries(place := folders.pop()), os.path.realpath(place)
        if real in visited:
            continue
        visited.add(real)
        for entry in entries:
            if _is_folder(entry):
                folders.append(entry.path)
            elif (entry.is_symlink() or entry.inode() == status.st_ino) and _is(entry, status):
                return True
    return False


def is_special(path):
    """Return whether a path is a pipe, a socket or a device, which may never end."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _identity(path):
    """Return a key that identifies a file or folder, existing or not; None for devices."""
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
    """Return whether the file system of a folder ignores letter case."""
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


_EXTRA = "x" * 14  # what the temporary name of an atomic write has more than the final one


@dataclass(frozen=True)
class Input:
    """The argparse type of an option whose value is a path to read.

    Attributes
    ----------
    files : callable
        Takes the text of the option; returns the paths that are read: the given one first, then files that it refers
        to. Some may be missing.
    holds : callable
        Takes one of these paths and an existing file; returns whether the file is read as a part of the path. By
        default a folder holds every file below it.
    default : callable
        Returns (name for messages, path) of what is read if the option is not given, or None.
    is_path : callable
        Takes the text; returns whether it is a path rather than, for example, a camera number.
    takes_devices : bool, default=False
        Whether the path may be a device or a pipe.
    """

    files: Callable = lambda text: [Path(text)]
    holds: Callable = lambda path, file: lies_in(file, path)
    default: Callable = lambda: None
    is_path: Callable = lambda text: True
    takes_devices: bool = False

    def __call__(self, text):
        """Return the text unchanged; argparse calls the type to convert a value."""
        return text


@dataclass(frozen=True)
class Output:
    """The argparse type of an option whose value is a path to write.

    Attributes
    ----------
    kind : {"file", "folder", "growing"}, default="file"
        A file or a folder is replaced as a whole. A growing folder only receives new files.
    additional : callable
        Takes the text and all options; returns further outputs as pairs of kind and path.
    default : callable
        Takes all options; returns the path that is written if the option is not given, or None.
    written : callable
        Takes all options; returns whether the command writes the path in this run, rather than only reads it.
    makes_parents : bool, default=False
        Whether missing parent folders of a file are created.
    grows : callable
        Takes the text; returns whether it names a growing folder instead of a path of this kind.
    """

    kind: str = "file"
    additional: Callable = lambda text, options: ()
    default: Callable = lambda options: None
    written: Callable = lambda options: True
    makes_parents: bool = False
    grows: Callable = lambda text: False

    def __call__(self, text):
        """Return the text unchanged; argparse calls the type to convert a value."""
        return text


def check_paths(parser, options):
    """Raise an error for paths that a command cannot use, and for outputs that would replace an input or each other.

    Nothing is written. Inputs are read only to find which files belong to them.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Its path options have an `Input` or an `Output` as their type.
    options : argparse.Namespace
        The parsed options.

    Raises
    ------
    InputError
        If a path is empty, too long, invalid or unreadable, or if an output is an input, a part of one, a folder that
        contains one, or another output.
    SinkError
        If an output cannot be written.
    """
    inputs, outputs = _inputs(parser, options), _outputs(parser, options)
    for each in (*inputs, *outputs):
        _check_name(each)
        _check_kind(each)
    for output in outputs:
        for read in inputs:
            _check_no_input_replaced(output, read)
    for first, second in combinations(outputs, 2):
        _check_apart(first, second)
    for read in inputs:
        _check_readable(read)
    for output in outputs:
        _check_writable(output)


def check_place(path, name=None):
    """Raise SinkError if a file cannot be written at a path; to be called before the work.

    Parameters
    ----------
    path : Path
    name : str, optional
        Name for messages.
    """
    name = name or show(path)
    if path.is_dir():
        raise SinkError(f"{name} is a folder; give the name of a file in it")
    if not path.parent.is_dir():
        raise SinkError(f"{name} cannot be written: there is no folder {show(path.parent)}; create it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SinkError(f"{name} cannot be written (no permission); give another path")


@dataclass(frozen=True)
class _OptionPath:
    """A path of a command: its option, name for messages, role, and whether the user gave it."""

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
    paths = []
    for option, role, texts, _ in _declared(parser, options, Input):
        paths += [_OptionPath(option, f"{option} {show(text)}", text, role) for text in texts]
        if not texts and (default := role.default()) is not None:
            paths.append(_OptionPath(option, default[0], os.fspath(default[1]), role, is_given=False))
    for option, role, texts, _ in _declared(parser, options, Output):
        if not role.written(options):
            paths += [_OptionPath(option, f"{option} {show(text)}", text, Input()) for text in texts]
    return paths


def _outputs(parser, options):
    paths = []
    for option, role, texts, is_default in _declared(parser, options, Output):
        if not role.written(options):
            continue
        if not texts and (default := role.default(options)) is not None:
            texts, is_default = [os.fspath(default)], True
        for text in texts:
            name = f"{option} {show(text)}"
            kind = "growing" if role.grows(text) else role.kind
            paths.append(_OptionPath(option, name, text, role, kind, not is_default))
            for kind, path in role.additional(text, options) if _can_be_path(text) else ():
                paths.append(_OptionPath(option, f"{show(path)} of {name}", os.fspath(path), role, kind, False))
    return paths


def _declared(parser, options, kind):
    """Yield (option name, role, values, whether they are the default) of the options of a kind."""
    for action in parser._actions:
        if isinstance(action.type, kind):
            value = getattr(options, action.dest)
            texts = [value] if isinstance(value, str) else list(value or ())
            yield (action.option_strings or [action.metavar])[-1], action.type, texts, value == action.default


def _can_be_path(text):
    return bool(text) and "\0" not in text


def _check_name(named):
    """Raise InputError for a text that cannot be a path."""
    if not _can_be_path(named.text):
        fault = "contains a NUL" if named.text else "is empty"
        raise InputError(f"{named.option} must be a path, and {show(named.text)} {fault}; give another")
    if isinstance(named.role, Input) and not named.role.is_path(named.text):
        return
    try:
        if isinstance(named.role, Output) and named.path.name:
            _exists(named.path.with_name(f"{named.path.name}{_EXTRA}"))
        _exists(named.path)
    except NotADirectoryError as error:
        file = next((show(above) for above in named.path.parents if os.path.isfile(above)), "a part of it")
        raise InputError(f"{named.name} cannot exist, because {file} is a file; give another path") from error
    except OSError as error:
        reason = "no permission" if isinstance(error, PermissionError) else error.strerror or error
        reason = "the name is too long" if error.errno == errno.ENAMETOOLONG else reason
        raise InputError(f"{named.name} cannot be reached ({reason}); give another path") from error
    except ValueError as error:  # characters that the system does not allow in names
        raise InputError(f"{named.name} has characters that the system does not allow; give another path") from error


def _check_kind(output):
    """Raise SinkError for a folder where a file is written, and the reverse."""
    if output.kind == "file" and output.path.is_dir():
        raise SinkError(f"{output.name} is a folder; give the name of a file in it")
    if output.kind in ("folder", "growing") and output.path.exists() and not output.path.is_dir():
        raise SinkError(f"{output.name} must be a folder, got a file; give another path")


def _exists(path):
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def _check_no_input_replaced(output, read):
    """Raise InputError for an output that would replace an input."""
    for path in read.role.files(read.text):
        if _replaces(output, path):
            replaced = show(path)
        elif output.kind == "file" and output.path.is_file() and read.role.holds(path, output.path):
            replaced = f"a file of {show(path)}"
        else:
            continue
        raise InputError(
            f"{output.name} would replace {replaced}, an input ({read.name}); give {output.option} another path"
        )


def _replaces(output, path):
    """Return whether an output replaces a path, or a folder that contains it."""
    if output.kind == "folder":
        return any(same_file(above, output.path) for above in _upwards(path))
    return output.kind == "file" and same_file(path, output.path)


def _check_apart(first, second):
    """Raise InputError for two outputs if one would replace the other."""
    if first.kind == second.kind == "growing":
        return
    if same_file(first.path, second.path):
        raise InputError(f"{first.name} and {second.name} are the same path; give each output its own path")
    for outer, inner in ((first, second), (second, first)):
        if outer.kind != "growing" and any(same_file(above, outer.path) for above in _upwards(inner.path)[1:]):
            raise InputError(f"{inner.name} lies in {outer.name}, which is replaced; give {inner.option} another path")


def _check_readable(read):
    if not read.role.takes_devices and is_special(read.path):
        raise InputError(f"{read.name} is a pipe or a device, which may never end; save it as a file, and give that")
    if read.role.is_path(read.text) and _exists(read.path) and not os.access(read.path, os.R_OK):
        raise InputError(f"{read.name} cannot be read (no permission); give another path")


def _check_writable(output):
    """Raise SinkError for a path that cannot be written. Writers of folders check this themselves, and more."""
    if not output.is_given or output.kind == "folder":
        return
    if output.kind == "file" and not output.role.makes_parents:
        check_place(output.path, output.name)
    elif not os.access(next(place for place in _upwards(output.path) if place.exists()), os.W_OK):
        raise SinkError(f"{output.name} cannot be written (no permission); give another path")


def _upwards(path):
    """Return a path and its parents, as written and with links resolved."""
    written, real = Path(os.path.abspath(path)), Path(os.path.realpath(path))
    return list(dict.fromkeys([written, *written.parents, real, *real.parents]))
