"""The window that shows images and returns keys; a missing display is reported, where OpenCV would abort."""

import ctypes
import os
import sys
import time
from pathlib import Path

import cv2

from landmark_fer.core.errors import SourceError
from landmark_fer.drawing.scene import SHOWN_SIZE

HEADLESS_HINT = "add --headless and --log FILE or --record FILE to work without a window"

_KEYS = {27: "escape", 13: "enter", 32: "space", 9: "tab", 8: "backspace"}
_POLL_S = 0.05  # Ctrl-C in the terminal is handled at least this often


class Window:
    """A resizable window that shows images and returns keys; a context manager.

    Parameters
    ----------
    title : str

    Attributes
    ----------
    closed : bool
        Whether the user has closed it.
    """

    def __init__(self, title):
        self.title, self.closed = title, False
        self._open = False

    def __enter__(self):
        check_display()
        return self

    def __exit__(self, *_):
        if self._open and not self.closed:
            cv2.destroyWindow(self.title)
            cv2.waitKey(1)

    def show(self, image, *, wait_s=0.0):
        """Show an image and return the key pressed, or None.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8
            RGB.
        wait_s : float, default=0
            How long to wait for a key; 0 polls once.

        Returns
        -------
        str or None
            A character, with letters in lower case, or one of ``escape``, ``enter``, ``space``, ``tab``,
            ``backspace``. Other keys, such as Shift alone, give None.
        """
        if self.closed:
            return None
        if not self._open:
            self._create(image)
        cv2.imshow(self.title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return self.wait(wait_s)

    def wait(self, wait_s):
        """Return the key pressed within some seconds, or None; the image stays.

        Returns at once when the window is closed. Before the first image, it only waits.
        """
        end = time.monotonic() + wait_s
        if not self._open:
            time.sleep(wait_s)
        while self._open and not self.closed:
            poll_s = min(_POLL_S, end - time.monotonic())
            key = _key_name(cv2.waitKeyEx(max(1, round(1000 * poll_s))))
            self.closed = not _visible(self.title)
            if key is not None or time.monotonic() >= end:
                return key
        return None

    def _create(self, image):
        try:
            cv2.namedWindow(self.title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error as error:
            raise SourceError(f"this build of OpenCV has no windows; {HEADLESS_HINT}") from error
        height, width = image.shape[:2]
        factor = min(1.0, SHOWN_SIZE[0] / width, SHOWN_SIZE[1] / height)  # the user may resize it
        cv2.resizeWindow(self.title, max(1, round(width * factor)), max(1, round(height * factor)))
        self._open = True


def check_display():
    """Raise if no window can be opened.

    Raises
    ------
    SourceError
        If there is no display, it does not respond, or a library for windows is missing.
    """
    if not sys.platform.startswith("linux"):
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SourceError(f"no display was found; {HEADLESS_HINT}")
    plugin = next(Path(cv2.__file__).parent.glob("qt/plugins/platforms/libqxcb.so"), None)
    if plugin is None:
        return
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        library = str(error).partition(":")[0]
        raise SourceError(
            f"windows need {library}, which is not installed; on Debian: apt-get install libsm6 libxext6; "
            f"or {HEADLESS_HINT}"
        ) from error
    if not _x_server_responds():
        display = os.environ.get("DISPLAY", "")
        raise SourceError(f"no display was found: none responds at DISPLAY={display!r}; {HEADLESS_HINT}")


def _x_server_responds():
    """Return whether the X server of ``DISPLAY`` accepts a connection; True if that cannot be checked."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not failed


def _key_name(code):
    """Return the name of a key from OpenCV's code, or None."""
    code &= 0xFFFF  # without modifiers
    if code in _KEYS:
        return _KEYS[code]
    return chr(code).lower() if 32 < code < 127 else None  # from 128 on, X11 has special keys


def _visible(title):
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:
        return False
