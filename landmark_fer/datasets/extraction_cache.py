"""Measuring the faces of a data set once, into a cache that takes up where a killed run stopped.

An entry of the cache is a folder named by its key: ``records.npy`` and a file for each column (all memory-mapped),
``about.json``, and ``left_out.csv``, which names every image that was left out and says why. While it is being built
it is called ``<key>.parts`` and one process at a time works on it; it is renamed when it is whole.
"""

import csv
import hashlib
import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from landmark_fer.core.errors import DataError, SinkError
from landmark_fer.core.files import CACHE_VARIABLE, atomic_file, cache_folder, locked, move_folder
from landmark_fer.core.records import record_dtype
from landmark_fer.datasets.base import FaceDataset, unread
from landmark_fer.datasets.cache_entry import ABOUT, LEFT_OUT, GrowingEntry, measured_chunks
from landmark_fer.datasets.extraction import COLUMNS
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.predictor_file import find_predictor, sha256_of

# Part of every key; raise it when the extractor, a reader's rules, or the layout of an entry change.
CACHE_FORMAT = 2

_log = logging.getLogger(__name__)


def build_dataset(reader, *, settings=None, predictor=None, jobs=None, cache=None, progress=True):
    """Return the faces of a data set: from the cache, or measured now and kept there.

    Parameters
    ----------
    reader : object
        With the attributes ``name`` (str) and ``cropped`` (bool) and the methods ``fingerprint()`` (str, changes
        with the content), ``items()`` (a generator of `Item`) and ``__len__`` (for the progress bar); where it has
        ``remarks``, they become those of the data set, and where it has ``skipped`` (files that are not read, {name:
        why}), they are named among what is left out.
    settings : ExtractorSettings, optional
    predictor : path-like, optional
        As for `find_predictor`.
    jobs : int, optional
        Processes; by default one a core.
    cache : path-like, optional
        As for `cache_folder`.
    progress : bool, default=True
        Whether to draw a progress bar on stderr.

    Returns
    -------
    FaceDataset
        In the order of the source. Neither `jobs` nor interruptions change the result.

    Raises
    ------
    DataError
        If the source cannot be read, or no face is left of it.
    SinkError
        If the cache cannot be written.
    """
    dataset = _with_skipped(_built(reader, settings, predictor, jobs, cache, progress), reader)
    if _log.hasHandlers():  # where nobody set up a log, the commands print remarks, and Python would print them again
        for remark in dataset.remarks:
            _log.warning("%s: %s", reader.name, remark)
    return dataset


def _built(reader, settings, predictor, jobs, cache, progress):
    """Return the data set as its entry has it."""
    settings, predictor = settings or ExtractorSettings(), find_predictor(predictor)
    entry = cache_folder(cache) / _key(reader, settings, predictor)
    dataset = _read_entry(entry, reader)
    if dataset is not None:
        _log.info("%s: %d faces taken from the cache %s", reader.name, len(dataset), entry)
        return dataset
    options = {"settings": settings, "predictor": predictor, "jobs": jobs, "progress": progress}
    try:
        with locked(entry.with_name(f"{entry.name}.lock"), _waiting(reader)):
            if _read_entry(entry, reader) is None:  # whoever held the lock may have built it
                _build(entry, reader, **options)
    except OSError as error:
        raise SinkError(
            f"cache folder {entry.parent} cannot be written ({error.strerror or error}); "
            f"make room, or set {CACHE_VARIABLE} to another folder"
        ) from error
    dataset = _read_entry(entry, reader)
    if dataset is None:
        raise SinkError(f"cache entry {entry} was changed while it was written; run the command again")
    return dataset


def _key(reader, settings, predictor):
    decides = {
        "format": CACHE_FORMAT,
        "source": reader.fingerprint(),
        "cropped": reader.cropped,
        "settings": settings.of_crops() if reader.cropped else settings.to_dict(),
        "predictor": sha256_of(predictor),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:32]


def _waiting(reader):
    return f"another process is measuring {reader.name}; waiting for it"


def _build(entry, reader, *, settings, predictor, jobs, progress):
    """Measure what is not measured yet and make the entry."""
    growing = GrowingEntry(entry.with_name(f"{entry.name}.parts"), record_dtype(settings.chip_size, settings.crop_size))
    if growing.n_items:
        _log.info("%s: taking up a run that was stopped after %d images", reader.name, growing.n_items)
    _measure(growing, reader, settings, predictor, jobs, progress)
    if ranges := growing.common_ranges():
        said = ", ".join(f"{each} ({each.type})" for each in ranges.values())
        _log.info("%s: measuring anew, with values read as %s in all images that state no range", reader.name, said)
        growing.begin_again(ranges)
        _measure(growing, reader, settings, predictor, jobs, progress)
    growing.finish()
    if not growing.n_faces:
        reasons = _about(growing.folder)["problems"]
        first = f"{growing.n_left_out:,} were left out, the first because {reasons[0]}" if reasons else "empty"
        raise DataError(f"{reader.name} must hold faces, and none is left of it: {first}")
    growing.clear()
    move_folder(growing.folder, entry)


def _measure(growing, reader, settings, predictor, jobs, progress):
    """Measure the images that are not there yet."""
    options = {"jobs": jobs, "done": growing.n_items, "ranges": growing.ranges}
    bar = {"desc": f"faces of {reader.name}", "unit": "image", "disable": not progress}
    with tqdm(total=_length(reader), initial=growing.n_items, **bar) as bar:
        for size, arrays in measured_chunks(reader, settings, predictor, **options):
            growing.add(size, arrays)
            if growing.n_left_out:
                bar.set_postfix_str(f"{growing.n_left_out:,} left out", refresh=False)
            bar.update(size)


def _length(reader):
    """Return how many items a reader has, or None if it will know at the end only."""
    return len(reader) if hasattr(reader, "__len__") else None


def _about(folder):
    return json.loads((folder / ABOUT).read_text())


def _read_entry(entry, reader):
    """Return the data set of an entry of the cache, or None if it is missing or damaged."""
    try:
        if not entry.is_dir():
            return None
        about, left_out = _about(entry), str(entry / LEFT_OUT)
        problems, n_left_out = about["problems"], about["unreadable"] + about["faceless"]
        remarks = about["remarks"]
        columns = {name: _mapped(entry / f"{name}.npy") for name in COLUMNS}
        records = np.load(entry / "records.npy", mmap_mode="r", allow_pickle=False)
        known = {"cropped": reader.cropped, "source": reader.name, "key": entry.name, "problems": problems}
        known |= {"remarks": [*getattr(reader, "remarks", ()), *remarks]}
        return FaceDataset(records=records, **columns, **known, left_out=left_out, n_left_out=n_left_out)
    except Exception as error:  # for damaged content NumPy, zipfile and json raise nearly anything
        _log.warning("cache entry %s is damaged (%s) and is built again", entry, error)
        return None


def _with_skipped(dataset, reader):
    """Return a data set with the files that its reader has no use for among what is left out.

    Such files are no part of an entry, so that a text that is put beside the images does not make it anew.
    """
    skipped = getattr(reader, "skipped", {})
    if not skipped:
        return dataset
    of_reason = {}
    for name, reason in skipped.items():
        of_reason.setdefault(reason, []).append(name)
    sentences = [unread(len(names), reason, names) for reason, names in of_reason.items()]
    left_out = _all_left_out(Path(dataset.left_out), skipped) if dataset.left_out else ""
    return replace(dataset, problems=[*sentences, *dataset.problems], left_out=left_out)


def _all_left_out(path, skipped):
    """Write a csv beside that of an entry, with files that are not read at its end; return its path."""
    together = path.with_name(f"all_{path.name}")
    try:
        with atomic_file(together) as new:
            shutil.copyfile(path, new)
            with new.open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
                csv.writer(file).writerows(skipped.items())
    except OSError as error:
        _log.warning("%s cannot be written (%s)", together, error.strerror or error)
        return str(path)
    return str(together)


def _mapped(path):
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
