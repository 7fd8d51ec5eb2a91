"""Logs: sinks that write a row for each face of each frame, as CSV, JSON lines or Parquet."""

import contextlib
import csv
import hashlib
import io
import json
import os
import platform
import time
from pathlib import Path

import cv2

from landmark_fer import __version__
from landmark_fer.core.errors import SinkError, first_line
from landmark_fer.core.files import atomic_file, atomic_write_text
from landmark_fer.core.image_status import LOW_QUALITY, NO_FACE, NOT_READ, OK, UNREADABLE
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.core.paths import check_place
from landmark_fer.live.sinks.base import Sink, by_suffix, wall_time
from landmark_fer.recognition.face_fields import SHIFT_COLUMNS, field_columns, field_values, shift_values

COLUMNS = ("frame", "time_s", "track_id", "x", "y", "width", "height", "expression", "confidence")
AFTER_CLASSES = ("wall_time", "label", "reason")
VERSUS_COLUMNS = ("versus_expression", "versus_confidence")
_WHOLE_NUMBERS = ("frame", "track_id")
# Columns of text; the others are numbers.
_TEXTS = ("expression", "wall_time", "label", "reason", "versus_expression", "baseline", "event", "image", "status")

ROWS_IN_GROUP = 10_000  # rows of a .parquet log that are held in memory


class RowLog(Sink):
    """A file with one row for each face and frame.

    In a row without a face, the columns that describe a face are empty; an image that could not be read has no frame
    number and time either.

    Parameters
    ----------
    path : path-like
    classes : sequence of str
        Expressions; each is a column after `COLUMNS`; `AFTER_CLASSES` follow.
    facts : dict, optional
        Versions and model, as from `log_facts`; written with the rows.
    versus_classes : sequence of str, optional
        Expressions of the second model, if there is one; its predictions are columns after them.
    baselines : bool, default=False
        Whether faces can have a neutral baseline: the column ``baseline``, its origin, follows. With the
        group ``measurements``, `SHIFT_COLUMNS` follow the groups.
    fields : sequence of str, optional
        Groups of further columns, keys of `FIELD_GROUPS`; they follow.
    empty : bool, default=False
        Whether a frame without a face, or in which none was located, has a row; the column ``status`` is then the last.
    events : bool, default=False
        Whether the column ``event``, the label of the current event, follows.
    images : bool, default=False
        Whether the source consists of single images: the columns ``image``, the name of its file, and ``status`` are
        then the last, and every image has a row.
    """

    def __init__(
        self,
        path,
        classes,
        *,
        facts=None,
        versus_classes=None,
        fields=(),
        events=False,
        baselines=False,
        empty=False,
        images=False,
    ):
        self.path, self.facts, self.fields = Path(path), facts, tuple(fields)
        self.empty, self.images = empty or images, images
        self.classes, self.versus_classes = tuple(classes), versus_classes and tuple(versus_classes)
        self._has_shifts = baselines and "measurements" in self.fields
        self.columns = (*COLUMNS, *classes, *AFTER_CLASSES, *(VERSUS_COLUMNS if versus_classes else ()))
        self.columns += (*["baseline"] * baselines, *field_columns(self.fields), *SHIFT_COLUMNS * self._has_shifts)
        self.columns += (*["event"] * events,)
        self.columns += (*["image"] * images, *["status"] * self.empty)
        self._is_open = False
        check_place(self.path)

    def write(self, frame, faces=(), explanations=None):
        """Write a row for each face that was located in a frame; see `Sink.write`."""
        rows = [self._row(frame, face, explanations or {}) for face in faces if face.located]
        if self.empty and not rows:
            status = NOT_READ if faces else LOW_QUALITY if frame.n_left_out else NO_FACE
            rows = [self._empty_row(status, frame.wall_s, **_frame_values(frame))]
        self._write_rows(rows, frame.wall_s)

    def write_unreadable(self, name):
        """Write a row for an image that could not be read, if every image has one; see `Sink.write_unreadable`."""
        if self.images:
            wall_s = time.time()
            self._write_rows([self._empty_row(UNREADABLE, wall_s, image=name)], wall_s)

    def close(self):
        """Finish the file."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._finish()
        except OSError as error:
            raise self._sink_error(error) from error

    def _write_rows(self, rows, begin_s):
        try:
            if not self._is_open:
                self._begin(begin_s)
                self._is_open = True
            self._append(rows)
        except OSError as error:
            raise self._sink_error(error) from error

    def _sink_error(self, error):
        return SinkError(f"{self.path} cannot be written ({error.strerror or first_line(error)}); give another --log")

    def _begin(self, begin_s):
        """Open the file; the session began at this Unix time."""
        raise NotImplementedError

    def _append(self, rows):
        """Write rows, each a dictionary of at least all columns."""
        raise NotImplementedError

    def _finish(self):
        """Close the file."""
        raise NotImplementedError

    def _row(self, frame, face, explanations):
        row = _row(frame, face, explanations) | {"status": OK}
        if self._has_shifts:
            row |= shift_values(face.recognition.face, face.baseline)
        return row | field_values(face.recognition.face, self.fields, frame.image.shape) if self.fields else row

    def _empty_row(self, status, wall_s, **values):
        return dict.fromkeys(self.columns) | values | {"wall_time": wall_time(wall_s), "status": status}

    def _header(self, begin_s):
        """Return the facts with start time, columns and classes; None without facts."""
        if self.facts is None:
            return None
        return {
            "begin": wall_time(begin_s),
            **self.facts,
            "columns": self.columns,
            "classes": self.classes,
            "versus_classes": self.versus_classes,
        }


class TextLog(RowLog):
    """A log of lines. Each frame is one write, so that a killed run or a full disk leaves whole rows."""

    def _begin(self, begin_s):
        self._file = io.FileIO(self.path, "w")
        self._append_text(self._start(begin_s))

    def _append(self, rows):
        self._append_text("".join(map(self._line, rows)))

    def _finish(self):
        self._file.close()

    def _append_text(self, text):
        content, begin = text.encode(errors="backslashreplace"), self._file.tell()
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), begin)
            raise

    def _start(self, begin_s):
        """Return the first lines of the file; the session began at this Unix time."""
        raise NotImplementedError

    def _line(self, row):
        """Return a row as a line."""
        raise NotImplementedError


class CsvLog(TextLog):
    """Rows as comma-separated values with a header; the facts are in ``FILE.csv.meta.json``."""

    def _start(self, begin_s):
        header = self._header(begin_s)
        if header is not None:
            atomic_write_text(self.path.with_name(f"{self.path.name}.meta.json"), json.dumps(header, indent=1) + "\n")
        return _csv_line(self.columns)

    def _line(self, row):
        return _csv_line([row[column] for column in self.columns])


class JsonlLog(TextLog):
    """Rows as one JSON object a line, after a first line ``{"header": facts}``.

    A row with an explanation ends with the key ``explanation``.
    """

    takes_explanations = True

    def _start(self, begin_s):
        header = self._header(begin_s)
        return "" if header is None else json.dumps({"header": header}) + "\n"

    def _line(self, row):
        return json.dumps({name: row[name] for name in (*self.columns, "explanation") if name in row}) + "\n"


class ParquetLog(RowLog):
    """Rows as a Parquet file, with the facts as JSON under ``landmark_fer`` in the metadata of its schema.

    Parquet has its index at the end. The file is therefore written under another name, and replaces an earlier one
    when it is closed: a killed run or a full disk leaves the earlier one.
    """

    def __init__(self, path, classes, **options):
        super().__init__(path, classes, **options)
        self._parquet = import_optional("pyarrow.parquet", purpose=f"{self.path}, a Parquet file,")

    def _begin(self, begin_s):
        import pyarrow

        types = dict.fromkeys(_WHOLE_NUMBERS, pyarrow.int64()) | dict.fromkeys(_TEXTS, pyarrow.string())
        schema = pyarrow.schema([(column, types.get(column, pyarrow.float64())) for column in self.columns])
        header = self._header(begin_s)
        self._groups = self._write_groups(schema.with_metadata(header and {"landmark_fer": json.dumps(header)}))
        next(self._groups)

    def _append(self, rows):
        self._groups.send([{name: _encodable(value) for name, value in row.items()} for row in rows])

    def _finish(self):
        with contextlib.suppress(StopIteration):
            self._groups.send(None)

    def _write_groups(self, schema):
        """Write the lists of rows that are sent, until None is sent."""
        from pyarrow import Table

        # An open file, because pyarrow takes no path that is not UTF-8.
        with atomic_file(self.path) as new, new.open("wb") as file, self._parquet.ParquetWriter(file, schema) as writer:
            rows = []
            while (more := (yield)) is not None:
                rows += more
                if len(rows) >= ROWS_IN_GROUP:
                    writer.write_table(Table.from_pylist(rows, schema))
                    rows = []
            writer.write_table(Table.from_pylist(rows, schema))


LOGS = {".csv": CsvLog, ".jsonl": JsonlLog, ".parquet": ParquetLog}


def open_log(path, classes, **options):
    """Return the `RowLog` for a file by its suffix, a key of `LOGS`; other parameters as for `RowLog`.

    Raises
    ------
    InputError
        If the suffix is not a key of `LOGS`.
    SinkError
        If the file cannot be written.
    DependencyError
        If it is a Parquet file, and pyarrow is not installed.
    """
    return by_suffix(LOGS, path, "log")(path, classes, **options)


def log_facts(artifact, *, versus=None, source=None, min_quality=None, baseline=None):
    """Return source, versions and model of a session, for logs, summaries and snapshots.

    Parameters
    ----------
    artifact : Artifact
    versus : Artifact, optional
        The second model, if two are compared.
    source : str, optional
        Name of the source.
    min_quality : dict of str to float, optional
        Limits below which faces are left out.
    baseline : Baseline or str, optional
        As for `TrackBaselines`.

    Returns
    -------
    dict
        JSON values.
    """
    versions = {"landmark_fer": __version__, "python": platform.python_version(), "opencv": cv2.__version__}
    facts = {"source": source, "versions": versions, "model": _model_facts(artifact)}
    facts |= {"min_quality": min_quality} if min_quality else {}
    facts |= {"baseline": baseline_facts(baseline)} if baseline is not None else {}
    return facts if versus is None else {**facts, "versus": _model_facts(versus)}


def baseline_facts(baseline):
    """Return a mode of neutral baselines, or what identifies a given one, as a JSON value."""
    if isinstance(baseline, str):
        return baseline
    content = json.dumps([baseline.measurements, baseline.models], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {"sha256": digest, "n_images": baseline.n_images, "seconds": baseline.seconds}


def _model_facts(artifact):
    manifest = artifact.manifest
    facts = {"artifact": None if artifact.path is None else Path(artifact.path).resolve().name}
    facts |= {name: manifest["model"].get(name) for name in ("sha256", "format")}
    return facts | {name: manifest.get(name) for name in ("created", "versions")}


def _row(frame, face, explanations):
    """Return a row as a dictionary of all possible columns and, if there is one, the explanation."""
    prediction, box = face.recognition, face.recognition.face.box
    explanation = explanations.get(face.track_id)
    return {
        **_frame_values(frame),
        "track_id": face.track_id,
        **{side: round(float(getattr(box, side)), 1) for side in ("x", "y", "width", "height")},
        "expression": prediction.expression,
        "confidence": round(float(prediction.confidence), 6),
        **{name: round(float(value), 6) for name, value in prediction.probabilities.items()},
        "wall_time": wall_time(frame.wall_s),
        "label": prediction.label,
        "reason": prediction.reason,
        "baseline": face.baseline_origin,
        "versus_expression": face.versus and face.versus.expression,
        "versus_confidence": face.versus and round(float(face.versus.confidence), 6),
        **({"explanation": explanation.to_dict()} if explanation is not None else {}),
    }


def _frame_values(frame):
    return {"frame": frame.index, "time_s": round(frame.time_s, 3), "image": frame.name, "event": frame.event}


def _csv_line(values):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _encodable(value):
    """Return text with the characters that UTF-8 lacks, as in names of files, as escapes; other values unchanged."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
