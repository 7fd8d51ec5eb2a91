"""A collection of labelled images of your own: description, files and people."""

import csv
import hashlib
import json
import re
import shlex
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, InputError, SinkError
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.files import atomic_write_text, remove_folder, remove_leftovers
from landmark_fer.core.naming import natural_key, writable
from landmark_fer.datasets.readers.csv_files import csv_rows

STORED = (
    "For each take: the face as a small grey image of 80 x 80 pixels, 68 points on it, times, the name you give "
    "yourself, and the expression that was asked for. A grey image of a face shows who you are, and a computer can "
    "recognize you by it. Whole images of the camera are kept only with --keep-images; sound never."
)

WHERE = "All of it lies in {path} on this computer, and nothing is sent anywhere."

CONSENT = (
    "Models that are fitted on it hold traces of your face. You may stop at any time (q), undo the last take (u), and "
    "delete all that is yours: python -m landmark_fer.collect --out {path} --delete {subject}. Deleting does not "
    "change models that were fitted before: delete those, too. Record only people who agreed themselves, and for "
    "children also whoever cares for them."
)

README = """This folder was made by python -m landmark_fer.collect. It holds faces of people, who agreed to it.

What is kept: one folder for each person, one folder in it for each take (a few seconds of one expression):
  records.npy   the faces: a grey image of 80 x 80 pixels and 68 points each; people can be recognized by them
  frames.csv    when each was taken, where it was in the camera's image, how clearly the detector saw it
  take.json     who, which expression, when, with which settings
  images/     the camera's images, only where they were asked for with --keep-images

To see it:          python -m landmark_fer.collect --out THIS_FOLDER --list
To delete a person: python -m landmark_fer.collect --out THIS_FOLDER --delete NAME
To delete it all:   python -m landmark_fer.collect --out THIS_FOLDER --delete-all

Deleting a folder by hand does the same. Models that were fitted on these faces, copies and backups are not changed by
it: delete those, too. Do not give this folder away without asking everybody who is in it.
"""


def notice(path, subject, *, images=False):
    """Return what somebody has to know before being recorded, as a list of paragraphs."""
    kept = "Whole images of the camera are kept, too, because --keep-images asks for it." if images else ""
    quoted = {"path": shlex.quote(str(path)), "subject": shlex.quote(subject)}
    parts = [STORED, kept, WHERE.format(path=Path(path).resolve()), CONSENT.format(**quoted)]
    return [part for part in parts if part]


TAKE, RECORDS, FRAMES, IMAGES = "take.json", "records.npy", "frames.csv", "images"
COLUMNS = ("time_s", "x", "y", "width", "height", "detector_score")


def write_take(folder, about, records, frames, images):
    """Fill the new folder of a take; `about` gets the hash of the records."""
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
    about = about | {"sha256": {name: _sha256(folder / name) for name in (RECORDS, FRAMES)}}
    (folder / TAKE).write_text(writable(json.dumps(about, indent=1, ensure_ascii=False)) + "\n", encoding="utf-8")


def write_json(path, values):
    """Write a file that is whole or as it was; raise SinkError if it cannot be written."""
    try:
        atomic_write_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SinkError(f"{path} cannot be written ({error.strerror or error}); make room") from error


def read_json(path):
    """Return the dictionary in a file; raise DataError if there is none."""
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read ({error}); delete the folder that it lies in, and collect again"
        ) from error
    if not isinstance(values, dict):
        raise DataError(f"{path} must hold names and values, and does not; delete the folder that it lies in")
    return values


def read_records(take):
    """Return the records of a take and its frames, shape (n,) and (n, 6).

    Parameters
    ----------
    take : dict
        As from `read_takes`.

    Raises
    ------
    DataError
        If a file is missing, damaged, or not the one that was written.
    """
    folder = take["path"]
    try:
        same = all(_sha256(folder / name) == take["sha256"][name] for name in (RECORDS, FRAMES))
        records = np.load(folder / RECORDS, allow_pickle=False) if same else None
        rows = list(csv_rows(folder / FRAMES))[1:] if same else []
        frames = np.array([[float(cell) for cell in row.cells] for row in rows]).reshape(-1, len(COLUMNS))
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise DataError(f"take {folder} cannot be read ({error}); delete its folder and collect it again") from error
    if not same or frames.shape != (len(records), len(COLUMNS)):
        raise DataError(f"take {folder} must be as it was written, and is not; delete its folder, collect again")
    return records, frames


def delete_folder(path):
    """Delete the folder of a take or a person: gone for every reader at once; raise SinkError if it cannot be."""
    try:
        remove_folder(path)
    except OSError as error:
        raise SinkError(f"{path} cannot be deleted wholly ({error.strerror or error}); delete it by hand") from error


def clear_leftovers(path):
    """Delete what a program that was killed left of takes that were being written or deleted."""
    for folder in (path, *filter(Path.is_dir, path.iterdir())):
        remove_leftovers(folder)


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
