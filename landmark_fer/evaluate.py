"""``python -m landmark_fer.evaluate``: score a saved model on a data set."""

import sys
from functools import partial
from pathlib import Path

from landmark_fer.artifact.manifest import ARTIFACT_HELP, ARTIFACT_OR_BUNDLED
from landmark_fer.core.command import run_command
from landmark_fer.core.command_parser import CommandParser
from landmark_fer.core.paths import Output, check_paths
from landmark_fer.datasets.inputs import DATA, add_layout_options
from landmark_fer.perception.predictor_file import PREDICTOR


def main(argv=None):
    """Run the command and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(parser, options, arguments), stopped="stopped; extracted faces stay in the cache")


def _parser():
    parser = CommandParser("python -m landmark_fer.evaluate", description="Score a saved model on a data set.")
    add = parser.add_argument
    add(
        "--model",
        type=ARTIFACT_OR_BUNDLED,
        metavar="DIR",
        help=f"{ARTIFACT_HELP}, or a network's FILE.onnx (default: default)",
    )
    add("--data", type=DATA, metavar="PATH", required=True, help="csv, zip, or folder per class")
    add("--split", metavar="NAME", help="score this split only, such as PublicTest")
    add(
        "--against",
        type=DATA,
        metavar="PATH",
        help="training data to search for near-duplicates, for the leak-free accuracy",
    )
    add_layout_options(parser)
    add(
        "--classes",
        choices=("all", "shared"),
        default="all",
        help="classes that the model may predict; shared: those that the data have, too (default: all)",
    )
    add(
        "--baseline",
        choices=("neutral",),
        help="predict also given each subject's first neutral face, which is not scored",
    )
    add(
        "--by",
        action="append",
        default=[],
        metavar="COLUMN",
        help="accuracy by group, such as gender: a further column of the csv (repeatable)",
    )
    add("--json", type=Output(), metavar="FILE", help="write all scores to this file")
    add("--predictions", type=Output(), metavar="FILE.csv", help="write one row per face or image to this file")
    add("--report", type=Output(), metavar="FILE.html", help="write a report with figures to this file")
    add("--jobs", type=int, metavar="N", help="number of processes (default: one per core)")
    add("--predictor", type=PREDICTOR, metavar="FILE", help="68-point shape predictor (default: the installed one)")
    return parser


def _run(parser, options, arguments):
    check_paths(parser, options)

    from joblib import effective_n_jobs

    from landmark_fer.artifact.artifact import load_artifact
    from landmark_fer.datasets import load_dataset
    from landmark_fer.evaluation.assessment import assess
    from landmark_fer.evaluation.rejection import manifest_threshold
    from landmark_fer.perception.extraction import ExtractorSettings

    artifact = load_artifact(options.model, threads=effective_n_jobs(options.jobs or -1))
    load = partial(
        load_dataset,
        keep_rare=True,
        settings=ExtractorSettings.from_dict(artifact.manifest["extractor"]),
        predictor=options.predictor,
        jobs=options.jobs,
    )
    dataset = load(
        options.data,
        labels=options.labels,
        dataset=options.dataset,
        images=options.images,
        poses=options.poses,
    )
    scores, predictions = assess(
        artifact.predictor,
        dataset,
        artifact.classes,
        split=options.split,
        against=load(options.against) if options.against else None,
        scored_classes=options.classes,
        threshold=manifest_threshold(artifact.manifest),
        with_baseline=options.baseline is not None,
        by=options.by,
    )
    _print_scores(dataset, scores, options.split)
    _write(options, dataset, scores, predictions)
    _write_report(options, arguments, artifact, dataset, scores, predictions)
    return 0


def _print_scores(dataset, scores, split):
    from landmark_fer.artifact.card import percent, rejection_line, summary_line
    from landmark_fer.evaluation.tables import align_columns, format_confusion, format_groups

    print(summary_line(split or dataset.source, scores))
    if scores["n_leak_free"] == 0:
        print(
            f"0 faces without a near-duplicate in training: each of the {scores['n']:,} has one there or shows a "
            "person who is also in training, so there is no leak-free accuracy"
        )
    if scores["rejection"] is not None:
        print(rejection_line(scores["rejection"]))
    _print_classes(scores)
    _print_baseline(scores)
    for remark in dataset.remarks:
        print(remark)
    for sentence in dataset.left_out_sentences():
        print(sentence, file=sys.stderr)
    rows = [["expression", "faces", "precision", "recall", "F1"]]
    for name, each in scores["per_class"].items():
        rows.append([name, f"{each['n']:,}", *(percent(each[key]) for key in ("precision", "recall", "f1"))])
    if "per_class_with_baseline" in scores:
        rows[0].append("recall with baseline")
        for row in rows[1:]:
            row.append(percent(scores["per_class_with_baseline"][row[0]]["recall"]))
    print(f"\n{align_columns(rows)}\n\nconfusion matrix, in per cent of each label:")
    print(format_confusion(scores["confusion"], scores["classes"]))
    for column, groups in scores.get("by", {}).items():
        print(f"\naccuracy by {column}, in per cent (95 % interval):\n{format_groups(groups)}")
    undetected = sum(scores["undetected"].values())
    print(f"\nthe detector missed {undetected:,} faces; {scores['ms_per_face']:.2f} ms per face on one thread")


def _print_classes(scores):
    """Print which expressions only the model or only the data have, and how the interval was drawn."""
    from landmark_fer.artifact.card import percent

    if scores["left_out"]:
        counts = ", ".join(f"{count:,} of {name}" for name, count in scores["left_out_by_expression"].items())
        print(f"{scores['left_out']:,} faces of other expressions than the model's were left out: {counts}")
    if scores["classes_without_faces"]:
        shared = scores["scored_classes"] == "shared"
        rule = (
            "the model may not predict them" if shared else "predicting them is wrong (--classes shared excludes them)"
        )
        print(
            f"the data have no faces of {', '.join(scores['classes_without_faces'])}: {rule}; accuracy "
            f"{percent(scores['accuracy_all'])} with all classes of the model, {percent(scores['accuracy_shared'])} "
            "with the shared classes"
        )
    if scores["interval_by"] == "subjects":
        print(f"the interval resamples people: {scores['n_subjects']:,} subjects")
    if scores["interval_by"] == "takes":
        print("the interval resamples takes; if all are of one person, it does not hold for others")


def _print_baseline(scores):
    """Print the accuracy with baselines, and which faces it leaves out."""
    from landmark_fer.artifact.card import percent

    if "n_with_baseline" not in scores:
        return
    low, high = (percent(end) for end in scores["accuracy_interval_with_baseline"])
    print(
        f"given each person's neutral face: accuracy {percent(scores['accuracy_with_baseline'])} ({low} to {high}), "
        f"log loss {scores['log_loss_with_baseline']:.3f}, calibration error {scores['ece_with_baseline']:.3f}, on the "
        f"same faces; {scores['n_baselines']:,} neutral faces serve as baselines and are not scored"
    )
    if n_others := scores["left_out_without_baseline"]:
        print(f"{n_others:,} faces of people without a neutral face and another, or unknown, are not scored")


def _write(options, dataset, scores, predictions):
    import json

    from landmark_fer.core.errors import SinkError
    from landmark_fer.core.files import atomic_file, atomic_write_text
    from landmark_fer.core.naming import show
    from landmark_fer.evaluation.image_rows import add_images

    path = None
    try:
        if path := options.json:
            atomic_write_text(Path(path), json.dumps(scores, indent=1) + "\n")
        if path := options.predictions:
            rows = add_images(predictions, dataset, options.data, split=options.split)
            with atomic_file(Path(path)) as new:
                rows.to_csv(new, index=False, float_format="%.6g", errors="backslashreplace")
    except OSError as error:
        raise SinkError(
            f"{show(path)} could not be written ({error.strerror or error}); choose another path"
        ) from error


def _write_report(options, arguments, artifact, dataset, scores, predictions):
    if options.report is None:
        return
    import shlex

    from landmark_fer.reports.evaluation_report import write_scores_report

    write_scores_report(
        options.report,
        artifact.manifest,
        scores,
        predictions,
        source=dataset.source,
        split=options.split,
        command=shlex.join(["python", "-m", "landmark_fer.evaluate", *arguments]),
    )
    print(f"wrote {options.report}")


if __name__ == "__main__":
    sys.exit(main())
