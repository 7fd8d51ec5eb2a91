"""Cameras: which there are, what they are called, and one of them opened by its number or name."""

import re
from pathlib import Path

import cv2

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.frames import open_capture
from landmark_fer.live.sources.live_source import LiveSource

MOST_CAMERAS = 10  # that are looked for by opening them, where the system has no list

_LISTED = Path("/sys/class/video4linux")


def open_camera(camera, *, capture=open_capture, cameras=None, **settings):
    """Open a camera, which is waited for and taken again whenever it goes away.

    Parameters
    ----------
    camera : int or str
        Its number, or a name as `named_cameras` gives it, which is looked up again whenever the camera comes back.
    capture : callable, optional
        From a camera's number to an OpenCV capture.
    cameras : callable, optional
        In the place of `named_cameras`.
    **settings
        Of the `LiveSource`.

    Returns
    -------
    LiveSource

    Raises
    ------
    SourceError
        If it does not open, or shows nothing.
    """

    def opener():
        number = camera if isinstance(camera, int) else number_of(camera, (cameras or named_cameras)())
        if number is None:
            return cv2.VideoCapture()
        opened = capture(number)
        if opened.isOpened():
            opened.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return opened

    hint = "is another program using it? --list-cameras says which cameras there are"
    return LiveSource(f"camera {camera}", opener, hint=hint, **settings)


def list_cameras(*, named=None, capture=open_capture):
    """Return the cameras that there are.

    Parameters
    ----------
    named : list of (int, str), optional
        By default what `named_cameras` says.
    capture : callable, optional
        From a camera's number to an OpenCV capture. Where the system has no list, cameras are looked for by opening
        them.

    Returns
    -------
    list of (int, str)
        Number and name.
    """
    named = named_cameras() if named is None else named
    return named or [(number, f"camera {number}") for number in range(MOST_CAMERAS) if _opens(number, capture)]


def named_cameras(listed=_LISTED):
    """Return the cameras of the system's list as a list of (number, name); empty where it has none, as off Linux."""
    found = []
    for folder in listed.glob("video[0-9]*"):
        try:
            name, place = (folder / "name").read_text().strip(), (folder / "index").read_text().strip()
        except OSError:
            continue  # it went away meanwhile
        if place == "0":  # the further entries of a camera give descriptions of its images, not images
            found.append((int(folder.name.removeprefix("video")), name))
    return sorted(found)


def number_of(name, cameras):
    """Return the number of the camera that a name means, or None if it means none.

    Parameters
    ----------
    name : str
        Whole words of a camera's name, one after another, in any letter case.
    cameras : list of (int, str)
        As from `list_cameras`.

    Raises
    ------
    SourceError
        If several cameras are called so.
    """
    words = _words(name)
    exact = [number for number, full in cameras if full == name]
    found = exact or [number for number, full in cameras if words.strip() and words in _words(full)]
    if len(found) > 1:
        raise SourceError(f"{name!r} could be camera {' or '.join(map(str, found))}; give the number")
    return found[0] if found else None


def _words(text):
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def _opens(number, capture):
    opened = capture(number)
    try:
        return opened.isOpened()
    finally:
        opened.release()
