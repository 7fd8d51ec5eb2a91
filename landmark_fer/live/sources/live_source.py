"""Live sources: a thread reads a camera or stream and keeps the newest image, so that none is shown late.

A camera or stream that fails is opened again, until the source is closed. Over HTTP, however, a stream may be a file of
unstated length, and OpenCV does not distinguish the end of a file from a broken connection. Such a stream is opened
once more when it ends: if it starts with the same image and the same time stamp, it is a file and has ended. Two images
of a camera are never equal to the bit, but drawn images may be. Motion JPEG, the usual live stream over HTTP, is
therefore always opened again, unless it consists of a single JPEG.
"""

import logging
import threading
import time

import cv2
import numpy as np

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.frames import Frame, Source, rate_of, read_capture, to_rgb

logger = logging.getLogger(__name__)

FIRST_IMAGE_S = 30.0  # longest wait for the first image
SILENT_S = 2.0  # without an image, until a message reports it
PAUSES_S = (0.5, 1.0, 2.0, 5.0)  # before each attempt to open a lost source again; the last one repeats
FAILED_READS = 3  # consecutive failed reads after which the source is lost

_POLL_S = 0.2  # Ctrl-C is handled at least this often
_CLOSING_S = 1.0  # longest wait for the thread to end; one whose driver does not return is abandoned

_MOTION_JPEG = cv2.VideoWriter_fourcc(*"MJPG")
_MIN_STAMP = -1e15  # FFmpeg's value for no time stamp is far below

# Reading speed, relative to the time stamps, of a stream that may be a file: slightly faster than real time, so that
# the buffer of a live stream empties.
_SPEED = 1.02


class LiveSource(Source):
    """A camera or a stream; `take` returns its newest image, and older ones are dropped.

    Parameters
    ----------
    name : str
        Name of the source in messages.
    opener : callable
        Returns a new OpenCV capture at each call; it need not have opened.
    hint : str
        Advice for a source that does not open.
    first : cv2.VideoCapture, optional
        A capture that is open already. By default `opener` makes the first one in the caller's thread, because macOS
        grants access to a camera in the main thread only.
    pauses_s : sequence of float, optional
        Seconds before each attempt to open it again.
    may_end : bool, default=False
        Whether it may be a file, which ends. It is then read at the pace of its time stamps.

    Raises
    ------
    SourceError
        If it does not open, or gives no image.
    """

    def __init__(self, name, opener, *, hint, first=None, pauses_s=PAUSES_S, may_end=False):
        capture = opener() if first is None else first
        if not capture.isOpened():
            raise SourceError(f"{name} did not open; {hint}")
        super().__init__(name, None, frames_per_second=rate_of(capture), live=True)
        self._opener, self._pauses_s, self._may_end = opener, pauses_s, may_end
        self._changed, self._stop = threading.Condition(), threading.Event()
        self._newest, self._begin, self._last_image_s = None, None, time.monotonic()
        self._index, self._lost, self._reported, self._finished, self._error = 0, False, False, False, None
        self._thread = threading.Thread(target=self._run, args=(capture,), name=name, daemon=True)
        self._thread.start()
        self._await_first(hint)

    def take(self, timeout_s=None):
        """Return the newest frame not taken yet, and wait for one if necessary; see `Source.take`."""
        end = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        while True:
            frame = self._wait(min(_POLL_S, end - time.monotonic()))
            if frame is not None or self.ended:
                return frame
            self._report_waiting()
            if time.monotonic() >= end:
                return None

    @property
    def message(self):
        """A message while the source is silent or lost, else None."""
        is_silent = self._lost or time.monotonic() - self._last_image_s > SILENT_S
        is_waiting = is_silent and self._newest is None and not (self.ended or self._finished)
        return f"waiting for {self.name}" if is_waiting else None

    def __exit__(self, *_):
        """Close within a second, even if the driver hangs."""
        self._stop.set()
        with self._changed:
            self.ended, self._newest = True, None
            self._changed.notify_all()
        self._thread.join(_CLOSING_S)

    def _await_first(self, hint):
        end = time.monotonic() + FIRST_IMAGE_S
        with self._changed:
            while self._newest is None and not self._lost and self._error is None and time.monotonic() < end:
                self._changed.wait(_POLL_S)
            has_image = self._newest is not None
        if not has_image:
            self.__exit__()
            raise SourceError(f"{self.name} opened, but gave no image; {hint}") from self._error

    def _wait(self, seconds):
        """Return the newest frame, or None if none arrives within some seconds."""
        with self._changed:
            if self._newest is None and not (self.ended or self._finished or self._error) and seconds > 0:
                self._changed.wait(seconds)
            if self._error is not None:
                raise SourceError(f"{self.name} cannot be read any more ({self._error}); start again") from self._error
            newest, self._newest = self._newest, None
            self.ended = self.ended or (self._finished and newest is None)
        if newest is None:
            return None
        image, *stamps = newest
        return Frame(to_rgb(image), *stamps)

    def _report_waiting(self):
        if self.message and not self._reported:
            self._reported = True
            logger.warning("%s gives no more images; waiting for it to come back", self.name)

    def _run(self, capture):
        start = None
        try:
            while capture is not None:
                start = self._read_all(capture, start)
                capture, start = self._open_again(start)
        except Exception as error:  # raised by `take`, in the caller's thread
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _read_all(self, capture, start):
        """Keep the images of a capture until it fails or the source is closed; return its `_StreamStart`.

        Parameters
        ----------
        capture : cv2.VideoCapture
        start : _StreamStart or None
            If the first image has already been read.
        """
        n_failed = 0
        if start is not None:
            self._keep(start.image)
        try:
            while n_failed < FAILED_READS and not self._stop.is_set():
                image = read_capture(capture)
                n_failed = n_failed + 1 if image is None else 0
                if image is not None:
                    if start is None:
                        start = _StreamStart(capture, image)
                    else:
                        start.n_images += 1
                    if self._may_end:
                        self._stop.wait(start.early_s(capture))
                    self._keep(image)
        finally:
            capture.release()
        return start

    def _keep(self, image):
        now, wall_s = time.monotonic(), time.time()
        with self._changed:
            if self._stop.is_set():
                return
            if self._reported:
                logger.warning("%s is back after %.1f seconds", self.name, now - self._last_image_s)
            self._begin = now if self._begin is None else self._begin
            self.dropped += self._newest is not None
            self._newest = image, now - self._begin, self._index, wall_s
            self._index, self._last_image_s, self._lost, self._reported = self._index + 1, now, False, False
            self._changed.notify_all()

    def _open_again(self, start):
        """Return an open capture and, if its first image has been read, its start; None twice after the end."""
        may_be_file = self._may_end and start is not None and start.may_be_file
        if may_be_file and not self._stop.wait(self._pauses_s[0]):
            capture, new_start = self._open_once()
            if new_start is not None and not new_start.repeats(start):
                return capture, new_start
            if new_start is not None:
                capture.release()
                self._finished = True
        with self._changed:
            self._lost = not self._finished
            self._changed.notify_all()
        return (None if self._finished else self._wait_until_open()), None

    def _open_once(self):
        """Return a capture and its start, or None twice if it does not open or gives no image."""
        capture = self._opener()
        image = read_capture(capture) if capture.isOpened() else None
        if image is not None:
            return capture, _StreamStart(capture, image)
        capture.release()
        return None, None

    def _wait_until_open(self):
        """Return an open capture, or None once the source is closed."""
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


class _StreamStart:
    """The first image of a capture, with its time stamp and time of arrival.

    Attributes
    ----------
    image : ndarray of shape (height, width, 3), uint8
        BGR.
    n_images : int
        Number of images so far, the first included.
    """

    def __init__(self, capture, image):
        self.image, self._stamp_s, self._arrival_s = image, _stamp_s(capture), time.monotonic()
        self._motion_jpeg, self.n_images = int(capture.get(cv2.CAP_PROP_FOURCC)) == _MOTION_JPEG, 1

    @property
    def may_be_file(self):
        """Whether it is not Motion JPEG, or a single JPEG."""
        return not self._motion_jpeg or self.n_images == 1

    def repeats(self, other):
        """Return whether this is the start of the same file."""
        return self._stamp_s == other._stamp_s and np.array_equal(self.image, other.image)

    def early_s(self, capture):
        """Return how many seconds the last image is too early by its time stamp.

        0 without a time stamp, or after one that jumps ahead.
        """
        has_stamp = not self._motion_jpeg and capture.get(cv2.CAP_PROP_PTS) > _MIN_STAMP
        due_s = self._arrival_s + (_stamp_s(capture) - self._stamp_s) / _SPEED
        early_s = due_s - time.monotonic()
        return early_s if has_stamp and 0 < early_s < SILENT_S else 0.0


def _stamp_s(capture):
    return capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
