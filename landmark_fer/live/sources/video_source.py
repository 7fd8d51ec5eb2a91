"""Sources of video files: frames with their timestamps, and reports of damage."""

import logging
import math
from functools import partial

import cv2

from landmark_fer.core.errors import SourceError
from landmark_fer.core.naming import library_path
from landmark_fer.live.sources.containers import damage_of, track_kinds
from landmark_fer.live.sources.frames import Frame, Source, open_capture, rate_of, read_capture, to_rgb

MAX_FAILED_READS = 300  # consecutive failed reads after which the video has ended; each failed read skips one packet

logger = logging.getLogger(__name__)


def open_video(path, *, capture=open_capture):
    """Open a video file.

    Parameters
    ----------
    path : path-like
    capture : callable, optional
        Opens an OpenCV capture.

    Returns
    -------
    Source

    Raises
    ------
    SourceError
        If it has no video track, or no frame can be decoded.
    """
    kinds = track_kinds(path)
    if kinds and "video" not in kinds:
        raise SourceError(f"{path} holds no video track, only {' and '.join(sorted(kinds))}; give a video or an image")
    opened = capture(library_path(path))
    if not opened.isOpened():
        raise SourceError(_explain_failure(path, kinds))
    return video_source(
        str(path),
        opened,
        max_failed_reads=MAX_FAILED_READS,
        find_damage=partial(damage_of, path),
        explain_failure=partial(_explain_failure, path, kinds),
    )


def video_source(name, capture, *, max_failed_reads, find_damage, explain_failure):
    """Return the source of an opened capture that ends.

    Parameters
    ----------
    name : str
        Name of the video in messages.
    capture : cv2.VideoCapture
    max_failed_reads : int
        Number of consecutive failed reads after which the video has ended.
    find_damage : callable
        Returns a clause on why there are fewer frames than stated, or None if that is no damage.
    explain_failure : callable
        Returns the message for a video without decodable frames.

    Raises
    ------
    SourceError
        If no frame can be decoded.
    """
    first, n_failed = _next_image(capture, max_failed_reads)
    if first is None:
        capture.release()
        raise SourceError(explain_failure())
    damage = []
    frames = _frames(name, capture, first, n_failed, find_damage, max_failed_reads, damage)
    source = Source(name, frames, frames_per_second=rate_of(capture), close=capture.release)
    n_stated = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    source.damage, source.n_frames = damage, int(n_stated) if math.isfinite(n_stated) and n_stated > 0 else None
    return source


def _frames(name, capture, image, n_lost, find_damage, max_failed_reads, damage):
    """Yield the frames of a video at the times stated in the file or, without them, by its frame rate.

    Damage is logged, and added to a list.

    The stated number of frames is an estimate: a file cut without re-encoding counts the frames before the cut, and a
    file that states only a duration may count that of a longer audio track. So fewer frames alone are no damage;
    missing bytes are. A failed read between successful ones is damage too.
    """
    rate, n_stated = rate_of(capture), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    index, time_s, lost_s = 0, 0.0, 0.0
    try:
        while image is not None:
            yield Frame(to_rgb(image), time_s, index)
            image, n_failed = _next_image(capture, max_failed_reads)
            lost_s = time_s if n_failed and not n_lost else lost_s
            index, n_lost = index + 1, n_lost + n_failed
            stamp_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            time_s = stamp_s if math.isfinite(stamp_s) and stamp_s > time_s else time_s + 1 / rate
        if (index < n_stated or n_stated <= 0) and (clause := find_damage()):
            count = f"{index} of {n_stated:.0f} frames" if n_stated > 0 else f"{index} frames"
            damage.append(f"ends after {count}: {clause}")
            logger.warning("%s %s", name, damage[-1])
    finally:
        if n_lost:
            where = f"is damaged after {lost_s:.2f} s"
            damage.append(f"{where}: frames that cannot be decoded are skipped, about {n_lost} of them")
            logger.warning("%s %s", name, damage[-1])


def _next_image(capture, max_failed_reads):
    """Return the next decodable image and the number of failed reads before it; None and 0 at the end."""
    for n_failed in range(max_failed_reads):
        image = read_capture(capture)
        if image is not None:
            return image, n_failed
    return None, 0


def _explain_failure(path, kinds):
    """Return a message on a file without decodable frames."""
    if damage := damage_of(path):
        return f"{path} cannot be decoded as a video: {damage}; copy or record it again"
    if kinds == set():
        return (
            f"{path} cannot be decoded as a video: its index (moov) is missing, as when a recording was not finished; "
            "record it again"
        )
    if kinds:
        return f"no frame of the video track of {path} can be decoded; convert it to H.264, or give another file"
    return f"{path} must be a video or an image, and cannot be decoded as either; give another file"
