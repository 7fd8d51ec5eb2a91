"""A collection: a folder of labelled recordings of your own faces; its texts, its format, reading it.

A collection has a folder for each subject, and in it a folder for each take (a few seconds of one expression).
"""

import hashlib
import json
import shlex
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, plain_reason, plain_value
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.readers.csv_files import csv_rows

FORMAT, FORMAT_VERSION = "landmark_fer collection", 1
CONSENT_VERSION = 1  # of the text that people agree to; raise it when more is stored

DESCRIPTION, READ_ME, LOCK = "collection.json", "README.txt", ".lock"
TAKE, RECORDS, FRAMES, IMAGES = "take.json", "records.npy", "frames.csv", "images"
COLUMNS = ("time_s", "x", "y", "width", "height", "detector_score")

STORED = (
    "For each take: the face as a small grey image of 80 x 80 pixels, 68 points on it, times, the name you give "
    "yourself, and the expression you were asked to show. A grey image of a face shows who you are, and a computer can "
    "recognize you by it. Whole images of the camera are stored only with --keep-images; sound never."
)

WHERE = "All of it is stored in {path} on this computer, and nothing is sent anywhere."

CONSENT = (
    "Models that are fitted on it hold traces of your face. You may stop at any time (q), undo the last take (u), and "
    "delete all that is yours: python -m landmark_fer.collect --out {path} --delete {subject}. Deleting does not "
    "change models that were fitted before: delete those, too. Record only people who agreed themselves, and for "
    "children also those who have custody of them."
)

README = """This folder was made by python -m landmark_fer.collect. It holds faces of people, who agreed to it.

It has one folder for each person, and in it one folder for each take (a few seconds of one expression):
  records.npy   the faces: a grey image of 80 x 80 pixels and 68 points each; people can be recognized by them
  frames.csv    for each face its time, its place in the camera's image, and the score of the face detector
  take.json     who, which expression, when, with which settings
  images/       the camera's images, only with --keep-images

To list it:         python -m landmark_fer.collect --out THIS_FOLDER --list
To delete a person: python -m landmark_fer.collect --out THIS_FOLDER --delete NAME
To delete it all:   python -m landmark_fer.collect --out THIS_FOLDER --delete-all

Deleting a folder by hand does the same. Models that were fitted on these faces, copies and backups do not change:
delete those, too. Do not give this folder away without asking everybody who is in it.
"""


def notice(path, subject, *, images=False):
    """Return what somebody must know before being recorded, as a list of paragraphs."""
    whole_images = "Whole images of the camera are stored, too, because of --keep-images." if images else ""
    place = WHERE.format(path=Path(path).resolve())
    consent = CONSENT.format(path=shlex.quote(str(path)), subject=shlex.quote(subject))
    return [paragraph for paragraph in (STORED, whole_images, place, consent) if paragraph]


def made_with(settings, predictor_sha256):
    """Return the settings that records depend on: those of the extractor, and the hash of the shape predictor."""
    return {"extractor": settings.to_dict(), "shape_predictor_sha256": predictor_sha256}


def is_collection(path):
    """Return whether a path is a collection."""
    return path is not None and (Path(path) / DESCRIPTION).is_file()


def read_description(path):
    """Return the content of a collection's ``collection.json``: its format, its settings, the consent of each subject.

    Raises
    ------
    DataError
        If it is missing, damaged or of another version.
    """
    if not is_collection(path):
        raise DataError(f"{path} is not a collection; make one with: python -m landmark_fer.collect --out {path}")
    description = _read_json(Path(path) / DESCRIPTION)
    actual = description.get("format"), description.get("format_version")
    if actual != (FORMAT, FORMAT_VERSION) or not isinstance(description.get("consent"), dict):
        raise DataError(
            f"{path} must be a {FORMAT} of version {FORMAT_VERSION}, got "
            f"{' '.join(map(plain_value, actual))}; name another"
        )
    return description


def read_takes(path):
    """Return the metadata of each take, as a list of dicts with ``path``, by subject, expression and round.

    Raises
    ------
    DataError
        If a take is damaged.
    """
    takes = []
    for file in sorted(Path(path).glob(f"[!.]*/[!.]*/{TAKE}")):
        take = _read_json(file)
        valid = isinstance(take.get("subject"), str) and isinstance(take.get("round"), int)
        if not valid or take.get("expression") not in EXPRESSIONS or take.get("format_version") != FORMAT_VERSION:
            raise DataError(
                f"{file} must hold subject, expression and round in version {FORMAT_VERSION}; delete the take"
            )
        takes.append(take | {"path": file.parent})
    return sorted(
        takes, key=lambda take: (natural_key(take["subject"]), EXPRESSIONS.index(take["expression"]), take["round"])
    )


def read_records(take):
    """Return the records of a take and its frames, shape (n,) and (n, 6).

    Parameters
    ----------
    take : dict
        As from `read_takes`.

    Raises
    ------
    DataError
        If a file is missing, damaged, or was changed.
    """
    folder = take["path"]
    try:
        unchanged = all(file_hash(folder / name) == take["sha256"][name] for name in (RECORDS, FRAMES))
        records = np.load(folder / RECORDS, allow_pickle=False) if unchanged else None
        rows = list(csv_rows(folder / FRAMES))[1:] if unchanged else []
        frames = np.array([[float(cell) for cell in row.cells] for row in rows]).reshape(-1, len(COLUMNS))
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise DataError(
            f"take {folder} cannot be read ({plain_reason(error)}); delete its folder and collect it again"
        ) from error
    if not unchanged or frames.shape != (len(records), len(COLUMNS)):
        raise DataError(f"take {folder} was changed after it was recorded; delete its folder and collect it again")
    return records, frames


def check_made_with(path, expected):
    """Raise DataError if a collection, or one of its takes, was recorded with other settings than `made_with`'s."""
    parts = [
        (Path(path) / DESCRIPTION, read_description(path)),
        *((take["path"] / TAKE, take) for take in read_takes(path)),
    ]
    for file, metadata in parts:
        actual = metadata.get("made_with")
        if actual == expected:
            continue
        differs = (name for name in expected if not isinstance(actual, dict) or actual.get(name) != expected[name])
        setting = next(differs, "settings").replace("_", " ")
        raise DataError(
            f"faces recorded with different settings cannot be mixed: {setting} of {file} differs; "
            "collect into another --out, or delete what was recorded with other settings"
        )


def file_hash(path):
    """Return the SHA-256 of a file of a take."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_json(path):
    """Return the dictionary in a file; raise DataError if there is none."""
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read ({plain_reason(error)}); delete its folder and collect again"
        ) from error
    if not isinstance(values, dict):
        raise DataError(f"{path} must hold a JSON object, got {plain_value(values)}; delete its folder")
    return values
