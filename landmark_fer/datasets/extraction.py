"""Measuring the faces of some images, with one FaceExtractor a thread: what a worker process does."""

import contextlib
import os
import sys
import threading
from pathlib import Path

import cv2
import numpy as np

from landmark_fer.core.errors import DependencyError, LandmarkFerError
from landmark_fer.core.records import stack
from landmark_fer.perception.extraction import FaceExtractor
from landmark_fer.perception.images import decode_image
from landmark_fer.perception.predictor_file import find_predictor, sha256_of

WORD_COLUMNS = ("expressions", "splits", "subjects", "names")
COLUMNS = (*WORD_COLUMNS, "rows", "detector_scores")
NO_FACE = "no face was found"

_own = threading.local()  # dlib's detector is not safe in two threads, and a cluster's worker may have several


def measure_chunk(items, *, first_row, cropped, settings, predictor, predictor_sha256=None, ranges=None):
    """Return the faces of some items.

    Parameters
    ----------
    items : sequence of Item
    first_row : int
        Position of the first in the source.
    cropped : bool
        Whether each image is cropped to one face; else its clearest face is taken.
    settings : ExtractorSettings
    predictor : str
        Path of the shape predictor.
    predictor_sha256 : str, optional
        Of its content, where this may run on another machine, which then may have it elsewhere.

    ranges : dict of str to ValueRange, optional
        As for `decode_image`.

    Returns
    -------
    dict of str to ndarray or list
        ``records`` and `COLUMNS`, one entry a face; ``problems``, for each item that is left out [name, why, whether
        one sentence says that of many]; ``notes``, for each note on an image that was read [name, kind, detail];
        ``guessed``, the ranges that images without a statement were read by, each [type, low, high] once.

    Raises
    ------
    DependencyError
        If the predictor is not there.
    """
    extractor = _extractor(settings, predictor, predictor_sha256)
    faces, kept, rows, problems, decoded = [], [], [], [], _Decoded(ranges)
    for row, item in enumerate(items, start=first_row):
        face, problem = _face_of(item, extractor, cropped, decoded)
        if face is None:
            problems.append([item.name, problem or NO_FACE, item.of_many])
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
        "problems": problems,
        "notes": decoded.notes,
        "guessed": [list(each) for each in sorted(decoded.guessed)],
    }


def resident_memory():
    """Return how many bytes of memory this process holds; the most that it ever held where that is all one can know."""
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


@contextlib.contextmanager
def one_thread():
    """Keep OpenCV to one thread: the workers share the cores already."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _extractor(settings, predictor, sha256):
    """Return this thread's extractor, made when it is first asked for."""
    asked = settings, predictor, sha256
    if getattr(_own, "asked", None) != asked:
        _own.extractor = FaceExtractor(settings, predictor=_predictor_here(predictor, sha256))
        _own.asked = asked
    return _own.extractor


def _predictor_here(path, sha256):
    """Return where this machine has a predictor that lies at a path of another, told by its content."""
    if sha256 is None or (Path(path).is_file() and sha256_of(path) == sha256):
        return path
    own = find_predictor()
    if sha256_of(own) != sha256:
        raise DependencyError(
            f"a worker of the cluster needs the shape predictor with SHA-256 {sha256[:16]}..., and {own} is another; "
            "copy it there and set LANDMARK_FER_PREDICTOR to its path before the worker is started"
        )
    return own


class _Decoded:
    """Decodes images, and keeps what is particular about them."""

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


def _face_of(item, extractor, cropped, decoded):
    """Return (face or None, problem or None)."""
    if item.problem is not None:
        return None, item.problem
    try:
        image = decoded.pixels(item)
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


def _words(words):
    return np.array(list(words), dtype=np.str_)
