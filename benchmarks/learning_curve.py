"""Learning curve: accuracy on one grouped fold as the number of training faces doubles.

    python -m benchmarks.learning_curve --data fer2013.csv.gz --models mlp,svm
    python -m benchmarks.learning_curve --quick                                   the bundled table, few faces

The fold is part of Training; test faces are not used. Votes are not used either, so only the number of faces changes.
"""

import argparse
from datetime import UTC, datetime

from landmark_fer.datasets import load_dataset
from landmark_fer.evaluation.cross_validation import make_folds
from landmark_fer.evaluation.learning_curve import learning_curve
from landmark_fer.evaluation.splits import has_chips, split_faces
from landmark_fer.evaluation.tables import format_learning_curve
from landmark_fer.models.candidates import make_candidates

QUICK_SIZES = (100, 200, 400)


def main():
    """Run the benchmark and print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="default: the bundled geometry table")
    parser.add_argument("--models", default="ls_svm")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    dataset = load_dataset(options.data)
    split = split_faces(dataset)
    records, expressions = dataset.records[split.training], dataset.expressions[split.training]
    fold = make_folds(expressions, split.groups)[0]
    features = "both" if has_chips(dataset) else "geometry"
    print(f"{dataset.source}, one fold of Training, features {features}, {datetime.now(UTC).date()}")
    for name, candidate in make_candidates(options.models.split(","), features=features).items():
        sizes = QUICK_SIZES if options.quick else None
        curve = learning_curve(
            candidate.pipeline, records, expressions, split.groups, dataset.classes, fold=fold, sizes=sizes
        )
        print(f"\n{name}\n{format_learning_curve(curve)}")


if __name__ == "__main__":
    main()
