"""Command: read expressions live, from a camera, a video, a image, a folder, a stream or the demo clip.

``python -m landmark_fer.live --help`` lists the options. Everything heavy is imported after they are parsed.
"""

import contextlib
import logging
import os
import sys

from landmark_fer.core.command import run_command
from landmark_fer.core.deferral import defer
from landmark_fer.core.errors import InputError
from landmark_fer.core.paths import check_paths
from landmark_fer.live.options import NOTICE, TOKEN_VARIABLE, make_parser

TITLE = "landmark_fer"

# Options that mean something only where this process shows the images itself.
_NOT_ON_THE_WEB = ("headless", "log", "record", "summary", "versus", "neutral", "explain", "mirror", "max_frames")


def main(argv=None):
    """Run the command; return its exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    return run_command(lambda: _tell(parser, options))


def _tell(parser, options):
    check_paths(parser, options)
    print(NOTICE, flush=True)
    print(_run(options), flush=True)
    return 0


def _run(options):
    """Do what the options ask for and return what to say at the end."""
    defer("scipy.stats", "pandas", "numpy.f2py", "numpy.testing", "numpy.polynomial")
    if options.list_cameras:
        return _cameras()
    return _serve(options) if options.web is not None else _watch(options)


def _cameras():
    from landmark_fer.live.sources.cameras import list_cameras

    cameras = [f"{number}: {name}" for number, name in list_cameras()]
    return "\n".join(cameras) or "no camera was found; is one plugged in, and may this user open /dev/video*?"


def _watch(options):
    """Run a session with a window, or without one, and return its tally."""
    from threadpoolctl import threadpool_limits

    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.session import Session
    from landmark_fer.live.sinks.logs import log_facts
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.live.state import OverlayOptions

    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        window = None if options.headless else stack.enter_context(_window())
        recognizer, versus = _recognizer(options, options.model), None
        if options.versus is not None:
            versus = _recognizer(options, options.versus)
        stack.enter_context(threadpool_limits(1, user_api="blas"))  # a second would wait for the core of the search
        # The reader first: no frame of a camera waits for it.
        reader = stack.enter_context(contextlib.closing(_reader(options, recognizer, versus)))
        source = stack.enter_context(open_source(_source(options)))
        facts = log_facts(recognizer.artifact, versus=versus and versus.artifact, source=source.name)
        sinks = [stack.enter_context(sink) for sink in _sinks(options, source, recognizer, versus, facts)]
        stack.callback(interrupts.hold_back)  # the first to be called at the end, so that all is closed in peace
        view = OverlayOptions(explain=options.explain, mirror=options.mirror)
        kept = {"folder": options.snapshots, "facts": facts, "neutral_s": options.neutral, "interrupts": interrupts}
        return Session(source, reader, sinks=sinks, window=window, view=view, **kept).run(options.max_frames)


def _serve(options):
    """Serve the page until Ctrl-C."""
    from threadpoolctl import threadpool_limits

    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.reader import LiveReader
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.live.web.server import parse_address, serve

    _check_web(options)
    token = options.web_token or os.environ.get(TOKEN_VARIABLE) or None
    parse_address(options.web, token)
    recognizer = _recognizer(options, options.model)

    def make_reader():
        return LiveReader(recognizer, smoothing=options.smoothing, every=options.every)

    about = {"model": recognizer.artifact.manifest.get("model_name", "model")}
    asked = {"address": options.web, "token": token, "classes": recognizer.classes, "about": about}
    with contextlib.ExitStack() as stack:
        stack.enter_context(Interrupts())
        stack.enter_context(threadpool_limits(1, user_api="blas"))  # visitors share the cores
        if options.source is not None:
            asked["source"] = source = stack.enter_context(_closed_if_idle(open_source(options.source)))
            asked["again"] = None if source.live else lambda: open_source(options.source)
        serve(make_reader, ready=lambda url: print(f"open {url} in a browser; Ctrl-C ends", flush=True), **asked)
    return "stopped"


@contextlib.contextmanager
def _closed_if_idle(source):
    """Close a source in the end, unless the server's thread, which is not waited for, still reads a frame from it."""
    try:
        yield source
    finally:
        with contextlib.suppress(ValueError):  # "generator already executing"
            source.__exit__(None, None, None)


def _check_web(options):
    given = [f"--{name.replace('_', '-')}" for name in _NOT_ON_THE_WEB if getattr(options, name)]
    if given:
        raise InputError(f"--web shows its answers in a browser and takes no {' or '.join(given)}; leave it out")


def _window():
    from landmark_fer.live.window import Window

    return Window(TITLE)


def _recognizer(options, model):
    from landmark_fer.perception.predictor_file import hash_early

    hash_early(options.predictor)
    from landmark_fer.artifact.artifact import load_artifact
    from landmark_fer.recognition.recognizer import Recognizer

    reject = "fitted" if options.reject_below is None else options.reject_below
    chosen = {"detector": options.detector, "predictor": options.predictor}
    return Recognizer(load_artifact(model), **chosen, reject=None if options.never_reject else reject)


def _reader(options, recognizer, versus):
    from landmark_fer.live.reader import LiveReader, StillReader
    from landmark_fer.live.sources.opening import is_still

    if is_still(_source(options)):
        return StillReader(recognizer, versus=versus)
    return LiveReader(recognizer, smoothing=options.smoothing, every=options.every, versus=versus)


def _sinks(options, source, recognizer, versus, facts):
    """Return what keeps the run: logs, the recording, the summary; none has touched its file yet."""
    from landmark_fer.live.sinks.logs import open_log
    from landmark_fer.live.sinks.summary import SummaryWriter
    from landmark_fer.live.sinks.video import VideoRecorder

    classes, rate = recognizer.classes, {"frames_per_second": source.frames_per_second}
    sinks = [open_log(path, classes, facts=facts, versus_classes=versus and versus.classes) for path in options.log]
    sinks += [VideoRecorder(options.record, **rate)] if options.record else []
    return sinks + ([SummaryWriter(options.summary, classes, facts=facts, **rate)] if options.summary else [])


def _source(options):
    return 0 if options.source is None else options.source


if __name__ == "__main__":
    sys.exit(main())
