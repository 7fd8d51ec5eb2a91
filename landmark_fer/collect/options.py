"""Options of the command ``collect``."""

import argparse
from pathlib import Path

from landmark_fer.artifact.manifest import ARTIFACT
from landmark_fer.core.command_parser import CommandParser
from landmark_fer.core.paths import Input, Output
from landmark_fer.live.options import SOURCE, TOKEN_VARIABLE, WEB_ADDRESS
from landmark_fer.perception.predictor_file import PREDICTOR

DEFAULT_SUBJECT = "me"
DEFAULT_ROUNDS = 5


def make_parser():
    """Return the parser of ``python -m landmark_fer.collect``."""
    parser = CommandParser(
        "python -m landmark_fer.collect",
        description="Record your own expressions to fit a model on them; list and delete what was recorded.",
        epilog="Recorded faces can identify people: ask everybody for consent, and see docs/own_model.md.",
    )
    _add_storage(parser.add_argument_group("storage"))
    _add_plan(parser.add_argument_group("expressions"))
    _add_source(parser.add_argument_group("image source"))
    _add_management(parser.add_argument_group("list and delete"))
    return parser


def _add_storage(group):
    add = group.add_argument
    add(
        "--out",
        type=Output("growing", additional=_rewritten, written=lambda options: not options.list),
        metavar="DIR",
        default="my_faces",
        help="folder of the collection; an existing one is continued (default: my_faces)",
    )
    add("--subject", metavar="NAME", help=f"name of the recorded person (default: {DEFAULT_SUBJECT})")
    add("--keep-images", action="store_true", help="store the whole images as well")
    add("--consent", action="store_true", help="everybody in the images has agreed (by default the command asks)")


def _add_plan(group):
    add = group.add_argument
    add("--expressions", metavar="NAMES", help="comma-separated (default: the seven of FER2013)")
    add(
        "--rounds",
        type=_count,
        default=DEFAULT_ROUNDS,
        metavar="N",
        help=f"takes of each (default: {DEFAULT_ROUNDS})",
    )
    add("--seconds", type=_seconds, default=2.0, metavar="S", help="length of a take (default: 2)")
    add("--countdown", type=_seconds, default=3.0, metavar="S", help="time before each take (default: 3)")
    add("--model", type=ARTIFACT, metavar="DIR", help="artifact; the expressions that it confuses come first")


def _add_source(group):
    add = group.add_argument
    add(
        "--source",
        type=SOURCE,
        metavar="SOURCE",
        help="camera, video, stream or 'demo', as for live (default: camera 0)",
    )
    add(
        "--spans",
        type=Input(),
        metavar="FILE",
        help="csv of labelled spans of the video, start_s, end_s, expression[, subject]; opens no window",
    )
    add(
        "--web",
        nargs="?",
        const=WEB_ADDRESS,
        metavar="HOST:PORT",
        help=f"record on a web page, with the browser's camera (default: {WEB_ADDRESS})",
    )
    add("--web-token", metavar="TOKEN", help=f"token that visitors must enter; also read from {TOKEN_VARIABLE}")
    add("--predictor", type=PREDICTOR, metavar="FILE", help="another 68-point shape predictor")


def _add_management(group):
    exclusive = group.add_mutually_exclusive_group()
    exclusive.add_argument("--list", action="store_true", help="list the subjects and their takes")
    exclusive.add_argument("--delete", metavar="SUBJECT", help="delete all data of one subject")
    exclusive.add_argument("--delete-all", action="store_true", help="delete the whole collection")


def _rewritten(text, options):
    """Return the files of a collection that are rewritten; takes are only added."""
    from landmark_fer.datasets.collection import DESCRIPTION, LOCK

    return [("file", Path(text) / name) for name in (DESCRIPTION, LOCK)]


def _seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0.5 <= value <= 60:
        raise argparse.ArgumentTypeError(f"must be seconds from 0.5 to 60, got {text!r}")
    return value


def _count(text):
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 1000, got {text!r}")
    return int(text)
