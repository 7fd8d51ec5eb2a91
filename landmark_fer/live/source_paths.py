"""What the text of a source stands for: the files that are read with it."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from landmark_fer.core.file_identity import lies_in
from landmark_fer.core.paths import Input

_PLAYLIST = re.compile(rb"\s*(#EXTM3U|ffconcat version)")
_ENTRY = re.compile(r"\s*(?:file\s+)?['\"]?([^#'\"\s][^'\"]*)")
_LONGEST_PLAYLIST = 2**20  # bytes


def files_of_source(text):
    """Return the files that `open_source` reads for a text; a playlist's are those that it names."""
    path = Path(url2pathname(urlsplit(text).path)) if text.startswith("file:") else Path(text)
    if is_path(text) or os.path.exists(path):
        return [path, *_named_in(path)]
    # FFmpeg's addresses may have files in them: file:, concat:, subfile: and others.
    return [Path(part[at + 1 :]) for part in text.split("|") for at, letter in enumerate(part) if letter == ":"]


def is_of_source(path, file):
    """Return whether a file is an image of a folder that is shown."""
    from landmark_fer.perception.image_formats import head_of, is_image

    return lies_in(file, path, deep=False) and is_image(str(file), lambda: head_of(file))


def is_path(text):
    """Return whether a source must be a path, or a camera: it is no address and not the demo."""
    return "://" not in text and not text.startswith("file:") and text != "demo"


def _named_in(path):
    """Return the files that a playlist names; none where the file is no playlist."""
    try:
        if not path.is_file():
            return []
        with path.open("rb") as file:
            if not _PLAYLIST.match(file.read(64)):
                return []
            file.seek(0)
            lines = file.read(_LONGEST_PLAYLIST).decode("utf-8", "surrogateescape").splitlines()
    except (OSError, ValueError):
        return []
    names = [match[1].strip() for line in lines if (match := _ENTRY.match(line))]
    return [path.parent / name.removeprefix("file:") for name in names if "\0" not in name]


SOURCE = Input(files=files_of_source, holds=is_of_source, is_path=is_path, takes_devices=True)
