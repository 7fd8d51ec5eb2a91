"""Locate the 68 landmarks of a face with dlib, from a detector's box or from the landmarks of the previous frame."""

import contextlib
import ctypes
import os
import subprocess
import sys
import threading
from functools import cached_property, lru_cache
from pathlib import Path

import dlib
import numpy as np

from landmark_fer.core.errors import DependencyError
from landmark_fer.core.geometry import similarity_transform, transform_back
from landmark_fer.core.landmarks import N_LANDMARKS, TEMPLATE
from landmark_fer.core.naming import library_path
from landmark_fer.perception.alignment import resample
from landmark_fer.perception.detection import DLIB_BOX
from landmark_fer.perception.predictor_file import PREDICTOR_SHA256, changed_at, find_predictor, sha256_of

FRAME_SIDE = 150  # side of the box in the patch, in pixels
FRAME_MARGIN = 52  # around the box, because chin and brows lie outside dlib's boxes
PATCH_SIDE = FRAME_SIDE + 2 * FRAME_MARGIN

_TRIALS = 200  # noise patches on which a custom file is tested
_TRIAL_MEMORY = 4 * 2**30  # bytes; a damaged count would allocate all memory
_TRIAL_S = 120
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each thread reserves memory

_HUGE_PAGE = 2 * 2**20  # bytes
_MADV_COLLAPSE = 25

_LOADING = threading.Lock()


def template_in_box(side, margin):
    """Return the template's landmarks in a box of dlib's detector, shape (68, 2).

    Parameters
    ----------
    side, margin : int
        Of the box, and around it, in pixels.
    """
    return (TEMPLATE - (0.0, DLIB_BOX.centre)) * (side / DLIB_BOX.side) + margin + (side - 1) / 2


_PATCH_TEMPLATE = template_in_box(FRAME_SIDE, FRAME_MARGIN)


class LandmarkPredictor:
    """dlib's ensemble of regression trees for the 68 points [1]_, applied twice.

    The trees compare single pixels, return whole pixels, and depend on the initial box. Therefore a face is first
    resampled to a fixed size (small faces get fractions of a pixel, large ones are averaged, the image's edge is
    repeated). Then it is rotated upright, framed by its own landmarks instead of the detector's coarse box, and
    located again. docs/decisions/0002 has the figures.

    All predictors of a process share the trees of one file (100 MB), in any number of threads. A pickled predictor
    holds only `path`; the file is found and read again on first use.

    Parameters
    ----------
    path : path-like, optional
        As for `find_predictor`.

    Raises
    ------
    DependencyError
        If the file is missing, damaged, or not a shape predictor of 68 points.

    References
    ----------
    .. [1] Kazemi and Sullivan, One Millisecond Face Alignment with an Ensemble of Regression Trees, CVPR 2014.
    """

    def __init__(self, path=None):
        self._path = os.path.abspath(path) if path else None
        _ = self._trees  # reports an unusable file now

    def __getstate__(self):
        return {"_path": self._path}

    @cached_property
    def _trees(self):
        return load_shape_predictor(find_predictor(self._path))

    def locate(self, grey, box):
        """Return the landmarks of the face in a detector's box, shape (68, 2), float32, in pixels of `grey`.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        box : Box
        """
        scale = FRAME_SIDE / max(box.width, box.height, 1.0)
        shifts = [FRAME_MARGIN + scale * (0.5 - edge) - 0.5 for edge in (box.x, box.y)]  # between pixel centres
        matrix = np.array([[scale, 0, shifts[0]], [0, scale, shifts[1]]])
        first = self._in_patch(grey, matrix, scale * box.width, scale * box.height)
        return self.refine(grey, [first])[0]

    def refine(self, grey, landmarks):
        """Return landmarks located again from initial ones: first guesses, or those of the previous frame.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        landmarks : ndarray of shape (n, 68, 2), or a sequence of n
            One for each face, pixels of `grey`.

        Returns
        -------
        ndarray of shape (n, 68, 2), float32
            Initial landmarks that coincide stay as they are.
        """
        located = np.empty((len(landmarks), N_LANDMARKS, 2), dtype=np.float32)
        for index, face in enumerate(landmarks):
            matrix = similarity_transform(face, _PATCH_TEMPLATE)
            if matrix[:, :2].any():  # landmarks in one point, or infinitely far apart, have no scale
                located[index] = self._in_patch(grey, matrix, FRAME_SIDE, FRAME_SIDE)
            else:
                located[index] = face
        return located

    def _in_patch(self, grey, matrix, width, height):
        """Return the landmarks of a face that `matrix` maps to a box of this size in the patch."""
        patch = resample(grey, matrix, side=PATCH_SIDE, blurred=True)
        located = _points(self._trees, patch, round(width), round(height))
        return transform_back(matrix, located).astype(np.float32)


def load_shape_predictor(path):
    """Return dlib's shape predictor of a file, one object per process.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DependencyError
        If it is not a shape predictor of 68 points.
    """
    with _LOADING:
        return _loaded(path, changed_at(path))


@lru_cache(maxsize=1)
def _loaded(path, _changed_at):
    if sha256_of(path) != PREDICTOR_SHA256:
        _test_in_subprocess(path)
    try:
        with _huge_pages():
            return dlib.shape_predictor(library_path(path))
    except RuntimeError as error:
        raise _unusable(path, error) from error


@contextlib.contextmanager
def _huge_pages():
    """Move the memory allocated in the block to huge pages where Linux can (6.1 and later).

    The trees are read at 7,500 random places of 80 MB per face, and looking up small pages takes a third of that time.
    """
    if sys.platform != "linux":
        yield
        return
    library = ctypes.CDLL(None)
    library.sbrk.restype = ctypes.c_void_p
    begin = library.sbrk(None)
    yield
    begin, end = -(-begin // _HUGE_PAGE) * _HUGE_PAGE, library.sbrk(None) // _HUGE_PAGE * _HUGE_PAGE
    if begin < end:
        library.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_COLLAPSE)


def _points(trees, patch, width, height):
    """Return the points that dlib locates in a patch around a box, shape (n, 2), float64, whole pixels."""
    box = dlib.rectangle(FRAME_MARGIN, FRAME_MARGIN, FRAME_MARGIN + width - 1, FRAME_MARGIN + height - 1)
    # dlib reads a strided view after it has been freed.
    return _coordinates(trees(np.ascontiguousarray(patch), box).parts())


def _coordinates(points):
    """Return dlib's points as an array of shape (n, 2), float64.

    A state to be pickled is in dlib's format: each number is a byte with its length and sign, and so many bytes of its
    value. Reading that where all coordinates have one byte saves a Python object for each point.
    """
    (state,) = points.__getstate__()
    numbers = np.frombuffer(state, dtype=np.uint8)[2:]  # after the number of points
    if len(numbers) == 4 * len(points) and (numbers[::2] == 1).all():
        return numbers[1::2].reshape(-1, 2).astype(float)
    return np.array([(point.x, point.y) for point in points], dtype=float)


def _test_in_subprocess(path):
    """Raise DependencyError unless a subprocess can use a file: some damaged files crash dlib and its process."""
    if not sys.executable:  # Python within another program
        return
    code = "import sys; from landmark_fer.perception.landmarks import check_file; check_file(sys.argv[1])"
    places = [str(Path(__file__).parents[2]), *sys.path]
    environment = os.environ | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, "-c", code, str(path)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_TRIAL_S, errors="replace", check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _unusable(path, f"it could not be read in {_TRIAL_S} seconds") from error
    if done.returncode:
        lines = done.stderr.split("\n") if done.returncode == 1 else []
        raise _unusable(path, next(filter(None, reversed(lines)), "dlib crashes on it"))


def check_file(path):
    """Load a file and locate landmarks in noise; if that fails, exit with a message on stderr.

    Parameters
    ----------
    path : path-like
    """
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can limit memory
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_TRIAL_MEMORY, _TRIAL_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    random = np.random.default_rng(0)
    try:
        trees = dlib.shape_predictor(library_path(path))
        for _ in range(_TRIALS):
            patch = random.integers(0, 256, (PATCH_SIDE, PATCH_SIDE), dtype=np.uint8)
            points = _points(trees, patch, FRAME_SIDE, FRAME_SIDE)
            if len(points) != N_LANDMARKS:
                sys.exit(f"it has {len(points)} points")
            if np.abs(points).max() > 10 * PATCH_SIDE:
                sys.exit("its points lie far from any face")
    except (RuntimeError, MemoryError, ValueError) as error:
        sys.exit(" ".join(str(error).split()) or "it needs too much memory")


def _unusable(path, reason):
    return DependencyError(
        f"{path} must be a dlib shape predictor with {N_LANDMARKS} points, and cannot be used as one ({reason}); "
        f"give another file, or none for the installed one"
    )
