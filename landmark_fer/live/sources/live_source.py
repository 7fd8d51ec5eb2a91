"""A live source: a thread takes the images of a camera or stream and keeps the newest, so that none is shown late.

One that goes away is waited for and taken again, until the source is closed. What comes over HTTP may be a file whose
length the server does not say, though, and OpenCV does not tell the end of a file from a broken connection. So such a
stream is opened again when it ends: if the server is there and sends the same first image with the same time stamp,
it is a file, and over. Two images of a camera are never equal to the bit; what a program draws may be, and
Motion JPEG, the usual live stream over HTTP, is therefore always waited for, unless a single JPEG is all that comes.
So is a file whose server is gone by then.
"""

import logging
import threading
import time

import cv2
import numpy as np

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.frames import Frame, Source, rate_of, read_capture, to_rgb

logger = logging.getLogger(__name__)

FIRST_IMAGE_S = 30.0  # what has shown nothing by then is given up at the start
SILENT_S = 2.0  # a source without a image for so long is said to be waited for
PAUSES_S = (0.5, 1.0, 2.0, 5.0)  # before each attempt to take a lost source again; then the last, on and on
FAILED_READS = 3  # one after another until it counts as lost: a single damaged image is no loss

_LISTEN_S = 0.2  # Ctrl-C is heard at least this often while a image is waited for
_CLOSING_S = 1.0  # for the thread to end; one whose driver does not return is left behind

_MOTION_JPEG = cv2.VideoWriter_fourcc(*"MJPG")
_NO_STAMP = -1e15  # FFmpeg's word for none is far below

# How much faster than its time stamps a stream is read that comes as fast as the network allows, as a file does: so
# much that what has gathered between a live stream's sender and here is caught up with.
_HURRY = 1.02


class LiveSource(Source):
    """A camera or a stream: gives its newest image; those that nobody took in time are dropped.

    Parameters
    ----------
    name : str
        What messages call it.
    opener : callable
        Returns an OpenCV capture anew, at each call; one that did not open says so itself (``isOpened``).
    hint : str
        What a person can do when it does not open.
    first : capture, optional
        One that is open already; without it `opener` is asked, in the caller's thread, since macOS asks for leave to
        use a camera in the main thread only.
    pauses_s : sequence of float, optional
        Seconds before each attempt to open it again.
    may_end : bool, default=False
        Whether it may be a file, which ends. It is then read at its own pace, however fast it comes.

    Raises
    ------
    SourceError
        If it does not open, or opens and gives no image.
    """

    def __init__(self, name, opener, *, hint, first=None, pauses_s=PAUSES_S, may_end=False):
        capture = opener() if first is None else first
        if not capture.isOpened():
            raise SourceError(f"{name} did not open; {hint}")
        super().__init__(name, None, frames_per_second=rate_of(capture), live=True)
        self._opener, self._pauses_s, self._may_end = opener, pauses_s, may_end
        self._news, self._stop = threading.Condition(), threading.Event()
        self._newest, self._begin, self._last = None, None, time.monotonic()
        self._index, self._lost, self._said, self._over, self._error = 0, False, False, False, None
        self._thread = threading.Thread(target=self._run, args=(capture,), name=name, daemon=True)
        self._thread.start()
        self._await_first(hint)

    def take(self, timeout_s=None):
        """Return the newest image that was not taken yet, waiting for one if need be; see `Source.take`."""
        end = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        while True:
            frame = self._wait(min(_LISTEN_S, end - time.monotonic()))
            if frame is not None or self.ended:
                return frame
            self._say_waiting()
            if time.monotonic() >= end:
                return None

    @property
    def message(self):
        """What a person should know now: that the source is waited for; None while images come."""
        silent = self._lost or time.monotonic() - self._last > SILENT_S
        away = silent and self._newest is None and not (self.ended or self._over)
        return f"waiting for {self.name}" if away else None

    def __exit__(self, *_):
        """Close within a second, whatever the driver does."""
        self._stop.set()
        with self._news:
            self.ended, self._newest = True, None
            self._news.notify_all()
        self._thread.join(_CLOSING_S)

    def _await_first(self, hint):
        end = time.monotonic() + FIRST_IMAGE_S
        with self._news:
            while self._newest is None and not self._lost and self._error is None and time.monotonic() < end:
                self._news.wait(_LISTEN_S)
            came = self._newest is not None
        if not came:
            self.__exit__()
            raise SourceError(f"{self.name} opened, but no image came; {hint}") from self._error

    def _wait(self, seconds):
        """Return the newest frame, waiting at most so long for one, or None."""
        with self._news:
            if self._newest is None and not (self.ended or self._over or self._error) and seconds > 0:
                self._news.wait(seconds)
            if self._error is not None:
                raise SourceError(f"{self.name} cannot be read any more ({self._error}); start again") from self._error
            newest, self._newest = self._newest, None
            self.ended = self.ended or (self._over and newest is None)
        if newest is None:
            return None
        image, *stamps = newest
        return Frame(to_rgb(image), *stamps)

    def _say_waiting(self):
        if self.message and not self._said:
            self._said = True
            logger.warning("%s gives no more images; it is waited for until it comes back", self.name)

    def _run(self, capture):
        opening = None
        try:
            while capture is not None:
                opening = self._read_all(capture, opening)
                capture, opening = self._open_again(opening)
        except Exception as error:  # nobody sees an error of a thread; `take` raises it
            with self._news:
                self._error = error
                self._news.notify_all()

    def _read_all(self, capture, opening):
        """Keep the images of a capture until it fails or the source is closed; return how it began.

        Parameters
        ----------
        capture : capture
        opening : _Opening or None
            Where the first image was read before.
        """
        failed = 0
        if opening is not None:
            self._keep(opening.image)
        try:
            while failed < FAILED_READS and not self._stop.is_set():
                image = read_capture(capture)
                failed = failed + 1 if image is None else 0
                if image is not None:
                    if opening is None:
                        opening = _Opening(capture, image)
                    else:
                        opening.n_images += 1
                    if self._may_end:
                        self._stop.wait(opening.early_s(capture))
                    self._keep(image)
        finally:
            capture.release()
        return opening

    def _keep(self, image):
        now, wall_s = time.monotonic(), time.time()
        with self._news:
            if self._stop.is_set():
                return
            if self._said:
                logger.warning("%s is back after %.1f seconds", self.name, now - self._last)
            self._begin = now if self._begin is None else self._begin
            self.dropped += self._newest is not None
            self._newest = image, now - self._begin, self._index, wall_s
            self._index, self._last, self._lost, self._said = self._index + 1, now, False, False
            self._news.notify_all()

    def _open_again(self, opening):
        """Return a capture that is open, and its opening where it is read already; twice None once nothing comes."""
        to_be_tried = self._may_end and opening is not None and opening.may_be_of_a_file
        if to_be_tried and not self._stop.wait(self._pauses_s[0]):
            capture, again = self._opened_once()
            if again is not None and not again.repeats(opening):
                return capture, again
            if again is not None:
                capture.release()
                self._over = True
        with self._news:
            self._lost = not self._over
            self._news.notify_all()
        return (None if self._over else self._waited_for()), None

    def _opened_once(self):
        """Return a capture and its opening, or twice None where none opens or it shows nothing."""
        capture = self._opener()
        image = read_capture(capture) if capture.isOpened() else None
        if image is not None:
            return capture, _Opening(capture, image)
        capture.release()
        return None, None

    def _waited_for(self):
        """Return a capture that is open, or None once the source is closed."""
        attempt = 0
        while not self._stop.wait(self._pauses_s[min(attempt, len(self._pauses_s) - 1)]):
            attempt += 1
            try:
                capture = self._opener()
            except SourceError:
                continue
            if capture.isOpened() and not self._stop.is_set():
                return capture
            capture.release()
        return None


class _Opening:
    """How a capture began: its first image, that one's time stamp, and when it came.

    Attributes
    ----------
    image : ndarray of shape (height, width, 3), uint8
        BGR.
    n_images : int
        That came, this one among them.
    """

    def __init__(self, capture, image):
        self.image, self._stamp_s, self._came_s = image, _stamp_s(capture), time.monotonic()
        self._motion_jpeg, self.n_images = int(capture.get(cv2.CAP_PROP_FOURCC)) == _MOTION_JPEG, 1

    @property
    def may_be_of_a_file(self):
        """Whether it is not Motion JPEG, or no more than one JPEG."""
        return not self._motion_jpeg or self.n_images == 1

    def repeats(self, other):
        """Return whether this is the beginning of the same file."""
        return self._stamp_s == other._stamp_s and np.array_equal(self.image, other.image)

    def early_s(self, capture):
        """Return for how many seconds the image that came last has to wait; 0 where it does not say when it is due.

        Time stamps that jump ahead are not waited for.
        """
        stamped = not self._motion_jpeg and capture.get(cv2.CAP_PROP_PTS) > _NO_STAMP
        due_s = self._came_s + (_stamp_s(capture) - self._stamp_s) / _HURRY
        early_s = due_s - time.monotonic()
        return early_s if stamped and 0 < early_s < SILENT_S else 0.0


def _stamp_s(capture):
    return capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
