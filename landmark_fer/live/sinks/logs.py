"""Logs: sinks that keep a row for each face of each frame, as CSV or JSON lines.

A log touches its file when the first frame comes: a start that fails destroys nothing.
"""

import contextlib
import csv
import io
import json
import os
import platform
from pathlib import Path

import cv2

from landmark_fer import __version__
from landmark_fer.artifact.folders import write_whole
from landmark_fer.core.errors import SinkError
from landmark_fer.core.paths import check_place
from landmark_fer.live.sinks.base import by_suffix, wall_time

COLUMNS = ("frame", "time_s", "track_id", "x", "y", "width", "height", "expression", "confidence")
VERSUS_COLUMNS = ("versus_expression", "versus_confidence")


class RowLog:
    """A file with one row a face and frame, written whole frame by whole frame, so that a kill leaves whole rows.

    Parameters
    ----------
    path : path-like
    classes : sequence of str
        Expressions, each a column after `COLUMNS`. ``wall_time`` follows.
    facts : dict, optional
        What the rows were made with, as from `log_facts`; kept with them.
    versus_classes : sequence of str, optional
        Expressions of the other model, where there is one: its answers are the last columns.
    """

    takes_annotated = takes_explanations = False

    def __init__(self, path, classes, *, facts=None, versus_classes=None):
        self.path, self.facts = Path(path), facts
        self.classes, self.versus_classes = tuple(classes), versus_classes and tuple(versus_classes)
        self.columns = (*COLUMNS, *classes, "wall_time", *(VERSUS_COLUMNS if versus_classes else ()))
        self._file = None
        check_place(self.path)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            if kind is None:
                raise self._failed(error) from error

    def write(self, frame, seen, explanations=None):
        """Write a row for each face of a frame.

        Parameters
        ----------
        frame : Frame
        seen : sequence of RecognizedFace
        explanations : dict of int to Explanation, optional
            By track id; kept by a log that ``takes_explanations``.

        Raises
        ------
        SinkError
            If the file cannot be opened or the disk is full; whole rows written before stay.
        """
        try:
            if self._file is None:
                self._file = io.FileIO(self.path, "w")
                self._append(self._begin(frame))
            self._append("".join(self._line(_row(frame, face, explanations or {})) for face in seen))
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error):
        return SinkError(f"{self.path} cannot be written ({error.strerror}); give another --log")

    def _append(self, text):
        content, begin = text.encode(), self._file.tell()
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), begin)
            raise

    def _header(self, frame):
        """Return the facts with what only the log knows, or None where no facts were given."""
        if self.facts is None:
            return None
        known = {"columns": self.columns, "classes": self.classes, "versus_classes": self.versus_classes}
        return {"begin": wall_time(frame.wall_s), **self.facts, **known}

    def _begin(self, frame):
        raise NotImplementedError

    def _line(self, row):
        raise NotImplementedError


class CsvLog(RowLog):
    """Rows as comma-separated values under the columns' names; the facts lie beside them in ``FILE.csv.meta.json``."""

    def _begin(self, frame):
        header = self._header(frame)
        if header is not None:
            write_whole(self.path.with_name(f"{self.path.name}.meta.json"), json.dumps(header, indent=1) + "\n")
        return _csv_line(self.columns)

    def _line(self, row):
        return _csv_line([row[column] for column in self.columns])


class JsonlLog(RowLog):
    """Rows as one JSON object a line; before them an object with the one key ``header`` and the facts.

    A row whose answer was explained ends with the key ``explanation``.
    """

    takes_explanations = True

    def _begin(self, frame):
        header = self._header(frame)
        return "" if header is None else json.dumps({"header": header}) + "\n"

    def _line(self, row):
        kept = {name: row[name] for name in (*self.columns, "explanation") if name in row}
        return json.dumps(kept) + "\n"


LOGS = {".csv": CsvLog, ".jsonl": JsonlLog}


def open_log(path, classes, *, facts=None, versus_classes=None):
    """Return the log for a file by its suffix, a key of `LOGS`; the parameters are those of `RowLog`.

    Raises
    ------
    InputError
        If the suffix is none of them.
    SinkError
        If there can be no such file.
    """
    return by_suffix(LOGS, path, "log")(path, classes, facts=facts, versus_classes=versus_classes)


def log_facts(artifact, *, versus=None, source=None):
    """Return what a log, a summary or a snapshot was made with: versions, and which model.

    Parameters
    ----------
    artifact : Artifact
    versus : Artifact, optional
        The other model, where two are shown side by side.
    source : str, optional
        The name of the source.

    Returns
    -------
    dict
        JSON can hold it.
    """
    versions = {"landmark_fer": __version__, "python": platform.python_version(), "opencv": cv2.__version__}
    facts = {"source": source, "versions": versions, "model": _model_facts(artifact)}
    return facts if versus is None else {**facts, "versus": _model_facts(versus)}


def _model_facts(artifact):
    manifest = artifact.manifest
    facts = {"artifact": None if artifact.path is None else Path(artifact.path).resolve().name}
    facts |= {name: manifest["model"].get(name) for name in ("sha256", "format")}
    return facts | {name: manifest.get(name) for name in ("created", "versions")}


def _row(frame, face, explanations):
    """Return a row as a dictionary of every column that a log can have, and the explanation if there is one."""
    prediction, box = face.recognition, face.recognition.face.box
    explanation = explanations.get(face.track_id)
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 3),
        "track_id": face.track_id,
        **{side: round(float(getattr(box, side)), 1) for side in ("x", "y", "width", "height")},
        "expression": prediction.expression,
        "confidence": round(float(prediction.confidence), 6),
        **{name: round(float(value), 6) for name, value in prediction.probabilities.items()},
        "wall_time": wall_time(frame.wall_s),
        "versus_expression": face.versus and face.versus.expression,
        "versus_confidence": face.versus and round(float(face.versus.confidence), 6),
        **({"explanation": explanation.to_dict()} if explanation is not None else {}),
    }


def _csv_line(values):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
