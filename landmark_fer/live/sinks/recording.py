"""Recording that a key starts and stops: the sinks of a session by name."""

import contextlib
import itertools
import logging
import time
from pathlib import Path

from landmark_fer.core.errors import SinkError
from landmark_fer.live.sinks.base import wall_time
from landmark_fer.live.sinks.video import VideoRecorder

logger = logging.getLogger(__name__)


class KeyedRecording:
    """A sink for the time that it is switched on; a context manager that finishes a recording that still runs.

    A recording that cannot be written ends with a warning and no error: what else runs goes on.

    Parameters
    ----------
    folder : path-like
        Made if it is not there.
    frames_per_second : float
    """

    takes_annotated = True

    def __init__(self, folder, *, frames_per_second):
        self.folder, self.frames_per_second = Path(folder), frames_per_second
        self._recorder = None

    @property
    def on(self):
        """Whether a recording runs."""
        return self._recorder is not None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.on:
            self.switch()

    def switch(self):
        """Begin or end a recording; return what to tell the person."""
        try:
            return self._end() if self.on else self._begin()
        except SinkError as error:
            logger.warning("%s", error)
            return str(error)

    def write(self, frame, seen):
        """Write a frame with the drawn image; return what to tell the person if that failed, else None."""
        try:
            self._recorder.write(frame, seen)
        except SinkError as error:
            logger.warning("%s", error)
            self.switch()
            return str(error)
        return None

    def _begin(self):
        path = self._new_file()
        try:
            self._recorder = VideoRecorder(path, frames_per_second=self.frames_per_second)
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
        """Make an empty file, under the first name of this moment that is free: no other program can take it then."""
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
    """Remove the file of a recording that got no frame."""
    with contextlib.suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()
