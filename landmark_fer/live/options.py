"""Options of ``live``."""

import argparse
import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from landmark_fer.artifact.manifest import ARTIFACT, ARTIFACT_OR_BUNDLED
from landmark_fer.core.paths import Input, Output, lies_in
from landmark_fer.perception import DETECTORS
from landmark_fer.perception.predictor_file import PREDICTOR

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


TOKEN_VARIABLE = "LANDMARK_FER_WEB_TOKEN"
WEB_ADDRESS = "127.0.0.1:8000"

NOTICE = (
    "The model sees the expression that a face shows, not what the person feels. The 68-point shape predictor "
    "excludes commercial use."
)


def make_parser():
    """Return the parser of ``python -m landmark_fer.live``."""
    parser = argparse.ArgumentParser(
        prog="python -m landmark_fer.live",
        description="Read expressions live, from a camera, a video, a image, a folder, a stream or the demo clip.",
        epilog=NOTICE,
    )
    _add_seeing(parser.add_argument_group("what is seen"))
    _add_answering(parser.add_argument_group("what is answered"))
    _add_showing(parser.add_argument_group("what is shown"))
    _add_keeping(parser.add_argument_group("what is kept"))
    return parser


def _add_seeing(group):
    add = group.add_argument
    add(
        "--source",
        type=SOURCE,
        metavar="SOURCE",
        help="camera number or name, video, image, folder, stream address or 'demo' (default: camera 0)",
    )
    add("--list-cameras", action="store_true", help="print the cameras that there are, and end")
    add("--max-frames", type=_count, metavar="N", help="end after N frames")
    add("--detector", choices=DETECTORS, help="find faces another way than the model's extractor")
    add("--every", type=_count, metavar="N", help="look for new faces in every Nth frame (default: in turn)")
    add("--predictor", type=PREDICTOR, metavar="FILE", help="another 68-point shape predictor")


def _add_answering(group):
    add = group.add_argument
    add(
        "--model",
        type=ARTIFACT_OR_BUNDLED,
        metavar="DIR",
        help="artifact folder, or a network's FILE.onnx (default: the bundled artifact)",
    )
    add(
        "--versus",
        type=ARTIFACT,
        metavar="DIR",
        help="a second model, whose answers are shown and logged beside the first's",
    )
    add(
        "--smoothing",
        type=_share,
        default=0.5,
        metavar="S",
        help="how steady answers and landmarks are made over time, 0 (as they come) to 1 (default: 0.5)",
    )
    unsure = group.add_mutually_exclusive_group()
    unsure.add_argument("--never-reject", action="store_true", help="name an expression however unsure the model is")
    unsure.add_argument(
        "--reject-below",
        type=_share,
        metavar="P",
        help="say uncertain under this confidence, 0 to 1 (default: as the model was fitted)",
    )


def _add_showing(group):
    add = group.add_argument
    add("--headless", action="store_true", help="work without a window; end with Ctrl-C or the source")
    add("--explain", action="store_true", help="show from the start why, as key e does, and add it to .jsonl logs")
    add("--mirror", action="store_true", help="show images as a mirror does, as key m does")
    add("--neutral", type=_seconds, default=0.0, metavar="SECONDS", help="take the first seconds for the resting face")
    add(
        "--web",
        nargs="?",
        const=WEB_ADDRESS,
        metavar="HOST:PORT",
        help=f"serve a page for browsers and their cameras instead of a window (default: {WEB_ADDRESS})",
    )
    add("--web-token", metavar="TOKEN", help=f"what visitors must know; also from the environment, {TOKEN_VARIABLE}")


def _add_keeping(group):
    add = group.add_argument
    add(
        "--log",
        action="append",
        default=[],
        type=Output(beside=_facts_of_log),
        metavar="FILE",
        help="write one row a face and frame to a .csv or .jsonl file; may be given several times",
    )
    add("--record", type=Output(), metavar="FILE", help="write the annotated images to an .mp4 or .avi file")
    add("--summary", type=Output(), metavar="FILE", help="write shares and a timeline to an .html file at the end")
    add(
        "--snapshots",
        default=".",
        type=Output("growing"),
        metavar="DIR",
        help="where keys s and r put their files (default: here)",
    )


def _facts_of_log(text, options):
    """Return what is written beside a log: a csv has no place for what it was made with."""
    return [("file", f"{text}.meta.json")] if text.lower().endswith(".csv") else []


def _share(text):
    return _number(text, lambda value: 0 <= value <= 1, "a number from 0 to 1")


def _seconds(text):
    return _number(text, lambda value: 0 < value <= 600, "seconds, over 0 and up to 600")


def _number(text, fits, rule):
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not fits(value):
        raise argparse.ArgumentTypeError(f"must be {rule}, got {text!r}")
    return value


def _count(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return int(text)
