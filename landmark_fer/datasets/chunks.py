"""Sending a source chunk by chunk to worker processes, so that memory stays flat however long the source is."""

import itertools
from dataclasses import replace
from pathlib import Path

import joblib
from joblib.externals.loky import ProcessPoolExecutor, get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import get_active_backend

from landmark_fer.core.workers import ending_with_this
from landmark_fer.datasets.extraction import measure_chunk, one_thread, resident_memory
from landmark_fer.perception.predictor_file import sha256_of

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
