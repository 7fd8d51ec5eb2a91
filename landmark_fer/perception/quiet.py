"""Keep OpenCV and its decoder from writing to the terminal."""

import contextlib
import os
import threading

import cv2

LOGGING = getattr(cv2.utils, "logging", cv2)  # later than 4.12 in a module of its own
SILENT = 0

_lock = threading.Lock()
_inside, _level = 0, None  # number of threads inside `quiet_opencv`, and the log level before the first


@contextlib.contextmanager
def quiet_opencv():
    """Silence OpenCV's log during the block, in any number of threads; our own messages report what went wrong."""
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
