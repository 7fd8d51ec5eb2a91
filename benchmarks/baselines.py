"""Comparison of fitted models on the same faces: the classical model and the network, or any artifacts.

    python -m benchmarks.baselines --data fer2013.csv.gz artifacts/default artifacts/cnn
    python -m benchmarks.baselines --quick

Each model is scored on the same test faces: official, leak-free, and on faces with a near-duplicate in training; the
difference shows memorization. Further tables compare the models in pairs and the mean of their probabilities.
"""

import argparse
import itertools
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from landmark_fer import load_artifact
from landmark_fer.artifact.card import markdown_table, percent
from landmark_fer.core.expressions import in_order
from landmark_fer.datasets import load_dataset
from landmark_fer.evaluation.assessment import milliseconds_per_face
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.significance import mcnemar
from landmark_fer.evaluation.splits import split_faces
from landmark_fer.models.base import predict_in_order
from landmark_fer.perception.extraction import ExtractorSettings

TIMED = 200
QUICK_FACES = 40
MEAN = "mean of their probabilities"


def main():
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifacts", nargs="*", default=["artifacts/default", "artifacts/cnn"])
    parser.add_argument("--data", help="with an official split, or images that no model was fitted on")
    parser.add_argument("--split", default="PublicTest")
    parser.add_argument("--quick", action="store_true", help="smoke test on made-up faces")
    options = parser.parse_args()
    artifacts = {Path(path).name: load_artifact(path) for path in options.artifacts}
    if options.quick:
        print(quick_table(artifacts))
        return
    settings = common_settings(artifacts.values())
    dataset = load_dataset(options.data, settings=settings)
    test = next((each for each in split_faces(dataset).tests if each.name == options.split), None)
    if test is None:
        sys.exit(f"{options.data} has no split {options.split}; name another with --split")
    print(f"{dataset.source}, {test.name}, {len(test.rows):,} faces, {datetime.now(UTC).date()}\n")
    for table in tables(artifacts, dataset, test):
        print(f"{table}\n")


def common_settings(artifacts):
    """Return extractor settings for all artifacts, with the crop of those that use one."""
    needed = [artifact.manifest["extractor"] for artifact in artifacts]
    crops = {(each["crop_size"], each.get("crop_margin", 0.0)) for each in needed if each.get("crop_size")}
    if len(crops) > 1:
        sys.exit("the artifacts must use the same crop of a face; compare them two at a time")
    size, margin = next(iter(crops), (0, 0.0))
    return ExtractorSettings(crop_size=size, crop_margin=margin)


def tables(artifacts, dataset, test):
    """Yield Markdown tables: scores, recall per class, accuracy with and without near-duplicates, pairs."""
    records, labels = dataset.records[test.rows], dataset.expressions[test.rows]
    classes = in_order({*dataset.classes, *(name for each in artifacts.values() for name in each.classes)})
    predictions = {name: predict_in_order(each.predictor, records, classes) for name, each in artifacts.items()}
    if len(predictions) > 1:
        predictions[MEAN] = np.mean(list(predictions.values()), axis=0)
    scores = {name: score(labels, each, classes, leak_free=test.leak_free) for name, each in predictions.items()}
    headings = (
        "model",
        "official",
        "leak-free",
        "macro-F1",
        "log loss",
        "calibration error",
        "ms per face",
        "MB",
        "fit",
    )
    yield markdown_table(headings, [_row(name, artifacts.get(name), scores[name], records) for name in predictions])
    recall = [
        (name, *(percent(each["per_class"][word]["recall"]) for word in dataset.classes))
        for name, each in scores.items()
    ]
    yield markdown_table(("recall", *dataset.classes), recall)
    right = {name: np.array(classes)[each.argmax(axis=1)] == labels for name, each in predictions.items()}
    leak_free = test.leak_free
    near_duplicates = [
        (name, percent(each[~leak_free].mean()), percent(each[leak_free].mean())) for name, each in right.items()
    ]
    yield markdown_table(("model", "faces with a near-duplicate in training", "faces without"), near_duplicates)
    pairs = itertools.combinations(predictions, 2)
    yield markdown_table(
        ("first, second", "agree", "only first right", "only second right", "neither right", "p (McNemar)"),
        [_pair(first, second, predictions, right, labels, classes) for first, second in pairs],
    )


def _row(name, artifact, scores, records):
    cells = (
        percent(scores["accuracy"]),
        percent(scores["accuracy_leak_free"]),
        percent(scores["macro_f1"]),
        f"{scores['log_loss']:.3f}",
        f"{scores['ece']:.3f}",
    )
    if artifact is None:
        return name, *cells, "-", "-", "-"
    manifest = artifact.manifest
    timed = np.sort(np.random.default_rng(0).choice(len(records), min(TIMED, len(records)), replace=False))
    network = manifest.get("network")
    fitted = next(
        (row["fit_s"] for row in manifest.get("comparison", []) if row["name"] == manifest["model_name"]), None
    )
    return (
        f"{name}: {manifest['model_name']}" + (f", {network['parameters']:,} parameters" if network else ""),
        *cells,
        f"{milliseconds_per_face(artifact.predictor, records[timed]):.2f}",
        f"{manifest['model']['bytes'] / 1e6:.1f}",
        "-" if fitted is None else f"{fitted / 60:.1f} min",
    )


def _pair(first, second, predictions, right, labels, classes):
    predicted = [np.array(classes)[predictions[name].argmax(axis=1)] for name in (first, second)]
    a, b = right[first], right[second]
    shares = (predicted[0] == predicted[1]).mean(), (a & ~b).mean(), (b & ~a).mean(), (~a & ~b).mean()
    return f"{first}, {second}", *map(percent, shares), f"{mcnemar(labels, *predicted).p_value:.3f}"


def quick_table(artifacts):
    """Return a table of the time per made-up face and the sum of its probabilities."""
    from landmark_fer.artifact.probe import manifest_probe

    rows = []
    for name, artifact in artifacts.items():
        records, predictions = manifest_probe(artifact.predictor, artifact.manifest)
        records = np.tile(records, QUICK_FACES // len(records))
        rows.append(
            (name, f"{milliseconds_per_face(artifact.predictor, records):.2f}", f"{predictions.sum(axis=1).mean():.3f}")
        )
    return markdown_table(("model", "ms per face", "sum of probabilities"), rows)


if __name__ == "__main__":
    main()
