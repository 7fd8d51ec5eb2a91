"""Frames, and the source that they come from: what every kind of source shares."""

import math
import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from landmark_fer.perception.quiet import quiet_opencv

USUAL_RATE = 25.0  # frames per second of a video or camera that does not say


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes
    ----------
    picture : ndarray of shape (height, width, 3), uint8
        RGB, C-contiguous.
    time_s : float
        Seconds since the source began.
    index : int
        From 0. A camera's frames are counted as they come, those that nobody took included.
    wall_s : float
        When it was taken, or read from a file: seconds since 1970 (Unix time).
    """

    picture: np.ndarray
    time_s: float
    index: int
    wall_s: float = field(default_factory=time.time)


class Source:
    """An iterator over frames, and a context manager that closes what they come from.

    Attributes
    ----------
    name : str
        What messages call it.
    frames_per_second : float
        Nominal.
    live : bool
        Whether it goes on while nobody looks: a camera or a stream.
    ended : bool
        Whether there will be no further frame.
    dropped : int
        Frames that came and were not taken. Files drop none.
    message : str or None
        What a person should know now: that a camera is waited for.
    """

    dropped, message = 0, None

    def __init__(self, name, frames, *, frames_per_second, live=False, close=None):
        self.name, self.frames_per_second, self.live, self.ended = name, frames_per_second, live, False
        self._frames, self._close = frames, close

    def __iter__(self):
        return self

    def __next__(self):
        frame = self.take()
        if frame is None:
            raise StopIteration
        return frame

    def take(self, timeout_s=None):
        """Return the next frame, or None if there is none.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait for a live source, in seconds; without it, as long as it takes. Files need no waiting.

        Returns
        -------
        Frame or None
            None where `ended`, or where a live source gave nothing in that time.
        """
        frame = next(self._frames, None)
        self.ended = frame is None
        return frame

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        self._frames.close()
        if self._close is not None:
            self._close()


def open_capture(*arguments):
    """Return OpenCV's capture of a file, an address or a camera's number; whether it opened, it says itself."""
    with quiet_opencv():
        return cv2.VideoCapture(*arguments)


def read_capture(capture):
    """Return the next picture of a capture, shape (height, width, 3), uint8, BGR, or None if none comes."""
    with quiet_opencv():
        try:
            there, picture = capture.read()
        except cv2.error:
            return None
    return picture if there and picture is not None and picture.size else None


def rate_of(capture):
    """Return the frames per second that a capture announces, or the usual where it announces nonsense."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if math.isfinite(rate) and 0.1 <= rate <= 1000 else USUAL_RATE


def to_rgb(picture):
    """Return a BGR picture as RGB, C-contiguous."""
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
