"""Video files as sources: containers, rotation, timestamps, ends."""

import logging
import math
import os
import re
from dataclasses import dataclass
from functools import partial

import cv2

from landmark_fer.core.errors import SourceError
from landmark_fer.core.naming import library_path
from landmark_fer.live.sources.frames import Frame, Source, open_capture, rate_of, read_capture, to_rgb

_HEADER = 16  # bytes: as long as the longest header of a part

# Matroska's numbers of the parts that matter here.
_SEGMENT, _CLUSTER, _BLOCKS, _TRACKS, _TRACK, _TRACK_TYPE = 0x18538067, 0x1F43B675, 0xA0, 0x1654AE6B, 0xAE, 0x83

_WITH_PARTS = frozenset({
    b"moov", b"trak", b"mdia", b"RIFF", b"hdrl", b"strl", b"movi", b"rec ", _SEGMENT, _CLUSTER, _BLOCKS, _TRACKS, _TRACK
})  # fmt: skip
"""The kinds of parts that consist of parts, which are gone through one after another."""

_KINDS = {b"vide": "video", b"vids": "video", b"soun": "audio", b"auds": "audio", b"\1": "video", b"\2": "audio"}
_SOUND = re.compile(rb"ID3|fLaC|RIFF....WAVE|OggS.{20,60}(OpusHead|\x01vorbis|\x7fFLAC|Speex)", re.DOTALL)
_OGG_VIDEO = re.compile(rb"\x80theora|OVP80|BBCD")


@dataclass(frozen=True)
class _Part:
    """A part of a container: its kind, and where its content begins and it ends, in bytes from the file's start."""

    kind: bytes | int
    begin: int
    end: float  # infinite where it is not stated


class _DamageError(Exception):
    """At a place where a part must begin, none does."""


def track_kinds(path):
    """Return which kinds of tracks a file has.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    set of str, or None
        Of ``video``, ``audio`` and ``other data``; empty where an MP4 has no index, as when it was cut off or never
        finished; None where the format is not known here.
    """
    kinds = set()
    with open(path, "rb") as file:
        start = file.read(4096)
        if _SOUND.match(start) and not _OGG_VIDEO.search(start):
            return {"audio"}
        header = _header_of(start)
        if header is None:
            return None
        try:
            for part in _parts(file, header):
                if part.kind in (_CLUSTER, b"movi"):
                    break
                if part.kind in (b"hdlr", b"strh", _TRACK_TYPE):
                    file.seek(part.begin + 8 * (part.kind == b"hdlr"))
                    kinds.add(_KINDS.get(file.read(1 if part.kind == _TRACK_TYPE else 4), "other data"))
        except _DamageError:
            return kinds or None
    return kinds


def damage_of(path):
    """Return what is wrong with the structure of a video, as a clause, or None where nothing is known to be.

    Parameters
    ----------
    path : path-like
    """
    with open(path, "rb") as file:
        header = _header_of(file.read(4096))
        if header is None:
            return None
        size = os.fstat(file.fileno()).st_size
        try:
            missing = max((part.end - size for part in _parts(file, header) if part.end < float("inf")), default=0)
        except _DamageError as error:
            return f"it is damaged at byte {error.args[0]:,}"
    return f"at least {missing:,} bytes are missing at its end" if missing > 0 else None


def _header_of(start):
    """Return the function that reads the headers of a format, by a file's first bytes, or None."""
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
        return _mp4_header
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return _matroska_header
    return _avi_header if start[:4] == b"RIFF" and start[8:12] == b"AVI " else None


def _parts(file, header):
    """Yield the parts of a file from front to back.

    Raises
    ------
    _DamageError
        With the place where a part must begin and none does, or one that is longer than what it lies in. What stands
        behind the last part is nobody's part.
    """
    size, place, outer_end = os.fstat(file.fileno()).st_size, 0, 0
    while place < size:
        file.seek(place)
        read = header(file.read(_HEADER))
        if read is None:
            if place < min(outer_end, size - _HEADER):
                raise _DamageError(place)
            return
        kind, n_header, length = read
        part = _Part(kind, place + n_header, place + n_header + length)
        if place >= outer_end:
            outer_end = part.end
        elif part.end > outer_end:
            raise _DamageError(place)
        yield part
        place = part.begin if kind in _WITH_PARTS else part.end


def _mp4_header(content):
    """Return the kind, the header's length and the content's length of the part that begins here, or None."""
    length, kind, n_header = int.from_bytes(content[:4]), content[4:8], 8
    if length == 1:
        length, n_header = int.from_bytes(content[8:16]), 16
    elif length == 0:
        length = float("inf")
    return (kind, n_header, length - n_header) if _is_word(kind) and length >= n_header else None


def _avi_header(content):
    """As `_mp4_header`; a list is of the kind that its first word says."""
    kind, length = content[:4], int.from_bytes(content[4:8], "little")
    if kind == b"RIFF":
        return kind, 12, (length or float("inf")) - 4
    if kind == b"LIST":
        return content[8:12], 12, (length or float("inf")) - 4
    return (kind, 8, length + length % 2) if _is_word(kind) else None


def _matroska_header(content):
    """As `_mp4_header`, by numbers of variable length, whose leading zeros say how long each is."""
    n_kind = 9 - content[0].bit_length()
    n_length = 9 - content[n_kind].bit_length() if n_kind <= 4 and len(content) > n_kind else 9
    if n_length > 8 or len(content) < n_kind + n_length:
        return None
    bits = 7 * n_length
    length = int.from_bytes(content[n_kind : n_kind + n_length]) & ((1 << bits) - 1)
    unknown = length == (1 << bits) - 1
    return int.from_bytes(content[:n_kind]), n_kind + n_length, float("inf") if unknown else length


def _is_word(kind):
    return len(kind) == 4 and all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind)


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
