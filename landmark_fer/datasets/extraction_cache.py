"""Measuring the faces of a data set once, into a cache that takes up where a killed run stopped.

An entry of the cache is a folder named by its key, with ``records.npy`` (memory-mapped) and ``columns.npz``. While it
is being built, ``<key>.parts`` holds a file for each chunk of pictures. Everything is written beside its place and
then renamed, so what stands under its final name is whole, however many processes build at once.
"""

import hashlib
import json
import logging
import shutil

import numpy as np
from tqdm import tqdm

from landmark_fer.datasets.base import FaceDataset
from landmark_fer.datasets.cache_files import CACHE_VARIABLE, DAMAGE, cache_folder, read_npz, written_beside
from landmark_fer.datasets.chunks import COLUMNS, measured_chunks
from landmark_fer.errors import DataError, SinkError
from landmark_fer.face.records import record_dtype
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.predictor_file import find_predictor, sha256_of

# Part of every key; raise it when the extractor, a reader's rules, or the layout of an entry change.
CACHE_FORMAT = 1

_NAMED = 5  # of the pictures without a face
_log = logging.getLogger(__name__)


def build_dataset(reader, *, settings=None, predictor=None, jobs=None, cache=None, progress=True):
    """Return the faces of a data set: from the cache, or measured now and kept there.

    Parameters
    ----------
    reader : object
        With the attributes ``name`` (str) and ``cropped`` (bool) and the methods ``fingerprint()`` (str, changes
        with the content), ``items()`` (a generator of `Item`) and ``__len__`` (for the progress bar).
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
    settings, predictor = settings or ExtractorSettings(), find_predictor(predictor)
    entry = cache_folder(cache) / _key(reader, settings, predictor)
    dataset = _read_entry(entry, reader)
    if dataset is not None:
        _log.info("%s: %d faces taken from the cache %s", reader.name, len(dataset), entry)
        return dataset
    try:
        numbers = _extract_parts(reader, entry, settings, predictor, jobs=jobs, progress=progress)
        _join_parts(numbers, reader, entry, settings)
    except OSError as error:
        # Whoever built the same entry meanwhile was first, and has cleared the parts away.
        if (dataset := _read_entry(entry, reader)) is not None:
            return dataset
        raise SinkError(
            f"cache folder {entry.parent} cannot be written ({error.strerror or error}); "
            f"make room, or set {CACHE_VARIABLE} to another folder"
        ) from error
    dataset = _read_entry(entry, reader)
    if dataset is None:
        raise SinkError(f"cache entry {entry} was changed while it was written; run the command again")
    shutil.rmtree(_parts_folder(entry), ignore_errors=True)
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


def _parts_folder(entry):
    return entry.with_name(f"{entry.name}.parts")


def _part(entry, number):
    return _parts_folder(entry) / f"{number:06}.npz"


def _extract_parts(reader, entry, settings, predictor, *, jobs, progress):
    """Measure the chunks that are not there yet; return how many chunks there are."""
    present = _parts_folder(entry).glob("[0-9]*.npz")
    finished = {int(path.stem) for path in present if read_npz(path) is not None}
    if finished:
        _log.info("%s: taking up a run that was stopped after %d chunks", reader.name, len(finished))
    n_chunks = 0
    with tqdm(total=len(reader), desc=f"faces of {reader.name}", unit="picture", disable=not progress) as bar:
        for number, size, arrays in measured_chunks(reader, settings, predictor, jobs=jobs, finished=finished):
            if arrays is not None:
                with written_beside(_part(entry, number)) as temporary:
                    np.savez(temporary, **arrays)
            n_chunks += 1
            bar.update(size)
    return n_chunks


def _join_parts(n_chunks, reader, entry, settings):
    """Write the entry from its parts, unless another process has done so."""
    parts = [read_npz(_part(entry, number), (*COLUMNS, "problems", "faceless")) for number in range(n_chunks)]
    if None in parts:
        if _read_entry(entry, reader) is not None:  # whoever joined the parts has removed them
            return
        raise OSError("a part that was written is missing")
    problems = _problems(parts)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS if parts}
    if not parts or not len(columns["rows"]):
        raise DataError(f"{reader.name} must hold faces, and none is left of it: {'; '.join(problems[:3]) or 'empty'}")
    with written_beside(entry, scratch=_parts_folder(entry)) as folder:
        folder.mkdir()
        np.savez(folder / "columns.npz", problems=np.array(problems, dtype=np.str_), **columns)
        shape, dtype = columns["rows"].shape, record_dtype(settings.chip_size, settings.crop_size)
        records = np.lib.format.open_memmap(folder / "records.npy", mode="w+", dtype=dtype, shape=shape)
        start = 0
        for number, part in enumerate(parts):
            stop = start + len(part["rows"])
            if (stored := read_npz(_part(entry, number), ("records",))) is None:
                raise OSError("a part that was written is missing")
            records[start:stop] = stored["records"]
            start = stop
        records.flush()


def _problems(parts):
    """Return the sentences on what was left out, pictures without a face together in one."""
    problems = [problem for part in parts for problem in part["problems"].tolist()]
    faceless = [name for part in parts for name in part["faceless"].tolist()]
    if faceless:
        total = len(faceless) + sum(len(part["rows"]) for part in parts)
        named = ", ".join(faceless[:_NAMED]) + (", ..." if len(faceless) > _NAMED else "")
        problems.append(f"no face was found in {len(faceless)} of {total} pictures, which are left out: {named}")
    return problems


def _read_entry(entry, reader):
    """Return the data set of an entry of the cache, or None if it is missing or damaged."""
    columns = read_npz(entry / "columns.npz", (*COLUMNS, "problems"))
    if columns is None:
        return None
    try:
        records = np.load(entry / "records.npy", mmap_mode="r", allow_pickle=False)
        problems = columns.pop("problems").tolist()
        options = {"cropped": reader.cropped, "source": reader.name, "key": entry.name, "problems": problems}
        return FaceDataset(records=records, **columns, **options)
    except DAMAGE as error:
        _log.warning("cache entry %s is damaged (%s) and is built again", entry, error)
        return None
