"""Recording: sinks that keep what was recognized, as rows (CSV, JSON lines) or as an annotated video.

A sink touches its file when the first frame comes: a start that fails destroys nothing.
"""

import contextlib
import csv
import io
import json
import os
from pathlib import Path

import cv2
import numpy as np

from landmark_fer.errors import InputError, SinkError
from landmark_fer.streaming.quiet import quiet_opencv

COLUMNS = ("frame", "time_s", "track_id", "x", "y", "width", "height", "expression", "confidence")


class RowLog:
    """A file with one row a face and frame, written whole frame by whole frame, so that a kill leaves whole rows.

    Parameters
    ----------
    path : path-like
    classes : sequence of str
        Expressions, each a column after `COLUMNS`.
    """

    takes_annotated = False

    def __init__(self, path, classes):
        self.path, self.columns = Path(path), (*COLUMNS, *classes)
        self._file = None
        _check_place(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._file is not None:
            self._file.close()

    def write(self, frame, recognitions, track_ids):
        """Write a row for each face of a frame.

        Raises
        ------
        SinkError
            If the file cannot be opened or the disk is full; whole rows written before stay.
        """
        rows = [_row(frame, *pair) for pair in zip(recognitions, track_ids, strict=True)]
        try:
            if self._file is None:
                self._file = io.FileIO(self.path, "w")
                self._append(self._header())
            self._append("".join(self._line(row) for row in rows))
        except OSError as error:
            raise SinkError(f"{self.path} cannot be written ({error.strerror}); give another --log") from error

    def _append(self, text):
        content, begin = text.encode(), self._file.tell()
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), begin)
            raise

    def _header(self):
        return ""

    def _line(self, row):
        raise NotImplementedError


class CsvLog(RowLog):
    """Rows as comma-separated values under a header."""

    def _header(self):
        return _csv_line(self.columns)

    def _line(self, row):
        return _csv_line([row[column] for column in self.columns])


class JsonlLog(RowLog):
    """Rows as one JSON object a line."""

    def _line(self, row):
        return json.dumps({column: row[column] for column in self.columns}) + "\n"


LOGS = {".csv": CsvLog, ".jsonl": JsonlLog}


def open_log(path, classes):
    """Return the log for a file by its suffix, a key of `LOGS`.

    Raises
    ------
    InputError
        If the suffix is none of them.
    SinkError
        If there can be no such file.
    """
    return _by_suffix(LOGS, path, "log")(path, classes)


class VideoRecorder:
    """Writes annotated pictures as a video; the first fixes its size, later ones are fitted into it.

    Parameters
    ----------
    path : path-like
        Its suffix is a key of `CODECS`.
    frames_per_second : float
        Frames are repeated or left out so that each is shown at its time.
    """

    takes_annotated = True

    def __init__(self, path, *, frames_per_second):
        self.path, self.frames_per_second = Path(path), frames_per_second
        self._codec = _by_suffix(CODECS, path, "record")
        self._writer = self._size = None
        self._written = 0
        _check_place(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._writer is not None:
            self._writer.release()

    def write(self, frame, recognitions=(), track_ids=()):
        """Write a frame, whose picture is the annotated one.

        Raises
        ------
        SinkError
            If the video cannot be opened.
        """
        if self._writer is None:
            self._open(frame.picture.shape)
        picture = cv2.cvtColor(_fitted(frame.picture, self._size), cv2.COLOR_RGB2BGR)
        due = round(frame.time_s * self.frames_per_second) + 1
        for _ in range(due - self._written):
            self._writer.write(picture)
        self._written = max(self._written, due)

    def _open(self, shape):
        height, width = shape[:2]
        factor = min(1.0, LONGEST_SIDE / max(height, width))
        self._size = [max(2, 2 * round(side * factor / 2)) for side in (width, height)]
        codec = cv2.VideoWriter_fourcc(*self._codec)
        with quiet_opencv():
            self._writer = cv2.VideoWriter(str(self.path), codec, self.frames_per_second, self._size)
        if not self._writer.isOpened():
            raise SinkError(f"{self.path} cannot be written as a video; give another --record")


CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
LONGEST_SIDE = 4096  # pixels; larger pictures are reduced, since players refuse them


def _by_suffix(table, path, option):
    suffix = Path(path).suffix.lower()
    if suffix not in table:
        raise InputError(f"--{option} must end in {' or '.join(table)}, got {str(path)!r}")
    return table[suffix]


def _check_place(path):
    """Raise SinkError if a file can never be written at a path, before any work is done for it."""
    if path.is_dir():
        raise SinkError(f"{path} is a folder; give the name of a file in it")
    if not path.parent.is_dir():
        raise SinkError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SinkError(f"{path} cannot be written (no permission); give another place")


def _row(frame, recognition, track_id):
    box = recognition.face.box
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 3),
        "track_id": track_id,
        **{side: round(float(getattr(box, side)), 1) for side in ("x", "y", "width", "height")},
        "expression": recognition.expression,
        "confidence": round(float(recognition.confidence), 6),
        **{name: round(float(value), 6) for name, value in recognition.probabilities.items()},
    }


def _csv_line(values):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _fitted(picture, size):
    """Return a picture reduced or enlarged into `size` (width, height), its proportions kept, black around it."""
    height, width = picture.shape[:2]
    if [width, height] == list(size):
        return picture
    factor = min(size[0] / width, size[1] / height)
    inner = [min(limit, max(1, round(side * factor))) for side, limit in zip((width, height), size, strict=True)]
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    area = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner, interpolation=area)
    return canvas
