"""Sources: whatever shows faces, a frame at a time: camera, video, picture, folder, stream, the demo clip."""

import logging
import math
import re
from pathlib import Path

import cv2

from landmark_fer.errors import DataError, SourceError
from landmark_fer.naming import library_path
from landmark_fer.perception.pictures import PICTURE_SUFFIXES, read_picture
from landmark_fer.streaming import demo
from landmark_fer.streaming.cameras import list_cameras, named_cameras, number_of, open_camera
from landmark_fer.streaming.frames import USUAL_RATE, Frame, Source, open_capture, rate_of, read_capture, to_rgb
from landmark_fer.streaming.live_source import LiveSource

__all__ = ["DEMO", "FOLDER_RATE", "USUAL_RATE", "Frame", "Source", "list_cameras", "open_source"]

logger = logging.getLogger(__name__)

DEMO = "demo"
FOLDER_RATE = 2.0  # pictures of a folder shown in a second
STREAM_TIMEOUT_S = 10.0

_CREDENTIALS = re.compile(r"//[^/@]*@")


def open_source(spec, *, capture=open_capture, cameras=named_cameras):
    """Open a source of frames.

    Parameters
    ----------
    spec : str or path-like
        The number or name of a camera, a stream's address (``rtsp://``, ``http://``, ...), ``demo``, or the path of a
        video, a picture, or a folder of pictures (taken in the order of their names). What is there as a file is
        taken for a file.
    capture : callable, optional
        Opens an OpenCV capture.
    cameras : callable, optional
        Returns the cameras that can be opened by their names, as a list of (number, name).

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
        return open_camera(int(spec), capture=capture)
    if "://" in spec:
        return _open_stream(spec, capture)
    path = Path(spec)
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        if number_of(spec, cameras()) is not None:
            return open_camera(spec, capture=capture, cameras=cameras)
        raise SourceError(
            f"source {spec} does not exist; give a camera's number or name, a file, a folder, an address or 'demo'"
        )
    if path.stat().st_size == 0:
        raise SourceError(f"{spec} is empty (0 bytes); give a video or a picture")
    return _open_picture(path) if path.suffix.lower() in PICTURE_SUFFIXES else _open_video(path, capture)


def _open_stream(address, capture):
    """Open a stream: one that announces how many frames it has is a video that lies elsewhere, and ends like one."""
    name = f"stream {_CREDENTIALS.sub('//', address)}"
    milliseconds = int(1000 * STREAM_TIMEOUT_S)
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]

    def opener():
        return capture(address, cv2.CAP_FFMPEG, timeouts)

    first, hint = opener(), "check the address and whether the server is running"
    if first.isOpened() and first.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return _video_source(name, first)
    return LiveSource(name, opener, hint=hint, first=first)


def _open_video(path, capture):
    opened = capture(library_path(path))
    if not opened.isOpened():
        raise SourceError(f"{path} must be a video or a picture, and cannot be decoded as either; convert it to MP4")
    return _video_source(str(path), opened)


def _video_source(name, capture):
    first = read_capture(capture)
    if first is None:
        capture.release()
        raise SourceError(f"{name} has no frame that can be decoded; give another video")
    frames = _video_frames(name, capture, first)
    return Source(name, frames, frames_per_second=rate_of(capture), close=capture.release)


def _video_frames(name, capture, picture):
    """Yield the frames of a video, at the times that the file gives or, where it gives none, by its rate."""
    rate, announced = rate_of(capture), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    index, time_s = 0, 0.0
    while picture is not None:
        yield Frame(to_rgb(picture), time_s, index)
        picture, index = read_capture(capture), index + 1
        stamp_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        time_s = stamp_s if math.isfinite(stamp_s) and stamp_s > time_s else time_s + 1 / rate
    if index < announced:
        logger.warning("%s ends after %d of %d frames", name, index, announced)


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
