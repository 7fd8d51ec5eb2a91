"""A window on the screen, after making sure that there is a screen: without one OpenCV kills the process."""

import ctypes
import os
import sys
import time
from pathlib import Path

import cv2

from landmark_fer.core.errors import SourceError

LARGEST = (1280, 960)  # of a new window, pixels; it can be resized
HEADLESS_HINT = "add --headless and --log FILE or --record FILE to work without a window"

_KEYS = {27: "escape", 13: "enter", 32: "space", 9: "tab", 8: "backspace"}
_LISTEN_S = 0.05  # Ctrl-C in the terminal is heard at least this often while a key is waited for


class Window:
    """A window that shows images and hears keys; a context manager. The person may resize it at any time.

    Parameters
    ----------
    title : str

    Attributes
    ----------
    closed : bool
        Whether the person closed it.
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
        """Show a image and return the key that was pressed, or None.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8
            RGB.
        wait_s : float, default=0
            How long to wait for a key; 0 looks once.

        Returns
        -------
        str or None
            What is on the key: a character, letters small, or one of ``escape``, ``enter``, ``space``, ``tab``,
            ``backspace``. Other keys, Shift alone for one, are none.
        """
        if self.closed:
            return None
        if not self._open:
            self._create(image)
        cv2.imshow(self.title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return self.wait(wait_s)

    def wait(self, wait_s):
        """Return the key that is pressed within a time in seconds, or None; the image stays.

        Ends at once when the window is closed. Before there is a image, it only waits.
        """
        end = time.monotonic() + wait_s
        if not self._open:
            time.sleep(wait_s)
        while self._open and not self.closed:
            left_s = min(_LISTEN_S, end - time.monotonic())
            key = _key(cv2.waitKeyEx(max(1, round(1000 * left_s))))
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
        factor = min(1.0, LARGEST[0] / width, LARGEST[1] / height)
        cv2.resizeWindow(self.title, max(1, round(width * factor)), max(1, round(height * factor)))
        self._open = True


def check_display():
    """Raise if no window can be opened here.

    Raises
    ------
    SourceError
        If there is no display, it does not answer, a library that windows need is missing, or this build of OpenCV
        has no windows.
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
    if not _x_server_predictions():
        display = os.environ.get("DISPLAY", "")
        raise SourceError(f"no display was found: none answers at DISPLAY={display!r}; {HEADLESS_HINT}")


def _x_server_predictions():
    """Return whether the X server of ``DISPLAY`` takes a connection; True where that cannot be asked."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not failed


def _key(code):
    """Return the name of a key from OpenCV's code, or None: modifiers stand above, X11 has its own from 128 on."""
    code &= 0xFFFF
    if code in _KEYS:
        return _KEYS[code]
    return chr(code).lower() if 32 < code < 127 else None


def _visible(title):
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:
        return False
