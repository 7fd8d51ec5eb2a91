"""Evaluation of explanations: deletion of the named cues, and agreement with the frequency of cues per expression.

    python -m benchmarks.explanations --data fer2013.csv.gz --faces 1000
    python -m benchmarks.explanations --typical                            print the table of typical neutral faces

Faces are drawn from Training, among those that a detector found.
"""

import argparse
from datetime import UTC, datetime

import numpy as np

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.core.records import Box, Face, stack
from landmark_fer.datasets import load_dataset
from landmark_fer.datasets.geometry_table import read_table
from landmark_fer.models.base import predict_in_order
from landmark_fer.recognition.cues import CUES, counterfactual_landmarks, cue_values, typical_values
from landmark_fer.recognition.explanation import explain, warp_face
from landmark_fer.recognition.results import Recognition

TOGETHER = 3  # cues that are changed at once
BINS = 20
NAMES = [cue.name for cue in CUES]


def main():
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="FER2013's csv; default: the bundled geometry table, for a model of landmarks")
    parser.add_argument("--model", help="artifact folder (default: the bundled one)")
    parser.add_argument("--faces", type=int, default=1000)
    parser.add_argument("--typical", action="store_true")
    options = parser.parse_args()
    if options.typical:
        table = _training(read_table())
        print(typical_values(table.records["landmarks"][table.expressions == "neutral"]).round(4).tolist())
        return
    dataset, artifact = _training(load_dataset(options.data)), load_artifact(options.model)
    chosen = np.random.default_rng(0).choice(len(dataset), min(options.faces, len(dataset)), replace=False)
    rows = [_evaluate(artifact, dataset.records[index], dataset.expressions[index]) for index in chosen]
    print(f"{len(rows)} faces of {dataset.source}, Training, detected; {datetime.now(UTC).date()}\n")
    _print_contributions(rows, artifact.classes)
    _print_deletion(rows)
    _print_agreement(rows, _training(read_table()))


def _training(dataset):
    return dataset.take((dataset.splits == "Training") & ~np.isnan(dataset.detector_scores))


def _evaluate(artifact, record, expression):
    """Return the explanation of one face, and the effect of undoing its strongest cues, or others, together."""
    landmarks = record["landmarks"].astype(np.float64)
    chip = record["chip"] if "chip" in record.dtype.names else np.zeros((80, 80), np.uint8)
    face = Face(Box(0.0, 0.0, 48.0, 48.0), landmarks, chip, 1.0)
    before = _predictions(artifact, [face])[0]
    prediction = artifact.classes[int(before.argmax())]
    probabilities = dict(zip(artifact.classes, before.tolist(), strict=True))
    shown = {
        each.name: each for each in explain(artifact, Recognition(face, prediction, 1.0, probabilities)).measurements
    }
    contributions = np.array([shown[name].contribution for name in NAMES])
    order = np.argsort(-contributions)
    others = np.random.default_rng(len(NAMES)).permutation(order[TOGETHER:])[:TOGETHER]
    moves = counterfactual_landmarks(landmarks) - landmarks
    reads = {"fields": artifact.manifest["fields"]}
    joint = [warp_face(face, landmarks + moves[which].sum(axis=0), **reads) for which in (order[:TOGETHER], others)]
    after = _predictions(artifact, joint)
    column = artifact.classes.index(prediction)
    return {
        "prediction": prediction,
        "right": prediction == expression,
        "contributions": contributions,
        "shifts": np.array([shown[name].shift for name in NAMES]),
        "values": cue_values(landmarks),
        "falls": _odds(before[column]) - _odds(after[:, column]),
        "changed": after.argmax(axis=1) != column,
    }


def _predictions(artifact, faces):
    return predict_in_order(artifact.predictor, stack(faces, chip_size=len(faces[0].chip)), artifact.classes)


def _odds(probability):
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(probability / (1 - probability))


def _print_contributions(rows, classes):
    print(
        "mean contribution where the prediction is right\n" + f"{'':14s}" + "".join(f"{name:>9s}" for name in classes)
    )
    for column, name in enumerate(NAMES):
        means = [
            np.mean(
                [row["contributions"][column] for row in rows if row["right"] and row["prediction"] == word] or [np.nan]
            )
            for word in classes
        ]
        print(f"{name:14s}" + "".join(f"{mean:9.2f}" for mean in means))


def _print_deletion(rows):
    falls, changed = np.array([row["falls"] for row in rows]), np.array([row["changed"] for row in rows])
    sums = [np.sort(row["contributions"])[-TOGETHER:].sum() for row in rows]
    print(f"\n{TOGETHER} cues undone together: the strongest / others drawn at random")
    print(f"  log odds of the prediction, median   {np.median(falls[:, 0]):.2f} / {np.median(falls[:, 1]):.2f}")
    print(f"  they fall at all                    {(falls[:, 0] > 0).mean():.1%} / {(falls[:, 1] > 0).mean():.1%}")
    print(f"  another expression is predicted     {changed[:, 0].mean():.1%} / {changed[:, 1].mean():.1%}")
    print(f"  correlation with the sum of contributions {np.corrcoef(sums, falls[:, 0])[0, 1]:.2f}")


def _print_agreement(rows, table):
    """Print how often the strongest cue is more frequent in faces of that expression than in neutral faces."""
    values = cue_values(table.records["landmarks"])
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], axis=0)
    share = {}
    for word in np.unique(table.expressions):
        own_values = values[table.expressions == word]
        columns = range(len(NAMES))
        counts = [np.bincount(np.searchsorted(edges[:, c], own_values[:, c]), minlength=BINS) for c in columns]
        share[word] = np.log((np.array(counts) + 1) / (len(own_values) + BINS))
    expressive = [row for row in rows if row["prediction"] != "neutral"]
    ratios = []
    for row in expressive:
        places = [np.searchsorted(edges[:, c], row["values"][c]) for c in range(len(NAMES))]
        ratios.append((share[row["prediction"]] - share["neutral"])[np.arange(len(NAMES)), places])
    ratios, contributions = np.array(ratios), np.array([row["contributions"] for row in expressive])
    strongest = contributions.argmax(axis=1)
    agreeing = ratios[np.arange(len(expressive)), strongest] > 0
    correlation = np.corrcoef(ratios.ravel(), contributions.ravel())[0, 1]
    print("\nlog likelihood ratio against neutral, of the table")
    print(f"  over 0: strongest cue               {agreeing.mean():.1%}; any {(ratios > 0).mean():.1%}")
    print(f"  correlation with the contribution   {correlation:.2f}, over all cues")
    clear = np.mean([row["contributions"].max() >= 0.1 for row in rows])
    print(f"faces with a cue that contributes 0.1 or more {clear:.1%}")


if __name__ == "__main__":
    main()
