"""Writing a collection: takes that are whole or not there, consent, and deleting on request."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from landmark_fer import __version__
from landmark_fer.core.errors import InputError, SinkError
from landmark_fer.core.files import atomic_folder, locked
from landmark_fer.datasets.collection import (
    ABOUT,
    CONSENT_VERSION,
    FORMAT,
    FORMAT_VERSION,
    LOCK,
    READ_ME,
    README,
    TAKE,
    check_made_with,
    check_place,
    checked_subject,
    clear_leftovers,
    delete_folder,
    folder_of,
    is_collection,
    read_about,
    read_takes,
    write_json,
    write_take,
)


class Collection:
    """A folder of takes, open for one writer at a time; a context manager.

    Parameters
    ----------
    path : path-like
        Made where it is missing.
    made_with : dict
        As from `made_with`; takes that were made otherwise are refused.

    Raises
    ------
    DataError
        If the folder holds something else, or takes that were made otherwise.
    SinkError
        If it cannot be written.
    """

    def __init__(self, path, made_with):
        self.path, self.made_with, self._lock = Path(path), made_with, None

    def __enter__(self):
        check_place(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = locked(self.path / LOCK, f"another program writes into {self.path}; waiting for it")
            self._lock.__enter__()
            self._begin()
        except OSError as error:
            raise SinkError(f"{self.path} cannot be written ({error.strerror or error}); name another --out") from error
        return self

    def __exit__(self, *_):
        self._lock.__exit__(None, None, None)

    def consented(self, subject):
        """Return whether somebody has agreed to be recorded, to the text as it stands today."""
        return read_about(self.path)["consent"].get(subject, {}).get("text") == CONSENT_VERSION

    def agree(self, subject, how):
        """Keep that somebody agreed to be recorded, and how they said so."""
        about = read_about(self.path)
        about["consent"][checked_subject(subject)] = {"agreed": _now(), "text": CONSENT_VERSION, "how": how}
        write_json(self.path / ABOUT, about)

    def takes(self, subject=None):
        """Return what is known of each take, as from `read_takes`, of one subject or of all."""
        return [take for take in read_takes(self.path) if subject in (None, take["subject"])]

    def add(self, subject, expression, records, frames, *, source, images=()):
        """Keep a take, wholly or not at all.

        Parameters
        ----------
        subject : str
        expression : str
            A member of `EXPRESSIONS`.
        records : ndarray of shape (n,), structured
        frames : list of dict
            Of each record ``time_s, x, y, width, height, detector_score``.
        source : str
            What messages call the video.
        images : sequence of bytes
            As PNG, one for each record; none where they are not to be kept.

        Returns
        -------
        dict
            As from `read_takes`.

        Raises
        ------
        SinkError
            If it cannot be written; nothing is left of it then.
        """
        folder = self.path / folder_of(subject)
        number = 1 + max((take["round"] for take in self.takes(subject) if take["expression"] == expression), default=0)
        place = folder / f"round-{number:02d}-{expression}"
        about = {"subject": subject, "expression": expression, "round": number, "faces": len(records)}
        about |= {"source": source, "begin_s": frames[0]["time_s"], "end_s": frames[-1]["time_s"], "recorded": _now()}
        about |= {"format_version": FORMAT_VERSION, "landmark_fer": __version__, "made_with": self.made_with}
        try:
            with atomic_folder(place) as new:
                write_take(new, about, records, frames, images)
        except OSError as error:
            raise SinkError(
                f"{place} cannot be written ({error.strerror or error}); the takes before are kept"
            ) from error
        return about | {"path": place}

    def remove(self, take):
        """Delete one take, as from `read_takes`."""
        delete_folder(take["path"])

    def _begin(self):
        """Clear away what a killed program left, and make what a new folder needs."""
        clear_leftovers(self.path)
        if not is_collection(self.path):
            with contextlib.suppress(FileExistsError), open(self.path / READ_ME, "x", encoding="utf-8") as file:
                file.write(README)
            about = {"format": FORMAT, "format_version": FORMAT_VERSION, "created": _now(), "landmark_fer": __version__}
            write_json(self.path / ABOUT, about | {"made_with": self.made_with, "consent": {}})
        check_made_with(self.path, self.made_with)


def delete_subject(path, subject):
    """Delete everything of somebody, damaged takes too, and return how many takes it was.

    Raises
    ------
    DataError
        If the folder is no collection.
    InputError
        If nobody of that name is in it.
    SinkError
        If something cannot be deleted.
    """
    path, about = Path(path), read_about(path)
    folder = path / folder_of(subject)
    if not folder.is_dir() and subject not in about["consent"]:
        known = ", ".join(sorted(about["consent"])) or "none"
        raise InputError(f"subject must be one of those of {path} ({known}), got {subject!r}")
    n_takes = len(list(folder.glob(f"[!.]*/{TAKE}")))
    if folder.is_dir():
        delete_folder(folder)
    about["consent"].pop(subject, None)
    write_json(path / ABOUT, about)
    return n_takes


def delete_all(path):
    """Delete everything that `Collection` has written below a folder, and return how many takes it was.

    What somebody else put there stays, and then the folder, too.
    """
    path, about = Path(path), read_about(path)
    n_takes = sum(delete_subject(path, subject) for subject in about["consent"])
    for folder in {file.parents[1] for file in path.glob(f"[!.]*/[!.]*/{TAKE}")}:  # copied here by hand
        n_takes += len(list(folder.glob(f"[!.]*/{TAKE}")))
        delete_folder(folder)
    clear_leftovers(path)
    for name in (ABOUT, LOCK, *([READ_ME] if _is_ours(path / READ_ME) else [])):
        (path / name).unlink(missing_ok=True)
    if not any(path.iterdir()):
        path.rmdir()
    return n_takes


def _is_ours(read_me):
    """Return whether the text for people is the one that `Collection` writes, and not somebody else's."""
    try:
        return read_me.read_text(encoding="utf-8") == README
    except (OSError, ValueError):
        return False


def _now():
    return datetime.now(UTC).isoformat(timespec="seconds")
