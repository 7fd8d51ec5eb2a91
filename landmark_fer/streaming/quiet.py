"""Keeping OpenCV and its decoder from writing to the terminal."""

import contextlib
import os

import cv2


@contextlib.contextmanager
def quiet_opencv():
    """Silence OpenCV meanwhile: what went wrong is said in our own words."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
