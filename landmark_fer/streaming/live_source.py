"""A live source: a thread takes the pictures of a camera or stream and keeps the newest, so that none is shown late.

One that goes away is waited for and taken again, until the source is closed.
"""

import logging
import threading
import time

from landmark_fer.errors import SourceError
from landmark_fer.streaming.frames import Frame, Source, rate_of, read_capture, to_rgb

logger = logging.getLogger(__name__)

FIRST_PICTURE_S = 30.0  # what has shown nothing by then is given up at the start
SILENT_S = 2.0  # a source without a picture for so long is said to be waited for
PAUSES_S = (0.5, 1.0, 2.0, 5.0)  # before each attempt to take a lost source again; then the last, on and on
FAILED_READS = 3  # one after another until it counts as lost: a single damaged picture is no loss

_LISTEN_S = 0.2  # Ctrl-C is heard at least this often while a picture is waited for
_CLOSING_S = 1.0  # for the thread to end; one whose driver does not return is left behind


class LiveSource(Source):
    """A camera or a stream: gives its newest picture; those that nobody took in time are dropped.

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

    Raises
    ------
    SourceError
        If it does not open, or opens and gives no picture.
    """

    def __init__(self, name, opener, *, hint, first=None, pauses_s=PAUSES_S):
        capture = opener() if first is None else first
        if not capture.isOpened():
            raise SourceError(f"{name} did not open; {hint}")
        super().__init__(name, None, frames_per_second=rate_of(capture), live=True)
        self._opener, self._pauses_s = opener, pauses_s
        self._news, self._stop = threading.Condition(), threading.Event()
        self._newest, self._begin, self._last = None, None, time.monotonic()
        self._index, self._lost, self._said, self._error = 0, False, False, None
        self._thread = threading.Thread(target=self._run, args=(capture,), name=name, daemon=True)
        self._thread.start()
        self._await_first(hint)

    def take(self, timeout_s=None):
        """Return the newest picture that was not taken yet, waiting for one if need be; see `Source.take`."""
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
        """What a person should know now: that the source is waited for; None while pictures come."""
        silent = self._lost or time.monotonic() - self._last > SILENT_S
        return f"waiting for {self.name}" if silent and self._newest is None and not self.ended else None

    def __exit__(self, *_):
        """Close within a second, whatever the driver does."""
        self._stop.set()
        with self._news:
            self.ended, self._newest = True, None
            self._news.notify_all()
        self._thread.join(_CLOSING_S)

    def _await_first(self, hint):
        end = time.monotonic() + FIRST_PICTURE_S
        with self._news:
            while self._newest is None and not self._lost and self._error is None and time.monotonic() < end:
                self._news.wait(_LISTEN_S)
            came = self._newest is not None
        if not came:
            self.__exit__()
            raise SourceError(f"{self.name} opened, but no picture came; {hint}") from self._error

    def _wait(self, seconds):
        """Return the newest frame, waiting at most so long for one, or None."""
        with self._news:
            if self._newest is None and not self.ended and self._error is None and seconds > 0:
                self._news.wait(seconds)
            if self._error is not None:
                raise SourceError(f"{self.name} cannot be read any more ({self._error}); start again") from self._error
            newest, self._newest = self._newest, None
        if newest is None:
            return None
        picture, *stamps = newest
        return Frame(to_rgb(picture), *stamps)

    def _say_waiting(self):
        if self.message and not self._said:
            self._said = True
            logger.warning("%s gives no more pictures; it is waited for until it comes back", self.name)

    def _run(self, capture):
        try:
            while capture is not None:
                self._read_all(capture)
                capture = self._open_again()
        except Exception as error:  # nobody sees an error of a thread; `take` raises it
            with self._news:
                self._error = error
                self._news.notify_all()

    def _read_all(self, capture):
        """Keep the pictures of a capture until it fails or the source is closed."""
        failed = 0
        try:
            while failed < FAILED_READS and not self._stop.is_set():
                picture = read_capture(capture)
                failed = failed + 1 if picture is None else 0
                if picture is not None:
                    self._keep(picture)
        finally:
            capture.release()
        with self._news:
            self._lost = True
            self._news.notify_all()

    def _keep(self, picture):
        now, wall_s = time.monotonic(), time.time()
        with self._news:
            if self._stop.is_set():
                return
            if self._said:
                logger.warning("%s is back after %.1f seconds", self.name, now - self._last)
            self._begin = now if self._begin is None else self._begin
            self.dropped += self._newest is not None
            self._newest = picture, now - self._begin, self._index, wall_s
            self._index, self._last, self._lost, self._said = self._index + 1, now, False, False
            self._news.notify_all()

    def _open_again(self):
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
