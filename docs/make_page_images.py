"""Makes the images of the pages on a phone, with the demo clip as camera: ``python -m docs.make_page_images``.

It needs Chromium and websockets. The only person in the images is the demo clip's.
"""

import argparse
import contextlib
import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
from PIL import Image

from landmark_fer.live.sources.opening import open_source
from tools.browser import chromium

IMAGES = Path(__file__).parent / "images"
PHONE = (375, 812)  # CSS pixels, each of 2 x 2 pixels
QUALITY = 70


def write_camera(path, begin_s, end_s):
    """Write a part of the demo clip as Motion JPEG, which Chromium's camera plays in a loop."""
    with open_source("demo") as source, path.open("wb") as file:
        for frame in source:
            if begin_s <= frame.time_s < end_s:
                file.write(cv2.imencode(".jpg", frame.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())


@contextlib.contextmanager
def served(*command):
    """Run a command with a page, and yield the page's address."""
    command = [sys.executable, "-m", *command, "--web", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if match := re.search(r"open (http://\S+) in a browser", line):
                yield match[1]
                break
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def phone(folder, begin_s, end_s):
    """Run a browser of a phone's size whose camera shows a part of the demo clip, and yield its page."""
    camera = folder / "camera.mjpeg"
    write_camera(camera, begin_s, end_s)
    with chromium(folder / "profile", camera=camera) as page:
        page.call("Emulation.setTouchEmulationEnabled", enabled=True)
        page.resize(*PHONE, ratio=2, phone=True)
        yield page


def shoot_live(folder):
    """Return an image of the page of live."""
    with served("landmark_fer.live") as url, phone(folder, 6.0, 6.4) as page:
        page.open(url)
        page.until("document.querySelector('#legend li')")
        page.run("document.getElementById('start').click()")
        page.until("document.querySelector('.face h3')")
        page.until("document.getElementById('hint').hidden")
        page.until("parseFloat(document.querySelector('.running #status-text')?.textContent) >= 5")
        return page.screenshot()


def shoot_collect(folder):
    """Return an image of the page of collect while the third take is recorded."""
    options = ["--out", str(folder / "takes"), "--subject", "ann", "--expressions", "neutral,happy", "--rounds", "4"]
    options += ["--countdown", "0.5", "--seconds", "2"]
    with served("landmark_fer.collect", *options) as url, phone(folder, 0.0, 1.2) as page:
        page.open(url)
        page.until("document.getElementById('start').checkVisibility()")
        page.run("document.getElementById('start').click()")
        page.until("document.getElementById('space').checkVisibility() && !document.getElementById('space').disabled")
        page.press(" ")
        page.until("document.querySelectorAll('#takes tbody tr:not(.total)').length === 2", seconds=150)
        page.until("document.querySelector('.stage.recording')")
        return page.screenshot()


IMAGES_OF_PAGES = (("live-web-phone", shoot_live, 1624), ("collect-web-phone", shoot_collect, 1530))
"""Name, function and height in pixels; below it, the page of collect names a folder of this machine."""


def main(argv=None):
    """Make the images; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.make_page_images", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=IMAGES, help="the folder (default: %(default)s)")
    options = parser.parse_args(argv)
    for name, shoot, height in IMAGES_OF_PAGES:
        with tempfile.TemporaryDirectory() as folder:
            image = Image.open(io.BytesIO(shoot(Path(folder)))).convert("RGB")
        image = image.crop((0, 0, image.width, height))
        path = options.out / f"{name}.webp"
        image.save(path, quality=QUALITY, method=6)
        sys.stdout.write(f"{path}: {image.width} x {image.height}, {path.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
