"""One entry of the extraction cache while it grows.

Chunks of faces, written as they are extracted and resumed after an interruption.
"""

import contextlib
import csv
import itertools
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
from joblib.externals.loky import ProcessPoolExecutor, get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import get_active_backend

from landmark_fer.core.workers import ending_with_this
from landmark_fer.datasets.base import NAMED, first_of, of_many, unread
from landmark_fer.datasets.extraction import NO_FACE, WORD_COLUMNS, measure_chunk, one_thread, resident_memory
from landmark_fer.datasets.readers.image_trees import UNREAD
from landmark_fer.perception.images import NOTES
from landmark_fer.perception.predictor_file import sha256_of
from landmark_fer.perception.wide_images import ValueRange

CHUNK = 128  # images; what a killed run loses at most, times the number of workers
CHUNK_BYTES = 8 * 2**20  # of images that travel to the workers, so that few wait in memory however large they are
WAVE = 32  # chunks for each worker until all are waited for, which bounds what waits for a slow one
MOST_MEMORY = 768 * 2**20  # bytes of a worker; if one has more after a wave, all are replaced


def measured_chunks(reader, settings, predictor, *, jobs=None, done=0, ranges=None):
    """Measure the images of a source in their order; yield each chunk as soon as all before it are there.

    A image that kills the worker which measures it (dlib and OpenCV are not Python) is left out like one that
    cannot be read.

    Parameters
    ----------
    reader : object
        As for `build_dataset`.
    settings : ExtractorSettings
    predictor : path-like
    jobs : int, optional
        Processes; by default one a core. Under the joblib backend of a cluster its workers do the work.
    done : int, default=0
        Items to pass over.
    ranges : dict of str to ValueRange, optional
        As for `decode_image`.

    Yields
    ------
    size : int
        How many items the chunk has.
    arrays : dict of str to ndarray
        As from `measure_chunk`.
    """
    options = {"cropped": reader.cropped, "settings": settings, "predictor": str(predictor), "ranges": ranges}
    if _travels():
        options["predictor_sha256"] = sha256_of(predictor)
    label_errors = 0
    while label_errors is not None:
        try:
            items = itertools.islice(reader.items(), done, None)
            for size, arrays in _alone(itertools.islice(items, label_errors), done, options):
                yield size, arrays
                done += size
            label_errors = None
            for size, arrays in _in_waves(_chunks(items, done), options, jobs or -1):
                yield size, arrays
                done += size
        except TerminatedWorkerError:
            label_errors = 3 * CHUNK * joblib.effective_n_jobs(jobs or -1)  # whatever was under way is among them


def _in_waves(chunks, options, jobs):
    """Yield (size, arrays) of each chunk in order; replace workers that have grown too large between waves."""
    wave, travels, failures = WAVE * joblib.effective_n_jobs(jobs), _travels(), []

    def tasks(first):
        try:
            for first_row, chunk in itertools.chain([first], itertools.islice(chunks, wave - 1)):
                items = [_with_content(item) for item in chunk] if travels else chunk
                yield joblib.delayed(_measured)(items, first_row, options)
        except Exception as error:  # joblib pulls the tasks in a thread of its own, where an error would be lost
            failures.append(error)

    parallel = {"return_as": "generator", "batch_size": 1, "pre_dispatch": "2*n_jobs", "max_nbytes": None}
    parallel |= ending_with_this()
    while (first := next(chunks, None)) is not None:
        largest = 0
        for size, arrays, held in joblib.Parallel(n_jobs=jobs, **parallel)(tasks(first)):
            largest = max(largest, held)
            yield size, arrays
        if failures:
            raise failures[0]
        if largest > MOST_MEMORY and not travels and joblib.effective_n_jobs(jobs) > 1:
            get_reusable_executor(reuse=True).shutdown(wait=True)


def _alone(items, first_row, options):
    """Yield (1, arrays) of each item, measured by a process that may end over it."""
    worker = None
    try:
        for row, item in enumerate(items, start=first_row):
            # An executor of its own: joblib's must stay as joblib made it.
            worker = worker or ProcessPoolExecutor(max_workers=1, **ending_with_this())
            try:
                size, arrays, _ = worker.submit(_measured, [item], row, options).result()
            except TerminatedWorkerError:
                worker = None
                reason = (
                    f"{item.name} ended the process that measured it; it is damaged, or needs more memory than there is"
                )
                size, arrays, _ = _measured([replace(item, image=None, problem=reason)], row, options)
            yield size, arrays
    finally:
        if worker is not None:
            worker.shutdown(wait=True)


def _chunks(items, first_row):
    """Yield (position of the first, list of items): `CHUNK` of them, or fewer where their images are large."""
    chunk, weight = [], 0
    for item in items:
        image = item.image
        size = len(image) if isinstance(image, bytes) else getattr(image, "nbytes", 0)
        if chunk and (len(chunk) == CHUNK or weight + size > CHUNK_BYTES):
            yield first_row, chunk
            first_row, chunk, weight = first_row + len(chunk), [], 0
        chunk.append(item)
        weight += size
    if chunk:
        yield first_row, chunk


def _measured(items, first_row, options):
    with one_thread():
        return len(items), measure_chunk(items=items, first_row=first_row, **options), resident_memory()


def _travels():
    """Whether work goes to other machines, which have not the files of this one."""
    return getattr(get_active_backend()[0], "has_other_machines", False)


def _with_content(item):
    """Return an item whose image is no file but the content of one."""
    if not isinstance(item.image, Path):
        return item
    try:
        return replace(item, image=item.image.read_bytes())
    except OSError as error:
        reason = f"{item.name} cannot be read ({error.strerror or error})"
        return replace(item, image=None, problem=reason)


ABOUT, LEFT_OUT = "about.json", "left_out.csv"
MOST_SENTENCES = 1000  # on what was left out that a data set has at hand; the csv has all

_RANGES = "ranges.json"
_LISTS = ("problems", "notes", "guessed")
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
    ranges : dict of str to ValueRange
        By which images that state no range are read, as for `decode_image`; empty at first.
    """

    def __init__(self, folder, dtype):
        self.folder, self._dtype = folder, dtype
        if not self._journal.is_file():
            shutil.rmtree(folder, ignore_errors=True)
        self._take_up()

    def _take_up(self):
        self.n_items = self.n_faces = self.n_left_out = 0
        folder, dtype = self.folder, self._dtype
        folder.mkdir(parents=True, exist_ok=True)
        self.ranges = {}
        if (folder / _RANGES).is_file():
            kept = json.loads((folder / _RANGES).read_text())
            self.ranges = {each[0]: ValueRange(*each) for each in kept}
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
        line = {name: arrays[name].tolist() for name in _COLUMNS} | {"items": size}
        line |= {name: arrays[name] for name in _LISTS}
        with self._journal.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            _to_disk(file)
        self._note(line)

    def begin_again(self, ranges):
        """Forget what is there, since images that state no range are to be read by others than they were."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / _RANGES).write_text(json.dumps([list(each) for each in ranges.values()]))
        self._take_up()

    def common_ranges(self):
        """Return the ranges that images were read by, joined for each type of values, if they were not all one; or {}.

        Of the images of a data set none is to be stretched further than another.
        """
        joined, differ = {}, False
        for each in (ValueRange(*each) for line in self._lines() for each in line["guessed"]):
            differ |= joined.setdefault(each.type, each) != each
            joined[each.type] = joined[each.type].union(each)
        return joined if differ else {}

    def finish(self):
        """Write what an entry has beside its records, and their header; the folder is then an entry."""
        sentences, unreadable, faceless = self._write_left_out()
        about = {"items": self.n_items, "faces": self.n_faces, "unreadable": unreadable, "faceless": faceless}
        about |= {"problems": sentences, "remarks": self._remarks()}
        (self.folder / ABOUT).write_text(json.dumps(about))
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
        for path in (self._journal, self.folder / _RANGES):
            with contextlib.suppress(OSError):
                path.unlink()

    @property
    def _journal(self):
        return self.folder / "journal.jsonl"

    @property
    def _records(self):
        return self.folder / "records.npy"

    def _note(self, line):
        self.n_items += line["items"]
        self.n_faces += len(line["rows"])
        self.n_left_out += sum(reason not in UNREAD for _, reason, _ in line["problems"])

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

    def _remarks(self):
        """Return a sentence on the images of each kind of note."""
        of_kind = {}
        for name, kind, detail in (note for line in self._lines() for note in line["notes"]):
            counted = of_kind.setdefault(kind, _Counted())
            counted.add(f"{name} ({detail})")
        return [of_many(counted.count, f"images {NOTES[kind]}", counted.first) for kind, counted in of_kind.items()]

    def _write_left_out(self):
        """Write the csv of what was left out; return sentences on it, and how many were unreadable and faceless."""
        sentences, faceless, of_reason, n_unreadable, n_single = [], _Counted(), {}, 0, 0
        with (self.folder / LEFT_OUT).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            table = csv.writer(file)
            table.writerow(("name", "reason"))
            for name, reason, many in (problem for line in self._lines() for problem in line["problems"]):
                table.writerow((name, reason))
                n_unreadable += reason not in UNREAD and reason != NO_FACE
                if reason == NO_FACE:
                    faceless.add(name)
                elif many:
                    of_reason.setdefault(reason, _Counted()).add(name)
                else:
                    n_single += 1
                    sentences += [reason] if len(sentences) < MOST_SENTENCES else []
        if n_single > len(sentences):
            sentences.append(f"{n_single - len(sentences):,} more were left out; {LEFT_OUT} in the cache lists all")
        of_many_each = [
            (unread if reason in UNREAD else of_many)(counted.count, reason, counted.first)
            for reason, counted in of_reason.items()
        ]
        sentences = of_many_each + sentences
        if faceless.count:
            count, named = (
                f"{faceless.count} of {faceless.count + self.n_faces}",
                first_of(faceless.count, faceless.first),
            )
            sentences.append(f"no face was found in {count} images, which are left out: {named}")
        return sentences, n_unreadable, faceless.count


class _Counted:
    """How many things there are, and what the first ones are called."""

    def __init__(self):
        self.count, self.first = 0, []

    def add(self, name):
        self.count += 1
        self.first += [name] if len(self.first) < NAMED else []


def _parsed(text):
    """Return a line of the journal, or None if it is cut short or damaged."""
    try:
        line = json.loads(text)
        whole = text.endswith(b"\n") and all(len(line[name]) == len(line["rows"]) for name in _COLUMNS)
        whole = whole and all(isinstance(line[name], list) for name in _LISTS)
        return line if whole and isinstance(line["items"], int) else None
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
