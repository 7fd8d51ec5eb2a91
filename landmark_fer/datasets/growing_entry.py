"""An entry of the cache while it grows: records go to the end of one file, and a line of text says that they are there.

Nothing is written twice, and nothing that grows is held in memory: the file of records becomes the entry's own when
all is there, and the words of the lines become columns that are mapped like the records.
"""

import contextlib
import csv
import json
import os
import shutil

import numpy as np

from landmark_fer.datasets.measuring import NO_FACE, WORD_COLUMNS

ABOUT, LEFT_OUT = "about.json", "left_out.csv"
MOST_SENTENCES = 1000  # on what was left out that a data set has at hand; the csv has all

_NAMED = 5  # of the pictures without a face
_BLOCK = 8192  # rows of a column written at a time
_COLUMNS = dict.fromkeys(WORD_COLUMNS, "U") | {"rows": "i8", "detector_scores": "f4"}


class GrowingEntry:
    """A folder in which an entry is made; what another process left there is taken up.

    A line of the journal is written after the records that it is about have reached the disk. So whatever stops the
    process, the journal tells what is there: records after the last whole line are cut off.

    Parameters
    ----------
    folder : Path
    dtype : dtype
        Of the records.

    Attributes
    ----------
    n_items, n_faces, n_left_out : int
        How many are there.
    """

    def __init__(self, folder, dtype):
        self.folder, self._dtype = folder, dtype
        self.n_items = self.n_faces = self.n_left_out = 0
        if not self._journal.is_file():
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._start = _write_header(self._records, dtype, 0)
        end = self._count()
        os.truncate(self._records, self._start + self.n_faces * dtype.itemsize)
        with self._journal.open("ab") as file:
            file.truncate(end)

    def add(self, size, arrays):
        """Keep the outcome of the next chunk of items, arrays as from `measure_chunk`."""
        with self._records.open("ab") as file:
            file.write(arrays["records"].tobytes())
            _to_disk(file)
        line = {name: arrays[name].tolist() for name in (*_COLUMNS, "problems")} | {"items": size}
        with self._journal.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            _to_disk(file)
        self._note(line)

    def finish(self):
        """Write what an entry has beside its records, and their header; the folder is then an entry."""
        sentences, unreadable, faceless = self._write_left_out()
        about = {"items": self.n_items, "faces": self.n_faces, "unreadable": unreadable, "faceless": faceless}
        (self.folder / ABOUT).write_text(json.dumps(about | {"problems": sentences}))
        if not self.n_faces:
            return
        lengths = dict.fromkeys(WORD_COLUMNS, 1)
        for line in self._lines():
            for name in WORD_COLUMNS:
                lengths[name] = max(lengths[name], max(map(len, line[name]), default=1))
        for name, kind in _COLUMNS.items():
            self._write_column(name, f"{kind}{lengths[name]}" if kind == "U" else kind)
        _write_header(self._records, self._dtype, self.n_faces)

    def clear(self):
        """Remove what only a growing entry needs."""
        with contextlib.suppress(OSError):
            self._journal.unlink()

    @property
    def _journal(self):
        return self.folder / "journal.jsonl"

    @property
    def _records(self):
        return self.folder / "records.npy"

    def _note(self, line):
        self.n_items += line["items"]
        self.n_faces += len(line["rows"])
        self.n_left_out += len(line["problems"])

    def _count(self):
        """Count what is there; return where the part of the journal ends that can be believed."""
        end, room = 0, (self._records.stat().st_size - self._start) // self._dtype.itemsize
        if not self._journal.is_file():
            return end
        with self._journal.open("rb") as file:
            for text in file:
                line = _parsed(text)
                if line is None or self.n_faces + len(line["rows"]) > room:
                    break
                self._note(line)
                end += len(text)
        return end

    def _lines(self):
        with self._journal.open("rb") as file:
            yield from map(json.loads, file)

    def _write_column(self, name, kind):
        column = np.lib.format.open_memmap(self.folder / f"{name}.npy", mode="w+", dtype=kind, shape=(self.n_faces,))
        start, waiting = 0, []
        for line in self._lines():
            waiting += line[name]
            if len(waiting) >= _BLOCK:
                column[start : start + len(waiting)] = waiting
                start, waiting = start + len(waiting), []
        column[start:] = waiting
        column.flush()

    def _write_left_out(self):
        """Write the csv of what was left out; return sentences on it, and how many were unreadable and faceless."""
        sentences, faceless, n_unreadable, n_faceless = [], [], 0, 0
        with (self.folder / LEFT_OUT).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            table = csv.writer(file)
            table.writerow(("name", "reason"))
            for name, reason in (problem for line in self._lines() for problem in line["problems"]):
                table.writerow((name, reason))
                if reason == NO_FACE:
                    n_faceless += 1
                    faceless += [name] if len(faceless) < _NAMED else []
                else:
                    n_unreadable += 1
                    sentences += [reason] if len(sentences) < MOST_SENTENCES else []
        if n_unreadable > len(sentences):
            sentences.append(f"{n_unreadable - len(sentences):,} more were left out; {LEFT_OUT} in the cache lists all")
        if n_faceless:
            named = ", ".join(faceless) + (", ..." if n_faceless > _NAMED else "")
            total = n_faceless + self.n_faces
            sentences.append(f"no face was found in {n_faceless} of {total} pictures, which are left out: {named}")
        return sentences, n_unreadable, n_faceless


def _parsed(text):
    """Return a line of the journal, or None if it is cut short or damaged."""
    try:
        line = json.loads(text)
        whole = text.endswith(b"\n") and all(len(line[name]) == len(line["rows"]) for name in _COLUMNS)
        return line if whole and isinstance(line["items"], int) and isinstance(line["problems"], list) else None
    except (ValueError, KeyError, TypeError):
        return None


def _write_header(path, dtype, n):
    """Write the header of an npy file over the one that is there, n faces; return how long it is."""
    path.touch()
    with path.open("r+b") as file:
        # NumPy leaves room in the header for a shape that grows, so that its length does not depend on n.
        described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (n,)}
        np.lib.format.write_array_header_1_0(file, described)
        length = file.tell()
        _to_disk(file)
    return length


def _to_disk(file):
    file.flush()
    os.fsync(file.fileno())
