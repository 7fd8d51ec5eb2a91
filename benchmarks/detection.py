"""Recall by size of face, false alarms and time of the face detectors, on images with checked boxes.

    python -m benchmarks.detection --images DIR        the detectors of the registry
    python -m benchmarks.detection --images DIR --detectors benchmarks/candidates.py

The boxes are in `benchmarks/data/faces.csv`: a row per region, with the file and the package or folder it comes from,
in pixels of that file, or of one frame (``clip.mp4#12``). The images are no part of this project. ``--images`` names
folders that are searched for them by file name, the unpacked packages for example; scikit-image's, scikit-learn's and
Matplotlib's own images are found by themselves. Images that are missing are counted and named.

Each image is searched as it is (at most 1280 pixels) and reduced so that its median face is 100, 70 and 50 pixels wide.
The last search is that of large photographs: all of these side by side on sheets of 4000x3000 pixels.
A face is found if a box overlaps its own by 0.3 or more. Faces that are turned away, covered or cut ("hard") and those
too blurred to read ("blurred") are neither required nor false; a box anywhere else is a false alarm.
"""

import argparse
import csv
import importlib.util
import itertools
import time
from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from landmark_fer.artifact.card import markdown_table
from landmark_fer.core.records import Box
from landmark_fer.perception.detection import make_detector
from landmark_fer.perception.extraction import FaceExtractor
from landmark_fer.perception.images import read_image, to_grey

TABLE = Path(__file__).with_name("data") / "faces.csv"
LONGEST_SIDE = 1280
WIDTHS = (100, 70, 50)  # of the median face of a reduced image
SIZES = (40, 56, 80, 160, 10_000)  # limits of the rows of recall, pixels
SHEET = 3000, 4000  # height and width of a large photograph, pixels
PHOTOGRAPHS = "hog, 40 px, checked"  # how `Recognizer` searches images
SAME = 0.3  # overlap of a box with a labelled one
PACKAGES = {
    "skimage": ("data", "astronaut.png brick.png camera.png chelsea.png clock_motion.png coffee.png coins.png "
                "grass.png gravel.png horse.png hubble_deep_field.jpg ihc.png moon.png motorcycle_left.png page.png "
                "retina.jpg rocket.jpg text.png"),
    "sklearn": ("datasets/images", "china.jpg flower.jpg"),
    "matplotlib": ("mpl-data/sample_data", "grace_hopper.jpg"),
}  # fmt: skip
"""Folder and names of images that installed packages have; those without a labelled face are negatives."""


def main():
    """Run the benchmark and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, nargs="+", default=[], metavar="DIR", help="folders with the images")
    parser.add_argument(
        "--detectors", type=Path, metavar="FILE", help="Python file with a dictionary DETECTORS of more"
    )
    parser.add_argument("--quick", action="store_true", help="four images")
    options = parser.parse_args()
    images, missing = load_images(options.images, 4 if options.quick else None)
    print(f"{datetime.now(UTC).date()}, {len(images)} images; missing: {len(missing)} {', '.join(missing)}\n")
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        views = [view for image in images for view in scaled(*image[1:])]
        found = searches(options.detectors)
        rows = [(name, *measure(find, views), milliseconds(find, images[0][1])) for name, find in found.items()]
        rows.append((f"{PHOTOGRAPHS}, sheets", *measure(found[PHOTOGRAPHS], sheets(views)), ""))
    sizes = [f"{low} to {high - 1}" for low, high in itertools.pairwise(SIZES[:-1])] + [f"from {SIZES[-2]}"]
    print(markdown_table(("search", *(f"recall, {size} px" for size in sizes), "false alarms", "ms, 640x480"), rows))


def searches(path=None):
    """Return functions from a grey image to boxes, by name."""
    found = {}
    for smallest in (80, 40):
        found[f"haar, {smallest} px"] = _boxes_of(make_detector("haar", smallest_face=smallest))
        for checked in (False, True):
            extractor = FaceExtractor(smallest_face=smallest)
            extractor.detector.checked = checked
            found[f"hog, {smallest} px{', checked' if checked else ''}"] = partial(_extracted, extractor)
    if path is not None:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.update((name, _boxes_of(detector)) for name, detector in module.DETECTORS.items())
    return found


def _extracted(extractor, grey):
    return [face.box for face in extractor.extract(grey)]


def _boxes_of(detector):
    return lambda grey: [box for box, _ in detector.find(grey)]


def load_images(folders, most=None):
    """Return [(name, grey image, labelled regions)] and the names of missing files."""
    labels = defaultdict(list)
    with TABLE.open(newline="") as file:
        for row in csv.DictReader(file):
            sides = [row[side] for side in ("x", "y", "width", "height")]
            labels[row["file"]] += [(Box(*map(float, sides)), row["kind"])] if all(sides) else []
    places = {path.name: path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}
    for package, (folder, names) in PACKAGES.items():
        spec = importlib.util.find_spec(package)
        for name in names.split() if spec else ():
            places[name] = Path(spec.origin).parent / folder / name
            labels.setdefault(name, [])
    images, missing = [], []
    for name, regions in list(labels.items())[:most]:
        path = places.get(name.partition("#")[0])
        if path is None or not path.is_file():
            missing.append(name)
        else:
            images.append((name, _grey(path, name.partition("#")[2]), regions))
    return images, missing


def _grey(path, frame):
    if not frame:
        return to_grey(read_image(path))
    video = cv2.VideoCapture(str(path))
    for _ in range(int(frame) + 1):
        image = video.read()[1]
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def measure(find, views):
    """Return the cells of one search of views, as from `scaled`: recall by size, false alarms."""
    found, false = defaultdict(list), 0
    for grey, regions in views:
        boxes = find(grey)
        true = [region for region, kind in regions if kind != "none"]
        false += sum(not any(box.overlap(region) >= SAME for region in true) for box in boxes)
        for region, kind in regions:
            if kind == "face":
                found[np.searchsorted(SIZES, region.width, "right")].append(
                    any(box.overlap(region) >= SAME for box in boxes)
                )
    recalls = [found[size] for size in range(1, len(SIZES))]
    cells = [f"{np.mean(each):.0%} of {len(each)}" if each else "" for each in recalls]
    return *cells, f"{false} in {len(views)}"


def scaled(image, regions):
    """Yield an image as it is and reduced, each with its labelled regions."""
    widths = [box.width for box, kind in regions if kind == "face"]
    full = min(1.0, LONGEST_SIDE / max(image.shape))
    median = np.median(widths) if widths else None
    reduced = [width / median for width in WIDTHS if median and width < 0.9 * full * median]
    for scale in (full, *reduced):
        size = [max(1, round(side * scale)) for side in image.shape[::-1]]
        view = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        yield view, [(_resized(box, scale), kind) for box, kind in regions]


def sheets(views):
    """Return views side by side in rows on as many sheets as needed, highest first, each with its labelled regions."""
    made, (x, y, row) = [], (0, 0, 0)
    for grey, regions in sorted(views, key=lambda view: -view[0].shape[0]):
        height, width = grey.shape
        if x + width > SHEET[1]:
            x, y = 0, y + row
        if not made or y + height > SHEET[0]:
            made.append((np.full(SHEET, 128, dtype=np.uint8), []))
            x, y = 0, 0
        row = height if x == 0 else row
        made[-1][0][y : y + height, x : x + width] = grey
        made[-1][1].extend((Box(box.x + x, box.y + y, box.width, box.height), kind) for box, kind in regions)
        x += width
    return made


def _resized(box, scale):
    return Box(*(scale * value for value in (box.x, box.y, box.width, box.height)))


def milliseconds(find, image, times=9):
    """Return the median time of a search in 640x480 pixels, as a cell."""
    grey, seconds = np.ascontiguousarray(cv2.resize(image, (640, 480), interpolation=cv2.INTER_AREA)), []
    for _ in range(times):
        start = time.perf_counter()
        find(grey)
        seconds.append(time.perf_counter() - start)
    return f"{1000 * np.median(seconds):.0f}"


if __name__ == "__main__":
    main()
