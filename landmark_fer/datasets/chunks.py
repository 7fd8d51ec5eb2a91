"""Measuring the faces of a source chunk by chunk, in worker processes that each hold one FaceExtractor."""

import contextlib
import itertools
from functools import lru_cache

import cv2
import joblib
import numpy as np

from landmark_fer.errors import DependencyError, LandmarkFerError
from landmark_fer.face.records import stack
from landmark_fer.perception.extraction import FaceExtractor
from landmark_fer.perception.pictures import read_picture

CHUNK = 128  # pictures; what a killed run loses at most, times the number of workers

WORD_COLUMNS = ("expressions", "splits", "subjects", "names")
COLUMNS = (*WORD_COLUMNS, "rows", "detector_scores")


def measured_chunks(reader, settings, predictor, *, jobs=None, finished=()):
    """Measure the chunks of a source that are not finished; yield each as soon as it is there.

    Parameters
    ----------
    reader : object
        As for `build_dataset`.
    settings : ExtractorSettings
    predictor : path-like
    jobs : int, optional
        Processes; by default one a core.
    finished : collection of int
        Numbers of the chunks to pass over.

    Yields
    ------
    number : int
        Of the chunk.
    size : int
        How many items it has.
    arrays : dict of str to ndarray, or None
        As from `measure_chunk`; None for a finished chunk.
    """
    options = {"cropped": reader.cropped, "settings": settings, "predictor": str(predictor)}
    failures = []

    def tasks():
        try:
            items = iter(reader.items())
            chunks = iter(lambda: list(itertools.islice(items, CHUNK)), [])
            for number, chunk in enumerate(chunks):
                task = None if number in finished else {"items": chunk, "first_row": number * CHUNK, **options}
                yield joblib.delayed(_numbered)(number, len(chunk), task)
        except Exception as error:  # joblib pulls the tasks in a thread of its own, where an error would be lost
            failures.append(error)

    # Few chunks wait in the queue, so memory stays flat however long the source is.
    workers = joblib.Parallel(n_jobs=jobs or -1, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
    yield from workers(tasks())
    if failures:
        raise failures[0]


def measure_chunk(items, *, first_row, cropped, settings, predictor):
    """Return the faces of some items.

    Parameters
    ----------
    items : sequence of Item
    first_row : int
        Position of the first in the source.
    cropped : bool
        Whether each picture is cropped to one face; else its clearest face is taken.
    settings : ExtractorSettings
    predictor : str
        Path of the shape predictor.

    Returns
    -------
    dict of str to ndarray
        ``records`` and `COLUMNS`, one entry a face; ``problems``, a sentence for each item left out;
        ``faceless``, the names of the pictures in which no face was found.
    """
    extractor = _extractor(settings, predictor)
    faces, kept, rows, problems, faceless = [], [], [], [], []
    for row, item in enumerate(items, start=first_row):
        face, problem = _face_of(item, extractor, cropped)
        if problem is not None:
            problems.append(problem)
        elif face is None:
            faceless.append(item.name)
        else:
            faces.append(face)
            kept.append(item)
            rows.append(row)
    return {
        "records": stack(faces, chip_size=settings.chip_size, crop_size=settings.crop_size),
        "expressions": _words(item.expression for item in kept),
        "splits": _words(item.split for item in kept),
        "subjects": _words(item.subject for item in kept),
        "names": _words(item.name for item in kept),
        "rows": np.array(rows, dtype=np.int64),
        "detector_scores": np.array([face.detector_score for face in faces], dtype=np.float32),
        "problems": _words(problems),
        "faceless": _words(faceless),
    }


def _numbered(number, size, task):
    with _one_thread():
        return number, size, None if task is None else measure_chunk(**task)


@lru_cache(maxsize=1)
def _extractor(settings, predictor):
    return FaceExtractor(settings, predictor=predictor)


def _face_of(item, extractor, cropped):
    """Return (face or None, problem or None)."""
    if item.problem is not None:
        return None, item.problem
    try:
        picture = item.picture
        if not isinstance(picture, np.ndarray):
            picture = read_picture(picture, name=item.name)
        if cropped:
            return extractor.extract_crop(picture), None
        return next(iter(extractor.extract(picture)), None), None
    except DependencyError:
        raise
    except (LandmarkFerError, cv2.error, RuntimeError) as error:  # dlib raises RuntimeError
        reason = str(error)
        return None, reason if item.name in reason else f"{item.name}: {reason}"


def _words(words):
    return np.array(list(words), dtype=np.str_)


@contextlib.contextmanager
def _one_thread():
    """Keep OpenCV to one thread: the workers share the cores already."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
