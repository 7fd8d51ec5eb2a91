"""Logs of a folder of videos: one log for each video, a table over all, and a table with a row for each video.

A folder of logs holds ``videos/NAME.csv`` for each video, ``videos.csv`` (a row for each video), ``all.csv`` (the rows
of all logs) and ``settings.json``. A log is written in the subfolder ``.unfinished`` and moved when it is complete. A
run that was stopped therefore leaves complete logs only, and the next run skips their videos.
"""

import csv
import io
import json
import os
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from landmark_fer.core.errors import InputError, SinkError, SourceError, plain_value
from landmark_fer.core.files import atomic_write_text, locked, sync, time_text
from landmark_fer.core.image_status import LOW_QUALITY, NO_FACE, OK, UNREADABLE
from landmark_fer.core.naming import is_litter
from landmark_fer.live.sinks.base import Sink
from landmark_fer.live.sinks.merging import merge_logs
from landmark_fer.live.sources.video_folder import list_first

LONGEST_NAME = 255 - len(".new-12345678-") - len(".meta.json")  # bytes of a log's name
MAX_SHOWN = 30  # last characters of a video's name on the progress bar

_LOGS, _VIDEOS, _ALL, _SETTINGS = "videos", "videos.csv", "all", "settings.json"
_UNFINISHED, _LOCK = ".unfinished", ".lock"


@dataclass(frozen=True)
class VideoRow:
    """A row of ``videos.csv``.

    Attributes
    ----------
    video : str
        Path relative to the folder of the videos.
    status : str
        ``ok``, ``no face``, ``low quality`` (all faces were left out) or ``unreadable``.
    frames, faces, left_out, tracks : int
        Number of frames, of faces in all frames, of further faces that were left out because of their quality, and of
        different face numbers.
    seconds : float
        Duration.
    remark : str
        Why it cannot be read, or what is damaged.
    bytes, modified : int, str
        Size and time of the file, by which a changed video is recognized.
    """

    video: str
    status: str
    frames: int
    faces: int
    left_out: int
    tracks: int
    seconds: float
    remark: str
    bytes: int
    modified: str


@dataclass
class VideosSummary:
    """Counts of a run over a folder of videos; as text, the summary that the command prints.

    Attributes
    ----------
    folder, table : Path
        The folder of the logs, and the table of all rows.
    n_videos, n_skipped : int
        Number of all videos, and of those that an earlier run completed.
    rows : list of VideoRow
        In the order of the videos; fewer than videos after an interrupt.
    interrupted : bool
    """

    folder: Path
    table: Path
    n_videos: int
    n_skipped: int
    rows: list
    interrupted: bool

    def __str__(self):
        unreadable = [row.video for row in self.rows if row.status == UNREADABLE]
        complete = [row for row in self.rows if row.status != UNREADABLE]
        damaged = [row.video for row in complete if row.remark]
        earlier = f" ({self.n_skipped:,} from an earlier run)" if self.n_skipped else ""
        videos, have = "video" if self.n_videos == 1 else "videos", "has" if len(complete) == 1 else "have"
        lines = [f"{self.n_videos:,} {videos}: {len(complete):,} {have} a log{earlier}"]
        frames, faces, left_out = (
            sum(getattr(row, name) for row in complete) for name in ("frames", "faces", "left_out")
        )
        lines[0] += f", {frames:,} frames, {faces:,} faces"
        lines[0] += f" ({left_out:,} more left out by --min-quality)" if left_out else ""
        lines += [f"{len(unreadable):,} cannot be read: {list_first(unreadable)}"] if unreadable else []
        lines += [f"{len(damaged):,} damaged, logged as far as decoded: {list_first(damaged)}"] if damaged else []
        if self.interrupted:
            lines.append(f"stopped with {self.n_videos - len(self.rows):,} videos left; the same command continues")
        tables = [f"{self.folder / _VIDEOS} has a row for each video"]
        tables += [f"{self.table} a row for each face and frame"] if complete else []
        return "\n".join([*lines, ", ".join(tables)])


class ProgressBar(Sink):
    """Counts the frames of a video on a tqdm bar, from 0 on; their number may be unknown (None)."""

    def __init__(self, bar, n_frames):
        self.bar = bar
        bar.reset(n_frames)

    def write(self, frame, faces=(), explanations=None):
        """Count a frame."""
        self.bar.update()


def log_videos(source, videos, folder, run, *, settings, interrupts, suffix=".csv", facts=None):
    """Write a log for each video of a folder, a table of all logs and a table of the videos.

    Parameters
    ----------
    source : path-like
        The folder of the videos.
    videos : list of str
        Paths relative to it, as from `videos_in`.
    folder : path-like
        The folder of the logs. Videos whose log in it is complete are skipped, unless their size or time has changed.
    run : callable
        Takes the path of a video, the path of its log and a tqdm bar for its frames; writes the log and returns the
        `RunSummary`.
    settings : dict of str to JSON values
        What the rows depend on. All logs of a folder have the same.
    interrupts : Interrupts
        Entered; held back while a complete log is moved.
    suffix : str, default=".csv"
        Format of the logs, a key of `LOGS`.
    facts : dict, optional
        Versions and model, written with the settings.

    Returns
    -------
    VideosSummary

    Raises
    ------
    InputError
        If the folder of logs was made with other settings.
    SinkError
        If it cannot be written, or holds other files.
    """
    folder = Path(folder)
    try:
        _check_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / _LOCK, f"waiting for another run that writes to {folder}"):
            _check_settings(folder / _SETTINGS, json.loads(json.dumps(settings)), facts)
            return _log_videos(Path(source), videos, folder, run, interrupts, suffix)
    except OSError as error:
        path = error.filename or folder
        raise SinkError(f"{path} cannot be written ({error.strerror or error}); give another --log") from error


def _log_videos(source, videos, folder, run, interrupts, suffix):
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    logs = {video: folder / _LOGS / f"{video}{suffix}" for video in videos}
    earlier = {row.video: row for row in _read_rows(folder / _VIDEOS)}
    rows = {
        video: row
        for video in videos
        if (row := earlier.get(_text(video))) is not None
        and row.status != UNREADABLE
        and logs[video].is_file()
        and (row.bytes, row.modified) == _identity(source / video)
    }
    n_skipped, interrupted = len(rows), False
    table, unfinished = folder / f"{_ALL}{suffix}", folder / _UNFINISHED
    with (
        logging_redirect_tqdm(),
        tqdm(total=len(videos), initial=n_skipped, unit="video", disable=None) as bar,
        tqdm(unit="frame", position=1, leave=False, disable=None) as frames,
    ):
        try:
            for video in [video for video in videos if video not in rows]:
                bar.set_description(_text(video)[-MAX_SHOWN:])
                _remove(unfinished)
                unfinished.mkdir()
                row = _log_video(video, source / video, unfinished / logs[video].name, run, frames)
                with interrupts.held_back():
                    _move(unfinished, logs[video])
                    rows[video] = row
                    _write_rows(folder / _VIDEOS, _in_order(videos, rows))
                bar.update()
        except KeyboardInterrupt:
            interrupted = True
    _remove(unfinished)
    with interrupts.held_back():
        _write_rows(folder / _VIDEOS, _in_order(videos, rows))
        complete = [video for video in videos if video in rows and rows[video].status != UNREADABLE]
        merge_logs({_text(video): logs[video] for video in complete}, table)
    return VideosSummary(folder, table, len(videos), n_skipped, _in_order(videos, rows), interrupted)


def _log_video(video, path, log, run, bar):
    """Write the log of a video; return its row of ``videos.csv``."""
    size, modified = _identity(path)
    try:
        if len(os.fsencode(log.name)) > LONGEST_NAME:
            raise SourceError(f"its name is too long for that of a log, {log.suffix[1:]} included; rename the video")
        summary = run(path, log, bar)
    except SourceError as error:
        return VideoRow(_text(video), UNREADABLE, 0, 0, 0, 0, 0.0, _text(str(error)), size, modified)
    if summary.interrupted:
        raise KeyboardInterrupt
    timelines = summary.timelines
    return VideoRow(
        video=_text(video),
        status=OK if summary.faces else LOW_QUALITY if summary.left_out else NO_FACE,
        frames=summary.frames,
        faces=summary.faces,
        left_out=summary.left_out,
        tracks=len(timelines.tracks) + timelines.n_others,
        seconds=round(timelines.end - timelines.begin, 3),
        remark=_text("; ".join(summary.damage)),
        bytes=size,
        modified=modified,
    )


def _check_folder(folder):
    """Raise SinkError for a folder of other files."""
    names = os.listdir(folder) if folder.is_dir() else []
    ours = (_LOCK, ".new-")  # the lock, and what a killed run left of the settings
    if _SETTINGS not in names and not all(name.startswith(ours) or is_litter(name) for name in names):
        raise SinkError(f"{folder} holds other files than the logs of an earlier run; give --log a new or empty folder")


def _check_settings(path, settings, facts):
    """Write the settings, or raise InputError if an earlier run had others."""
    if not path.exists():
        atomic_write_text(path, json.dumps({"settings": settings, **(facts or {})}, indent=1) + "\n")
        return
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))["settings"]
        names = [name for name in sorted({*earlier, *settings}) if earlier.get(name) != settings.get(name)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} must be written by live, and cannot be read; give --log another folder") from error
    if names:
        changes = ", ".join(
            f"{name} {plain_value(earlier.get(name))} (now {plain_value(settings.get(name))})" for name in names
        )
        raise InputError(
            f"{path.parent} holds logs that were made with {changes}; give the same settings, or --log another folder"
        )


def _identity(path):
    """Return the size of a file in bytes, and when it was changed; 0 and "" if it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return 0, ""
    return status.st_size, time_text(status.st_mtime)


def _move(unfinished, log):
    """Move a complete log, and before it what belongs to it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    for path in sorted(unfinished.iterdir(), key=lambda path: path.name == log.name):
        sync(path)
        os.replace(path, log.with_name(path.name))


def _remove(folder):
    if folder.exists():
        shutil.rmtree(folder)


def _in_order(videos, rows):
    return [rows[video] for video in videos if video in rows]


def _read_rows(path):
    """Return the rows of ``videos.csv``; none if it does not exist or was changed by another program."""
    types = {field.name: field.type for field in fields(VideoRow)}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [VideoRow(**{name: types[name](text) for name, text in row.items()}) for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except (ValueError, LookupError, TypeError, csv.Error):
        return []


def _write_rows(path, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(VideoRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, rows))
    atomic_write_text(path, text.getvalue())


def _text(name):
    """Return a name as text that can be written: bytes that are no UTF-8 as escapes."""
    return name.encode(errors="backslashreplace").decode()
