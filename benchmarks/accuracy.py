"""Accuracy of earlier methods and of every model with every kind of features, on the same faces.

    python -m benchmarks.accuracy --data fer2013.csv.gz            all; half an hour on two cores
    python -m benchmarks.accuracy --features geometry              on the bundled table
    python -m benchmarks.accuracy --models eigenfaces,lbp,mlp      some; earlier methods have their own features
    python -m benchmarks.accuracy --quick                          smoke test on a small sample

No model is selected: each row is one candidate, fitted on Training and scored on the test faces. Official and leak-free
accuracy are of the same fit. If the faces have votes, models that can use them learn from those of the training faces.
"""

import argparse
import io
import sys
import time
from datetime import UTC, datetime

import joblib
import numpy as np

from landmark_fer.artifact.card import markdown_table, percent
from landmark_fer.datasets import load_dataset
from landmark_fer.evaluation.assessment import milliseconds_per_face
from landmark_fer.evaluation.cross_validation import sample_rows
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.splits import split_faces
from landmark_fer.models.base import fit_predictor, predict_in_order
from landmark_fer.models.candidates import CANDIDATES, CLASSIC_CANDIDATES, FEATURES, make_candidates

QUICK_FACES = 1500


def main():
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="default: the bundled geometry table")
    parser.add_argument("--labels", choices=("fer2013", "ferplus"), default="auto")
    parser.add_argument("--expressions", help="comma-separated subset")
    parser.add_argument("--features", default=",".join(FEATURES))
    parser.add_argument("--models", default=",".join((*CLASSIC_CANDIDATES, *CANDIDATES)))
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_FACES} training faces")
    options = parser.parse_args()

    expressions = options.expressions.split(",") if options.expressions else None
    dataset = load_dataset(options.data, labels=options.labels, expressions=expressions)
    split = split_faces(dataset)
    training = split.training
    if options.quick:
        training = training[sample_rows(dataset.expressions[training], QUICK_FACES, 0)]
    rows, fields = [], dataset.records.dtype.names
    for name, candidate in named_candidates(options.models.split(","), options.features.split(",")).items():
        if not set(candidate.fields) <= set(fields):
            print(f"{name} left out: it needs {' and '.join(candidate.fields)}", file=sys.stderr)
            continue
        rows.append((name, *measure(dataset, candidate.pipeline, training, split.tests[0])))
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    print(f"{dataset.source}, {len(training):,} training faces, {split.tests[0].name}, {datetime.now(UTC).date()}\n")
    print(
        markdown_table(("model", "official", "leak-free", "macro-F1", "fit s", "ms per face, one thread", "MB"), rows)
    )


def named_candidates(models, kinds):
    """Return a dict of candidates by row name: earlier methods once, others for each kind of features."""
    earlier = [name for name in models if name in CLASSIC_CANDIDATES]
    others = [name for name in models if name not in CLASSIC_CANDIDATES]
    candidates = make_candidates(earlier) if earlier else {}
    for features in kinds if others else ():
        made = make_candidates(others, features=features)
        candidates |= {f"{name}, {features}": candidate for name, candidate in made.items()}
    return candidates


def measure(dataset, pipeline, training, test):
    """Return the cells of one row."""
    votes = None if dataset.votes is None else dataset.votes[training]
    start = time.perf_counter()
    fit_predictor(pipeline, dataset.records[training], dataset.expressions[training], votes)
    fit_s = time.perf_counter() - start
    records = dataset.records[test.rows]
    probabilities = predict_in_order(pipeline, records, dataset.classes)
    scores = score(dataset.expressions[test.rows], probabilities, dataset.classes, leak_free=test.leak_free)
    timed = np.sort(np.random.default_rng(0).choice(len(records), min(200, len(records)), replace=False))
    return (
        percent(scores["accuracy"]),
        percent(scores["accuracy_leak_free"]),
        percent(scores["macro_f1"]),
        f"{fit_s:.0f}",
        f"{milliseconds_per_face(pipeline, records[timed]):.2f}",
        f"{megabytes(pipeline):.1f}",
    )


def megabytes(pipeline):
    """Return the size of a fitted pipeline when saved."""
    file = io.BytesIO()
    joblib.dump(pipeline, file, compress=("zlib", 6))
    return file.tell() / 1e6


if __name__ == "__main__":
    main()
