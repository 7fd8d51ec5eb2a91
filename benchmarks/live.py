"""Live on one core: time per frame, delay of new faces, memory, stability of labels.

    python -m benchmarks.live            the demo clip, 640x480
    python -m benchmarks.live --quick    smoke test on a few frames

The time of a frame is that of `LiveReader.read`: tracking, recognition and smoothing, without decoding and drawing.
Processor time is reported in addition to elapsed time. A core of a virtual machine is often one of two threads of a
physical core and half as fast while the other is in use. Therefore a fixed Python loop is timed before and after each
frame, and frames between two loops near the fastest time have a row of their own.
"""

import argparse
import itertools
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from landmark_fer import Recognizer, load_artifact
from landmark_fer.artifact.card import markdown_table
from landmark_fer.live.reader import LiveReader
from landmark_fer.live.sources.demo import FRAMES_PER_SECOND, HEIGHT, MOTIONS, WIDTH, DemoClip
from landmark_fer.perception.images import to_grey
from landmark_fer.perception.tracking.following import FaceFollower

ONE_FACE = range(230)  # frames of the demo with one face
TILES = (0, 60, 115, 170)  # first frame of each of four tiles, which show different expressions
STILL = 12  # a frame with a neutral face
UNDISTURBED = 1.25  # times the fastest loop; a longer loop means that the core was shared
OTHER_MEMORY = 2**25  # bytes; more than the cache of most processors
NOISE = 4.0  # standard deviation of the sensor's noise, grey levels

FIRST_FRAME = ("-m", "landmark_fer.live", "--source", "demo", "--headless", "--max-frames", "1")


def main():
    """Run the benchmark and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="artifact (default: the bundled one)")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        recognizer, clip = Recognizer(load_artifact(options.model)), DemoClip()
        print(f"{datetime.now(UTC).date()}, {WIDTH}x{HEIGHT}, one core\n")
        lengths = (40, 1) if options.quick else (len(ONE_FACE), 10)
        detector_ms, row = detector(recognizer, clip, 3 if options.quick else 200)
        print(markdown_table(TIMES_HEADER, times(recognizer, clip, *lengths, detector_ms)))
        rows = [row, landmarks(recognizer, clip, 3 if options.quick else 200)]
        rows += [first_frame(1 if options.quick else 9), new_face(recognizer, clip, 2 if options.quick else 7)]
        rows += [memory(recognizer, clip, 60 if options.quick else 3000)]
        rows += labels(recognizer, clip, seconds=2 if options.quick else 60)
    print(markdown_table(("what", "value"), rows))


TIMES_HEADER = (
    *("ms per frame", "frames", "median", "of the detector", "95th percentile"),
    *("processor: median", "95th percentile", "mean"),
)


def times(recognizer, clip, frames, repeats, detector_ms):
    """Return rows of times per frame, in milliseconds, for one and for four faces.

    The ratio of the median to the time of the detector alone compares machines. Before a camera, four faces take
    turns; in a file, all are located in each frame.
    """
    one = [clip.image(index) for index in ONE_FACE[:frames]]
    four = [four_faces(clip, index) for index in range(min(frames, len(ONE_FACE) - max(TILES)))]
    rows = []
    for name, images, in_turns in (
        ("one face", one, True),
        ("four faces", four, True),
        ("four faces of a file", four, False),
    ):
        clock, processor, loops = [], [], []
        for image, read in read_video(recognizer, images * repeats, in_turns=in_turns):
            before, start = loop_s(), (time.perf_counter(), time.process_time())
            read(image)
            clock.append(1000 * (time.perf_counter() - start[0]))
            processor.append(1000 * (time.process_time() - start[1]))
            loops.append(max(before, loop_s()))
        rows.append((name, len(clock), *_cells(clock, processor, detector_ms)))
        undisturbed = np.array(loops) <= UNDISTURBED * min(loops)
        count = f"{undisturbed.sum()} ({undisturbed.mean():.0%})"
        rows.append((f"{name}, core undisturbed", count, *_cells(clock, processor, detector_ms, undisturbed)))
    return rows


def loop_s():
    """Return the processor time of a fixed Python loop in this thread, in seconds."""
    start = time.thread_time()
    for _ in itertools.repeat(None, 6000):
        pass
    return time.thread_time() - start


def _cells(clock, processor, detector_ms, which=slice(None)):
    clock, processor = np.array(clock)[which], np.array(processor)[which]
    median, slow = np.percentile(clock, [50, 95])
    others = [slow, *np.percentile(processor, [50, 95]), np.mean(processor)]
    return [f"{median:.1f}", f"{median / detector_ms:.2f}", *(f"{value:.1f}" for value in others)]


def read_video(recognizer, images, *, in_turns=False, **options):
    """Yield each image of a video and the function that reads it, at the frame rate of the demo."""
    reader = LiveReader(recognizer, **options)
    reader.in_turns = in_turns
    for index, image in enumerate(images):
        yield image, lambda image, index=index: reader.read(image, time_s=index / FRAMES_PER_SECOND)
    reader.close()


def four_faces(clip, index):
    """Return an image of the demo's size that shows four of its frames at half size."""
    tiles = [
        cv2.resize(clip.image(index + tile), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA) for tile in TILES
    ]
    return np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])


def detector(recognizer, clip, times):
    """Return the median time in ms of the detector alone, as a reference for other machines, and its row."""
    grey, seconds, loops = to_grey(clip.image(STILL)), [], []
    for _ in range(times):
        before, start = loop_s(), time.perf_counter()
        recognizer.extractor.detector.find(grey)
        seconds.append(time.perf_counter() - start)
        loops.append(max(before, loop_s()))
    undisturbed = np.array(seconds)[np.array(loops) <= UNDISTURBED * min(loops)]
    share = len(undisturbed) / len(seconds)
    text = f"{1000 * np.median(seconds):.1f}, {1000 * np.median(undisturbed):.1f} ({share:.0%})"
    return 1000 * np.median(seconds), ("detector alone on the whole image, ms: median, core undisturbed", text)


def landmarks(recognizer, clip, times):
    """Return a row: time of the landmarks of one face in a loop, and with other memory read in between.

    A frame reads about 15 MB of the models. Where a process has less cache than that, they come from memory, and their
    time depends on what else the computer does.
    """
    grey, other = to_grey(clip.image(STILL)), np.ones(OTHER_MEMORY, dtype=np.uint8)
    (face,) = recognizer.extractor.extract(grey)
    predictor, medians = recognizer.extractor.landmark_predictor, []
    for part in (other[:0], other):
        seconds = []
        for _ in range(times):
            part.sum()
            start = time.perf_counter()
            predictor.refine(grey, [face.landmarks])
            seconds.append(time.perf_counter() - start)
        medians.append(1000 * np.median(seconds))
    text = f"{medians[0]:.2f}, {medians[1]:.2f}"
    return f"landmarks of one face, ms: in a loop, with {OTHER_MEMORY >> 20} MB read in between", text


def first_frame(times):
    """Return a row: time from starting the command in a fresh interpreter to the result of the first frame.

    A run before the others compiles the modules, as an installation does.
    """
    seconds = []
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(1 + times):
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *FIRST_FRAME], stdout=subprocess.PIPE, text=True, env=environment
        ) as live:
            reported = any(line.startswith("1 frames, 1 faces") for line in live.stdout)
            seconds.append(time.perf_counter() - start)
            live.communicate()
        if live.returncode != 0 or not reported:
            raise SystemExit(f"live ended with status {live.returncode}")
    return (
        "time to the first frame, with the start of Python, s: median, minimum",
        f"{np.median(seconds[1:]):.2f}, {min(seconds[1:]):.2f}",
    )


def new_face(recognizer, clip, phases):
    """Return a row: longest delay until a new face is tracked, over several phases of the detection schedule."""
    alone = clip.image(STILL)
    both = alone.copy()
    both[20:170, 20:150] = cv2.resize(alone, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)[20:170, 95:225]
    waits = []
    for phase in range(1, 1 + phases):
        with FaceFollower(recognizer.extractor) as follower:
            for index in itertools.count():
                shown = both if index >= phase else alone
                if len(follower.follow(shown, time_s=index / FRAMES_PER_SECOND)) == 2:
                    break
        waits.append((index - phase) / FRAMES_PER_SECOND)
    return "a new face is tracked after at most, s", f"{max(waits):.2f}"


def memory(recognizer, clip, frames):
    """Return a row: peak memory after a few frames and after many."""
    images = [clip.image(index) for index in ONE_FACE]
    video = itertools.islice(itertools.cycle(images), frames)
    peaks = []
    for index, (image, read) in enumerate(read_video(recognizer, video)):
        read(image)
        if index in (frames // 10, frames - 1):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return f"peak memory after {frames // 10} and {frames} frames, MB", " and ".join(f"{peak:.0f}" for peak in peaks)


def labels(recognizer, clip, *, seconds):
    """Return rows: label changes per minute of a still face, and the delay of a true change."""
    random = np.random.default_rng(0)
    still = clip.image(STILL)
    rows = []
    for smoothing in (0.0, 0.5):
        video = (noisy(still, random) for _ in range(round(seconds * FRAMES_PER_SECOND)))
        shown = [label for label, _ in shown_and_raw(recognizer, video, smoothing)]
        changes = sum(before != after for before, after in itertools.pairwise(shown))
        rows.append(
            (
                f"label changes per minute, still face with noise, smoothing {smoothing:g}",
                f"{changes * 60 / seconds:.1f}",
            )
        )
    delays = [delay for name in CHANGES if (delay := change_delay(recognizer, clip, name, random)) is not None]
    text = f"{np.median(delays):.2f}, {max(delays):.2f}" if delays else "no change"
    return [*rows, (f"delay of a true change, s: median, maximum of {len(delays)}", text)]


CHANGES = ("mouth_open", "brows_up", "corners_down", "corners_up")  # motions to which the still face changes


def change_delay(recognizer, clip, name, random):
    """Return the delay in seconds between a change of the raw label and of the shown label; None without a change."""
    motion = next(motion for motion in MOTIONS if motion.name == name)
    second = round(FRAMES_PER_SECOND)
    images = [clip.image(STILL)] * second + [clip.image(round(motion.full_begin * FRAMES_PER_SECOND) + 1)] * second
    predictions = list(shown_and_raw(recognizer, (noisy(image, random) for image in images), 0.5))
    usual = [
        max(set(raws), key=raws.count)
        for raws in ([raw for _, raw in predictions[:second]], [raw for _, raw in predictions[second:]])
    ]
    if usual[0] == usual[1]:
        return None
    shown = [label for label, _ in predictions[second:]]
    return shown.index(usual[1]) / FRAMES_PER_SECOND if usual[1] in shown else float("inf")


def shown_and_raw(recognizer, images, smoothing):
    """Yield the smoothed and the raw label of the first face in each image."""
    for image, read in read_video(recognizer, images, in_turns=True, smoothing=smoothing):
        for face in read(image)[:1]:
            yield face.recognition.expression, face.raw.expression


def noisy(image, random):
    """Return an image with sensor noise."""
    noise = random.normal(0, NOISE, image.shape[:2])[..., None]
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
