"""Frames, the base class of sources, and functions on OpenCV captures."""

import math
import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from landmark_fer.perception.quiet import quiet_opencv

DEFAULT_RATE = 25.0  # frames per second of a video or camera that does not state it

# Longer side of a pixel divided by the shorter. Smaller ratios come from rounding to whole pixels and distort no face;
# the largest of broadcast formats is 2.9; larger ratios are damage.
MIN_PIXEL_ASPECT, MAX_PIXEL_ASPECT = 1.01, 4.0


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
        Number of the frame, from 0. Dropped frames of a camera count.
    wall_s : float
        When it was taken, or read from a file, in seconds since 1970 (Unix time).
    name : str
        Name of the file of a single image, relative to its folder; "" for frames of videos and cameras.
    event : str or None
        Label of the current event, where there are events.
    n_left_out : int
        Number of faces that were left out because of their quality.
    mirrored : bool
        Whether the image is mirrored, as that of an annotated frame may be.
    new_regions : tuple of ndarray
        Polygons of the image as taken that are blurred in this frame for the first time.
    """

    image: np.ndarray
    time_s: float
    index: int
    wall_s: float = field(default_factory=time.time)
    name: str = ""
    event: str | None = None
    n_left_out: int = 0
    mirrored: bool = False
    new_regions: tuple = ()


class Source:
    """An iterator over frames, and a context manager that closes their file or device.

    Attributes
    ----------
    name : str
        What messages call it.
    frames_per_second : float
        Nominal.
    live : bool
        Whether frames come in real time: a camera or a stream.
    ended : bool
        Whether there are no further frames.
    dropped : int
        Frames of a live source that were replaced by newer ones before `take`.
    message : str or None
        A message for the user: that the source waits for a camera.
    n_frames : int or None
        Number of frames that a video states, which may be wrong.
    unreadable : list of str
        Names, as in `Frame`, of the images so far that could not be read, which give no frame.
    damage : list of str
        Clauses on the damage that was found in a video so far.
    """

    dropped, message, n_frames = 0, None, None

    def __init__(self, name, frames, *, frames_per_second, live=False, close=None):
        self.name, self.frames_per_second, self.live, self.ended = name, frames_per_second, live, False
        self._frames, self._close = frames, close
        self.unreadable, self.damage = [], []

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
            How long to wait for a live source, in seconds; by default without limit.

        Returns
        -------
        Frame or None
            None if `ended`, or if a live source gives no frame in that time.
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
    """Return OpenCV's capture of a file, an address or a camera number; ``isOpened`` reports whether it opened."""
    with quiet_opencv():
        return cv2.VideoCapture(*arguments)


def read_capture(capture):
    """Return the next image of a capture with square pixels, or None if reading fails.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8, or None
        BGR, upright if the video states its rotation.
    """
    with quiet_opencv():
        try:
            success, image = capture.read()
        except cv2.error:
            return None
    if not success or image is None or not image.size:
        return None
    return _with_square_pixels(image, pixel_aspect_of(capture))


def pixel_aspect_of(capture):
    """Return the width of a capture's pixels divided by their height, after turning images upright.

    Returns
    -------
    float
        1 if the capture states no ratio, or an impossible one (over `MAX_PIXEL_ASPECT`).
    """
    width, height = (capture.get(name) for name in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN))
    if not (width > 0 and height > 0 and 1 / MAX_PIXEL_ASPECT <= width / height <= MAX_PIXEL_ASPECT):
        return 1.0
    # The ratio is that of the stored images, before OpenCV turns them.
    turned = capture.get(cv2.CAP_PROP_ORIENTATION_AUTO) and capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180 == 90
    return height / width if turned else width / height


def _with_square_pixels(image, aspect):
    """Return an image enlarged along the longer side of its pixels, so that no detail is lost."""
    if max(aspect, 1 / aspect) < MIN_PIXEL_ASPECT:
        return image
    height, width = image.shape[:2]
    size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def rate_of(capture):
    """Return the frames per second that a capture states, or `DEFAULT_RATE` if that is impossible."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if math.isfinite(rate) and 0.1 <= rate <= 1000 else DEFAULT_RATE


def to_rgb(image):
    """Return a BGR image as RGB, C-contiguous."""
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
