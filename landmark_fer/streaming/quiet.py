"""Keeping OpenCV and its decoder from writing to the terminal."""

import contextlib
import os
import threading

import cv2

_lock = threading.Lock()
_inside, _level = 0, None  # how many threads want quiet; how loud OpenCV was before the first of them


@contextlib.contextmanager
def quiet_opencv():
    """Silence OpenCV meanwhile, in any number of threads: what went wrong is said in our own words."""
    global _inside, _level
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with _lock:
        if _inside == 0:
            _level = cv2.utils.logging.getLogLevel()
            cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                cv2.utils.logging.setLogLevel(_level)
