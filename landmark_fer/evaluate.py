"""``python -m landmark_fer.evaluate``: score a saved model on a data set."""

import argparse
import sys

from landmark_fer.errors import LandmarkFerError


def main(argv=None):
    """Run the command and return its exit status."""
    options = _parser().parse_args(argv)
    try:
        return _run(options)
    except LandmarkFerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; measured faces are kept in the cache", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser("python -m landmark_fer.evaluate", description="Score a saved model.")
    add = parser.add_argument
    add("--model", metavar="DIR", help="artifact folder, or a network's FILE.onnx (default: the bundled artifact)")
    add("--data", metavar="PATH", required=True, help="csv, zip, or folder per class")
    add("--split", metavar="NAME", help="only this split, such as PublicTest")
    add("--against", metavar="PATH", help="training data in which twins are looked for, for the leak-free accuracy")
    add("--labels", choices=("fer2013", "ferplus"), default="auto", help="ferplus: votes of fer2013new.csv beside it")
    add("--pictures", choices=("auto", "crops", "scenes"), default="auto", help="one cropped face each, or scenes")
    add("--json", metavar="FILE", help="write all scores")
    add("--predictions", metavar="FILE.csv", help="write a line a face")
    add("--jobs", type=int, metavar="N", help="processes (default: one for each core)")
    add("--predictor", metavar="FILE", help="68-point shape predictor to use instead of the installed one")
    return parser


def _run(options):
    from landmark_fer.datasets import load_dataset
    from landmark_fer.evaluation.assessment import assess
    from landmark_fer.evaluation.rejection import manifest_threshold
    from landmark_fer.perception.extraction import ExtractorSettings
    from landmark_fer.recognition.artifact import load_artifact

    for path in filter(None, (options.json, options.predictions)):
        _check_folder(path)  # before the work, not after it
    artifact = load_artifact(options.model)
    asked = {"split": options.split, "threshold": manifest_threshold(artifact.manifest)}
    extraction = {
        "settings": ExtractorSettings.from_dict(artifact.manifest["extractor"]),
        "predictor": options.predictor,
        "jobs": options.jobs,
    }
    dataset = load_dataset(options.data, labels=options.labels, pictures=options.pictures, **extraction)
    against = load_dataset(options.against, **extraction) if options.against else None
    scores, predictions = assess(artifact.predictor, dataset, artifact.classes, against=against, **asked)
    _print_scores(dataset, scores, options.split)
    _write(options, scores, predictions)
    return 0


def _check_folder(path):
    from pathlib import Path

    from landmark_fer.errors import SinkError

    if not Path(path).absolute().parent.is_dir():
        raise SinkError(
            f"{path} could not be written: {Path(path).parent} is no folder; make it or choose another path"
        )


def _print_scores(dataset, scores, split):
    from landmark_fer.evaluation.comparison import align_columns, format_confusion
    from landmark_fer.recognition.card import answered_line, percent, summary_line

    print(summary_line(split or dataset.source, scores))
    if scores["rejection"] is not None:
        print(answered_line(scores["rejection"]))
    if scores["left_out"]:
        print(f"{scores['left_out']:,} faces of other expressions than the model's were left out")
    for problem in dataset.problems[:10]:
        print(f"left out: {problem}", file=sys.stderr)
    rows = [("expression", "faces", "precision", "recall", "F1")]
    for name, each in scores["per_class"].items():
        rows.append((name, f"{each['n']:,}", *(percent(each[key]) for key in ("precision", "recall", "f1"))))
    print(f"\n{align_columns(rows)}\n\nconfusion, in per cent of the label:")
    print(format_confusion(scores["confusion"], scores["classes"]))
    undetected = sum(scores["undetected"].values())
    print(f"\n{undetected:,} faces were seen by no detector; {scores['ms_per_face']:.2f} ms a face on one thread")


def _write(options, scores, predictions):
    import json

    from landmark_fer.errors import SinkError

    try:
        if options.json:
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump(scores, file, indent=1)
        if options.predictions:
            predictions.to_csv(options.predictions, index=False, float_format="%.6g")
    except OSError as error:
        name = getattr(error, "filename", None) or "the result"
        raise SinkError(f"{name} could not be written ({error.strerror or error}); choose another path") from error


if __name__ == "__main__":
    sys.exit(main())
