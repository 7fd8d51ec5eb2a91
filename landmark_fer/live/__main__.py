"""Command: recognize expressions live, in a camera, video, image, folder, stream or the demo clip.

``python -m landmark_fer.live --help`` lists the options. Heavy packages are imported after the options are parsed.
"""

import argparse
import contextlib
import gc
import importlib
import logging
import os
import sys

from landmark_fer.core.command import run_command
from landmark_fer.core.deferral import defer, deferred_calls
from landmark_fer.core.errors import InputError
from landmark_fer.core.paths import check_paths
from landmark_fer.live.checks import check_options
from landmark_fer.live.options import NOTICE, is_log_folder, make_parser, web_token
from landmark_fer.recognition import AUTO, KEY, OFF

TITLE = "landmark_fer"

# Modules that scikit-learn, SciPy and joblib import, and recognition never uses.
NEEDLESS = ("scipy.stats", "scipy.special", "pandas", "narwhals.stable.v2", "asyncio")
NEEDLESS += ("numpy.f2py", "numpy.testing", "numpy.polynomial")

# Options on which the rows of a log depend.
_LOG_SETTINGS = ("detector", "smallest_face", "every", "smoothing", "min_quality", "neutral", "max_frames", "explain")
_LOG_SETTINGS += ("log_fields", "log_empty")


def main(argv=None):
    """Run the command; return its exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    gc.disable()
    try:
        return run_command(lambda: _run(parser, options))
    finally:
        gc.enable()


def _run(parser, options):
    check_paths(parser, options)
    check_options(options)
    print(NOTICE, flush=True)
    defer(*NEEDLESS)
    if options.list_cameras:
        summary = _list_cameras()
    elif options.web is not None:
        summary = _serve(options)
    elif any(map(is_log_folder, options.log)):
        summary = _run_videos(options)
    else:
        summary = _run_session(options)
    print(summary, flush=True)
    return 0


def _end_start():
    """Collect garbage from now on, among new objects only: modules and models stay.

    Collections take a tenth of the time to the first frame, and one of all objects takes several frames later.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _list_cameras():
    from landmark_fer.live.sources.cameras import list_cameras

    cameras = [f"{number}: {name}" for number, name in list_cameras()]
    return "\n".join(cameras) or "no camera was found; is one plugged in, and may this user open /dev/video*?"


def _run_session(options):
    """Run a session, with or without a window, and return its summary."""
    from landmark_fer.live.pacing import Interrupts

    _check_times(options)
    events = _read_events(options)
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        window = None if options.headless else stack.enter_context(_make_window())
        recognizer, versus = _load_models(options, stack)
        return _run_source(options, recognizer, versus, interrupts, window=window, events=events)


def _run_videos(options):
    """Write a log for each video of a folder, and return the summary."""
    from landmark_fer import __version__
    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.sinks.logs import baseline_facts, log_facts
    from landmark_fer.live.sources.video_folder import open_video_folder
    from landmark_fer.live.video_logs import log_videos

    videos, form = open_video_folder(options.source, exclude=options.log[0]), options.log_format or "csv"
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        recognizer, versus = _load_models(options, stack)
        facts = log_facts(recognizer.artifact, versus=versus and versus.artifact, source=options.source)
        settings = {name: getattr(options, name) for name in _LOG_SETTINGS}
        settings |= {
            "landmark_fer": __version__,
            "source": os.path.basename(os.path.realpath(options.source)),
            "log_format": form,
            "model": facts["model"]["sha256"],
            "versus": versus and facts["versus"]["sha256"],
            "reject_below": [each and each.threshold for each in (recognizer, versus)],
            "predictor": options.predictor,
            "baseline": baseline_facts(_baseline(options)),
        }

        def run(video, log, bar):
            each = argparse.Namespace(**vars(options) | {"source": str(video), "log": [str(log)], "headless": True})
            summary = _run_source(each, recognizer, versus, interrupts, bar=bar)
            interrupts.release()
            return summary

        return log_videos(
            options.source,
            videos,
            options.log[0],
            run,
            settings=settings,
            interrupts=interrupts,
            suffix=f".{form}",
            facts=facts,
        )


def _load_models(options, stack):
    """Return the recognizers of the model and of the second one, which may be None; limit the threads of a stack."""
    from threadpoolctl import threadpool_limits

    recognizer = _recognizer(options, options.model)
    versus = None if options.versus is None else _recognizer(options, options.versus)
    stack.enter_context(threadpool_limits(1, user_api="blas"))  # a second would compete with the face detection
    return recognizer, versus


def _run_source(options, recognizer, versus, interrupts, *, window=None, events=(), bar=None):
    """Run the session of one source and return its summary; a tqdm bar counts the frames."""
    from landmark_fer.drawing.overlay_options import OverlayOptions
    from landmark_fer.live.session import Session
    from landmark_fer.live.sinks.logs import log_facts
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.live.video_logs import ProgressBar

    with contextlib.ExitStack() as stack:
        # The reader first, so that no frame of a camera waits for it.
        reader = stack.enter_context(contextlib.closing(_make_reader(options, recognizer, versus)))
        source = stack.enter_context(open_source(_source(options)))
        if source.live:  # single images have no turns
            reader.in_turns = True
        facts = log_facts(
            recognizer.artifact,
            versus=versus and versus.artifact,
            source=source.name,
            min_quality=options.min_quality,
            baseline=reader.baselines.option,
        )
        sinks = _make_sinks(options, source, recognizer, versus, facts, images=reader.still)
        if bar is not None:
            sinks.append(ProgressBar(bar, source.n_frames))
        sinks = [stack.enter_context(sink) for sink in sinks]
        stack.callback(interrupts.hold_back)  # called first at the end, so that all files are finished
        session = Session(
            source,
            reader,
            sinks=sinks,
            window=window,
            options=OverlayOptions(explain=options.explain, mirror=options.mirror),
            folder=options.snapshots,
            facts=facts,
            neutral_s=options.neutral,
            save_baseline=options.save_baseline,
            events=events,
            blur=options.blur,
            interrupts=interrupts,
        )
        _end_start()
        summary = session.run(options.max_frames)
    if session.neutral.error:  # after the other files are finished
        print(summary)
        raise session.neutral.error
    return summary


def _read_events(options):
    """Return the events that the options name."""
    if options.events is None:
        return []
    from landmark_fer.live.events import read_events

    return read_events(options.events)


def _check_times(options):
    """Raise InputError if an option is about the time of a video, and the source is an image or a folder."""
    from landmark_fer.live.sources.opening import is_still

    uses = {
        "events": "marks times of",
        "neutral": "records the first seconds of",
        "save_baseline": "writes a baseline of",
    }
    for name, use in uses.items():
        if getattr(options, name) and is_still(_source(options)):
            raise InputError(
                f"--{name.replace('_', '-')} {use} a video or camera, and {options.source} is an image or a folder; "
                "leave it out"
            )


def _serve(options):
    """Serve the browser page until Ctrl-C."""
    from threadpoolctl import threadpool_limits

    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.reader import LiveReader
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.live.web.server import parse_address, serve

    baseline = _baseline(options)
    token = web_token(options)
    parse_address(options.web, token)
    recognizer = _recognizer(options, options.model)

    def make_reader():
        reader = LiveReader(
            recognizer,
            smoothing=options.smoothing,
            every=options.every,
            min_quality=options.min_quality,
            baseline=baseline,
        )
        reader.in_turns = True
        return reader

    with contextlib.ExitStack() as stack:
        stack.enter_context(Interrupts())
        stack.enter_context(threadpool_limits(1, user_api="blas"))  # visitors share the cores
        source = reopen = None
        if options.source is not None:
            source = stack.enter_context(_close_if_idle(open_source(options.source)))
            reopen = None if source.live else lambda: open_source(options.source)
        _end_start()
        serve(
            make_reader,
            address=options.web,
            token=token,
            classes=recognizer.classes,
            details={"model": recognizer.artifact.manifest.get("model_name", "model")},
            baseline=baseline,
            source=source,
            reopen=reopen,
            blur=options.blur,
            on_ready=lambda url: print(f"open {url} in a browser; Ctrl-C ends", flush=True),
        )
    return "stopped"


@contextlib.contextmanager
def _close_if_idle(source):
    """Close a source at the end, unless the server's thread, which is not joined, still reads a frame from it."""
    try:
        yield source
    finally:
        with contextlib.suppress(ValueError):  # "generator already executing"
            source.__exit__(None, None, None)


def _make_window():
    from landmark_fer.live.window import Window

    return Window(TITLE)


def _recognizer(options, model):
    from landmark_fer.perception.predictor_file import hash_early

    hash_early(options.predictor)
    with deferred_calls("sklearn.preprocessing", "FunctionTransformer"):
        importlib.import_module("sklearn.pipeline")
    from landmark_fer.artifact.artifact import load_artifact
    from landmark_fer.recognition.recognizer import Recognizer

    reject = "fitted" if options.reject_below is None else options.reject_below
    return Recognizer(
        load_artifact(model),
        detector=options.detector,
        smallest_face=options.smallest_face,
        predictor=options.predictor,
        reject=None if options.never_reject else reject,
    )


def _make_reader(options, recognizer, versus):
    from landmark_fer.live.reader import LiveReader, StillReader
    from landmark_fer.live.sources.opening import is_still
    from landmark_fer.models.neutral_shift import check_neutral

    baseline = _baseline(options)
    if options.save_baseline:
        check_neutral(recognizer.classes)
    if is_still(_source(options)):
        return StillReader(recognizer, versus=versus, min_quality=options.min_quality, baseline=baseline)
    return LiveReader(
        recognizer,
        smoothing=options.smoothing,
        every=options.every,
        versus=versus,
        min_quality=options.min_quality,
        baseline=baseline,
    )


def _baseline(options):
    """Return the mode of the neutral baselines, or the one in a file."""
    from landmark_fer.recognition.track_baselines import baseline_of_option

    return baseline_of_option(options.baseline)


def _can_have_baselines(options, images):
    """Return whether faces of this session can have a neutral baseline, and logs a column for it."""
    if options.baseline in (OFF, KEY):
        return options.baseline == KEY and not images and bool(options.neutral or not options.headless)
    return not images or options.baseline != AUTO


def _make_sinks(options, source, recognizer, versus, facts, *, images):
    """Return the logs, the recording and the summary page that the options name; no file is opened yet."""
    from landmark_fer.drawing.scene import SHOWN_SIZE
    from landmark_fer.live.sinks.logs import open_log
    from landmark_fer.live.sinks.summary import SummaryWriter
    from landmark_fer.live.sinks.video import VideoRecorder

    classes, rate = recognizer.classes, source.frames_per_second
    columns = {"fields": options.log_fields, "empty": options.log_empty, "images": images}
    columns["events"] = not images and (options.events is not None or not options.headless)
    columns["baselines"] = _can_have_baselines(options, images)
    versus_classes = versus and versus.classes
    sinks = [open_log(path, classes, facts=facts, versus_classes=versus_classes, **columns) for path in options.log]
    if options.record:
        size, look_back = SHOWN_SIZE if images else None, bool(options.blur) and not images
        sinks.append(VideoRecorder(options.record, frames_per_second=rate, size=size, look_back=look_back))
    if options.summary:
        sinks.append(SummaryWriter(options.summary, classes, facts=facts, frames_per_second=rate))
    return sinks


def _source(options):
    return 0 if options.source is None else options.source


if __name__ == "__main__":
    sys.exit(main())
