"""Sources: whatever shows faces, a frame at a time: camera, video, picture, folder, stream, the demo clip."""

import logging
import math
import re
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from landmark_fer.errors import DataError, SourceError
from landmark_fer.perception.pictures import PICTURE_SUFFIXES, read_picture
from landmark_fer.streaming import demo
from landmark_fer.streaming.quiet import quiet_opencv

logger = logging.getLogger(__name__)

DEMO = "demo"
FOLDER_RATE = 2.0  # pictures of a folder shown in a second
USUAL_RATE = 25.0  # frames per second of a video or camera that does not say
STREAM_TIMEOUT_S = 10.0

_CREDENTIALS = re.compile(r"//[^/@]*@")


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
        From 0.
    """

    picture: np.ndarray
    time_s: float
    index: int


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
    """

    def __init__(self, name, frames, *, frames_per_second, live=False, close=None):
        self.name, self.frames_per_second, self.live = name, frames_per_second, live
        self._frames, self._close = frames, close

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._frames)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._frames.close()
        if self._close is not None:
            self._close()


def open_source(spec):
    """Open a source of frames.

    Parameters
    ----------
    spec : str or path-like
        The number of a camera, a stream's address (``rtsp://``, ``http://``, ...), ``demo``, or the path of a video,
        a picture, or a folder of pictures (taken in the order of their names).

    Returns
    -------
    Source

    Raises
    ------
    SourceError
        If nothing is there, or no first frame comes.
    """
    spec = str(spec)
    if spec == DEMO:
        frames = (Frame(picture, i / demo.FRAMES_PER_SECOND, i) for i, picture in enumerate(demo.demo_pictures()))
        return Source(DEMO, frames, frames_per_second=demo.FRAMES_PER_SECOND)
    if spec.isdecimal():
        return _open_camera(int(spec))
    if "://" in spec:
        return _open_stream(spec)
    path = Path(spec)
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise SourceError(f"source {spec} does not exist; give a camera number, a file, a folder, an address or 'demo'")
    if path.stat().st_size == 0:
        raise SourceError(f"{spec} is empty (0 bytes); give a video or a picture")
    return _open_picture(path) if path.suffix.lower() in PICTURE_SUFFIXES else _open_video(path)


def _open_camera(number):
    hint = "is another program using it? try --source 1 or a file"
    capture = _capture(number)
    if not capture.isOpened():
        raise SourceError(f"camera {number} did not open; {hint}")
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return _live_source(f"camera {number}", capture, hint=hint)


def _open_stream(address):
    name = _CREDENTIALS.sub("//", address)
    milliseconds = int(1000 * STREAM_TIMEOUT_S)
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
    capture = _capture(address, cv2.CAP_FFMPEG, timeouts)
    hint = "check the address and whether the server is running"
    if not capture.isOpened():
        raise SourceError(f"stream {name} did not open; {hint}")
    return _live_source(f"stream {name}", capture, hint=hint)


def _live_source(name, capture, *, hint):
    first = _read(capture)
    if first is None:
        capture.release()
        raise SourceError(f"{name} opened, but no picture came; {hint}")
    frames = _live_frames(name, capture, first)
    return Source(name, frames, frames_per_second=_rate(capture), live=True, close=capture.release)


def _live_frames(name, capture, picture):
    begin, index = time.monotonic(), 0
    while picture is not None:
        yield Frame(picture, time.monotonic() - begin, index)
        picture, index = _read(capture), index + 1
    logger.warning("%s gives no more pictures", name)


def _open_video(path):
    capture = _capture(str(path))
    if not capture.isOpened():
        raise SourceError(f"{path} must be a video or a picture, and cannot be decoded as either; convert it to MP4")
    first = _read(capture)
    if first is None:
        capture.release()
        raise SourceError(f"{path} has no frame that can be decoded; give another video")
    frames = _video_frames(path, capture, first)
    return Source(str(path), frames, frames_per_second=_rate(capture), close=capture.release)


def _video_frames(path, capture, picture):
    """Yield the frames of a video, at the times that the file gives or, where it gives none, by its rate."""
    rate, announced = _rate(capture), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    index, time_s = 0, 0.0
    while picture is not None:
        yield Frame(picture, time_s, index)
        picture, index = _read(capture), index + 1
        stamp_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        time_s = stamp_s if math.isfinite(stamp_s) and stamp_s > time_s else time_s + 1 / rate
    if index < announced:
        logger.warning("%s ends after %d of %d frames", path, index, announced)


def _open_folder(path):
    pictures = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in PICTURE_SUFFIXES)
    if not pictures:
        raise SourceError(f"folder {path} holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))}); give another")
    return Source(str(path), _folder_frames(pictures), frames_per_second=FOLDER_RATE)


def _folder_frames(pictures):
    index = 0
    for path in pictures:
        try:
            picture = read_picture(path)
        except DataError as error:
            logger.warning("skipped: %s", error)
            continue
        yield Frame(picture, index / FOLDER_RATE, index)
        index += 1


def _open_picture(path):
    try:
        frame = Frame(read_picture(path), 0.0, 0)
    except DataError as error:
        raise SourceError(str(error)) from error
    return Source(str(path), (frame for _ in range(1)), frames_per_second=FOLDER_RATE)


def _rate(capture):
    """Return the frames per second that a capture announces, or the usual where it announces nonsense."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0.1 <= rate <= 1000 else USUAL_RATE


def _read(capture):
    """Return the next picture in RGB, or None at the end."""
    with quiet_opencv():
        there, picture = capture.read()
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) if there and picture is not None and picture.size else None


def _capture(*arguments):
    with quiet_opencv():
        return cv2.VideoCapture(*arguments)
