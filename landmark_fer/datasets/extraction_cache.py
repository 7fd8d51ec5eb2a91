"""Extraction of a data set into the cache: done once, resumed after an interruption.

An entry of the cache is a folder named by its key, as `cache_entry` describes. While it is built it is called
``<key>.parts`` and one process at a time works on it; it is renamed when it is complete.
"""

import hashlib
import json
import logging
from dataclasses import replace

from tqdm import tqdm

from landmark_fer.core.errors import DataError, SinkError
from landmark_fer.core.files import CACHE_VARIABLE, cache_folder, locked, move_folder
from landmark_fer.core.records import record_dtype
from landmark_fer.datasets.base import unread_sentence
from landmark_fer.datasets.cache_entry import GrowingEntry, list_skipped, read_entry
from landmark_fer.datasets.extraction import extract_in_chunks
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.predictor_file import find_predictor, sha256_of

# Part of every key; raise it when the extractor, a reader's rules, or the layout of an entry change.
CACHE_FORMAT = 2
DETECTION_FORMAT = 1  # the same for data sets of whole images; raise it when other faces are found in them

_log = logging.getLogger(__name__)


def build_dataset(reader, *, settings=None, predictor=None, jobs=None, cache=None, progress=True):
    """Return the faces of a data set: from the cache, or extracted now and cached.

    Parameters
    ----------
    reader : object
        With the attributes ``name`` (str) and ``cropped`` (bool) and the methods ``fingerprint()`` (a str that
        changes with the content) and ``items()`` (a generator of `Item`). Optional: ``__len__`` (for the progress
        bar), ``remarks`` (added to those of the data set) and ``skipped`` (files that are not read, {name: reason};
        added to its problems).
    settings : ExtractorSettings, optional
    predictor : path-like, optional
        As for `find_predictor`.
    jobs : int, optional
        Processes; by default one a core.
    cache : path-like, optional
        As for `cache_folder`.
    progress : bool, default=True
        Whether to show a progress bar on stderr.

    Returns
    -------
    FaceDataset
        In the order of the source. Neither `jobs` nor interruptions change the result.

    Raises
    ------
    DataError
        If the source cannot be read, or no face is left.
    SinkError
        If the cache cannot be written.
    """
    settings, predictor = settings or ExtractorSettings(), find_predictor(predictor)
    entry = cache_folder(cache) / _key(reader, settings, predictor)
    dataset = _read(entry, reader)
    if dataset is not None:
        _log.info("%s: %d faces read from the cache %s", reader.name, len(dataset), entry)
    else:
        dataset = _build_and_read(entry, reader, settings, predictor, jobs=jobs, progress=progress)
    if _log.hasHandlers():  # without a configured log the commands print the remarks, and Python would repeat them
        for remark in dataset.remarks:
            _log.warning("%s: %s", reader.name, remark)
    return _with_skipped(dataset, getattr(reader, "skipped", {}))


def _key(reader, settings, predictor):
    content = {
        "format": CACHE_FORMAT,
        "source": reader.fingerprint(),
        "cropped": reader.cropped,
        "settings": settings.of_crops() if reader.cropped else settings.to_dict(),
        "predictor": sha256_of(predictor),
        **({} if reader.cropped else {"detection": DETECTION_FORMAT}),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _read(entry, reader):
    """Return the data set of an entry of the cache, or None if it is missing or damaged."""
    if not entry.is_dir():
        return None
    try:
        remarks = getattr(reader, "remarks", ())
        return read_entry(entry, cropped=reader.cropped, source=reader.name, remarks=remarks)
    except Exception as error:  # for damaged content NumPy, zipfile and json raise nearly anything
        _log.warning("cache entry %s is damaged (%s) and is built again", entry, error)
        return None


def _build_and_read(entry, reader, settings, predictor, *, jobs, progress):
    """Build an entry unless another process does, and return its data set."""
    try:
        with locked(
            entry.with_name(f"{entry.name}.lock"),
            f"another process is extracting faces of {reader.name}; waiting for it",
        ):
            if _read(entry, reader) is None:  # the last holder of the lock may have built it
                _build(entry, reader, settings, predictor, jobs=jobs, progress=progress)
    except OSError as error:
        raise SinkError(
            f"cache folder {entry.parent} cannot be written ({error.strerror or error}); "
            f"make room, or set {CACHE_VARIABLE} to another folder"
        ) from error
    dataset = _read(entry, reader)
    if dataset is None:
        raise SinkError(f"cache entry {entry} was changed while it was written; run the command again")
    return dataset


def _build(entry, reader, settings, predictor, *, jobs, progress):
    """Extract the faces that an earlier run did not, and complete the entry."""
    growing = GrowingEntry(entry.with_name(f"{entry.name}.parts"), record_dtype(settings.chip_size, settings.crop_size))
    if growing.n_items:
        _log.info("%s: resuming a run that was stopped after %d images", reader.name, growing.n_items)
    _extract(growing, reader, settings, predictor, jobs=jobs, progress=progress)
    if ranges := growing.common_ranges():
        described = ", ".join(f"{each} ({each.type})" for each in ranges.values())
        _log.info("%s: extracting again; images that state no range are read as %s", reader.name, described)
        growing.restart(ranges)
        _extract(growing, reader, settings, predictor, jobs=jobs, progress=progress)
    problems = growing.finish()
    if not growing.n_faces:
        reason = f"{growing.n_left_out:,} were left out, the first because {problems[0]}" if problems else "empty"
        raise DataError(f"{reader.name} must hold faces, and none is left: {reason}")
    growing.clear()
    move_folder(growing.folder, entry)


def _extract(growing, reader, settings, predictor, *, jobs, progress):
    """Extract the faces of all items that the entry does not have yet."""
    chunks = extract_in_chunks(reader, settings, predictor, jobs=jobs, start=growing.n_items, ranges=growing.ranges)
    n_items = len(reader) if hasattr(reader, "__len__") else None
    description = f"faces of {reader.name}"
    with tqdm(total=n_items, initial=growing.n_items, desc=description, unit="image", disable=not progress) as bar:
        for size, result in chunks:
            growing.add(size, result)
            if growing.n_left_out:
                bar.set_postfix_str(f"{growing.n_left_out:,} left out", refresh=False)
            bar.update(size)


def _with_skipped(dataset, skipped):
    """Return a data set with the files that its reader skipped among its problems.

    They are not part of the cache entry, so that a text file added to the images does not invalidate it.
    """
    if not skipped:
        return dataset
    names_of_reason = {}
    for name, reason in skipped.items():
        names_of_reason.setdefault(reason, []).append(name)
    sentences = [unread_sentence(len(names), reason, names) for reason, names in names_of_reason.items()]
    try:
        left_out_csv = list_skipped(dataset.left_out_csv, skipped)
    except OSError as error:
        _log.warning("the list of skipped files cannot be written (%s)", error.strerror or error)
        left_out_csv = dataset.left_out_csv
    return replace(dataset, problems=[*sentences, *dataset.problems], left_out_csv=left_out_csv)
