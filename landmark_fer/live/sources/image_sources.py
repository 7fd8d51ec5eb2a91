"""Images as sources: one, those of a folder, the pages of a file, the frames of an animation."""

import logging
from collections import Counter
from pathlib import Path

from landmark_fer.core.errors import DataError, SourceError
from landmark_fer.core.naming import is_litter, natural_key
from landmark_fer.live.sources.frames import Frame, Source
from landmark_fer.perception.image_formats import images_in
from landmark_fer.perception.images import NOTES, common_ranges, decode_image, read_frames, read_image

FOLDER_RATE = 2.0  # images of a folder, or pages of a file, shown in a second
ANIMATION_RATE = 50.0  # frames per second of the fastest GIF: a recording at this rate leaves none out
UNSTATED_S = 0.1  # how long browsers show a frame of an animation that does not say

_MOST_NAMES = 10  # that a sentence lists

logger = logging.getLogger(__name__)


def open_image(path):
    """Open a single image.

    Raises
    ------
    SourceError
        If it cannot be read.
    """
    try:
        frame = Frame(read_image(path), 0.0, 0)
    except DataError as error:
        raise SourceError(str(error)) from error
    return Source(str(path), (frame for _ in range(1)), frames_per_second=FOLDER_RATE)


def open_animation(path):
    """Open an animation (GIF, APNG, WebP), whose frames come at the times that it states; once, not in a loop.

    Raises
    ------
    SourceError
        If its first frame cannot be read.
    """
    return _opened(path, ANIMATION_RATE, UNSTATED_S)


def open_pages(path):
    """Open an image file of several pages, each an image of its own, as those of a folder.

    Raises
    ------
    SourceError
        If the first page cannot be read.
    """
    return _opened(path, FOLDER_RATE, 1 / FOLDER_RATE)


def open_folder(path):
    """Open a folder: its images in natural order, by their content where their names do not tell.

    What else is there, but for litter, is counted and named in one warning; an image that turns out to be damaged is
    named when its turn comes.

    Raises
    ------
    SourceError
        If it holds no image, or cannot be read.
    """
    try:
        images, unread = images_in(path)
        folders = [entry.name for entry in Path(path).iterdir() if entry.is_dir() and not is_litter(entry.name)]
    except OSError as error:
        raise SourceError(f"folder {path} cannot be read ({error.strerror}); give another") from error
    unread |= {f"{name}/": "a folder" for name in sorted(folders, key=natural_key)}
    if not images:
        there = f" ({_listed(unread)})" if unread else ""
        raise SourceError(f"folder {path} holds no images{there}; give one that does, or a file")
    if unread:
        logger.warning("folder %s: %s", path, _listed(unread))
    return Source(str(path), _folder_frames(images), frames_per_second=FOLDER_RATE)


def _opened(path, rate, unstated_s):
    images = read_frames(path)
    try:
        first = next(images)
    except DataError as error:
        raise SourceError(str(error)) from error
    return Source(str(path), _timed(first, images, unstated_s), frames_per_second=rate)


def _timed(image, images, unstated_s):
    index, time_s = 0, 0.0
    while image is not None:
        yield Frame(image.pixels, time_s, index)
        index, time_s = index + 1, time_s + (image.duration_s or unstated_s)
        image = next(images, None)


def _folder_frames(paths):
    ranges, index, said = common_ranges(paths), 0, Counter()
    for path in paths:
        try:
            image = decode_image(path, ranges=ranges)
        except DataError as error:
            logger.warning("skipped: %s", error)
            continue
        for note in image.notes:
            said[note.kind] += 1
            if said[note.kind] == 1:
                logger.warning("%s: %s", path, note)
        yield Frame(image.pixels, index / FOLDER_RATE, index)
        index += 1
    for kind, count in said.items():
        if count > 1:
            logger.warning("%s images %s", f"{count:,}", NOTES[kind])


def _listed(unread):
    """Return what is not read, a dict of names to reasons, in words: how many, which, why."""
    names = {}
    for name, reason in unread.items():
        names.setdefault(reason, []).append(name)
    groups = ", ".join(f"{_first_of(names[reason])} ({reason})" for reason in names)
    return f"{len(unread):,} {'entry is' if len(unread) == 1 else 'entries are'} not read: {groups}"


def _first_of(names):
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"
