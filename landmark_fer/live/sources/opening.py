"""Open a source of frames: a camera, video, image, folder, stream or the demo clip."""

import logging
import os
import re
import stat
from pathlib import Path
from urllib.parse import urlsplit

import cv2

from landmark_fer.core.errors import DataError, SourceError
from landmark_fer.live.sources import demo
from landmark_fer.live.sources.cameras import camera_number, named_cameras, open_camera
from landmark_fer.live.sources.frames import Frame, Source, open_capture
from landmark_fer.live.sources.image_sources import open_animation, open_folder, open_image, open_pages
from landmark_fer.live.sources.live_source import FAILED_READS, LiveSource
from landmark_fer.live.sources.video_source import open_video, video_source
from landmark_fer.perception.image_formats import image_file_kind
from landmark_fer.perception.images import frame_count, is_animation

logger = logging.getLogger(__name__)

DEMO = "demo"
STREAM_TIMEOUT_S = 10.0

_MAX_SHOWN = 200  # letters of a source in a message

_CREDENTIALS = re.compile(r"//[^/@]*@")
_CAMERA_FILE = re.compile(r"/dev/video(\d+)")
_MOTION_JPEG = frozenset({".mjpg", ".mjpeg"})  # files of many JPEGs, which begin like a single one


def open_source(spec, *, capture=open_capture, cameras=named_cameras):
    """Open a source of frames.

    Parameters
    ----------
    spec : str, path-like or int
        The path of a video, an image, or a folder of images (read in natural order); the number or name of a camera;
        a stream's address (``rtsp://``, ``http://``, ...); or ``demo``. An existing file or folder takes precedence
        over the other meanings of its name; an int is always a camera. The content of a file decides whether it is an
        image or a video. The pages of an image file are single images, the frames of an animation a video.
    capture : callable, optional
        Opens an OpenCV capture.
    cameras : callable, optional
        Returns the cameras that have names, as a list of (number, name).

    Returns
    -------
    Source
        Its frames have square pixels and are upright, as far as files state their pixel ratio and rotation.

    Raises
    ------
    SourceError
        If the source does not exist, or gives no first frame.
    """
    if isinstance(spec, int):
        return open_camera(spec, capture=capture)
    path, spec = _existing_path(spec), str(spec)
    if path is not None:
        if spec == DEMO or spec.isdecimal():
            logger.warning("%s is read as a file or folder, because one of this name exists", spec)
        return _open_path(path, capture)
    if spec == DEMO:
        frames = (Frame(image, i / demo.FRAMES_PER_SECOND, i) for i, image in enumerate(demo.demo_images()))
        return Source(DEMO, frames, frames_per_second=demo.FRAMES_PER_SECOND)
    if spec.isdecimal():
        return open_camera(int(spec), capture=capture)
    if "://" in spec:
        return _open_stream(spec, capture)
    if camera_number(spec, cameras()) is not None:
        return open_camera(spec, capture=capture, cameras=cameras)
    shown = f"{spec[:_MAX_SHOWN]}..." if len(spec) > _MAX_SHOWN else spec or "''"
    raise SourceError(
        f"source {shown} does not exist; give a camera's number or name, a file, a folder, an address or 'demo'"
    )


def is_still(spec):
    """Return whether a source, as for `open_source`, consists of single images: a file, its pages, or a folder."""
    path = None if isinstance(spec, int) else _existing_path(spec)
    return path is not None and (path.is_dir() or (_is_image(path) and not is_animation(path)))


def _existing_path(spec):
    """Return the path of the file or folder that a source names, or None if it does not exist.

    Raises
    ------
    SourceError
        If this user may not search a folder on the path.
    """
    path = Path(spec)
    if str(spec).startswith("file:"):
        from urllib.request import url2pathname  # imports HTTP and e-mail

        path = Path(url2pathname(urlsplit(str(spec)).path))
    try:
        os.stat(path if str(spec) else "")  # Path("") is the current folder
    except PermissionError as error:
        raise SourceError(f"source {spec} cannot be accessed ({error.strerror}); give another") from error
    except (OSError, ValueError):  # a name too long or impossible for a file may be an address
        return None
    return path


def _open_path(path, capture):
    if path.is_dir():
        return open_folder(path)
    status = path.stat()
    if camera := _CAMERA_FILE.fullmatch(os.path.realpath(path)) if stat.S_ISCHR(status.st_mode) else None:
        return open_camera(int(camera[1]), capture=capture)
    if not path.is_file():
        raise SourceError(f"{path} is neither a file nor a folder; give a video or an image")
    if status.st_size == 0:
        raise SourceError(f"{path} is empty (0 bytes); give a video or an image")
    try:
        path.open("rb").close()
        if not _is_image(path):
            return open_video(path, capture=capture)
        has_several_frames = frame_count(path) > 1
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); give another file") from error
    except DataError as error:
        raise SourceError(str(error)) from error
    if has_several_frames:
        return open_animation(path) if is_animation(path) else open_pages(path)
    return open_image(path)


def _is_image(path):
    return path.is_file() and path.suffix.lower() not in _MOTION_JPEG and image_file_kind(path) is not None


def _open_stream(address, capture):
    """Open a stream; one that states its number of frames is a remote video file, which ends."""
    name = f"stream {_CREDENTIALS.sub('//', address)}"
    milliseconds = int(1000 * STREAM_TIMEOUT_S)
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]

    def opener():
        return capture(address, cv2.CAP_FFMPEG, timeouts)

    first, hint = opener(), "check the address and whether the server is running"
    if first.isOpened() and first.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        # The container of a remote file cannot be checked for missing bytes.
        no_frame = f"{name} has no frame that can be decoded; download it, and give the file"
        return video_source(
            name, first, max_failed_reads=FAILED_READS, find_damage=lambda: None, explain_failure=lambda: no_frame
        )
    may_end = urlsplit(address).scheme.lower() in ("http", "https")
    return LiveSource(name, opener, hint=hint, first=first, may_end=may_end)
