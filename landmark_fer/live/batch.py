"""Folders and videos from Python: generators that read as ``live`` does."""

import contextlib
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from landmark_fer.core.errors import InputError, SourceError
from landmark_fer.core.types import PathLike
from landmark_fer.live.events import Events, read_events
from landmark_fer.live.observers import without_baseline_sentence
from landmark_fer.live.reader import LiveReader
from landmark_fer.live.sources.frames import Frame
from landmark_fer.live.sources.image_sources import open_folder
from landmark_fer.live.sources.opening import is_still, open_source
from landmark_fer.live.sources.video_folder import open_video_folder
from landmark_fer.recognition import AUTO
from landmark_fer.recognition.baseline import Baseline, check_baseline
from landmark_fer.recognition.min_quality import check_min_quality, has_quality
from landmark_fer.recognition.recognizer import Recognizer, bundled_recognizer
from landmark_fer.recognition.results import Recognition, RecognizedFace
from landmark_fer.recognition.track_baselines import baseline_of_option

logger = logging.getLogger(__name__)


def recognize_folder(
    path: PathLike,
    *,
    recognizer: Recognizer | None = None,
    min_quality: Mapping[str, float] | None = None,
    baseline: Baseline | None = None,
) -> Iterator[tuple[Path, list[Recognition]]]:
    """Yield the file and the recognitions of each image of a folder and its subfolders, in natural order.

    Files that are no images are named in one warning. Images that cannot be read are skipped with a warning each.

    Parameters
    ----------
    path : path-like
    recognizer : Recognizer, optional
        By default that of the bundled model.
    min_quality : mapping of str to float, optional
        Leave out faces below these limits, as for `check_min_quality`: ``{"size": 40, "inside": 0.9}``. A warning at
        the end counts them.
    baseline : Baseline, optional
        That of the person in the images, for each that shows one face, not counting those that `min_quality` leaves
        out. It may be of anyone where there are several: they are predicted without it, and a warning at the end
        counts these images.

    Yields
    ------
    file : Path
    recognitions : list of Recognition
        As from `Recognizer.recognize`; empty if no face is found.

    Raises
    ------
    SourceError
        If the folder holds no image, or cannot be read.
    InputError
        If a limit is unknown or impossible, or a baseline is none or of another model.
    """
    recognizer, limits, n_left_out = recognizer or bundled_recognizer(), check_min_quality(min_quality), 0
    n_of_several = 0
    if baseline is not None:
        check_baseline(baseline, recognizer)
    with open_folder(path) as source:
        for frame in source:
            recognitions = recognizer.recognize(frame.image)
            good = [each for each in recognitions if has_quality(each.face, frame.image.shape, limits)]
            n_left_out += len(recognitions) - len(good)
            if baseline is not None and len(good) == 1:
                good = [recognizer.given_baseline(good[0], baseline)]
            n_of_several += len(good) > 1
            yield Path(path, frame.name), good
    _warn_left_out(path, n_left_out)
    if baseline is not None and n_of_several:
        logger.warning("%s: %s", path, without_baseline_sentence(n_of_several))


def recognize_video(
    path: PathLike,
    *,
    recognizer: Recognizer | None = None,
    every: int | None = None,
    fps: float | None = None,
    smoothing: float = 0.5,
    events: PathLike | None = None,
    min_quality: Mapping[str, float] | None = None,
    baseline: Baseline | PathLike | None = AUTO,
) -> Iterator[tuple[Frame, list[RecognizedFace]]]:
    """Yield the frames of a video with their faces, tracked and smoothed as by ``live``.

    Parameters
    ----------
    path : path-like or str
        A video or an animation, or another source of `open_source` but single images.
    recognizer : Recognizer, optional
        By default that of the bundled model.
    every : int, optional
        Detect faces in each n-th frame, as for `LiveReader`.
    fps : float, optional
        Read at most so many frames per second of the video; by default all.
    smoothing : float, default=0.5
        Strength of the `Smoother`; 0 is none.
    events : path-like, optional
        A csv of events, as for `read_events`.
    min_quality : mapping of str to float, optional
        As for `recognize_folder`; ``frame.n_left_out`` is the number of faces of a frame that were left out.
    baseline : Baseline, path-like or None, default="auto"
        Neutral baseline that predictions are given: one found in the calm faces of each track (``"auto"``), that of the
        person who is alone in the image at first, or none. See `TrackBaselines`.

    Yields
    ------
    frame : Frame
        ``image``, ``time_s`` and ``index`` in the video, and ``event``, the label of the current event or None.
    faces : list of RecognizedFace
        With ``track_id`` and ``recognition``; empty if no face is found.

    Raises
    ------
    InputError
        If `fps` is not over 0, the source consists of single images, or the baseline is of another model.
    SourceError
        If the video does not exist or has no frame that can be decoded.
    DataError
        If the file of events, a row in it or the file of a baseline is invalid.
    """
    if fps is not None and not fps > 0:
        raise InputError(f"fps of recognize_video must be over 0, got {fps!r}; give another, or None for all frames")
    if is_still(path):
        raise InputError(f"recognize_video needs a video, and {path} is an image or a folder; use recognize_folder")
    recognizer = recognizer or bundled_recognizer()
    marked = Events([] if events is None else read_events(events))
    reader = LiveReader(
        recognizer,
        smoothing=smoothing,
        every=every,
        min_quality=min_quality,
        baseline=baseline_of_option(baseline),
    )
    n_left_out = 0
    with contextlib.closing(reader), open_source(path) as source:
        for frame in source if fps is None else _at_most(fps, source):
            faces = reader.read(frame.image, time_s=frame.time_s)
            n_left_out += reader.n_left_out
            yield replace(frame, event=marked.label_at(frame.time_s), n_left_out=reader.n_left_out), faces
    _warn_left_out(path, n_left_out)


def recognize_videos(
    path: PathLike,
    *,
    recognizer: Recognizer | None = None,
    every: int | None = None,
    fps: float | None = None,
    smoothing: float = 0.5,
    min_quality: Mapping[str, float] | None = None,
    baseline: Baseline | PathLike | None = AUTO,
) -> Iterator[tuple[Path, Frame, list[RecognizedFace]]]:
    """Yield the frames of each video of a folder and its subfolders, in natural order.

    A warning names the other files, and each video that cannot be read; it is skipped. Face numbers begin with 1 in
    each video.

    Parameters
    ----------
    path : path-like
    recognizer, every, fps, smoothing, min_quality, baseline
        As for `recognize_video`.

    Yields
    ------
    file : Path
    frame : Frame
    faces : list of RecognizedFace
        As from `recognize_video`.

    Raises
    ------
    SourceError
        If the folder holds no video, or cannot be read.
    """
    recognizer, baseline = recognizer or bundled_recognizer(), baseline_of_option(baseline)
    for name in open_video_folder(path):
        file = Path(path, name)
        try:
            for frame, faces in recognize_video(
                file,
                recognizer=recognizer,
                every=every,
                fps=fps,
                smoothing=smoothing,
                min_quality=min_quality,
                baseline=baseline,
            ):
                yield file, frame, faces
        except SourceError as error:
            logger.warning("skipped: %s", error)


def _warn_left_out(path, count):
    if count:
        logger.warning("%s: %s faces were left out by min_quality", path, f"{count:,}")


def _at_most(fps, frames):
    """Yield the first frame in each period of 1 / fps seconds."""
    last = None
    for frame in frames:
        period = math.floor(frame.time_s * fps + 1e-6)  # times have rounding errors
        if period != last:
            yield frame
        last = period
