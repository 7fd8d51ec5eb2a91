"""Videos: files, and what lies at an address that says how long it is."""

import logging
import math
from functools import partial

import cv2

from landmark_fer.core.errors import SourceError
from landmark_fer.core.naming import library_path
from landmark_fer.live.sources.containers import damage_of, track_kinds
from landmark_fer.live.sources.frames import Frame, Source, open_capture, rate_of, read_capture, to_rgb

MOST_FAILED_READS = 300  # one after another, then no frame comes any more: a read that fails passes one packet over

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
        If it has no video track, or no frame that can be decoded.
    """
    kinds = track_kinds(path)
    if kinds and "video" not in kinds:
        raise SourceError(f"{path} holds no video track, only {' and '.join(sorted(kinds))}; give a video or an image")
    opened = capture(library_path(path))
    if not opened.isOpened():
        raise SourceError(_why_not(path, kinds))
    return video_source(
        str(path),
        opened,
        most_failed_reads=MOST_FAILED_READS,
        damage=partial(damage_of, path),
        refusal=partial(_why_not, path, kinds),
    )


def video_source(name, capture, *, most_failed_reads, damage, refusal):
    """Return the source of a capture that ends.

    Parameters
    ----------
    name : str
        What messages call it.
    capture : capture
        OpenCV's, opened.
    most_failed_reads : int
        One after another, until it has ended.
    damage : callable
        Returns why fewer frames came than were announced, as a clause, or None where that is no fault.
    refusal : callable
        Returns the sentence to say where no frame can be decoded.

    Raises
    ------
    SourceError
        If no frame can be decoded.
    """
    first, n_failed = _next_image(capture, most_failed_reads)
    if first is None:
        capture.release()
        raise SourceError(refusal())
    frames = _frames(name, capture, first, n_failed, damage, most_failed_reads)
    return Source(name, frames, frames_per_second=rate_of(capture), close=capture.release)


def _frames(name, capture, image, n_lost, damage, most_failed_reads):
    """Yield the frames of a video, at the times that the file gives or, where it gives none, by its rate.

    How many frames a video announces is an estimate: of a file that was cut without being encoded anew the frames
    before the cut count, too, and where the file has a duration alone, that of a longer sound does. So a video that
    has fewer is whole, unless its file is not. A read that fails before another that does not has met damage.
    """
    rate, announced = rate_of(capture), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    index, time_s, lost_s = 0, 0.0, 0.0
    try:
        while image is not None:
            yield Frame(to_rgb(image), time_s, index)
            image, n_failed = _next_image(capture, most_failed_reads)
            lost_s = time_s if n_failed and not n_lost else lost_s
            index, n_lost = index + 1, n_lost + n_failed
            stamp_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            time_s = stamp_s if math.isfinite(stamp_s) and stamp_s > time_s else time_s + 1 / rate
        if (index < announced or announced <= 0) and (clause := damage()):
            of_all = f"{index} of {announced:.0f} frames" if announced > 0 else f"{index} frames"
            logger.warning("%s ends after %s: %s", name, of_all, clause)
    finally:
        if n_lost:
            logger.warning(
                "%s is damaged after %.2f s: what cannot be decoded is left out, about %d of its frames",
                *(name, lost_s, n_lost),
            )


def _next_image(capture, most_failed_reads):
    """Return the next image that can be decoded and how many reads failed before it; None and 0 at the end."""
    for n_failed in range(most_failed_reads):
        image = read_capture(capture)
        if image is not None:
            return image, n_failed
    return None, 0


def _why_not(path, kinds):
    """Return a sentence on a file of which no frame can be decoded."""
    damage = damage_of(path)
    if damage:
        return f"{path} cannot be decoded as a video: {damage}; copy or record it again"
    if kinds == set():
        return (
            f"{path} cannot be decoded as a video: its index (moov) is missing, as when a recording was not finished; "
            "record it again"
        )
    if kinds:
        return f"{path} has a video track of which no frame can be decoded; convert it to H.264, or give another file"
    return f"{path} must be a video or an image, and can be decoded as neither; give another file"
