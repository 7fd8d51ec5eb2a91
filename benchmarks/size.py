"""Time and memory of extracting many faces; neither may grow per face with the number of faces.

    python -m benchmarks.size                         10,000 and 30,000 faces
    python -m benchmarks.size --faces 100000 --jobs 2
    python -m benchmarks.size --quick                 smoke test
    python -m benchmarks.size --draw size.png         also draw the curves (needs matplotlib)

The faces are real faces with random small shifts, rotations, mirroring, lighting and blur: from FER2013 if the variable
LANDMARK_FER_DATA names its csv, else from scikit-image. They are read from a tar (``--source tar``, the default), a
folder or a zip into an empty cache. Memory and processor time of the process and its workers are sampled every half
second (Linux). Unlike elapsed minutes, processor time does not depend on other programs.
"""

import argparse
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from landmark_fer.artifact.card import markdown_table
from landmark_fer.datasets.base import Item
from landmark_fer.figures.canvas import add_legend, new_figure, prepared_axes
from landmark_fer.figures.palette import BLUE, GREEN, LIGHT, VERMILLION

DATA_VARIABLE = "LANDMARK_FER_DATA"
WORDS = ("angry", "fear", "happy", "sad", "surprise", "neutral")
SIDE = 48
INTERVAL_S = 0.5

BUILD = """
import json, sys, time
from landmark_fer.datasets import open_source
from landmark_fer.datasets.extraction_cache import build_dataset

start = time.perf_counter()
reader = open_source(sys.argv[1], dataset="folders", images="crops")
dataset = build_dataset(reader, cache=sys.argv[2], jobs=int(sys.argv[3]), progress=False)
print(json.dumps({"faces": len(dataset), "seconds": time.perf_counter() - start}))
"""


def main():
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, nargs="+", default=[10_000, 30_000])
    parser.add_argument("--source", choices=("tar", "folder", "zip"), default="tar")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--draw", metavar="FILE", help="draw the curves into this image")
    parser.add_argument("--keep", metavar="FILE", help="append each result to this file as a line of JSON")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    sizes = [200, 400] if options.quick else options.faces
    rows = [measure(n, options) for n in sizes]
    print(f"{datetime.now(UTC).date()}, {options.jobs} workers, {options.source}, images of {SIDE} x {SIDE}\n")
    print(table(rows))
    if options.draw:
        draw(rows, options.draw)


def measure(n, options):
    """Return time, memory and disk space of n faces, as a dict."""
    with tempfile.TemporaryDirectory() as scratch:
        source, cache = Path(scratch) / "faces", Path(scratch) / "cache"
        path = WRITERS[options.source](made_faces(n), source)
        command = [sys.executable, "-c", BUILD, str(path), str(cache), str(options.jobs)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        watch = MemoryWatch(child.pid)
        with watch:
            result = json.loads(child.communicate()[0])
        disk = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
        shutil.rmtree(cache)
    usage = {"parent": watch.parent, "worker": watch.worker, "processor": sum(watch.seconds.values())}
    row = result | usage | {"disk": disk, "jobs": options.jobs}
    if options.keep:
        with open(options.keep, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return row


def made_faces(n, seed=0):
    """Yield n Items with images of shape (48, 48), random variations of real faces."""
    real = real_faces()
    for place in range(n):
        generator = np.random.default_rng((seed, place))
        image = vary(real[place % len(real)], generator)
        yield Item(f"{place}.png", expression=WORDS[place % len(WORDS)], image=image)


def vary(face, generator):
    """Return the image of a face with a random small shift, rotation, scale, mirroring, lighting and blur."""
    middle = (SIDE - 1) / 2
    transform = cv2.getRotationMatrix2D((middle, middle), generator.uniform(-12, 12), generator.uniform(0.9, 1.1))
    transform[:, 2] += generator.uniform(-2.5, 2.5, 2)
    moved = cv2.warpAffine(face, transform, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if generator.random() < 0.5:
        moved = moved[:, ::-1]
    blurred = cv2.GaussianBlur(moved, (3, 3), generator.uniform(0.1, 0.8))
    lit = blurred * generator.uniform(0.7, 1.3) + generator.uniform(-25, 25) + generator.normal(0, 3, blurred.shape)
    return lit.clip(0, 255).astype(np.uint8)


def real_faces():
    """Return real faces, shape (m, 48, 48), uint8."""
    path = os.environ.get(DATA_VARIABLE)
    if path:
        from landmark_fer.datasets import open_source

        images = (item.image for item in open_source(path).items() if isinstance(item.image, np.ndarray))
        return np.array(list(itertools.islice(images, 5000)))
    from skimage.data import lfw_subset

    enlarged = [
        cv2.resize(f, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for f in lfw_subset()[:100].astype(np.float32)
    ]
    return (np.array(enlarged).clip(0, 1) * 255).astype(np.uint8)


def as_tar(items, path):
    """Write the images to a tar with a folder for each class; return its path."""
    path = path.with_suffix(".tar")
    with tarfile.open(path, "w") as archive:
        for name, content in _files(items):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            archive.members.clear()
    return path


def as_zip(items, path):
    """Write the images to a zip with a folder for each class; return its path."""
    path = path.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _files(items):
            archive.writestr(name, content)
    return path


def as_folder(items, path):
    """Write the images to a folder with a subfolder for each class; return its path."""
    for word in WORDS:
        (path / word).mkdir(parents=True)
    for name, content in _files(items):
        (path / name).write_bytes(content)
    return path


WRITERS = {"tar": as_tar, "zip": as_zip, "folder": as_folder}


class MemoryWatch:
    """Context manager that samples memory and processor time of a process and its children.

    Attributes
    ----------
    parent, worker : int
        Peak memory in bytes of the process, and of its largest child.
    seconds : dict of int to float
        Processor time by process id.
    """

    def __init__(self, pid):
        self.pid, self.parent, self.worker, self.seconds = pid, 0, 0, {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _sample(self):
        while not self._ended.wait(INTERVAL_S):
            children = descendants(self.pid)
            self.parent = max(self.parent, resident(self.pid))
            self.worker = max([self.worker, *map(resident, children)])
            for pid in (self.pid, *children):
                self.seconds[pid] = max(processor_seconds(pid), self.seconds.get(pid, 0.0))


def descendants(pid):
    """Return the ids of the direct and indirect child processes of a process."""
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += map(int, task.read_text().split())
        except OSError:  # the process has ended
            continue
    return children + [grandchild for child in children for grandchild in descendants(child)]


def resident(pid):
    """Return the bytes of memory that a process holds."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def processor_seconds(pid):
    """Return the processor time of a process in seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def table(rows):
    """Return the results as a Markdown table."""
    headings = (
        "faces",
        "minutes",
        "processor ms per face",
        "parent, MB",
        "largest worker, MB",
        "cache, MB",
        "kB per face",
    )
    cells = [
        (
            f"{row['faces']:,}",
            f"{row['seconds'] / 60:.1f}",
            f"{1000 * row['processor'] / row['faces']:.2f}",
            f"{row['parent'] / 1e6:.0f}",
            f"{row['worker'] / 1e6:.0f}",
            f"{row['disk'] / 1e6:.0f}",
            f"{row['disk'] / row['faces'] / 1e3:.1f}",
        )
        for row in rows
    ]
    return markdown_table(headings, cells)


def draw(rows, path):
    """Draw time and memory against the number of faces."""
    figure = new_figure(8, 3)
    time_axes, memory_axes = (prepared_axes(axes, LIGHT, grid="both") for axes in figure.subplots(1, 2))
    faces = [row["faces"] / 1000 for row in rows]
    time_axes.plot(faces, [row["processor"] / 60 for row in rows], "o-", color=BLUE)
    time_axes.set(xlabel="thousand faces", ylabel="processor time, minutes", xlim=(0, None), ylim=(0, None))
    for name, colour, text in (("worker", VERMILLION, "largest worker"), ("parent", GREEN, "parent")):
        memory_axes.plot(faces, [row[name] / 1e6 for row in rows], "o-", color=colour, label=text)
    memory_axes.set(xlabel="thousand faces", ylabel="memory, MB", xlim=(0, None), ylim=(0, None))
    add_legend(memory_axes, LIGHT)
    figure.savefig(path, dpi=110)


def _files(items):
    for item in items:
        content = io.BytesIO()
        Image.fromarray(item.image).save(content, format="PNG")
        yield f"{item.expression}/{item.name}", content.getvalue()


if __name__ == "__main__":
    main()
