"""Door: read expressions live, from a camera, a video, a picture, a folder, a stream or the demo clip.

``python -m landmark_fer.live --help`` lists the options. Everything heavy is imported after they are parsed.
"""

import argparse
import contextlib
import itertools
import logging
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from landmark_fer.errors import LandmarkFerError

TITLE = "landmark_fer"
QUIT_KEYS = ("q", "Q", "escape")

NOTICE = (
    "The model sees the expression that a face shows, not what the person feels. The 68-point shape predictor "
    "excludes commercial use."
)


@dataclass
class LiveSummary:
    """What a live run saw.

    Attributes
    ----------
    frames, faces : int
    seconds : float
        From the first frame to the end, by the clock.
    expressions : Counter
        Faces by expression, or `UNCERTAIN`.
    """

    frames: int = 0
    faces: int = 0
    seconds: float = 0.0
    expressions: Counter = field(default_factory=Counter)

    def add(self, recognitions):
        """Count a frame."""
        self.frames += 1
        self.faces += len(recognitions)
        self.expressions.update(recognition.expression for recognition in recognitions)

    def __str__(self):
        rate = self.frames / self.seconds if self.seconds > 0 else 0.0
        text = f"{self.frames} frames, {self.faces} faces, {rate:.1f} frames/s"
        shares = [f"{name} {count / self.faces:.0%}" for name, count in self.expressions.most_common(3)]
        return f"{text}; most often {', '.join(shares)}" if shares else text


def run_live(recognizer, source, *, sinks=(), window=None, max_frames=None):
    """Recognize the faces of each frame and hand the answers to the sinks and the window.

    Ends with the source, after `max_frames`, on Ctrl-C, on `QUIT_KEYS`, or when the window is closed. Nothing that
    was given is closed.

    Parameters
    ----------
    recognizer : Recognizer
    source : Source
        As from `open_source`.
    sinks : sequence
        As from `landmark_fer.streaming.recording`.
    window : Window, optional
        Files are then shown at their own pace.
    max_frames : int, optional

    Returns
    -------
    LiveSummary
    """
    from landmark_fer.streaming.tracking import Tracker

    summary, tracker, rate = LiveSummary(), Tracker(), _Rate()
    begin = time.perf_counter()
    with contextlib.suppress(KeyboardInterrupt):
        for frame in itertools.islice(source, max_frames):
            recognitions = recognizer.recognize(frame.picture)
            track_ids = tracker.update([recognition.face for recognition in recognitions], time_s=frame.time_s)
            summary.add(recognitions)
            due_s = 0.0 if source.live else begin + frame.time_s - time.perf_counter()
            if _deliver(frame, recognitions, track_ids, sinks, window, rate.tick(), wait_s=max(0.0, due_s)):
                break
        else:
            _hold(window, source, summary)
    summary.seconds = time.perf_counter() - begin
    return summary


def _deliver(frame, recognitions, track_ids, sinks, window, frames_per_second, *, wait_s):
    """Hand a frame's answers on; return whether the person wants to stop."""
    from dataclasses import replace

    from landmark_fer.streaming.overlay import draw_frame

    annotated = frame
    if window is not None or any(sink.takes_annotated for sink in sinks):
        picture = draw_frame(frame.picture, recognitions, track_ids, frames_per_second=frames_per_second)
        annotated = replace(frame, picture=picture)
    for sink in sinks:
        sink.write(annotated if sink.takes_annotated else frame, recognitions, track_ids)
    if window is None:
        return False
    key = window.show(annotated.picture, wait_s=wait_s)
    return window.closed or key in QUIT_KEYS


def _hold(window, source, summary):
    """Leave a single picture on the screen until a quitting key."""
    if window is None or source.live or summary.frames != 1:
        return
    while not window.closed and window.wait(0.1) not in QUIT_KEYS:
        pass


class _Rate:
    """Frames per second over the last second."""

    def __init__(self):
        self._ticks = deque()

    def tick(self):
        """Count a frame; return the rate, or None before there are two."""
        now = time.perf_counter()
        self._ticks.append(now)
        while len(self._ticks) > 2 and now - self._ticks[0] > 1.0:
            self._ticks.popleft()
        elapsed = now - self._ticks[0]
        return (len(self._ticks) - 1) / elapsed if elapsed > 0 else None


def main(argv=None):
    """Run the door; return its exit status."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    print(NOTICE, flush=True)
    try:
        print(_run(options))
    except LandmarkFerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped before the first frame")
        return 130
    return 0


def _run(options):
    from landmark_fer.streaming.recording import VideoRecorder, open_log
    from landmark_fer.streaming.sources import open_source

    with contextlib.ExitStack() as stack:
        window = None if options.headless else stack.enter_context(_window())
        recognizer = _recognizer(options)
        sinks = [stack.enter_context(open_log(options.log, recognizer.classes))] if options.log else []
        source = stack.enter_context(open_source(options.source))
        if options.record:
            recorder = VideoRecorder(options.record, frames_per_second=source.frames_per_second)
            sinks.append(stack.enter_context(recorder))
        return run_live(recognizer, source, sinks=sinks, window=window, max_frames=options.max_frames)


def _window():
    from landmark_fer.streaming.window import Window

    return Window(TITLE)


def _recognizer(options):
    from landmark_fer.recognition.artifact import load_artifact
    from landmark_fer.recognition.recognizer import Recognizer

    reject = "fitted" if options.reject_below is None else options.reject_below
    chosen = {"detector": options.detector, "predictor": options.predictor}
    return Recognizer(load_artifact(options.model), **chosen, reject=None if options.always_answer else reject)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m landmark_fer.live", description=__doc__.splitlines()[0], epilog=NOTICE
    )
    add = parser.add_argument
    add(
        "--source",
        default="0",
        metavar="SOURCE",
        help="camera number, video, picture, folder, stream address or 'demo'",
    )
    add("--model", metavar="DIR", help="artifact folder (default: the bundled one)")
    add("--headless", action="store_true", help="work without a window; end with Ctrl-C or the source")
    add("--log", metavar="FILE", help="write one row a face and frame to a .csv or .jsonl file")
    add("--record", metavar="FILE", help="write the annotated pictures to an .mp4 or .avi file")
    add("--max-frames", type=_count, metavar="N", help="end after N frames")
    add("--detector", choices=("hog", "haar", "whole"), help="find faces another way than the model's extractor")
    add("--predictor", metavar="FILE", help="another 68-point shape predictor")
    unsure = parser.add_mutually_exclusive_group()
    unsure.add_argument("--always-answer", action="store_true", help="name an expression however unsure the model is")
    unsure.add_argument(
        "--reject-below",
        type=_probability,
        metavar="P",
        help="say uncertain under this confidence, 0 to 1 (default: as the model was fitted)",
    )
    return parser


def _probability(text):
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a probability from 0 to 1, got {text!r}")
    return value


def _count(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
