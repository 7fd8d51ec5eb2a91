"""Files of a collection: written through to the disk, read with a sentence where they are damaged, deleted."""

import csv
import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path

import numpy as np

from landmark_fer.core.errors import DataError, SinkError
from landmark_fer.core.naming import writable
from landmark_fer.datasets.readers.csv_files import csv_rows

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
    for file in (file for file in folder.rglob("*") if file.is_file()):
        sync(file)


def write_json(path, values):
    """Write a file beside its place and rename it."""
    beside = path.with_name(f".{uuid.uuid4().hex}.new")
    try:
        beside.write_text(writable(json.dumps(values, indent=1, ensure_ascii=False)) + "\n", encoding="utf-8")
        sync(beside)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
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


def remove_folder(path):
    """Delete a folder: gone for every reader at once, then from the disk.

    Raises
    ------
    SinkError
        If it cannot be deleted.
    """
    gone = path.with_name(f".{uuid.uuid4().hex}.gone")
    try:
        os.replace(path, gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise SinkError(f"{path} cannot be deleted wholly ({error.strerror or error}); delete it by hand") from error


def clear_leftovers(path):
    """Delete what a program that was killed left of takes that were being written or deleted."""
    for pattern in (".*.new", ".*.gone", "*/.*.new", "*/.*.gone"):
        for leftover in path.glob(pattern):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def sync(path):
    """Have a file, or the names in a folder, written through to the disk where the system can."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
