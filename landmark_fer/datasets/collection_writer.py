"""Writing a collection: takes are stored completely or not at all, with consent, and deleted on request."""

import contextlib
import csv
import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from landmark_fer import __version__
from landmark_fer.core.errors import DataError, InputError, SinkError
from landmark_fer.core.files import atomic_folder, atomic_write_text, locked, remove_folder, remove_leftovers
from landmark_fer.core.naming import writable
from landmark_fer.datasets.collection import (
    COLUMNS,
    CONSENT_VERSION,
    DESCRIPTION,
    FORMAT,
    FORMAT_VERSION,
    FRAMES,
    IMAGES,
    LOCK,
    READ_ME,
    README,
    RECORDS,
    TAKE,
    check_made_with,
    file_hash,
    is_collection,
    read_description,
    read_takes,
)

MAX_NAME = 60  # characters of a subject's name


class Collection:
    """A collection that is open for one writer at a time; a context manager.

    Parameters
    ----------
    path : path-like
        Created where it is missing.
    made_with : dict
        As from `made_with`; takes recorded with other settings are refused.

    Raises
    ------
    DataError
        If the folder holds something else, or takes recorded with other settings.
    SinkError
        If it cannot be written.
    """

    def __init__(self, path, made_with):
        self.path, self.made_with, self._lock = Path(path), made_with, None

    def __enter__(self):
        _check_folder(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = locked(self.path / LOCK, f"another program writes into {self.path}; waiting for it")
            self._lock.__enter__()
            self._prepare()
        except OSError as error:
            raise SinkError(f"{self.path} cannot be written ({error.strerror or error}); name another --out") from error
        return self

    def __exit__(self, *_):
        self._lock.__exit__(None, None, None)

    def consented(self, subject):
        """Return whether a subject has agreed to be recorded, to the current version of the text."""
        return read_description(self.path)["consent"].get(subject, {}).get("text") == CONSENT_VERSION

    def agree(self, subject, method):
        """Store that a subject agreed to be recorded, and by which method ("on screen")."""
        description = read_description(self.path)
        description["consent"][checked_subject(subject)] = {"agreed": _now(), "text": CONSENT_VERSION, "how": method}
        _write_json(self.path / DESCRIPTION, description)

    def takes(self, subject=None):
        """Return the metadata of the takes of one subject, or of all, as from `read_takes`."""
        return [take for take in read_takes(self.path) if subject in (None, take["subject"])]

    def add(self, subject, expression, records, frames, *, source, images=()):
        """Store a take.

        Parameters
        ----------
        subject : str
        expression : str
            A member of `EXPRESSIONS`.
        records : ndarray of shape (n,), structured
        frames : list of dict
            ``time_s, x, y, width, height, detector_score`` of each record.
        source : str
            Name of the video in messages.
        images : sequence of bytes
            PNG files, one for each record; empty if they are not stored.

        Returns
        -------
        dict
            As from `read_takes`.

        Raises
        ------
        SinkError
            If it cannot be written; then nothing is stored.
        """
        folder = self.path / folder_of(subject)
        number = 1 + max((take["round"] for take in self.takes(subject) if take["expression"] == expression), default=0)
        place = folder / f"round-{number:02d}-{expression}"
        metadata = {
            "subject": subject,
            "expression": expression,
            "round": number,
            "faces": len(records),
            "source": source,
            "begin_s": frames[0]["time_s"],
            "end_s": frames[-1]["time_s"],
            "recorded": _now(),
            "format_version": FORMAT_VERSION,
            "landmark_fer": __version__,
            "made_with": self.made_with,
        }
        try:
            with atomic_folder(place) as new:
                _write_take(new, metadata, records, frames, images)
        except OSError as error:
            raise SinkError(
                f"{place} cannot be written ({error.strerror or error}); earlier takes are not affected"
            ) from error
        return metadata | {"path": place}

    def remove(self, take):
        """Delete one take, as from `read_takes`."""
        _remove_folder(take["path"])

    def _prepare(self):
        """Delete what a killed program left, and write the description and README of a new collection."""
        _clear_leftovers(self.path)
        if not is_collection(self.path):
            with contextlib.suppress(FileExistsError), open(self.path / READ_ME, "x", encoding="utf-8") as file:
                file.write(README)
            description = {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "created": _now(),
                "landmark_fer": __version__,
                "made_with": self.made_with,
                "consent": {},
            }
            _write_json(self.path / DESCRIPTION, description)
        check_made_with(self.path, self.made_with)


def delete_subject(path, subject):
    """Delete all data of a subject, damaged takes too, and return the number of takes.

    Raises
    ------
    DataError
        If the folder is not a collection.
    InputError
        If the collection has no such subject.
    SinkError
        If something cannot be deleted.
    """
    path, description = Path(path), read_description(path)
    folder = path / folder_of(subject)
    if not folder.is_dir() and subject not in description["consent"]:
        valid_names = ", ".join(sorted(description["consent"])) or "none"
        raise InputError(f"subject must be one of those of {path} ({valid_names}), got {subject!r}")
    n_takes = len(list(folder.glob(f"[!.]*/{TAKE}")))
    if folder.is_dir():
        _remove_folder(folder)
    description["consent"].pop(subject, None)
    _write_json(path / DESCRIPTION, description)
    return n_takes


def delete_all(path):
    """Delete everything that `Collection` has written below a folder, and return the number of takes.

    Other files stay, and then the folder does, too.
    """
    path, description = Path(path), read_description(path)
    n_takes = sum(delete_subject(path, subject) for subject in description["consent"])
    for folder in {file.parents[1] for file in path.glob(f"[!.]*/[!.]*/{TAKE}")}:  # copied here by hand
        n_takes += len(list(folder.glob(f"[!.]*/{TAKE}")))
        _remove_folder(folder)
    _clear_leftovers(path)
    for name in (DESCRIPTION, LOCK, *([READ_ME] if _is_our_readme(path / READ_ME) else [])):
        (path / name).unlink(missing_ok=True)
    if not any(path.iterdir()):
        path.rmdir()
    return n_takes


def checked_subject(name):
    """Return a subject's name without surrounding space; raise InputError if it is empty, too long or unprintable."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InputError(f"subject must be a name of 1 to {MAX_NAME} printable letters, got {name[:80]!r}")
    return name


def folder_of(subject):
    """Return a folder name for a subject that every file system accepts and that no other subject has."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", subject):
        return subject
    plain = re.sub(r"[^a-z0-9_-]+", "-", subject.lower())[:40].strip("-") or "subject"
    return f"{plain}-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"


def _check_folder(path):
    """Raise DataError if a path holds something that is not a collection."""
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} must be a folder for takes, got a file; name another --out")
    entries = path.iterdir() if path.is_dir() and not is_collection(path) else ()
    if any(entry.name != READ_ME and entry.name[0] != "." for entry in entries):
        raise DataError(f"{path} holds something else than a collection and is not changed; name another --out")


def _write_take(folder, metadata, records, frames, images):
    """Write the files of a take into a new folder, with the hashes of records and frames."""
    with open(folder / RECORDS, "wb") as file:
        np.save(file, records, allow_pickle=False)
    with open(folder / FRAMES, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(frames)
    if images:
        (folder / IMAGES).mkdir()
    for number, content in enumerate(images):
        (folder / IMAGES / f"{number:04d}.png").write_bytes(content)
    hashes = {name: file_hash(folder / name) for name in (RECORDS, FRAMES)}
    content = _to_json(metadata | {"sha256": hashes})
    (folder / TAKE).write_text(writable(content), encoding="utf-8")


def _write_json(path, values):
    """Replace a json file; raise SinkError if it cannot be written."""
    try:
        atomic_write_text(path, _to_json(values))
    except OSError as error:
        raise SinkError(f"{path} cannot be written ({error.strerror or error}); make room") from error


def _to_json(values):
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _remove_folder(path):
    """Delete the folder of a take or a subject; raise SinkError if that fails."""
    try:
        remove_folder(path)
    except OSError as error:
        reason = error.strerror or error
        raise SinkError(f"{path} cannot be deleted completely ({reason}); delete it by hand") from error


def _clear_leftovers(path):
    """Delete what a killed program left of takes that it was writing or deleting."""
    for folder in (path, *filter(Path.is_dir, path.iterdir())):
        remove_leftovers(folder)


def _is_our_readme(path):
    """Return whether a README is the one that `Collection` writes."""
    try:
        return path.read_text(encoding="utf-8") == README
    except (OSError, ValueError):
        return False


def _now():
    return datetime.now(UTC).isoformat(timespec="seconds")
