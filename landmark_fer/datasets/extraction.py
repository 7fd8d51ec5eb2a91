"""Extraction of face records from the images of a data set, in worker processes."""

import contextlib
import itertools
import os
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import joblib
import numpy as np
from joblib.externals.loky import ProcessPoolExecutor, get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import get_active_backend

from landmark_fer.core.errors import DependencyError, LandmarkFerError
from landmark_fer.core.records import stack
from landmark_fer.core.workers import end_with_parent
from landmark_fer.perception.extraction import FaceExtractor
from landmark_fer.perception.images import decode_image
from landmark_fer.perception.predictor_file import find_predictor, sha256_of

WORD_COLUMNS = ("expressions", "splits", "subjects", "names")
COLUMNS = (*WORD_COLUMNS, "rows", "detector_scores")
NO_FACE = "no face was found"

CHUNK = 128  # images; a killed run loses at most this many for each worker
CHUNK_BYTES = 8 * 2**20  # of images sent to a worker at once, so that few large images wait in memory
WAVE = 32  # chunks for each worker before all workers are waited for, which bounds the results that wait for a slow one
MAX_WORKER_BYTES = 768 * 2**20  # workers are replaced after a wave in which one holds more memory

_this_thread = threading.local()  # dlib's detector is not thread-safe, and a cluster's worker may have several threads


def extract_in_chunks(reader, settings, predictor, *, jobs=None, start=0, ranges=None):
    """Extract the faces of a data set and yield them in chunks, in the order of the source.

    An image that crashes its worker process (dlib and OpenCV are native code) is left out like an unreadable one.

    Parameters
    ----------
    reader : object
        As for `build_dataset`.
    settings : ExtractorSettings
    predictor : path-like
    jobs : int, optional
        Processes; by default one a core. With the joblib backend of a cluster, its workers are used.
    start : int, default=0
        Items to skip.
    ranges : dict of str to ValueRange, optional
        As for `decode_image`.

    Yields
    ------
    n_items : int
        Number of items in the chunk.
    result : dict of str to ndarray or list
        As from `extract_chunk`.
    """
    options = {"cropped": reader.cropped, "settings": settings, "predictor": str(predictor), "ranges": ranges}
    if _on_a_cluster():
        options["predictor_sha256"] = sha256_of(predictor)
    n_isolated = 0  # items that are extracted one by one, each in a process of its own
    while n_isolated is not None:
        try:
            items = itertools.islice(reader.items(), start, None)
            for n_items, result in _extract_isolated(itertools.islice(items, n_isolated), start, options):
                yield n_items, result
                start += n_items
            n_isolated = None
            for n_items, result in _extract_in_waves(_chunks(items, start), options, jobs or -1):
                yield n_items, result
                start += n_items
        except TerminatedWorkerError:
            n_isolated = 3 * CHUNK * joblib.effective_n_jobs(jobs or -1)  # these include all that were in progress


def extract_chunk(items, *, first_row, cropped, settings, predictor, predictor_sha256=None, ranges=None):
    """Return the faces of some items.

    Parameters
    ----------
    items : sequence of Item
    first_row : int
        Position of the first item in the source.
    cropped : bool
        Whether each image is cropped to one face; otherwise the face with the highest detector score is taken.
    settings : ExtractorSettings
    predictor : str
        Path of the shape predictor.
    predictor_sha256 : str, optional
        Hash of the predictor, for a worker on another machine, where the file may have another path.
    ranges : dict of str to ValueRange, optional
        As for `decode_image`.

    Returns
    -------
    dict of str to ndarray or list
        ``records`` and `COLUMNS`, one entry a face; ``problems``, [name, reason, whether the reason is shared] for
        each item that is left out; ``notes``, [name, kind, detail] for each note on a decoded image; ``guessed``, the
        ranges [type, low, high] that images without a stated range were read with.

    Raises
    ------
    DependencyError
        If the predictor does not exist.
    """
    extractor = _extractor(settings, predictor, predictor_sha256)
    faces, used_items, rows, problems, decoder = [], [], [], [], _Decoder(ranges)
    for row, item in enumerate(items, start=first_row):
        face, problem = _extract_face(item, extractor, cropped, decoder)
        if face is None:
            problems.append([item.name, problem or NO_FACE, item.problem_is_shared])
        else:
            faces.append(face)
            used_items.append(item)
            rows.append(row)
    return {
        "records": stack(faces, chip_size=settings.chip_size, crop_size=settings.crop_size),
        "expressions": np.array([item.expression for item in used_items], dtype=np.str_),
        "splits": np.array([item.split for item in used_items], dtype=np.str_),
        "subjects": np.array([item.subject for item in used_items], dtype=np.str_),
        "names": np.array([item.name for item in used_items], dtype=np.str_),
        "rows": np.array(rows, dtype=np.int64),
        "detector_scores": np.array([face.detector_score for face in faces], dtype=np.float32),
        "problems": problems,
        "notes": decoder.notes,
        "guessed": [list(value_range) for value_range in sorted(decoder.guessed)],
    }


def _extract_in_waves(chunks, options, jobs):
    """Yield (n_items, result) of each chunk in order; replace workers that use too much memory between waves."""
    wave, on_a_cluster, failures = WAVE * joblib.effective_n_jobs(jobs), _on_a_cluster(), []

    def tasks(first):
        try:
            for first_row, chunk in itertools.chain([first], itertools.islice(chunks, wave - 1)):
                items = [_with_content(item) for item in chunk] if on_a_cluster else chunk
                yield joblib.delayed(_work)(items, first_row, options)
        except Exception as error:  # joblib pulls the tasks in a thread of its own, where an error would be lost
            failures.append(error)

    parallel = partial(
        joblib.Parallel,
        n_jobs=jobs,
        return_as="generator",
        batch_size=1,
        pre_dispatch="2*n_jobs",
        max_nbytes=None,
        **end_with_parent(),
    )
    while (first := next(chunks, None)) is not None:
        largest = 0
        for n_items, result, memory in parallel()(tasks(first)):
            largest = max(largest, memory)
            yield n_items, result
        if failures:
            raise failures[0]
        if largest > MAX_WORKER_BYTES and not on_a_cluster and joblib.effective_n_jobs(jobs) > 1:
            get_reusable_executor(reuse=True).shutdown(wait=True)


def _extract_isolated(items, first_row, options):
    """Yield (1, result) of each item, extracted by a process that may crash."""
    worker = None
    try:
        for row, item in enumerate(items, start=first_row):
            # A separate executor: joblib's must stay as joblib made it.
            worker = worker or ProcessPoolExecutor(max_workers=1, **end_with_parent())
            try:
                n_items, result, _ = worker.submit(_work, [item], row, options).result()
            except TerminatedWorkerError:
                worker = None
                problem = (
                    f"{item.name} crashed the process that read it; it is damaged, or needs more memory than there is"
                )
                n_items, result, _ = _work([replace(item, image=None, problem=problem)], row, options)
            yield n_items, result
    finally:
        if worker is not None:
            worker.shutdown(wait=True)


def _chunks(items, first_row):
    """Yield (position of the first, list of items): `CHUNK` of them, or fewer where their images are large."""
    chunk, n_bytes = [], 0
    for item in items:
        image = item.image
        size = len(image) if isinstance(image, bytes) else getattr(image, "nbytes", 0)
        if chunk and (len(chunk) == CHUNK or n_bytes + size > CHUNK_BYTES):
            yield first_row, chunk
            first_row, chunk, n_bytes = first_row + len(chunk), [], 0
        chunk.append(item)
        n_bytes += size
    if chunk:
        yield first_row, chunk


def _work(items, first_row, options):
    with _one_opencv_thread():
        return len(items), extract_chunk(items=items, first_row=first_row, **options), _resident_memory()


def _on_a_cluster():
    """Return whether workers run on other machines, which lack this machine's files."""
    return getattr(get_active_backend()[0], "has_other_machines", False)


def _with_content(item):
    """Return an item with the content of its image file instead of the path."""
    if not isinstance(item.image, Path):
        return item
    try:
        return replace(item, image=item.image.read_bytes())
    except OSError as error:
        problem = f"{item.name} cannot be read ({error.strerror or error})"
        return replace(item, image=None, problem=problem)


def _resident_memory():
    """Return the memory of this process in bytes; its peak on macOS, 0 where it is unknown."""
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


@contextlib.contextmanager
def _one_opencv_thread():
    """Limit OpenCV to one thread: the workers share the cores already."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _extractor(settings, predictor, sha256):
    """Return this thread's extractor, made on first use."""
    arguments = settings, predictor, sha256
    if getattr(_this_thread, "arguments", None) != arguments:
        _this_thread.extractor = FaceExtractor(settings, predictor=_local_predictor(predictor, sha256))
        _this_thread.arguments = arguments
    return _this_thread.extractor


def _local_predictor(path, sha256):
    """Return the path of the predictor on this machine, which is identified by its hash."""
    if sha256 is None or (Path(path).is_file() and sha256_of(path) == sha256):
        return path
    local = find_predictor()
    if sha256_of(local) != sha256:
        raise DependencyError(
            f"a worker of the cluster needs the shape predictor with SHA-256 {sha256[:16]}..., got another in {local}; "
            "copy it there and set LANDMARK_FER_PREDICTOR to its path before the worker is started"
        )
    return local


class _Decoder:
    """Decodes images, and collects the notes and guessed ranges."""

    def __init__(self, ranges):
        self._ranges, self.notes, self.guessed = ranges, [], set()

    def pixels(self, item):
        """Return the pixels of an item."""
        if isinstance(item.image, np.ndarray):
            return item.image
        image = decode_image(item.image, name=item.name, ranges=self._ranges)
        self.notes += [[item.name, *note] for note in image.notes]
        if image.guessed is not None:
            self.guessed.add(image.guessed)
        return image.pixels


def _extract_face(item, extractor, cropped, decoder):
    """Return (face or None, problem or None)."""
    if item.problem is not None:
        return None, item.problem
    try:
        image = decoder.pixels(item)
        if cropped:
            return extractor.extract_crop(image), None
        return next(iter(extractor.extract(image)), None), None
    except DependencyError:
        raise
    except MemoryError:
        return None, f"{item.name} needs more memory than there is; make it smaller"
    except (LandmarkFerError, cv2.error, RuntimeError) as error:  # dlib raises RuntimeError
        reason = str(error)
        return None, reason if item.name in reason else f"{item.name}: {reason}"
