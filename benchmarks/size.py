"""Time and memory of measuring many faces: both must not depend on how many there are, a face.

    python -m benchmarks.size                         10,000 and 30,000 faces
    python -m benchmarks.size --faces 100000 --jobs 2
    python -m benchmarks.size --quick                 does it run?
    python -m benchmarks.size --draw size.png         also the curve as a image (needs matplotlib)

The faces are real ones that were moved, turned, mirrored, lit and blurred a little, each differently: those of FER2013
where LANDMARK_FER_DATA names its csv, else those that scikit-image brings. They come out of a tar (``--source tar``,
the default), a folder or a zip, as any user's, into an empty cache. Every half second the memory and the processor time
of the process that measures and of its workers are looked up (Linux). Processor time does not depend on what else the
machine does; minutes by the clock do.
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

DATA_VARIABLE = "LANDMARK_FER_DATA"
WORDS = ("angry", "fear", "happy", "sad", "surprise", "neutral")
SIDE = 48
LOOK_EVERY = 0.5  # seconds

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
    parser.add_argument("--draw", metavar="FILE", help="write the curve to this image")
    parser.add_argument("--keep", metavar="FILE", help="append each measurement to this file as a line of JSON")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    sizes = [200, 400] if options.quick else options.faces
    rows = [measured(n, options) for n in sizes]
    print(f"{datetime.now(UTC).date()}, {options.jobs} workers, {options.source}, images of {SIDE} x {SIDE}\n")
    print(table(rows))
    if options.draw:
        draw(rows, options.draw)


def measured(n, options):
    """Return what n faces cost, as a dict."""
    with tempfile.TemporaryDirectory() as scratch:
        source, cache = Path(scratch) / "faces", Path(scratch) / "cache"
        path = WRITERS[options.source](made_faces(n), source)
        command = [sys.executable, "-c", BUILD, str(path), str(cache), str(options.jobs)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        watch = MemoryWatch(child.pid)
        with watch:
            prediction = json.loads(child.communicate()[0])
        disk = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
        shutil.rmtree(cache)
    seen = {"parent": watch.parent, "worker": watch.worker, "processor": sum(watch.seconds.values())}
    row = prediction | seen | {"disk": disk, "jobs": options.jobs}
    if options.keep:
        with open(options.keep, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return row


def made_faces(n, seed=0):
    """Yield n Items with images of shape (48, 48), each made of a real face, the same for the same seed."""
    real = real_faces()
    for place in range(n):
        generator = np.random.default_rng((seed, place))
        image = changed(real[place % len(real)], generator)
        yield Item(f"{place}.png", expression=WORDS[place % len(WORDS)], image=image)


def changed(face, generator):
    """Return a image of a face moved, turned, enlarged, mirrored, lit and blurred a little."""
    middle = (SIDE - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), generator.uniform(-12, 12), generator.uniform(0.9, 1.1))
    turn[:, 2] += generator.uniform(-2.5, 2.5, 2)
    moved = cv2.warpAffine(face, turn, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
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

        found = (item.image for item in open_source(path).items() if isinstance(item.image, np.ndarray))
        return np.array(list(itertools.islice(found, 5000)))
    from skimage.data import lfw_subset

    enlarged = [
        cv2.resize(f, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for f in lfw_subset()[:100].astype(np.float32)
    ]
    return (np.array(enlarged).clip(0, 1) * 255).astype(np.uint8)


def as_tar(items, path):
    """Write the images into a tar with a folder for each class; return its path."""
    path = path.with_suffix(".tar")
    with tarfile.open(path, "w") as archive:
        for name, content in _files(items):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            archive.members.clear()
    return path


def as_zip(items, path):
    """Write the images into a zip with a folder for each class; return its path."""
    path = path.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _files(items):
            archive.writestr(name, content)
    return path


def as_folder(items, path):
    """Write the images below a folder with a folder for each class; return its path."""
    for word in WORDS:
        (path / word).mkdir(parents=True)
    for name, content in _files(items):
        (path / name).write_bytes(content)
    return path


WRITERS = {"tar": as_tar, "zip": as_zip, "folder": as_folder}


class MemoryWatch:
    """Context manager that looks at a process and its children.

    Attributes
    ----------
    parent, worker : int
        Most bytes of the process, and of any of its children.
    seconds : dict of int to float
        Processor time of each, by process id.
    """

    def __init__(self, pid):
        self.pid, self.parent, self.worker, self.seconds = pid, 0, 0, {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(LOOK_EVERY):
            children = descendants(self.pid)
            self.parent = max(self.parent, resident(self.pid))
            self.worker = max([self.worker, *map(resident, children)])
            for pid in (self.pid, *children):
                self.seconds[pid] = max(processor_seconds(pid), self.seconds.get(pid, 0.0))


def descendants(pid):
    """Return the ids of the processes that a process started, and that those did."""
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += map(int, task.read_text().split())
        except OSError:  # it has ended
            continue
    return children + [grandchild for child in children for grandchild in descendants(child)]


def resident(pid):
    """Return the bytes of memory that a process holds."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def processor_seconds(pid):
    """Return the processor time that a process has taken."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def table(rows):
    """Return the measurements as a Markdown table."""
    headings = ("faces", "minutes", "processor ms a face", "parent, MB", "largest worker, MB", "cache, MB", "kB a face")
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
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    faces = [row["faces"] / 1000 for row in rows]
    time_axes.plot(faces, [row["processor"] / 60 for row in rows], "o-", color="#0072B2")
    time_axes.set(xlabel="thousand faces", ylabel="processor time, minutes", xlim=(0, None), ylim=(0, None))
    for name, colour, text in (("worker", "#D55E00", "largest worker"), ("parent", "#009E73", "parent")):
        memory_axes.plot(faces, [row[name] / 1e6 for row in rows], "o-", color=colour, label=text)
    memory_axes.set(xlabel="thousand faces", ylabel="memory, MB", xlim=(0, None), ylim=(0, None))
    memory_axes.legend()
    figure.savefig(path, dpi=110)


def _files(items):
    for item in items:
        content = io.BytesIO()
        Image.fromarray(item.image).save(content, format="PNG")
        yield f"{item.expression}/{item.name}", content.getvalue()


if __name__ == "__main__":
    main()
