"""Accuracy against time and size: each kind of model in several sizes, on one grouped fold.

    python -m benchmarks.cost --data fer2013.csv.gz --image cost.png      a quarter of an hour
    python -m benchmarks.cost --quick

The fold is part of Training: no held-out face has a near-duplicate among the faces fitted on. Test faces are not used.
"""

import argparse
import sys
from datetime import UTC, datetime

import numpy as np

from benchmarks.accuracy import megabytes
from landmark_fer.artifact.card import markdown_table
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.core.paths import Output, check_paths
from landmark_fer.datasets import load_dataset
from landmark_fer.datasets.inputs import DATA_OR_TABLE
from landmark_fer.evaluation.assessment import milliseconds_per_face
from landmark_fer.evaluation.cross_validation import make_folds, sample_rows
from landmark_fer.evaluation.splits import has_chips, split_faces
from landmark_fer.figures.canvas import add_legend, new_figure, prepared_axes
from landmark_fer.figures.palette import LIGHT, SERIES
from landmark_fer.models.base import fit_predictor
from landmark_fer.models.candidates import make_candidates

SIZES = {
    "dropout_mlp": [
        {"n_networks": 1, "hidden": (64,)},
        {"n_networks": 1, "hidden": (256,)},
        {"n_networks": 1, "hidden": (512, 256)},
        {"n_networks": 3, "hidden": (512, 256)},
    ],
    "ls_svm": [{"max_vectors": 1000}, {"max_vectors": 4000}, {"max_vectors": 12_000}, {"max_vectors": 30_000}],
    "embedding_knn": [{"hidden": (256, 16)}, {"hidden": (512, 64)}],
}
"""Parameters of each candidate's classifier, smallest first."""

CLASSIC_METHODS = ("hog_lda", "lbp", "pixels", "fisherfaces")
QUICK_FACES = 600
TIMED = 200


def main():
    """Run the benchmark, print its table and draw its figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=DATA_OR_TABLE, help="default: the bundled geometry table")
    parser.add_argument("--models", default=",".join(SIZES))
    parser.add_argument("--image", type=Output(), metavar="FILE.png")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_FACES} faces")
    options = parser.parse_args()
    check_paths(parser, options)
    dataset = load_dataset(options.data)
    split = split_faces(dataset)
    training, held_out = make_folds(dataset.expressions[split.training], split.groups)[0]
    training, held_out = split.training[training], split.training[held_out]
    if options.quick:
        training = training[sample_rows(dataset.expressions[training], QUICK_FACES, 0)]
    points = []
    for name, label, pipeline in pipelines(options.models.split(","), has_chips(dataset)):
        points.append((name, label, *measure(dataset, pipeline, training, held_out)))
        print(*points[-1], sep="  ", file=sys.stderr, flush=True)
    print(f"{dataset.source}, a fold of {len(held_out):,} training faces, {datetime.now(UTC).date()}\n")
    cells = [(label, f"{100 * right:.1f} %", f"{ms:.2f}", f"{size:.1f}") for _, label, right, ms, size in points]
    print(markdown_table(("model", "accuracy", "ms per face, one thread", "MB"), cells))
    if options.image:
        draw(points, options.image)


def pipelines(models, images):
    """Yield name, label and unfitted pipeline of every size of every model."""
    features = "both" if images else "geometry"
    for name in models:
        for parameters in SIZES[name]:
            candidate = make_candidates([name], features=features)[name]
            values = {f"classifier__{key}": value for key, value in parameters.items()}
            label = f"{name}, " + ", ".join(f"{key} {value}" for key, value in parameters.items())
            yield name, label, candidate.pipeline.set_params(**values)
    for name, candidate in make_candidates(CLASSIC_METHODS).items() if images else ():
        yield "earlier methods", name, candidate.pipeline


def measure(dataset, pipeline, training, held_out):
    """Return accuracy on the held-out faces, milliseconds per face and megabytes."""
    votes = None if dataset.votes is None else dataset.votes[training]
    fit_predictor(pipeline, dataset.records[training], dataset.expressions[training], votes)
    records = dataset.records[held_out]
    right = float(np.mean(pipeline.predict(records) == dataset.expressions[held_out]))
    return right, milliseconds_per_face(pipeline, records[:TIMED]), megabytes(pipeline)


def draw(points, path):
    """Draw accuracy over milliseconds and over megabytes, a line for each kind of model, into a PNG file."""
    ticker = import_optional("matplotlib.ticker", purpose="drawing the curve")
    figure = new_figure(9, 3.6)
    colours = dict(zip(dict.fromkeys(point[0] for point in points), SERIES, strict=False))
    columns = {3: "ms per face, one thread", 4: "MB"}
    for axes, (column, unit) in zip(figure.subplots(1, 2, sharey=True), columns.items(), strict=True):
        prepared_axes(axes, LIGHT, grid="both")
        for name, colour in colours.items():
            own = sorted((point[column], 100 * point[2]) for point in points if point[0] == name)
            linestyle = "" if name == "earlier methods" else "-"
            axes.plot(*zip(*own, strict=True), marker="o", linestyle=linestyle, color=colour, label=name)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.set_xlabel(unit)
    figure.axes[0].set_ylabel("accuracy on unseen faces, %")
    add_legend(figure.axes[0], LIGHT)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
