"""Video: the sink that keeps the annotated images.

A recording touches its file when the first frame comes: a start that fails destroys nothing. An .mp4 has its index at
the end, and cannot be read if the program is killed before that is written; an .avi can, up to there.
"""

import logging
import shutil
from pathlib import Path

import cv2
import numpy as np

from landmark_fer.core.errors import SinkError
from landmark_fer.core.naming import library_path
from landmark_fer.core.paths import check_place
from landmark_fer.live.sinks.base import by_suffix
from landmark_fer.perception.quiet import quiet_opencv

logger = logging.getLogger(__name__)

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
LONGEST_SIDE = 4096  # pixels; larger images are reduced, since players refuse them
LONGEST_STILL_S = 2.0  # a pause, or a camera that is away, is shown no longer than this
RESERVE_BYTES = 32 * 2**20  # left free on the disk, so that what was recorded can be finished


class VideoRecorder:
    """Writes annotated images as a video; the first fixes its size, later ones are fitted into it.

    OpenCV says nothing of a disk that is full. So the free space is looked at with every frame, and the file when it
    is finished.

    Parameters
    ----------
    path : path-like
        Its suffix is a key of `CODECS`.
    frames_per_second : float
        Frames are repeated or left out so that each is shown at its time.
    reserve_bytes : int, optional
        Of the disk, that are left free.
    """

    takes_annotated = True

    def __init__(self, path, *, frames_per_second, reserve_bytes=RESERVE_BYTES):
        self.path, self.frames_per_second, self.reserve_bytes = Path(path), frames_per_second, reserve_bytes
        self._codec = by_suffix(CODECS, path, "record")
        self._writer = self._size = None
        self._written, self._cut_s, self._last_s = 0, 0.0, 0.0
        check_place(self.path)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.close()
        except SinkError as error:
            if kind is None:
                raise
            logger.warning("%s", error)

    def write(self, frame, seen=()):
        """Write a frame, whose image is the annotated one.

        Raises
        ------
        SinkError
            If the video cannot be opened or the disk is full; what was written before can be finished.
        """
        self._check_space()
        if self._writer is None:
            self._open(frame.image.shape)
            self._cut_s = self._last_s = frame.time_s
        image = cv2.cvtColor(_fitted(frame.image, self._size), cv2.COLOR_RGB2BGR)
        self._cut_s += max(0.0, frame.time_s - self._last_s - LONGEST_STILL_S)
        self._last_s = frame.time_s
        due = round((frame.time_s - self._cut_s) * self.frames_per_second) + 1
        for _ in range(due - self._written):
            self._writer.write(image)
        self._written = max(self._written, due)

    def close(self):
        """Finish the video and look whether it is whole.

        Raises
        ------
        SinkError
            If it is not.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        whole = _frames_in(self.path)
        if whole != self._written:
            raise SinkError(
                f"{self.path} must hold {self._written} frames and {_said(whole)}, as on a full disk; free space and "
                "record again"
            )

    def _check_space(self):
        try:
            free = shutil.disk_usage(self.path.parent).free
        except OSError:
            return  # a place that cannot be asked may still be written
        if free < self.reserve_bytes:
            raise SinkError(
                f"{self.path} cannot be written: the disk has {free / 2**20:.1f} MiB left and must keep "
                f"{self.reserve_bytes / 2**20:.0f}; free space or give another --record"
            )

    def _open(self, shape):
        height, width = shape[:2]
        factor = min(1.0, LONGEST_SIDE / max(height, width))
        self._size = [max(2, 2 * round(side * factor / 2)) for side in (width, height)]
        codec = cv2.VideoWriter_fourcc(*self._codec)
        with quiet_opencv():
            writer = cv2.VideoWriter(library_path(self.path), codec, self.frames_per_second, self._size)
        if not writer.isOpened():
            raise SinkError(f"{self.path} cannot be written as a video; give another --record")
        self._writer, self._written = writer, 0


def _frames_in(path):
    """Return how many frames a finished video announces; 0 where it cannot be read."""
    with quiet_opencv():
        capture = cv2.VideoCapture(library_path(path))
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
    return max(0, round(frames))


def _said(frames):
    return f"holds {frames}" if frames else "cannot be read"


def _fitted(image, size):
    """Return a image reduced or enlarged into `size` (width, height), its proportions kept, black around it."""
    height, width = image.shape[:2]
    if [width, height] == list(size):
        return image
    factor = min(size[0] / width, size[1] / height)
    inner = [min(limit, max(1, round(side * factor))) for side, limit in zip((width, height), size, strict=True)]
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    area = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=area)
    return canvas
