"""A sink that records annotated frames while a key has switched it on."""

import contextlib
import itertools
import logging
import time
from pathlib import Path

from landmark_fer.core.errors import SinkError
from landmark_fer.live.sinks.base import Sink, wall_time
from landmark_fer.live.sinks.video import VideoRecorder

logger = logging.getLogger(__name__)


class KeyRecording(Sink):
    """Records annotated frames while it is on; each recording is a file of its own.

    A recording that cannot be written ends with a warning and no error, so that the session goes on.

    Parameters
    ----------
    folder : path-like
        Made if it does not exist.
    frames_per_second : float
    show_message : callable
        Takes a message for the user.
    size, look_back
        As for `VideoRecorder`.
    """

    def __init__(self, folder, *, frames_per_second, show_message, size=None, look_back=False):
        self.folder = Path(folder)
        self._options = {"frames_per_second": frames_per_second, "size": size, "look_back": look_back}
        self._show_message = show_message
        self._recorder = None

    @property
    def on(self):
        """Whether a recording runs."""
        return self._recorder is not None

    @property
    def takes_annotated(self):
        """Whether a recording runs."""
        return self.on

    def toggle(self):
        """Start or end a recording."""
        try:
            message = self._end() if self.on else self._start()
        except SinkError as error:
            logger.warning("%s", error)
            message = str(error)
        self._show_message(message)

    def write(self, frame, faces=(), explanations=None):
        """Write a frame with its annotated image if a recording runs."""
        if not self.on:
            return
        try:
            self._recorder.write(frame, faces)
        except SinkError as error:
            logger.warning("%s", error)
            self.toggle()
            self._show_message(str(error))

    def close(self):
        """End a recording that still runs."""
        if self.on:
            self.toggle()

    def _start(self):
        path = self._new_file()
        try:
            self._recorder = VideoRecorder(path, **self._options)
        except SinkError:
            _remove_if_empty(path)
            raise
        return f"recording {path}"

    def _end(self):
        recorder, self._recorder = self._recorder, None
        try:
            recorder.close()
        finally:
            _remove_if_empty(recorder.path)
        return f"recorded {recorder.path}" if recorder.path.exists() else "nothing was recorded"

    def _new_file(self):
        """Create an empty file under a free name, so that no other program can take the name."""
        stamp = f"recording-{wall_time(time.time()).replace(':', '-')}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for number in itertools.count(1):
                path = self.folder / (f"{stamp}.mp4" if number == 1 else f"{stamp}-{number}.mp4")
                with contextlib.suppress(FileExistsError):
                    path.open("xb").close()
                    return path
        except OSError as error:
            raise SinkError(
                f"no recording can be made in {self.folder} ({error.strerror}); give other --snapshots"
            ) from error


def _remove_if_empty(path):
    """Remove the file of a recording without frames."""
    with contextlib.suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()
