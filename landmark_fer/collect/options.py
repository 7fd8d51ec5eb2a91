"""Options of the collecting command: what each is called, takes and means. Nothing heavy is imported."""

import argparse
from pathlib import Path

from landmark_fer.artifact.manifest import ARTIFACT
from landmark_fer.core.paths import Input, Output
from landmark_fer.live.options import SOURCE
from landmark_fer.perception.predictor_file import PREDICTOR

DEFAULT_SUBJECT = "me"
DEFAULT_ROUNDS = 5
WEB_ADDRESS = "127.0.0.1:8000"
TOKEN_VARIABLE = "LANDMARK_FER_WEB_TOKEN"


def make_parser():
    """Return the parser of ``python -m landmark_fer.collect``."""
    parser = argparse.ArgumentParser(
        prog="python -m landmark_fer.collect",
        description="Record your own expressions, to fit a model on them, alone or with other data; list, delete.",
        epilog="What is kept are faces, by which people can be recognized: ask everybody, and see docs/collect.md.",
    )
    _add_keeping(parser.add_argument_group("what is kept"))
    _add_asking(parser.add_argument_group("what is asked for"))
    _add_seeing(parser.add_argument_group("where images come from"))
    _add_managing(parser.add_argument_group("instead of collecting"))
    return parser


def _add_keeping(group):
    add = group.add_argument
    add(
        "--out",
        type=Output("growing", beside=_rewritten, written=lambda options: not options.list),
        metavar="DIR",
        default="my_faces",
        help="folder of the faces; taken up again (default: my_faces)",
    )
    add("--subject", metavar="NAME", help=f"who is seen (default: {DEFAULT_SUBJECT})")
    add("--keep-images", action="store_true", help="keep the camera's whole images, too")
    add("--consent", action="store_true", help="everybody who is seen has agreed (asked on screen without it)")


def _add_asking(group):
    add = group.add_argument
    add("--expressions", metavar="NAMES", help="comma-separated (default: the seven of FER2013)")
    add("--rounds", type=_count, default=DEFAULT_ROUNDS, metavar="N", help=f"of each (default: {DEFAULT_ROUNDS})")
    add("--seconds", type=_seconds, default=2.0, metavar="S", help="of a take (default: 2)")
    add("--countdown", type=_seconds, default=3.0, metavar="S", help="before each take (default: 3)")
    add("--model", type=ARTIFACT, metavar="DIR", help="a fitted model: what it confuses is asked for first")


def _add_seeing(group):
    add = group.add_argument
    add(
        "--source",
        type=SOURCE,
        metavar="SOURCE",
        help="as for live: camera, video, stream or 'demo' (default: camera 0)",
    )
    add(
        "--spans",
        type=Input(),
        metavar="FILE",
        help="csv: start_s, end_s, expression[, subject]; no window then, nobody is asked",
    )
    add(
        "--web",
        nargs="?",
        const=WEB_ADDRESS,
        metavar="HOST:PORT",
        help=f"ask on a page, with the camera of the browser that opens it (default: {WEB_ADDRESS})",
    )
    add("--web-token", metavar="TOKEN", help=f"what visitors must know; also from the environment, {TOKEN_VARIABLE}")
    add("--predictor", type=PREDICTOR, metavar="FILE", help="another 68-point shape predictor")


def _add_managing(group):
    only = group.add_mutually_exclusive_group()
    only.add_argument("--list", action="store_true", help="say who and what is in the folder")
    only.add_argument("--delete", metavar="SUBJECT", help="delete everything of somebody")
    only.add_argument("--delete-all", action="store_true", help="delete everything of everybody")


def _rewritten(text, options):
    """Return the files of a collection that are written again, where takes are only added."""
    from landmark_fer.datasets.collection import ABOUT, LOCK

    return [("file", Path(text) / name) for name in (ABOUT, LOCK)]


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
