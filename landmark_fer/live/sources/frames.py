"""Frames, and the source that they come from: what every kind of source shares."""

import math
import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from landmark_fer.perception.quiet import quiet_opencv

USUAL_RATE = 25.0  # frames per second of a video or camera that does not say

# Of a pixel, the longer side divided by the shorter. Less than the one is what encoders round to whole pixels, and
# squeezes no face; the widest that broadcasting stores are 2.9; more than the other is damage.
LEAST_PIXEL_ASPECT, MOST_PIXEL_ASPECT = 1.01, 4.0


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a source.

    Attributes
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB, C-contiguous.
    time_s : float
        Seconds since the source began.
    index : int
        From 0. A camera's frames are counted as they come, those that nobody took included.
    wall_s : float
        When it was taken, or read from a file: seconds since 1970 (Unix time).
    """

    image: np.ndarray
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
    """Return the next image of a capture, its pixels made square, or None if none comes.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8, or None
        BGR, turned upright where the video says how it was held.
    """
    with quiet_opencv():
        try:
            there, image = capture.read()
        except cv2.error:
            return None
    if not there or image is None or not image.size:
        return None
    return _with_square_pixels(image, pixel_aspect_of(capture))


def pixel_aspect_of(capture):
    """Return the width of a capture's pixels divided by their height, as its images are given: turned upright.

    Returns
    -------
    float
        1 where the capture states no ratio, or one that no video has (over `MOST_PIXEL_ASPECT`).
    """
    width, height = (capture.get(name) for name in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN))
    if not (width > 0 and height > 0 and 1 / MOST_PIXEL_ASPECT <= width / height <= MOST_PIXEL_ASPECT):
        return 1.0
    # The ratio is that of the stored images, which OpenCV turns afterwards.
    turned = capture.get(cv2.CAP_PROP_ORIENTATION_AUTO) and capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180 == 90
    return height / width if turned else width / height


def _with_square_pixels(image, aspect):
    """Return a image enlarged along the longer side of its pixels, so that nothing that it holds is lost."""
    if max(aspect, 1 / aspect) < LEAST_PIXEL_ASPECT:
        return image
    height, width = image.shape[:2]
    size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def rate_of(capture):
    """Return the frames per second that a capture announces, or the usual where it announces nonsense."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if math.isfinite(rate) and 0.1 <= rate <= 1000 else USUAL_RATE


def to_rgb(image):
    """Return a BGR image as RGB, C-contiguous."""
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
