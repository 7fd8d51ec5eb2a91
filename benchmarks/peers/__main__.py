"""Comparison of landmark_fer with other software on the same images, in one run.

    python -m benchmarks.peers --data fer2013.csv.gz --fer-python OTHER/bin/python --network OUT
    python -m benchmarks.peers --quick

OTHER is a separate environment, since the package fer needs older versions of some packages:
``python3 -m venv OTHER && OTHER/bin/pip install fer "setuptools<81" "opencv-python<5"``. OUT is the artifact of a
tutorial's network, trained on unaligned faces:
``python -m landmark_fer.fit --data fer2013.csv.gz --models relu_vgg_box --out OUT``. Rows without their option are left
out with a message. Each program runs in its own process on one core, and reads the same images from files: FER2013's
test faces and frames of the demo clip. It reports the time from its start to the first prediction (without fitting),
its peak memory and milliseconds per image. The installed size is that of its site-packages.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from landmark_fer.artifact.card import markdown_table, percent
from landmark_fer.datasets import load_dataset
from landmark_fer.datasets.readers.fer2013 import Fer2013Csv
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.splits import split_faces
from landmark_fer.live.sources.demo import DemoClip

HERE = Path(__file__).parent
N_FRAMES = 60
HEADINGS = (
    "what",
    "official",
    "leak-free",
    "ms per 640x480 frame",
    "ms per cropped face",
    "memory, MB",
    "installed, MB",
    "first prediction, s",
)
PEERS = {
    "landmark_fer, default": ("ours.py", "artifacts/default"),
    "landmark_fer, bundled network": ("ours.py", "artifacts/cnn"),
    "fer: Haar and mini-Xception": ("package_fer.py",),
    "a tutorial's network on the box of a Haar cascade": ("tutorial_network.py",),
    "landmarks and HOG, not scaled or aligned, RBF SVM": ("popular_svm.py",),
}


def main():
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="FER2013's csv; without it, only times are measured")
    parser.add_argument("--fer-python", help="Python of the environment with the package fer")
    parser.add_argument("--network", metavar="DIR", help="artifact of a network that reads the detector's box")
    parser.add_argument("--quick", action="store_true", help="smoke test on few images, without fitting")
    options = parser.parse_args()
    dataset = None if options.data is None else load_dataset(options.data)
    with tempfile.TemporaryDirectory() as folder:
        faces = write_images(Path(folder), options, dataset)
        rows = []
        for name, (script, *rest) in PEERS.items():
            missing = missing_option(script, options)
            if missing:
                print(f"left out: {name} (no {missing})")
                continue
            python = options.fer_python if script == "package_fer.py" else sys.executable
            if script == "tutorial_network.py":
                rest = [str(Path(options.network).absolute())]
            try:
                rows.append(row(name, run(python, script, folder, rest), python, faces))
            except subprocess.CalledProcessError as error:
                print(f"left out: {name} (exit status {error.returncode}; see its message above)")
    print(f"\n{datetime.now(UTC).date()}, one core\n\n{markdown_table(HEADINGS, rows)}")


def missing_option(script, options):
    """Return the option that a program needs and that was not given, or None."""
    needed = {"package_fer.py": "--fer-python", "tutorial_network.py": "--network", "popular_svm.py": "--data"}
    option = needed.get(script)
    return option if option and getattr(options, option.strip("-").replace("-", "_")) is None else None


def write_images(folder, options, dataset):
    """Write frames, test faces and training faces; return labels, leak-free flags and classes of the test faces."""
    clip = DemoClip()
    frames = np.stack([clip.image(2 * index) for index in range(4 if options.quick else N_FRAMES)])
    arrays = {"frames": frames, "faces": np.empty((0, 48, 48), np.uint8)}
    truth = None
    if dataset is not None:
        split = split_faces(dataset)
        test = next(each for each in split.tests if each.name == "PublicTest")
        images = [item.image for item in Fer2013Csv(options.data).items()]
        few = slice(None, 40 if options.quick else None)
        rows, training = dataset.rows[test.rows][few], dataset.rows[split.training][few]
        arrays |= {"faces": np.stack([images[row] for row in rows])}
        arrays |= {"training": np.stack([images[row] for row in training])}
        arrays |= {"labels": dataset.expressions[split.training][few]}
        truth = dataset.expressions[test.rows][few], test.leak_free[few], dataset.classes
    np.savez(folder / "images.npz", **arrays)
    return truth


def run(python, script, folder, rest):
    """Run a program on one core and return its report and the seconds from its start to its first prediction."""
    core = str(min(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else None
    command = [python, str(HERE / script), str(Path(folder) / "images.npz"), *rest]
    threads = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    environment = os.environ | threads | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(HERE.parents[1])}
    start = time.time()
    done = subprocess.run(
        command if core is None else ["taskset", "-c", core, *command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    return report | {"start_s": report["first_prediction_unix_s"] - start}


def row(name, report, python, truth):
    """Return a row of the table."""
    accuracy = ("-", "-")
    if truth is not None:
        labels, leak_free, classes = truth
        predictions = (np.array(report["predictions"])[:, None] == np.array(classes)).astype(float)
        scores = score(labels, predictions, classes, leak_free=leak_free)
        accuracy = percent(scores["accuracy"]), percent(scores["accuracy_leak_free"])
    return (
        name,
        *accuracy,
        f"{report['ms_frame']:.1f}",
        f"{report['ms_face']:.1f}" if truth is not None else "-",
        f"{report['memory_mb']:.0f}",
        f"{installed_mb(python):.0f}",
        f"{report['start_s']:.1f}",
    )


def installed_mb(python):
    """Return the megabytes of an interpreter's site-packages."""
    if str(python) == sys.executable:  # compared as text: environments link to the same interpreter
        folder = sysconfig.get_paths()["purelib"]
    else:
        code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        folder = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
