"""Accuracy of every kind of features with every model: fitted on Training, scored on the test faces.

    python -m benchmarks.accuracy --data fer2013.csv.gz            all; half an hour on two cores
    python -m benchmarks.accuracy --features geometry              on the bundled table
    python -m benchmarks.accuracy --quick                          a small sample: does it run?

Nothing is chosen here: each row is one fixed candidate. Official and leak-free accuracy are of the same fit.
"""

import argparse
import sys
import time
from datetime import UTC, datetime

import numpy as np

from landmark_fer.datasets import load_dataset
from landmark_fer.evaluation.assessment import milliseconds_per_face
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.splits import has_chips, split_faces
from landmark_fer.evaluation.validation import sample_rows
from landmark_fer.models.candidates import CANDIDATES, FEATURES, make_candidates
from landmark_fer.models.contract import predict_in_order
from landmark_fer.recognition.card import markdown_table, percent

QUICK_FACES = 1500


def main():
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="default: the bundled geometry table")
    parser.add_argument("--labels", choices=("fer2013", "ferplus"), default="auto")
    parser.add_argument("--expressions", help="comma-separated subset")
    parser.add_argument("--features", default=",".join(FEATURES))
    parser.add_argument("--models", default=",".join(CANDIDATES))
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_FACES} training faces")
    options = parser.parse_args()

    expressions = options.expressions.split(",") if options.expressions else None
    dataset = load_dataset(options.data, labels=options.labels, expressions=expressions)
    split = split_faces(dataset)
    training = split.training
    if options.quick:
        training = training[sample_rows(dataset.expressions[training], QUICK_FACES, 0)]
    rows = []
    for features in options.features.split(","):
        if features != "geometry" and not has_chips(dataset):
            continue
        for name, candidate in make_candidates(options.models.split(","), features=features).items():
            rows.append((f"{name}, {features}", *measure(dataset, candidate.pipeline, training, split.tests[0])))
            print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    print(f"{dataset.source}, {len(training):,} training faces, {split.tests[0].name}, {datetime.now(UTC).date()}\n")
    print(markdown_table(("model", "official", "leak-free", "macro-F1", "fit s", "ms a face, one thread"), rows))


def measure(dataset, pipeline, training, test):
    """Return the cells of one row."""
    start = time.perf_counter()
    pipeline.fit(dataset.records[training], dataset.expressions[training])
    fit_s = time.perf_counter() - start
    records = dataset.records[test.rows]
    probabilities = predict_in_order(pipeline, records, dataset.classes)
    scores = score(dataset.expressions[test.rows], probabilities, dataset.classes, leak_free=test.leak_free)
    chosen = np.sort(np.random.default_rng(0).choice(len(records), min(200, len(records)), replace=False))
    return (
        percent(scores["accuracy"]),
        percent(scores["accuracy_leak_free"]),
        percent(scores["macro_f1"]),
        f"{fit_s:.0f}",
        f"{milliseconds_per_face(pipeline, records[chosen]):.2f}",
    )


if __name__ == "__main__":
    main()
