"""What each peer runs in its own process: images in, one line of JSON out. Needs NumPy alone."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np


def report(make, *, prepare=None):
    """Ask a peer about all images and print what it did.

    Parameters
    ----------
    make : callable
        Takes what `prepare` returned and returns two functions: of a frame, shape (height, width, 3), RGB, and of a
        cropped grey face, shape (48, 48); each returns a name of an expression or None.
    prepare : callable, optional
        Takes the images, a dictionary of arrays, before anything is timed: fits what has no fitted model.
    """
    images = dict(np.load(sys.argv[1], allow_pickle=False))
    begin = time.time()
    prepared = prepare(images) if prepare else None
    preparing_s = time.time() - begin
    of_frame, of_face = make(prepared)
    of_frame(images["frames"][0])
    first = time.time() - preparing_s
    ms_frame = [_timed(of_frame, frame)[0] for frame in images["frames"]]
    faces = [_timed(of_face, face) for face in images["faces"]]
    print()
    print(
        json.dumps(
            {
                "first_prediction_unix_s": first,
                "ms_frame": float(np.median(ms_frame)),
                "ms_face": float(np.median([ms for ms, _ in faces])) if faces else None,
                "predictions": [prediction for _, prediction in faces],
                "memory_mb": _peak_mb(),
            }
        )
    )


def _timed(function, image):
    begin = time.perf_counter()
    prediction = function(image)
    return 1000 * (time.perf_counter() - begin), prediction


def _peak_mb():
    """Return the most memory that this process held; Linux's `ru_maxrss` is also what started it held."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
