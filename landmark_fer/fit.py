"""``python -m landmark_fer.fit``: compare models on a data set, choose, refit, test, save."""

import argparse
import shlex
import sys
import time

from landmark_fer.errors import LandmarkFerError

DEFAULT_OUT = "artifacts/latest"
MODELS = "dummy,knn,svm,mlp"
FOLD_SAMPLE = 8000  # of the SVM, on the geometry table: its five folds then take seconds


def main(argv=None):
    """Run the command and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    try:
        return _run(options, arguments)
    except LandmarkFerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; no artifact was changed, and measured faces are kept in the cache", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser("python -m landmark_fer.fit", description="Compare models, keep the best.")
    add = parser.add_argument
    add("--data", metavar="PATH", help="csv, zip, or folder per class; without it the bundled geometry table")
    add("--features", choices=("geometry", "hog", "both"), help="both; geometry where there are no pictures")
    add("--models", default=MODELS, metavar="NAMES", help=f"comma-separated (default {MODELS}); svc: hinge-loss SVM")
    add("--folds", type=int, default=5, metavar="N", help="of cross-validation (default 5)")
    add("--expressions", metavar="NAMES", help="comma-separated subset, such as angry,happy,sad,surprise,neutral")
    add("--labels", choices=("fer2013", "ferplus"), default="auto", help="ferplus: votes of fer2013new.csv beside it")
    add("--pictures", choices=("auto", "crops", "scenes"), default="auto", help="one cropped face each, or scenes")
    add("--search", action="store_true", help="try every value of the models' grids")
    add("--seed", type=_seed, default=0, metavar="N", help="of folds, samples and networks (default 0)")
    add("--jobs", type=int, metavar="N", help="processes (default: one for each core)")
    add("--out", default=DEFAULT_OUT, metavar="DIR", help=f"of the artifact (default {DEFAULT_OUT})")
    add("--predictor", metavar="FILE", help="68-point shape predictor to use instead of the installed one")
    return parser


def _run(options, arguments):
    import joblib

    from landmark_fer.datasets import load_dataset
    from landmark_fer.evaluation.splits import has_chips
    from landmark_fer.models.candidates import make_candidates
    from landmark_fer.recognition.artifact import check_destination, save_artifact
    from landmark_fer.recognition.training import compare, fit_chosen

    start = time.perf_counter()
    check_destination(options.out)
    names = _words(options.models) or []
    make_candidates(names)  # a misspelt name is said before an hour of work
    jobs = options.jobs or joblib.cpu_count()
    dataset = load_dataset(
        options.data,
        labels=options.labels,
        expressions=_words(options.expressions),
        pictures=options.pictures,
        predictor=options.predictor,
        jobs=jobs,
    )
    features = options.features or ("both" if has_chips(dataset) else "geometry")
    _check_features(features, dataset)
    _print_data(dataset)

    sample = None if has_chips(dataset) else FOLD_SAMPLE
    candidates = make_candidates(names, features=features, fold_sample=sample, random_state=options.seed)
    comparison = compare(
        dataset, candidates, n_folds=options.folds, search=options.search, jobs=jobs, random_state=options.seed
    )
    _print_comparison(comparison)
    print(f"fitting {comparison.chosen} on all {len(comparison.split.training):,} training faces ...", flush=True)
    model = fit_chosen(dataset, comparison, features=features)
    _print_scores(model.facts)
    command = shlex.join(["python", "-m", "landmark_fer.fit", *arguments])
    facts = model.facts | {"seed": options.seed, "command": command, "fit_s": time.perf_counter() - start}
    artifact = save_artifact(options.out, model.predictor, facts)
    size = artifact.manifest["model"]["bytes"] / 1e6
    print(f"\nsaved {options.out} ({size:.1f} MB) after {time.perf_counter() - start:.0f} s; its card.md says more")
    print(f"try it: python -m landmark_fer.live --model {shlex.quote(str(options.out))} --source demo")
    return 0


def _seed(text):
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {2**32 - 1}, got {text!r}")
    return int(text)


def _words(text):
    return [word.strip() for word in text.split(",") if word.strip()] if text else None


def _check_features(features, dataset):
    from landmark_fer.errors import InputError
    from landmark_fer.evaluation.splits import has_chips

    if features != "geometry" and not has_chips(dataset):
        raise InputError(
            f"--features {features} needs pictures, and {dataset.source} holds landmarks alone; "
            "give --data with pictures or use --features geometry"
        )


def _print_data(dataset):
    print(f"{dataset.source}: {len(dataset):,} faces")
    for name, counts in dataset.undetected_by_class().items():
        total = int((dataset.expressions == name).sum())
        print(f"  {name:9} {total:6,}  of which {counts:,} were seen by no detector")
    for problem in dataset.problems[:10]:
        print(f"  left out: {problem}", file=sys.stderr)
    if len(dataset.problems) > 10:
        print(f"  left out: {len(dataset.problems) - 10:,} more for reasons like these", file=sys.stderr)


def _print_comparison(comparison):
    from landmark_fer.evaluation.comparison import format_table

    print(f"\n{comparison.folds}\n\n{format_table(comparison.rows)}\n\n{comparison.reason}\n")


def _print_scores(facts):
    from landmark_fer.evaluation.comparison import format_confusion
    from landmark_fer.recognition.card import summary_line

    best = next(row for row in facts["comparison"] if row["name"] == facts["model_name"])
    print(f"out-of-fold confusion of {best['name']}, in per cent of the label:")
    print(format_confusion(best["confusion"], facts["classes"]))
    for name, scores in facts["scores"].items():
        print(f"\n{summary_line(name, scores)}")


if __name__ == "__main__":
    sys.exit(main())
