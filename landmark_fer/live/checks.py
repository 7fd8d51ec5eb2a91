"""Checks that the options of ``live`` go together, before anything is opened."""

import os

from landmark_fer.core.errors import InputError
from landmark_fer.core.naming import show
from landmark_fer.live.options import is_log_folder
from landmark_fer.recognition import BASELINES, OFF

# Options for output by this process, which --web does not have.
_NOT_WITH_WEB = (
    "headless",
    "log",
    "log_fields",
    "log_empty",
    "events",
    "record",
    "summary",
    "versus",
    "neutral",
    "save_baseline",
    "explain",
    "mirror",
    "max_frames",
)

# Options for one output or one window, which a folder of videos does not have.
_NOT_WITH_VIDEOS = ("record", "summary", "events", "save_baseline")


def check_options(options):
    """Raise InputError where options of ``live`` do not go together.

    Parameters
    ----------
    options : argparse.Namespace
        Options of ``live``.
    """
    _check_blur(options)
    _check_log_format(options)
    if options.list_cameras:
        return
    if options.web is not None:
        _check_web(options)
    elif any(map(is_log_folder, options.log)):
        _check_videos(options)
    _check_baseline(options)


def _check_blur(options):
    """Raise InputError if the run has no image that would be blurred."""
    if options.web is not None:
        has_images = options.source is not None
    else:
        has_images = options.record or not (options.headless or any(map(is_log_folder, options.log)))
    if options.blur and not has_images:
        raise InputError(
            f"--blur {options.blur} changes recordings, snapshots and the page of --web --source, and this run has "
            "none of them; leave it out, or give one video and --record FILE"
        )


def _check_log_format(options):
    """Raise InputError if a format is given for logs whose names state it."""
    if options.log_format and not any(map(is_log_folder, options.log)):
        got = f"--log {options.log[0]}" if options.log else "no --log"
        raise InputError(
            f"--log-format {options.log_format} is for a folder of logs, --log DIR/, got {got}; leave it out, since "
            "the name of a log states its format"
        )


def _check_web(options):
    if names := _given(options, _NOT_WITH_WEB):
        raise InputError(f"--web shows predictions in a browser and takes no {names}; leave it out")
    if options.baseline not in BASELINES:
        raise InputError(
            f"--baseline {options.baseline} is of one person, and --web has visitors; give {', '.join(BASELINES)}"
        )


def _check_videos(options):
    folder = options.log[0]
    if names := _given(options, _NOT_WITH_VIDEOS):
        raise InputError(f"a folder of videos takes no {names}, which needs a single video; leave it out")
    if len(options.log) > 1:
        raise InputError(f"--log {folder} is a folder and must be the only --log, got {len(options.log)}; leave one")
    if options.source is None or not os.path.isdir(options.source):
        raise InputError(
            f"--log {folder} is a folder, for the logs of a folder of videos, and --source is none; give --log a file "
            "ending in .csv, .jsonl or .parquet"
        )


def _check_baseline(options):
    if options.baseline not in BASELINES and not os.path.exists(options.baseline):
        raise InputError(
            f"--baseline must be {', '.join(BASELINES)} or a file that --save-baseline wrote, got "
            f"{show(options.baseline)}, which does not exist; give another"
        )
    if options.baseline == OFF and (options.neutral or options.save_baseline):
        name = "--neutral" if options.neutral else "--save-baseline"
        raise InputError(f"{name} records a neutral baseline, and --baseline is off; leave one of them out")
    if options.save_baseline and options.headless and not options.neutral:
        raise InputError("--save-baseline needs a baseline that is recorded; add --neutral SECONDS, or use a window")


def _given(options, names):
    """Return those of the options that are given, as users write them."""
    return " or ".join(f"--{name.replace('_', '-')}" for name in names if getattr(options, name))
