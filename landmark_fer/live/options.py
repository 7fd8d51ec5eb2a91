"""Command-line options of ``live``."""

import argparse
import math
import os
import re
from pathlib import Path

from landmark_fer.artifact.manifest import ARTIFACT, ARTIFACT_HELP, ARTIFACT_OR_BUNDLED
from landmark_fer.core.command_parser import CommandParser
from landmark_fer.core.errors import InputError
from landmark_fer.core.paths import Input, Output, lies_in
from landmark_fer.drawing import BLURS
from landmark_fer.perception import DETECTORS, SMALLEST_FACE, SMALLEST_FACES
from landmark_fer.perception.predictor_file import PREDICTOR
from landmark_fer.recognition import AUTO, BASELINES
from landmark_fer.recognition.min_quality import QUALITY_COLUMNS, parse_min_quality

_PLAYLIST = re.compile(rb"\s*(#EXTM3U|ffconcat version)")
_ENTRY = re.compile(r"\s*(?:file\s+)?['\"]?([^#'\"\s][^'\"]*)")
_MAX_PLAYLIST_BYTES = 2**20


def files_of_source(text):
    """Return the files that `open_source` reads for the text of an option, and those that a playlist names."""
    path = _path_of_url(text) if text.startswith("file:") else Path(text)
    if is_path(text) or os.path.exists(path):
        return [path, *_playlist_entries(path)]
    # FFmpeg's addresses may contain files: file:, concat:, subfile: and others.
    return [Path(part[at + 1 :]) for part in text.split("|") for at, letter in enumerate(part) if letter == ":"]


def _path_of_url(url):
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    return Path(url2pathname(urlsplit(url).path))


def is_image_in_folder(path, file):
    """Return whether a file is an image in a folder or its subfolders, and so part of it as a source."""
    from landmark_fer.perception.image_formats import head_of, is_image

    return lies_in(file, path) and is_image(str(file), lambda: head_of(file))


def is_path(text):
    """Return whether a source is a path or a camera, and neither an address nor the demo."""
    return "://" not in text and not text.startswith("file:") and text != "demo"


def _playlist_entries(path):
    """Return the files that a playlist names; none for other files."""
    try:
        if not path.is_file():
            return []
        with path.open("rb") as file:
            if not _PLAYLIST.match(file.read(64)):
                return []
            file.seek(0)
            lines = file.read(_MAX_PLAYLIST_BYTES).decode("utf-8", "surrogateescape").splitlines()
    except (OSError, ValueError):
        return []
    names = [match[1].strip() for line in lines if (match := _ENTRY.match(line))]
    return [path.parent / name.removeprefix("file:") for name in names if "\0" not in name]


SOURCE = Input(files=files_of_source, holds=is_image_in_folder, is_path=is_path, takes_devices=True)

BASELINE = Input(
    files=lambda text: [] if text in BASELINES else [Path(text)], is_path=lambda text: text not in BASELINES
)
"""A mode of the neutral baseline, or the file of one; a file that is called like a mode is ./auto."""

LOG_FIELDS = ("measurements", "landmarks", "pose", "quality")
"""Groups of further columns of a log: the keys of `recognition.face_fields.FIELD_GROUPS`, which is slow to import."""

LOG_FORMATS = ("csv", "jsonl", "parquet")

TOKEN_VARIABLE = "LANDMARK_FER_WEB_TOKEN"
WEB_ADDRESS = "127.0.0.1:8000"

NOTICE = (
    "The model sees the expression that a face shows, not what the person feels. The 68-point shape predictor "
    "excludes commercial use."
)


def make_parser():
    """Return the parser of ``python -m landmark_fer.live``."""
    parser = CommandParser(
        "python -m landmark_fer.live",
        description="Recognize expressions live, in a camera, video, image, folder, stream or the demo clip.",
        epilog=NOTICE,
    )
    _add_source(parser.add_argument_group("source and faces"))
    _add_prediction(parser.add_argument_group("predictions"))
    _add_display(parser.add_argument_group("display"))
    _add_output(parser.add_argument_group("output files"))
    return parser


def _add_source(group):
    add = group.add_argument
    add(
        "--source",
        type=SOURCE,
        metavar="SOURCE",
        help="camera number or name, video, image, folder of images or of videos, stream address or 'demo' (default: "
        "camera 0)",
    )
    add("--list-cameras", action="store_true", help="list the cameras and exit")
    add("--max-frames", type=_count, metavar="N", help="end after N frames (of each video)")
    add("--detector", choices=DETECTORS, help="face detector (default: the model's)")
    add(
        "--smallest-face",
        type=_smallest_face,
        default=SMALLEST_FACE,
        metavar="PIXELS",
        help="side of the smallest face to find; videos are searched for faces under 80 pixels while no larger one is "
        "followed (default: %(default)s, at least 16)",
    )
    add(
        "--every",
        type=_count,
        metavar="N",
        help="detect faces in every Nth frame (default: when needed)",
    )
    add("--predictor", type=PREDICTOR, metavar="FILE", help="68-point shape predictor (default: the installed one)")


def _add_prediction(group):
    add = group.add_argument
    add(
        "--model",
        type=ARTIFACT_OR_BUNDLED,
        metavar="DIR",
        help=f"{ARTIFACT_HELP}, or a network's FILE.onnx (default: default)",
    )
    add(
        "--versus",
        type=ARTIFACT,
        metavar="DIR",
        help="a second model (as for --model), whose predictions are shown and logged next to the first's",
    )
    add(
        "--smoothing",
        type=_share,
        default=0.5,
        metavar="S",
        help="strength of the smoothing of predictions and landmarks over time, 0 (none) to 1 (default: 0.5)",
    )
    add(
        "--min-quality",
        type=_min_quality,
        metavar="NAME=MIN,...",
        help=f"leave out faces below these values of {', '.join(QUALITY_COLUMNS)} (--log-fields quality), such as "
        "size=40,inside=0.9",
    )
    add(
        "--baseline",
        type=BASELINE,
        default=AUTO,
        metavar="auto|key|off|FILE.json",
        help="neutral baseline that a face's predictions are given: found by itself in its calm frames or recorded "
        "(auto, the default), recorded by key n or --neutral only (key), none (off), or one that --save-baseline wrote",
    )
    add(
        "--neutral",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="record the neutral baseline in the first seconds of a video or camera, as key n does",
    )
    add("--save-baseline", type=Output(), metavar="FILE.json", help="write the baseline that n or --neutral records")
    unsure = group.add_mutually_exclusive_group()
    unsure.add_argument("--never-reject", action="store_true", help="always name an expression, never uncertain")
    unsure.add_argument(
        "--reject-below",
        type=_share,
        metavar="P",
        help="show uncertain below this confidence, 0 to 1 (default: as fitted)",
    )


def _add_display(group):
    add = group.add_argument
    add("--headless", action="store_true", help="run without a window, until the source ends or Ctrl-C")
    add(
        "--explain",
        action="store_true",
        help="show explanations, as key e does, and add them to .jsonl logs",
    )
    add("--mirror", action="store_true", help="mirror images, as key m does")
    add(
        "--web",
        nargs="?",
        const=WEB_ADDRESS,
        metavar="HOST:PORT",
        help=f"serve a page for browsers and their cameras instead of a window (default: {WEB_ADDRESS})",
    )
    add(
        "--web-token",
        metavar="TOKEN",
        help=f"secret that visitors enter (default: ${TOKEN_VARIABLE})",
    )


def _add_output(group):
    add = group.add_argument
    add(
        "--log",
        action="append",
        default=[],
        type=Output(additional=_metadata_file, grows=is_log_folder),
        metavar="FILE",
        help="write a row for each face and frame to a .csv, .jsonl or .parquet file; may be given several times. For "
        "a folder of videos a folder, DIR/: a log for each, and a table of all",
    )
    add(
        "--log-format",
        choices=LOG_FORMATS,
        help="format of the logs in a folder (default: csv)",
    )
    add(
        "--log-fields",
        type=_log_fields,
        default=(),
        metavar="GROUP,...",
        help=f"further columns of --log: {', '.join(LOG_FIELDS)}",
    )
    add("--log-empty", action="store_true", help="a row of --log for each frame without another row, too (see status)")
    add(
        "--events",
        type=Input(),
        metavar="FILE.csv",
        help="events of the video (columns time_s, label[, end]), for the column event of --log and for --summary",
    )
    add("--record", type=Output(), metavar="FILE", help="write the annotated images to an .mp4 or .avi file")
    add(
        "--blur",
        choices=BLURS,
        help="blur faces, or a band over the eyes, in recordings, snapshots and the page of --web; logs stay the same",
    )
    add(
        "--summary",
        type=Output(),
        metavar="FILE",
        help="write timelines and shares of time to an .html file",
    )
    add(
        "--snapshots",
        default=".",
        type=Output("growing"),
        metavar="DIR",
        help="folder for the files of keys s and r (default: the current one)",
    )


def _min_quality(text):
    try:
        return parse_min_quality(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _log_fields(text):
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in LOG_FIELDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"must be among {', '.join(LOG_FIELDS)}, got {', '.join(map(repr, unknown))}")
    return tuple(dict.fromkeys(names))


def is_log_folder(text):
    """Return whether a value of ``--log`` is a folder, for the logs of a folder of videos."""
    return text.endswith(("/", os.sep)) or _is_folder(text)


def _is_folder(text):
    try:
        return os.path.isdir(text)
    except ValueError:  # characters that the system does not allow in names
        return False


def _metadata_file(text, options):
    """Return the metadata file that is written with a .csv log."""
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


def web_token(options):
    """Return the token of the server, from the option or the environment, or None.

    An empty option stays empty, so that ``--web-token "$UNSET"`` is refused and does not serve without a token.
    """
    return options.web_token if options.web_token is not None else os.environ.get(TOKEN_VARIABLE) or None


def _count(text, least=1, most=math.inf):
    if not text.isdecimal() or not least <= int(text) <= most:
        rule = f"from {least}" if most == math.inf else f"from {least} to {most:,}"
        raise argparse.ArgumentTypeError(f"must be a whole number {rule}, got {text!r}")
    return int(text)


def _smallest_face(text):
    return _count(text, *SMALLEST_FACES)
