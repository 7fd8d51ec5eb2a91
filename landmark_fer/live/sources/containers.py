"""The structure of video files (MP4, Matroska, AVI): kinds of tracks, and missing or damaged bytes."""

import os
import re
from dataclasses import dataclass

_HEADER_BYTES = 16  # length of the longest header of a part

# Matroska's numbers of the parts needed here.
_SEGMENT, _CLUSTER, _BLOCKS, _TRACKS, _TRACK, _TRACK_TYPE = 0x18538067, 0x1F43B675, 0xA0, 0x1654AE6B, 0xAE, 0x83

_WITH_PARTS = frozenset({
    b"moov", b"trak", b"mdia", b"RIFF", b"hdrl", b"strl", b"movi", b"rec ", _SEGMENT, _CLUSTER, _BLOCKS, _TRACKS, _TRACK
})  # fmt: skip
"""The kinds of parts that contain other parts."""

_KINDS = {b"vide": "video", b"vids": "video", b"soun": "audio", b"auds": "audio", b"\1": "video", b"\2": "audio"}
_SOUND = re.compile(rb"ID3|fLaC|RIFF....WAVE|OggS.{20,60}(OpusHead|\x01vorbis|\x7fFLAC|Speex)", re.DOTALL)
_OGG_VIDEO = re.compile(rb"\x80theora|OVP80|BBCD")


@dataclass(frozen=True)
class _Part:
    """A part of a container: its kind, and the begin and end of its content in bytes from the file's start."""

    kind: bytes | int
    begin: int
    end: float  # infinite if not stated


class _DamageError(Exception):
    """No part begins where the format requires one."""


def track_kinds(path):
    """Return the kinds of tracks in a file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    set of str, or None
        Some of ``video``, ``audio`` and ``other data``; empty for an MP4 without index, as after an unfinished
        recording; None for other formats.
    """
    kinds = set()
    with open(path, "rb") as file:
        start = file.read(4096)
        if _SOUND.match(start) and not _OGG_VIDEO.search(start):
            return {"audio"}
        header = _header_reader(start)
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
    """Return a clause on what is wrong with the structure of a video, or None if no damage is found.

    Parameters
    ----------
    path : path-like
    """
    with open(path, "rb") as file:
        header = _header_reader(file.read(4096))
        if header is None:
            return None
        size = os.fstat(file.fileno()).st_size
        try:
            missing = max((part.end - size for part in _parts(file, header) if part.end < float("inf")), default=0)
        except _DamageError as error:
            return f"it is damaged at byte {error.args[0]:,}"
    return f"at least {missing:,} bytes are missing at its end" if missing > 0 else None


def _header_reader(start):
    """Return the function that reads the headers of the format with these first bytes, or None."""
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
        With the byte where no part begins, or one that is longer than the part around it. Bytes after the last part
        are ignored.
    """
    size, position, outer_end = os.fstat(file.fileno()).st_size, 0, 0
    while position < size:
        file.seek(position)
        values = header(file.read(_HEADER_BYTES))
        if values is None:
            if position < min(outer_end, size - _HEADER_BYTES):
                raise _DamageError(position)
            return
        kind, n_header, length = values
        part = _Part(kind, position + n_header, position + n_header + length)
        if position >= outer_end:
            outer_end = part.end
        elif part.end > outer_end:
            raise _DamageError(position)
        yield part
        position = part.begin if kind in _WITH_PARTS else part.end


def _mp4_header(content):
    """Return kind, length of the header and length of the content of the part that begins here, or None."""
    length, kind, n_header = int.from_bytes(content[:4]), content[4:8], 8
    if length == 1:
        length, n_header = int.from_bytes(content[8:16]), 16
    elif length == 0:
        length = float("inf")
    return (kind, n_header, length - n_header) if _is_word(kind) and length >= n_header else None


def _avi_header(content):
    """Like `_mp4_header`; the kind of a list is its first word."""
    kind, length = content[:4], int.from_bytes(content[4:8], "little")
    if kind == b"RIFF":
        return kind, 12, (length or float("inf")) - 4
    if kind == b"LIST":
        return content[8:12], 12, (length or float("inf")) - 4
    return (kind, 8, length + length % 2) if _is_word(kind) else None


def _matroska_header(content):
    """Like `_mp4_header`, with numbers of variable length, which their leading zeros encode."""
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
