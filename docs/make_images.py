"""Makes the README's moving image from the live loop on the demo clip: ``python -m docs.make_images``.

It is what a window would show after the keys e and t: landmarks, probabilities, why, and the last 30 seconds. The only
person in it is the demo clip's.
"""

import argparse
import contextlib
import sys
from dataclasses import replace
from pathlib import Path

import cv2
from PIL import Image

from landmark_fer import Recognizer, load_artifact
from landmark_fer.drawing.overlay_options import OverlayOptions
from landmark_fer.live.reader import LiveReader
from landmark_fer.live.session import Session
from landmark_fer.live.sinks.base import Sink
from landmark_fer.live.sources.frames import Source
from landmark_fer.live.sources.opening import open_source

IMAGES = Path(__file__).parent / "images"
SIZE = (600, 450)  # pixels
KEPT = 3  # one frame in so many
MOST_BYTES = 500_000


class Screen(Sink):
    """A sink that keeps the annotated images."""

    takes_annotated = True

    def __init__(self):
        self.frames = []

    def write(self, frame, faces=(), explanations=None):
        """Keep a frame with what was drawn onto it."""
        self.frames.append(frame)


@contextlib.contextmanager
def enlarged_demo():
    """Open the demo clip in `SIZE`, so that letters are drawn in that size and not enlarged."""
    with open_source("demo") as demo:
        frames = (replace(frame, image=cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_CUBIC)) for frame in demo)
        yield Source(demo.name, frames, frames_per_second=demo.frames_per_second)


def record(max_frames=None):
    """Run the live loop and return its annotated frames and the clip's frames per second."""
    screen = Screen()
    with enlarged_demo() as source, contextlib.closing(LiveReader(Recognizer(load_artifact()))) as reader:
        Session(source, reader, sinks=[screen], options=OverlayOptions(explain=True, timeline=True)).run(max_frames)
        return screen.frames, source.frames_per_second


def write_moving(frames, frames_per_second, path, *, quality):
    """Write frames as an animated WebP that begins again at its end, and return its size in bytes."""
    images = [Image.fromarray(frame.image) for frame in frames[::KEPT]]
    shown_ms = round(1000 * KEPT / frames_per_second)
    options = {"duration": shown_ms, "loop": 0, "quality": quality, "method": 4, "minimize_size": True}
    images[0].save(path, save_all=True, append_images=images[1:], **options)
    return path.stat().st_size


def main(argv=None):
    """Make the image; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.make_images", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=IMAGES, help="the folder (default: %(default)s)")
    parser.add_argument("--max-frames", type=int, help="only so many frames of the clip")
    parser.add_argument("--quality", type=int, default=14, help="of the WebP, 0 to 100 (default: %(default)s)")
    options = parser.parse_args(argv)
    frames, rate = record(options.max_frames)
    size = write_moving(frames, rate, options.out / "live.webp", quality=options.quality)
    if size > MOST_BYTES:
        sys.stderr.write(f"live.webp must have at most {MOST_BYTES:,} bytes, got {size:,}; lower --quality\n")
        return 2
    sys.stdout.write(f"{options.out / 'live.webp'}: {len(frames[::KEPT])} images, {size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
