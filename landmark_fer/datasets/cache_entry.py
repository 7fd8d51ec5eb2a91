"""One entry of the extraction cache on disk: written in steps that survive a crash, read memory-mapped.

An entry is a folder with ``records.npy``, a file for each column, ``about.json``, and ``left_out.csv``, which lists
every image that was left out with the reason and its status (`image_status`; empty for other files).
"""

import contextlib
import csv
import itertools
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from landmark_fer.core import image_status
from landmark_fer.core.files import atomic_file
from landmark_fer.datasets.base import MAX_NAMES, FaceDataset, counted_sentence, first_names, unread_sentence
from landmark_fer.datasets.extraction import COLUMNS, NO_FACE, WORD_COLUMNS
from landmark_fer.datasets.readers.image_trees import UNREAD
from landmark_fer.perception.images import NOTES
from landmark_fer.perception.wide_images import ValueRange

MAX_SENTENCES = 1000  # on single images in `FaceDataset.problems`; the csv lists all

_SUMMARY, _LEFT_OUT, _RANGES = "about.json", "left_out.csv", "ranges.json"
_LEFT_OUT_COLUMNS = ("name", "reason", "status")
_LISTS = ("problems", "notes", "guessed")
_BLOCK = 8192  # rows of a column written at a time
_DTYPES = dict.fromkeys(WORD_COLUMNS, "U") | {"rows": "i8", "detector_scores": "f4"}


def read_entry(folder, *, cropped, source, remarks=()):
    """Return the data set of an entry, memory-mapped.

    Parameters
    ----------
    folder : Path
        Its name becomes the data set's `key`.
    cropped, source
        As in `FaceDataset`.
    remarks : sequence of str
        Those of the reader; the entry's own follow.

    Returns
    -------
    FaceDataset

    Raises
    ------
    Exception
        Of nearly any type, if the entry is missing or damaged.
    """
    summary = json.loads((folder / _SUMMARY).read_text())
    with (folder / _LEFT_OUT).open(newline="", encoding="utf-8") as file:
        header, *rows = itertools.islice(csv.reader(file), 2)
    if rows and tuple(header) != _LEFT_OUT_COLUMNS:  # of an earlier version; without rows it does not matter
        raise ValueError(f"{_LEFT_OUT} must have the columns {', '.join(_LEFT_OUT_COLUMNS)}")
    columns = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in COLUMNS}
    return FaceDataset(
        records=np.load(folder / "records.npy", mmap_mode="r", allow_pickle=False),
        **{name: np.asarray(column) for name, column in columns.items()},
        cropped=cropped,
        source=source,
        key=folder.name,
        problems=summary["problems"],
        remarks=[*remarks, *summary["remarks"]],
        left_out_csv=str(folder / _LEFT_OUT),
        n_left_out=summary["unreadable"] + summary["faceless"],
    )


def list_skipped(left_out_csv, skipped):
    """Write a csv next to that of an entry that also lists skipped files; return its path.

    Parameters
    ----------
    left_out_csv : path-like
    skipped : dict of str to str
        Names of files and why they are not read.
    """
    path = Path(left_out_csv)
    complete = path.with_name(f"all_{path.name}")
    with atomic_file(complete) as new:
        shutil.copyfile(path, new)
        with new.open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
            csv.writer(file).writerows((*each, "") for each in skipped.items())
    return str(complete)


class GrowingEntry:
    """An entry while it is built; what an earlier run wrote is kept.

    A line of the journal is written after its records have reached the disk. So the journal is correct whenever the
    process is killed: records after its last complete line are cut off.

    Parameters
    ----------
    folder : Path
    dtype : dtype
        Type of the records.

    Attributes
    ----------
    n_items, n_faces, n_left_out : int
        Numbers of items, faces and left out images so far.
    ranges : dict of str to ValueRange
        Ranges to decode images without a stated range with, as for `decode_image`; empty at first.
    """

    def __init__(self, folder, dtype):
        self.folder, self._dtype = folder, dtype
        if not self._journal.is_file():
            shutil.rmtree(folder, ignore_errors=True)
        self._resume()

    def add(self, n_items, result):
        """Write the result of the next chunk of items, as from `extract_chunk`."""
        with self._records.open("ab") as file:
            file.write(result["records"].tobytes())
            _to_disk(file)
        line = {name: result[name].tolist() for name in _DTYPES} | {"items": n_items}
        line |= {name: result[name] for name in _LISTS}
        with self._journal.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            _to_disk(file)
        self._count(line)

    def restart(self, ranges):
        """Delete all results and set the ranges that images without a stated range are decoded with."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / _RANGES).write_text(json.dumps([list(each) for each in ranges.values()]))
        self._resume()

    def common_ranges(self):
        """Return one range for each type of values if images were decoded with different ones, otherwise {}.

        All images of a data set must be stretched alike.
        """
        joined, differ = {}, False
        for value_range in (ValueRange(*each) for line in self._lines() for each in line["guessed"]):
            differ |= joined.setdefault(value_range.type, value_range) != value_range
            joined[value_range.type] = joined[value_range.type].union(value_range)
        return joined if differ else {}

    def finish(self):
        """Write the columns, the summary and the header of the records; the folder is then a complete entry.

        Returns
        -------
        list of str
            Sentences on what was left out.
        """
        left_out = self._write_left_out()
        summary = {
            "items": self.n_items,
            "faces": self.n_faces,
            "unreadable": left_out.n_unreadable,
            "faceless": left_out.n_faceless,
            "problems": left_out.sentences,
            "remarks": self._remarks(),
        }
        (self.folder / _SUMMARY).write_text(json.dumps(summary))
        if self.n_faces:
            lengths = dict.fromkeys(WORD_COLUMNS, 1)
            for line in self._lines():
                for name in WORD_COLUMNS:
                    lengths[name] = max(lengths[name], max(map(len, line[name]), default=1))
            for name, kind in _DTYPES.items():
                self._write_column(name, f"{kind}{lengths[name]}" if kind == "U" else kind)
            _write_header(self._records, self._dtype, self.n_faces)
        return left_out.sentences

    def clear(self):
        """Delete the files that only a growing entry needs."""
        for path in (self._journal, self.folder / _RANGES):
            with contextlib.suppress(OSError):
                path.unlink()

    @property
    def _journal(self):
        return self.folder / "journal.jsonl"

    @property
    def _records(self):
        return self.folder / "records.npy"

    def _resume(self):
        """Read the journal, and cut off what it does not cover."""
        self.n_items = self.n_faces = self.n_left_out = 0
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ranges = {}
        if (self.folder / _RANGES).is_file():
            stored = json.loads((self.folder / _RANGES).read_text())
            self.ranges = {each[0]: ValueRange(*each) for each in stored}
        header_length = _write_header(self._records, self._dtype, 0)
        journal_length = self._read_journal((self._records.stat().st_size - header_length) // self._dtype.itemsize)
        os.truncate(self._records, header_length + self.n_faces * self._dtype.itemsize)
        with self._journal.open("ab") as file:
            file.truncate(journal_length)

    def _read_journal(self, n_records):
        """Count the journal's contents; return the length of its valid part, for which there are records."""
        length = 0
        if not self._journal.is_file():
            return length
        with self._journal.open("rb") as file:
            for text in file:
                line = _parse_line(text)
                if line is None or self.n_faces + len(line["rows"]) > n_records:
                    break
                self._count(line)
                length += len(text)
        return length

    def _count(self, line):
        self.n_items += line["items"]
        self.n_faces += len(line["rows"])
        self.n_left_out += sum(reason not in UNREAD for _, reason, _ in line["problems"])

    def _lines(self):
        with self._journal.open("rb") as file:
            yield from map(json.loads, file)

    def _write_column(self, name, dtype):
        column = np.lib.format.open_memmap(self.folder / f"{name}.npy", mode="w+", dtype=dtype, shape=(self.n_faces,))
        start, values = 0, []
        for line in self._lines():
            values += line[name]
            if len(values) >= _BLOCK:
                column[start : start + len(values)] = values
                start, values = start + len(values), []
        column[start:] = values
        column.flush()

    def _remarks(self):
        """Return a sentence on the images of each kind of note."""
        images = {}
        for name, kind, detail in (note for line in self._lines() for note in line["notes"]):
            images.setdefault(kind, _Counter()).add(f"{name} ({detail})")
        return [
            counted_sentence(counter.count, f"images {NOTES[kind]}", counter.first_names)
            for kind, counter in images.items()
        ]

    def _write_left_out(self):
        """Write the csv of images that were left out; return a summary."""
        faceless, of_reason, single, n_single, n_unreadable = _Counter(), {}, [], 0, 0
        with (self.folder / _LEFT_OUT).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            table = csv.writer(file)
            table.writerow(_LEFT_OUT_COLUMNS)
            for name, reason, is_shared in (problem for line in self._lines() for problem in line["problems"]):
                table.writerow((name, reason, _status(reason, is_shared)))
                n_unreadable += reason not in UNREAD and reason != NO_FACE
                if reason == NO_FACE:
                    faceless.add(name)
                elif is_shared:
                    of_reason.setdefault(reason, _Counter()).add(name)
                else:
                    n_single += 1
                    single += [reason] if len(single) < MAX_SENTENCES else []
        sentences = [
            (unread_sentence if reason in UNREAD else counted_sentence)(counter.count, reason, counter.first_names)
            for reason, counter in of_reason.items()
        ]
        sentences += single
        if n_single > len(single):
            sentences.append(f"{n_single - len(single):,} more were left out; {_LEFT_OUT} in the cache lists all")
        if faceless.count:
            n_images = faceless.count + self.n_faces
            names = first_names(faceless.count, faceless.first_names)
            sentences.append(f"{NO_FACE} in {faceless.count} of {n_images} images, which are left out: {names}")
        return _LeftOut(sentences, n_unreadable, faceless.count)


def _status(reason, is_shared):
    """Return the status of an image: readers share a reason to leave images out, unreadable ones have their own."""
    if reason in UNREAD:
        return ""
    if reason == NO_FACE:
        return image_status.NO_FACE
    return image_status.LEFT_OUT if is_shared else image_status.UNREADABLE


class _LeftOut(NamedTuple):
    """Summary of the images that were left out."""

    sentences: list
    n_unreadable: int
    n_faceless: int


class _Counter:
    """A number of things and the names of the first ones."""

    def __init__(self):
        self.count, self.first_names = 0, []

    def add(self, name):
        self.count += 1
        self.first_names += [name] if len(self.first_names) < MAX_NAMES else []


def _parse_line(text):
    """Return a line of the journal, or None if it is cut short or damaged."""
    try:
        line = json.loads(text)
        valid = text.endswith(b"\n") and all(len(line[name]) == len(line["rows"]) for name in _DTYPES)
        valid = valid and all(isinstance(line[name], list) for name in _LISTS)
        return line if valid and isinstance(line["items"], int) else None
    except (ValueError, KeyError, TypeError):
        return None


def _write_header(path, dtype, n_faces):
    """Write the header of an npy file in place; return its length."""
    path.touch()
    with path.open("r+b") as file:
        # NumPy leaves space in the header for a shape that grows, so its length does not depend on n_faces.
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (n_faces,)}
        np.lib.format.write_array_header_1_0(file, header)
        length = file.tell()
        _to_disk(file)
    return length


def _to_disk(file):
    file.flush()
    os.fsync(file.fileno())
