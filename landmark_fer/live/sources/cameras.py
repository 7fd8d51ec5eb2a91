"""Cameras: list them with their names, and open one by its number or name."""

import re
from pathlib import Path

import cv2

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.frames import open_capture
from landmark_fer.live.sources.live_source import LiveSource

MAX_CAMERAS = 10  # camera numbers to try where the system has no list

_SYSTEM_LIST = Path("/sys/class/video4linux")


def open_camera(camera, *, capture=open_capture, cameras=None, **settings):
    """Open a camera, which is opened again whenever it goes away.

    Parameters
    ----------
    camera : int or str
        Its number, or a name from `named_cameras`, which is looked up again whenever the camera comes back.
    capture : callable, optional
        Returns the OpenCV capture of a camera's number.
    cameras : callable, optional
        Replaces `named_cameras`.
    **settings
        Options of the `LiveSource`.

    Returns
    -------
    LiveSource

    Raises
    ------
    SourceError
        If it does not open, or gives no image.
    """

    def opener():
        number = camera if isinstance(camera, int) else camera_number(camera, (cameras or named_cameras)())
        if number is None:
            return cv2.VideoCapture()
        opened = capture(number)
        if opened.isOpened():
            opened.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return opened

    hint = "is another program using it? --list-cameras lists the cameras"
    return LiveSource(f"camera {camera}", opener, hint=hint, **settings)


def list_cameras(*, named=None, capture=open_capture):
    """Return the cameras of this machine.

    Parameters
    ----------
    named : list of (int, str), optional
        By default from `named_cameras`.
    capture : callable, optional
        Returns the OpenCV capture of a camera's number, to try numbers where the system has no list.

    Returns
    -------
    list of (int, str)
        Number and name.
    """
    named = named_cameras() if named is None else named
    return named or [(number, f"camera {number}") for number in range(MAX_CAMERAS) if _opens(number, capture)]


def named_cameras(system_list=_SYSTEM_LIST):
    """Return the cameras in the system's list as a list of (number, name); empty without such a list, as off Linux."""
    cameras = []
    for folder in system_list.glob("video[0-9]*"):
        try:
            name, index = (folder / "name").read_text().strip(), (folder / "index").read_text().strip()
        except OSError:
            continue  # unplugged meanwhile
        if index == "0":  # further entries of a camera give metadata, not images
            cameras.append((int(folder.name.removeprefix("video")), name))
    return sorted(cameras)


def camera_number(name, cameras):
    """Return the number of the camera with a name, or None if there is none.

    Parameters
    ----------
    name : str
        Consecutive whole words of a camera's name, in any letter case.
    cameras : list of (int, str)
        As from `list_cameras`.

    Raises
    ------
    SourceError
        If several cameras have that name.
    """
    words = _words(name)
    exact = [number for number, full_name in cameras if full_name == name]
    matches = exact or [number for number, full_name in cameras if words.strip() and words in _words(full_name)]
    if len(matches) > 1:
        raise SourceError(f"{name!r} could be camera {' or '.join(map(str, matches))}; give the number")
    return matches[0] if matches else None


def _words(text):
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def _opens(number, capture):
    opened = capture(number)
    try:
        return opened.isOpened()
    finally:
        opened.release()
