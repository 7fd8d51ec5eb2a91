"""The videos of a folder and its subfolders."""

import logging
from pathlib import Path

from landmark_fer.core.errors import SourceError
from landmark_fer.core.naming import is_hidden, is_litter
from landmark_fer.live.sources.containers import track_kinds
from landmark_fer.perception.image_formats import HIDDEN, files_below, head_of, is_image, suffix_of

# A file with one of these suffixes counts as a video without opening it; opening it raises an error if it is none.
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".qt", ".avi", ".divx", ".mkv", ".webm", ".mpg", ".mpeg", ".m2v", ".mpv", ".vob", ".mts",
    ".m2ts", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".dv", ".mjpg", ".mjpeg",
})  # fmt: skip

# Reasons why a file is not read.
AN_IMAGE = "an image"
NOT_A_VIDEO = "not a video"

MAX_NAMES = 10  # listed in a message

logger = logging.getLogger(__name__)


def open_video_folder(path, *, exclude=None):
    """Return the videos of a folder, as from `videos_in`, and name its other files in one warning.

    Raises
    ------
    SourceError
        If the folder holds no video, or cannot be read.
    """
    videos, unread = videos_in(path, exclude=exclude)
    entries = list_unread(unread) if unread else "it is empty"
    if not videos:
        raise SourceError(f"folder {path} holds no videos ({entries}); give one that does")
    if unread:
        logger.warning("folder %s: %s", path, entries)
    return videos


def is_video(path):
    """Return whether a file is a video: by its suffix, else by its content (MP4, Matroska, AVI)."""
    if suffix_of(path) in VIDEO_SUFFIXES:
        return True
    try:
        return Path(path).is_file() and "video" in (track_kinds(path) or ())
    except OSError:
        return False


def videos_in(folder, *, exclude=None):
    """Divide the files of a folder and its subfolders into videos in natural order and others.

    Parameters
    ----------
    folder : path-like
    exclude : path-like, optional
        A subfolder that is left out without a count, such as that of the logs.

    Returns
    -------
    videos : list of str
        Paths relative to the folder, with ``/`` as separator.
    others : dict of str to str
        The reason why each other file is not read, without system files (`naming.is_litter`).

    Raises
    ------
    SourceError
        If the folder cannot be read.
    """
    folder, videos = Path(folder), []
    try:
        names, others = files_below(folder, exclude=exclude)
    except OSError as error:
        raise SourceError(f"folder {folder} cannot be read ({error.strerror}); give another") from error
    for name in names:
        if is_litter(name):
            continue
        if is_hidden(name):
            others[name] = HIDDEN
        elif is_video(folder / name):
            videos.append(name)
        else:
            others[name] = AN_IMAGE if is_image(name, lambda name=name: head_of(folder / name)) else NOT_A_VIDEO
    return videos, others


def list_unread(unread):
    """Return unread entries, a dict of names to reasons, as text: their number, names and reasons."""
    names = {}
    for name, reason in unread.items():
        names.setdefault(reason, []).append(name)
    groups = ", ".join(f"{list_first(names[reason])} ({reason})" for reason in names)
    return f"{len(unread):,} {'entry is' if len(unread) == 1 else 'entries are'} not read: {groups}"


def list_first(names):
    """Return the first names as text, and the number of the others."""
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return f"{', '.join(names[:MAX_NAMES])}{more}"
