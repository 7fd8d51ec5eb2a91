"""Collection: a folder of takes, each a few seconds in which one person showed one expression.

    my_faces/
      collection.json           format, extractor settings, hash of the shape predictor, who agreed and when
      README.txt                what lies here and how it is deleted, for people
      ann/                      a folder for each subject
        round-01-happy/         a take
          take.json             subject, expression, round, source, times, hash of records.npy
          records.npy           face records, shape (n,): landmarks and chip
          frames.csv            time, box and detector's score of each record
          images/0000.png     only where images were asked for

A take is written beside its place and renamed when it is whole, so that whatever ends the program leaves whole takes.
Names that begin with a dot are leftovers; they are never read, and the next `Collection` that is opened removes them.
"""

import hashlib
import re
from pathlib import Path

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.collection_files import TAKE, read_json

FORMAT, FORMAT_VERSION = "landmark_fer collection", 1
ABOUT, READ_ME, LOCK = "collection.json", "README.txt", ".lock"
CONSENT_VERSION = 1  # of the text that people agree to; raise it when more is kept
LONGEST_NAME = 60


def made_with(settings, predictor_sha256):
    """Return what decides what records look like: extractor settings, and the hash of the shape predictor."""
    return {"extractor": settings.to_dict(), "shape_predictor_sha256": predictor_sha256}


def is_collection(path):
    """Return whether a path is a folder of takes."""
    return (Path(path) / ABOUT).is_file()


def read_about(path):
    """Return ``collection.json`` of a folder.

    Raises
    ------
    DataError
        If it is missing, damaged or of another version.
    """
    if not is_collection(path):
        raise DataError(f"{path} is no collection; make one with: python -m landmark_fer.collect --out {path}")
    about = read_json(Path(path) / ABOUT)
    came = about.get("format"), about.get("format_version")
    if came != (FORMAT, FORMAT_VERSION) or not isinstance(about.get("consent"), dict):
        raise DataError(f"{path} must be a {FORMAT} of version {FORMAT_VERSION}, got {came[0]} {came[1]}; name another")
    return about


def read_takes(path):
    """Return what is known of each take, by subject, expression and round, as dicts with ``path``.

    Raises
    ------
    DataError
        If a take is damaged.
    """
    takes = []
    for file in sorted(Path(path).glob(f"[!.]*/[!.]*/{TAKE}")):
        take = read_json(file)
        known = isinstance(take.get("subject"), str) and isinstance(take.get("round"), int)
        if not known or take.get("expression") not in EXPRESSIONS or take.get("format_version") != FORMAT_VERSION:
            raise DataError(
                f"{file} must tell subject, expression and round of version {FORMAT_VERSION}; delete the take"
            )
        takes.append(take | {"path": file.parent})
    return sorted(
        takes, key=lambda take: (natural_key(take["subject"]), EXPRESSIONS.index(take["expression"]), take["round"])
    )


def check_made_with(path, wanted):
    """Raise DataError if a collection, or one of its takes, was made otherwise than `made_with` says."""
    parts = [(Path(path) / ABOUT, read_about(path)), *((take["path"] / TAKE, take) for take in read_takes(path))]
    for file, about in parts:
        came = about.get("made_with")
        if came != wanted:
            what = next(
                (name for name in wanted if not isinstance(came, dict) or came.get(name) != wanted[name]), "more"
            )
            raise DataError(
                f"faces that were made in two ways are not mixed: {what.replace('_', ' ')} of {file} is not the one "
                "asked for; collect into another --out, or delete what was made otherwise"
            )


def check_place(path):
    """Raise DataError if a path holds something that is no collection."""
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} must be a folder for takes, and is a file; name another --out")
    entries = path.iterdir() if path.is_dir() and not is_collection(path) else ()
    if any(entry.name != READ_ME and entry.name[0] != "." for entry in entries):
        raise DataError(f"{path} holds something that is no collection and stays untouched; name another --out")


def checked_subject(name):
    """Return a subject's name without space around it; raise InputError if it is empty, too long or unprintable."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"subject must be a name of 1 to {LONGEST_NAME} printable letters, got {name[:80]!r}")
    return name


def folder_of(subject):
    """Return the name of a subject's folder: the name itself where every file system takes it, else like it."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", subject):
        return subject
    plain = re.sub(r"[^a-z0-9_-]+", "-", subject.lower())[:40].strip("-") or "subject"
    return f"{plain}-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"
