"""Recordings that a person starts and stops with a key: each a film of its own."""

import logging
import time
from pathlib import Path

from landmark_fer.errors import SinkError
from landmark_fer.streaming.files import wall_time
from landmark_fer.streaming.recording import VideoRecorder

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
        recorder, self._recorder = self._recorder, None
        try:
            if recorder is None:
                self._make_folder()
                self._recorder = VideoRecorder(self._free_path(), frames_per_second=self.frames_per_second)
                return f"recording {self._recorder.path}"
            recorder.close()
        except SinkError as error:
            logger.warning("%s", error)
            return str(error)
        return f"recorded {recorder.path}"

    def write(self, frame, seen):
        """Write a frame with the drawn picture; return what to tell the person if that failed, else None."""
        try:
            self._recorder.write(frame, seen)
        except SinkError as error:
            logger.warning("%s", error)
            self.switch()
            return str(error)
        return None

    def _make_folder(self):
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(
                f"folder {self.folder} cannot be made ({error.strerror}); give other --snapshots"
            ) from error

    def _free_path(self):
        stamp = f"recording-{wall_time(time.time()).replace(':', '-')}"
        names = (stamp, *(f"{stamp}-{number}" for number in range(2, 100)))
        return next(path for name in names if not (path := self.folder / f"{name}.mp4").exists())
