"""Runs a program of the comparison in its own process: images in, one line of JSON out. Needs only NumPy."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np


def report(make, *, prepare=None):
    """Run a program on all images and print its times, memory and predictions.

    Parameters
    ----------
    make : callable
        Takes the result of `prepare` and returns two functions, one of a frame of shape (height, width, 3), RGB, and
        one of a cropped grey face of shape (48, 48). Both return the name of an expression or None.
    prepare : callable, optional
        Takes the images, a dict of arrays, and fits a model before the timed part.
    """
    images = dict(np.load(sys.argv[1], allow_pickle=False))
    start = time.time()
    prepared = prepare(images) if prepare else None
    preparing_s = time.time() - start
    predict_frame, predict_face = make(prepared)
    predict_frame(images["frames"][0])
    first = time.time() - preparing_s
    ms_frame = [_timed(predict_frame, frame)[0] for frame in images["frames"]]
    faces = [_timed(predict_face, face) for face in images["faces"]]
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
    start = time.perf_counter()
    prediction = function(image)
    return 1000 * (time.perf_counter() - start), prediction


def _peak_mb():
    """Return the peak memory of this process; on Linux, `ru_maxrss` includes that of its parent."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
