"""Keeping OpenCV and its decoder from writing to the terminal."""

import contextlib
import os
import threading

import cv2

LOGGING = getattr(cv2.utils, "logging", cv2)  # OpenCV 4.12 has its functions at the top, later ones in this module
SILENT = 0

_lock = threading.Lock()
_inside, _level = 0, None  # how many threads want quiet; how loud OpenCV was before the first of them


@contextlib.contextmanager
def quiet_opencv():
    """Silence OpenCV meanwhile, in any number of threads: what went wrong is said in our own words."""
    global _inside, _level
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with _lock:
        if _inside == 0:
            _level = LOGGING.getLogLevel()
            LOGGING.setLogLevel(SILENT)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                LOGGING.setLogLevel(_level)
