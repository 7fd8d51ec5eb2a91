"""Cross-dataset evaluation: fit on one data set, test on another.

    python -m benchmarks.cross_data fer2013.csv.gz CK+ JAFFE KDEF RAF-DB
    python -m benchmarks.cross_data --model svm --features both --json table.json jaffe=~/sets/jaffe ck=~/sets/CK+
    python -m benchmarks.cross_data --quick

Each path is a data set as for `fit --data`, optionally with a name, ``NAME=PATH``. Its layout is recognized, or stated
as in ``PATH@ck48``. The diagonal is scored on people and photographs that are not in the training data.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from landmark_fer.core.errors import InputError, LandmarkFerError
from landmark_fer.core.paths import Output, check_paths
from landmark_fer.datasets import load_dataset
from landmark_fer.datasets.inputs import DATA
from landmark_fer.datasets.readers.registry import DATASETS
from landmark_fer.evaluation.cross_dataset import describe_pairs, evaluate_across_datasets
from landmark_fer.evaluation.tables import format_cross_dataset
from landmark_fer.models.candidates import make_candidates

FIGURES = {
    "accuracy": "accuracy among the classes of both data sets (95 % interval, by subject if known), per cent",
    "accuracy_all": "accuracy among all classes of the training data, per cent",
    "accuracy_leak_free": "accuracy on faces without a near-duplicate or a namesake in the training data, per cent",
}


def main(argv=None):
    """Run the benchmark, print its tables and return the exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.cross_data", description=__doc__.splitlines()[0])
    add = parser.add_argument
    named = replace(DATA, files=lambda text: DATA.files(parsed(text)[1]))
    add("data", nargs="*", type=named, metavar="[NAME=]PATH[@DATASET]", help="data sets, in the order of the table")
    add("--model", default="ls_svm", help="a name of `fit --models` (default ls_svm)")
    add("--features", choices=("geometry", "hog", "both"), default="both")
    add("--folds", type=int, default=5, metavar="N", help="of a data set without an official split (default 5)")
    add("--images", choices=("auto", "crops", "scenes"), default="auto")
    add("--json", type=Output(), metavar="FILE", help="write all figures")
    add("--seed", type=int, default=0)
    add("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    add("--quick", action="store_true", help="on two made-up data sets of faces without meaning: does it run?")
    options = parser.parse_args(argv)
    try:
        check_paths(parser, options)
        with tempfile.TemporaryDirectory() as folder:
            rows = _rows(quick_data(Path(folder)) if options.quick else options.data, options)
        if options.json:
            Path(options.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")
    except (LandmarkFerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"\n{options.model} on {options.features}, seed {options.seed}, {datetime.now(UTC).date()}")
    for key, title in FIGURES.items():
        print(f"\n{title}:\n{format_cross_dataset(rows, key)}")
    print("\n" + "\n".join(describe_pairs(rows)))
    return 0


def _rows(sources, options):
    datasets = {}
    for source in sources:
        name, path, kind = parsed(source)
        if name in datasets:
            raise InputError(f"each data set needs a name of its own, got {name} twice; write NAME={path}")
        datasets[name] = load_dataset(path, dataset=kind, images=options.images, jobs=options.jobs)
        print(f"{name}: {len(datasets[name]):,} faces of {', '.join(datasets[name].classes)}", flush=True)
        for problem in datasets[name].problems[:5]:
            print(f"  left out: {problem}", file=sys.stderr)
    candidate = make_candidates([options.model], features=options.features, random_state=options.seed)[options.model]
    return evaluate_across_datasets(
        datasets, candidate, n_folds=options.folds, jobs=options.jobs, random_state=options.seed
    )


def parsed(source):
    """Return (name, path, data set) of ``[NAME=]PATH[@DATASET]``."""
    name, _, path = source.rpartition("=") if not Path(source).exists() else ("", "", source)
    before, at, kind = path.rpartition("@")
    if not at or kind not in DATASETS or Path(path).exists():
        before, kind = path, "auto"
    path = Path(before).expanduser()
    return name or path.resolve().name, path, kind


def quick_data(folder):
    """Write two small data sets of faces from scikit-image and return their paths."""
    import numpy as np
    from PIL import Image
    from skimage.data import lfw_subset

    crops = (lfw_subset()[:72].clip(0, 1) * 255).astype(np.uint8)
    for place, crop in enumerate(crops):
        one, word = divmod(place % 36, 3)
        expression = (("happy", "sad", "surprise"), ("happy", "sad", "neutral"))[place // 36][word]
        name = f"S{one:03}_001_{place:08}.png" if place < 36 else f"{place}.png"
        path = folder / ("first", "second")[place // 36] / expression / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(crop).resize((48, 48), Image.Resampling.BICUBIC).save(path)
    return [str(folder / "first"), str(folder / "second")]


if __name__ == "__main__":
    sys.exit(main())
