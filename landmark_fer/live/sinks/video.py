"""A sink that writes the annotated images as a video.

An .mp4 has its index at the end and cannot be read if the program is killed before; an .avi can, up to that point.
"""

import shutil
from collections import deque
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from landmark_fer.core.errors import SinkError
from landmark_fer.core.naming import library_path
from landmark_fer.core.paths import check_place
from landmark_fer.drawing.blur import blur_regions
from landmark_fer.live.sinks.base import Sink, by_suffix
from landmark_fer.perception.quiet import quiet_opencv

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
MAX_SIDE = 4096  # pixels; larger images are reduced, since players refuse them
MAX_STILL_S = 2.0  # a longer pause, or absence of a camera, is shortened to this
RESERVE_BYTES = 32 * 2**20  # left free on the disk, so that the video can be finished
LOOK_BACK_S = 1.0  # before a face is found, its place is blurred, too: the longest time between two detections
MAX_WAITING_BYTES = 2**28  # of images that wait for that


class VideoRecorder(Sink):
    """Writes annotated images as a video of one size, into which they are fitted.

    A face can be in sight for a moment before a detector finds it. With `look_back`, images therefore wait for
    `LOOK_BACK_S`, or until they have `MAX_WAITING_BYTES`, and new regions of later frames are blurred in them.

    OpenCV does not report a full disk, so the free space is checked for every frame, and the finished file once.

    Parameters
    ----------
    path : path-like
        Its suffix is a key of `CODECS`.
    frames_per_second : float
        Frame rate of the video. Frames are repeated or skipped so that each is shown at its time.
    size : pair of int, optional
        Width and height in pixels; by default the first image's.
    look_back : bool, default=False
        Whether to blur the ``new_regions`` of frames in the images before, too.
    reserve_bytes : int, optional
        Space left free on the disk.
    """

    takes_annotated = True

    def __init__(self, path, *, frames_per_second, size=None, look_back=False, reserve_bytes=RESERVE_BYTES):
        self.path, self.frames_per_second, self.reserve_bytes = Path(path), frames_per_second, reserve_bytes
        self.look_back, self._waiting = look_back, deque()
        self._codec = by_suffix(CODECS, path, "record")
        self._writer, self._size = None, size
        self._written, self._cut_s, self._last_s = 0, 0.0, 0.0
        check_place(self.path)

    def write(self, frame, faces=(), explanations=None):
        """Write a frame; see `Sink.write`. On a full disk, the video written before can still be finished."""
        if not self.look_back:
            self._write(frame)
            return
        if frame.new_regions:
            self._waiting = deque(_with_regions(each, frame.new_regions) for each in self._waiting)
        self._waiting.append(frame)
        while (
            frame.time_s - self._waiting[0].time_s > LOOK_BACK_S
            or len(self._waiting) * frame.image.nbytes > MAX_WAITING_BYTES
        ):
            self._write(self._waiting.popleft())

    def _write(self, frame):
        try:
            self._check_space()
            if self._writer is None:
                self._open(self._size or frame.image.shape[1::-1])
                self._cut_s = self._last_s = frame.time_s
        except SinkError:
            self._waiting.clear()  # else `close` tries, and fails, again
            raise
        image = cv2.cvtColor(_fitted(frame.image, self._size), cv2.COLOR_RGB2BGR)
        self._cut_s += max(0.0, frame.time_s - self._last_s - MAX_STILL_S)
        self._last_s = frame.time_s
        due = round((frame.time_s - self._cut_s) * self.frames_per_second) + 1
        for _ in range(due - self._written):
            self._writer.write(image)
        self._written = max(self._written, due)

    def close(self):
        """Finish the video and check that it is complete.

        Raises
        ------
        SinkError
            If it is not.
        """
        try:
            while self._waiting:
                self._write(self._waiting.popleft())
        finally:
            self._waiting.clear()
            self._finish()

    def _finish(self):
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        n_readable = _count_frames(self.path)
        if n_readable != self._written:
            actual = f"holds {n_readable}" if n_readable else "cannot be read"
            raise SinkError(
                f"{self.path} must hold {self._written} frames and {actual}, as on a full disk; free space and "
                "record again"
            )

    def _check_space(self):
        try:
            free = shutil.disk_usage(self.path.parent).free
        except OSError:
            return  # a file system that does not report its free space may still be writable
        if free < self.reserve_bytes:
            raise SinkError(
                f"{self.path} cannot be written: the disk has {free / 2**20:.1f} MiB left and must keep "
                f"{self.reserve_bytes / 2**20:.0f}; free space or give another --record"
            )

    def _open(self, size):
        factor = min(1.0, MAX_SIDE / max(size))
        self._size = [max(2, 2 * round(side * factor / 2)) for side in size]
        codec = cv2.VideoWriter_fourcc(*self._codec)
        with quiet_opencv():
            writer = cv2.VideoWriter(library_path(self.path), codec, self.frames_per_second, self._size)
        if not writer.isOpened():
            raise SinkError(f"{self.path} cannot be written as a video; give another --record")
        self._writer, self._written = writer, 0


def _with_regions(frame, regions):
    """Return a frame in which regions are blurred."""
    return replace(frame, image=blur_regions(frame.image, regions, mirrored=frame.mirrored))


def _count_frames(path):
    """Return the number of frames that a finished video announces; 0 if it cannot be read."""
    with quiet_opencv():
        capture = cv2.VideoCapture(library_path(path))
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
    return max(0, round(frames))


def _fitted(image, size):
    """Return an image scaled into `size` (width, height) with its aspect ratio, on black."""
    height, width = image.shape[:2]
    if [width, height] == list(size):
        return image
    factor = min(size[0] / width, size[1] / height)
    inner = [min(limit, max(1, round(side * factor))) for side, limit in zip((width, height), size, strict=True)]
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=interpolation)
    return canvas
