"""Sources of images: an image file, a folder, the pages of a file, the frames of an animation."""

import logging
from collections import Counter
from pathlib import Path

from landmark_fer.core.errors import DataError, SourceError
from landmark_fer.live.sources.frames import Frame, Source
from landmark_fer.live.sources.video_folder import is_video, list_unread
from landmark_fer.perception.image_formats import NOT_AN_IMAGE, images_in
from landmark_fer.perception.images import NOTES, common_ranges, decode_image, read_frames, read_image

FOLDER_RATE = 2.0  # images of a folder, or pages of a file, per second
ANIMATION_RATE = 50.0  # frames per second of the fastest GIF, so that a recording skips none
DEFAULT_DURATION_S = 0.1  # of a frame of an animation without a stated duration, as in browsers

logger = logging.getLogger(__name__)


def open_image(path):
    """Open a single image.

    Raises
    ------
    SourceError
        If it cannot be read.
    """
    try:
        frame = Frame(read_image(path), 0.0, 0, name=Path(path).name)
    except DataError as error:
        raise SourceError(str(error)) from error
    return Source(str(path), (frame for _ in range(1)), frames_per_second=FOLDER_RATE)


def open_animation(path):
    """Open an animation (GIF, APNG, WebP): its frames at their stated times, once and not in a loop.

    Raises
    ------
    SourceError
        If its first frame cannot be read.
    """
    return _open_frames(path, ANIMATION_RATE, DEFAULT_DURATION_S)


def open_pages(path):
    """Open an image file of several pages; each is an image of its own, as in a folder.

    Raises
    ------
    SourceError
        If the first page cannot be read.
    """
    return _open_frames(path, FOLDER_RATE, 1 / FOLDER_RATE, name=Path(path).name)


def open_folder(path):
    """Open the images of a folder and its subfolders in natural order; formats are recognized by name or content.

    Names of frames are paths relative to the folder, with ``/`` as separator. One warning counts and lists other
    entries, except for litter such as ``.DS_Store``. A damaged image is reported when it is read, and is then in
    `Source.unreadable`.

    Raises
    ------
    SourceError
        If the folder holds no image, or cannot be read.
    """
    try:
        images, unread = images_in(path)
    except OSError as error:
        raise SourceError(f"folder {path} cannot be read ({error.strerror}); give another") from error
    videos = [name for name, why in unread.items() if why == NOT_AN_IMAGE and is_video(Path(path, name))]
    if videos and not images:
        count = f"{len(videos):,} video{'s' * (len(videos) > 1)}"
        raise SourceError(f"folder {path} holds no images but {count}; add --log DIR/ for a log of each, or give one")
    unread |= dict.fromkeys(videos, "a video")
    if not images:
        entries = f" ({list_unread(unread)})" if unread else ""
        raise SourceError(f"folder {path} holds no images{entries}; give one that does, or a file")
    if unread:
        logger.warning("folder %s: %s", path, list_unread(unread))
    unreadable = []
    source = Source(str(path), _folder_frames(path, images, unreadable), frames_per_second=FOLDER_RATE)
    source.unreadable = unreadable
    return source


def _open_frames(path, rate, default_duration_s, name=""):
    images = read_frames(path)
    try:
        first = next(images)
    except DataError as error:
        raise SourceError(str(error)) from error
    return Source(str(path), _timed_frames(first, images, default_duration_s, name), frames_per_second=rate)


def _timed_frames(image, images, default_duration_s, name):
    index, time_s = 0, 0.0
    while image is not None:
        yield Frame(image.pixels, time_s, index, name=name)
        index, time_s = index + 1, time_s + (image.duration_s or default_duration_s)
        image = next(images, None)


def _folder_frames(folder, names, unreadable):
    """Yield the images as frames; add the names of those that cannot be read to a list."""
    paths = [Path(folder, name) for name in names]
    ranges, index, n_notes = common_ranges(paths), 0, Counter()
    for name, path in zip(names, paths, strict=True):
        try:
            image = decode_image(path, ranges=ranges)
        except DataError as error:
            logger.warning("skipped: %s", error)
            unreadable.append(name)
            continue
        for note in image.notes:
            n_notes[note.kind] += 1
            if n_notes[note.kind] == 1:
                logger.warning("%s: %s", path, note)
        yield Frame(image.pixels, index / FOLDER_RATE, index, name=name)
        index += 1
    for kind, count in n_notes.items():
        if count > 1:
            logger.warning("%s images %s", f"{count:,}", NOTES[kind])
