"""``python -m landmark_fer.fit``: compare models on a data set, choose one, refit, test and save it."""

import shlex
import shutil
import sys
import time

from landmark_fer.core.command import run_command
from landmark_fer.core.errors import InputError, plain_reason
from landmark_fer.core.paths import check_paths
from landmark_fer.fit.options import fit_parser

FOLD_SAMPLE = 8000  # of the geometry table, so that a fold takes seconds


def main(argv=None):
    """Run the command and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = fit_parser()
    options = parser.parse_args(arguments)
    stopped = "stopped; no artifact was changed, and extracted faces stay in the cache"
    return run_command(lambda: _run(parser, options, arguments), stopped=stopped)


def _run(parser, options, arguments):
    check_paths(parser, options)
    from landmark_fer.fit.cluster import computing_on

    with computing_on(options.cluster, options.jobs) as jobs:
        return _fit(options, arguments, jobs)


def _fit(options, arguments, jobs):
    from landmark_fer.artifact.artifact import check_destination, export_path
    from landmark_fer.artifact.model_files import check_model_format
    from landmark_fer.fit.options import member_folders

    start = time.perf_counter()
    check_model_format(options.format)
    if options.export:
        check_model_format(options.export)
    exported = [export_path(options.out)] if options.export else []
    for folder in [options.out, *exported, *(member_folders(options.out) if options.ensemble else ())]:
        check_destination(folder)
    command = shlex.join(["python", "-m", "landmark_fer.fit", *arguments])
    common = {"seed": options.seed, "command": command}
    artifact = (_combine_saved if options.members else _fit_models)(options, common, jobs)
    size = artifact.manifest["model"]["bytes"] / 1e6
    print(f"\nsaved {options.out} ({size:.1f} MB) after {time.perf_counter() - start:.0f} s; see its card.md")
    _write_report(options)
    status = _export(artifact) if options.export else 0
    print(f"try it: python -m landmark_fer.live --model {shlex.quote(str(options.out))} --source demo")
    return status


def _fit_models(options, common, jobs):
    """Fit the models of --models and return the saved one, or the ensemble of the saved ones."""
    from landmark_fer.evaluation.subjects import dataset_for_folds
    from landmark_fer.fit.checks import check_models
    from landmark_fer.fit.data import comma_separated, load_fit_data
    from landmark_fer.fit.options import member_folders
    from landmark_fer.models.calibration import FORMER_NAMES

    names = [FORMER_NAMES.get(name, name) for name in comma_separated(options.models) or []]
    options.choose = FORMER_NAMES.get(options.choose, options.choose)
    classical, networks = check_models(options, names)
    settings = _network_settings(networks) if networks else None
    dataset = load_fit_data(options, settings=settings, predictor=options.predictor, jobs=jobs)
    _print_data(dataset)
    dataset, warning = dataset_for_folds(dataset, options.folds_by)
    folders = member_folders(options.out) if options.ensemble else [options.out, options.out]
    start = time.perf_counter()
    for fit, group, folder in ((_compare, classical, folders[0]), (_train, networks, folders[1])):
        if group:
            fitted = fit(dataset, group, options, jobs)
            kind = "network" if group is networks else options.format
            artifact = _save(folder, fitted, common, kind, warning, start)
    if not options.ensemble:
        return artifact
    from landmark_fer.fit.ensemble import load_members  # loads the modules of networks

    return _combine(dataset, load_members(folders), options, common, warning)


def _combine_saved(options, common, jobs):
    """Return the saved ensemble of the artifacts of --members."""
    from landmark_fer.evaluation.subjects import dataset_for_folds
    from landmark_fer.fit.checks import check_members
    from landmark_fer.fit.data import load_fit_data
    from landmark_fer.fit.ensemble import load_members, merged_settings

    check_members(options)
    members = load_members(options.members)
    dataset = load_fit_data(options, settings=merged_settings(members), predictor=options.predictor, jobs=jobs)
    _print_data(dataset)
    dataset, warning = dataset_for_folds(dataset, options.folds_by)
    return _combine(dataset, members, options, common, warning)


def _combine(dataset, members, options, common, warning):
    """Fit the ensemble of two artifacts and return it saved."""
    from landmark_fer.fit.ensemble import fit_ensemble
    from landmark_fer.reports.measures import network_report_facts

    names = " and ".join(artifact.manifest["model_name"] for artifact in members)
    print(f"fitting the ensemble of {names}, for which {names.split()[0]} is fitted once more ...", flush=True)
    start = time.perf_counter()
    form = options.format if options.format != "joblib" else None
    fitted = fit_ensemble(dataset, members, out=options.out, model_format=form)
    _print_comparison(fitted)
    _announce_report(options)
    facts = network_report_facts(dataset, fitted, level=options.report, random_state=fitted.facts["seed"])
    return _save(options.out, (fitted.predictor, fitted.facts | facts, {}, ()), common, "ensemble", warning, start)


def _save(folder, fitted, common, kind, warning, start):
    """Save a fitted model with its scores printed, remove the checkpoints of its training, and return the artifact."""
    from landmark_fer.artifact.artifact import save_artifact

    predictor, facts, extras, checkpoints = fitted
    _print_scores(facts)
    if warning:
        facts["folds"] = f"{facts['folds']} {warning}"
    facts = common | facts | {"fit_s": time.perf_counter() - start}
    artifact = save_artifact(folder, predictor, facts, format=kind, extras=extras)
    for checkpoint in checkpoints:  # a stopped training resumes until its network is saved
        shutil.rmtree(checkpoint, ignore_errors=True)
    return artifact


def _export(artifact):
    """Write the ONNX form of a saved model, or report why it has none, and return the exit status."""
    from landmark_fer.artifact.artifact import export_onnx

    try:
        exported = export_onnx(artifact)
    except InputError as error:
        print(f"error: {artifact.path} is saved, but not exported: {error}", file=sys.stderr)
        return 2
    size = exported.manifest["model"]["bytes"] / 1e6
    print(f"exported {exported.path} ({size:.1f} MB), for onnxruntime in any language")
    return 0


def _network_settings(names):
    """Return the extractor settings for networks, whose modules only networks load."""
    from landmark_fer.fit.network_training import extractor_settings

    return extractor_settings(names)


def _compare(dataset, names, options, jobs):
    """Compare classical models; return the chosen one, its facts, and no files or checkpoints."""
    from landmark_fer.evaluation.splits import has_chips
    from landmark_fer.fit.checks import check_fields
    from landmark_fer.fit.training import compare, fit_chosen
    from landmark_fer.models.calibration import STACKING
    from landmark_fer.models.candidates import make_candidates
    from landmark_fer.reports.measures import report_facts

    features = options.features or ("both" if has_chips(dataset) else "geometry")
    sample = options.fold_sample or (None if has_chips(dataset) else FOLD_SAMPLE)
    single = [name for name in names if name != STACKING]
    candidates = make_candidates(single, features=features, fold_sample=sample, random_state=options.seed)
    check_fields(candidates, dataset, features)
    comparison = compare(
        dataset,
        candidates,
        stacking=STACKING in names,
        choice=options.choose,
        n_folds=options.folds,
        search=options.search,
        minutes=options.minutes,
        jobs=jobs,
        random_state=options.seed,
    )
    _print_comparison(comparison)
    dropped = _review_labels(dataset, comparison, options)
    n_fitted = len(comparison.split.training) - len(dropped)
    print(f"fitting {comparison.chosen} on {n_fitted:,} training faces ...", flush=True)
    model = fit_chosen(dataset, comparison, features=features, without=dropped)
    _announce_report(options)
    facts = report_facts(dataset, comparison, model, level=options.report, random_state=options.seed)
    return model.predictor, model.facts | facts, {}, ()


def _train(dataset, names, options, jobs):
    """Train networks; return the chosen one, its facts, the files of its training, and the checkpoint folders."""
    from landmark_fer.fit.network_training import read_initial_weights, recipe_changes, train_networks
    from landmark_fer.models.networks.architectures import check_memory
    from landmark_fer.reports.measures import network_report_facts

    recipe, architecture_options = recipe_changes(options)
    start = read_initial_weights(options.start, names[0]) if options.start else None
    for name in names:
        print(check_memory(name, len(dataset.classes), recipe=recipe, **architecture_options), flush=True)
    trained = train_networks(
        dataset,
        names,
        recipe=recipe,
        options=architecture_options,
        start=start,
        choice=options.choose,
        random_state=options.seed,
    )
    _print_comparison(trained)
    _announce_report(options)
    facts = network_report_facts(dataset, trained, level=options.report, random_state=options.seed)
    return trained.predictor, trained.facts | facts, trained.extras, trained.folders


def _announce_report(options):
    if options.report == "full":
        print("measuring the learning curve and the importance of face regions for the report ...", flush=True)


def _write_report(options):
    """Write the report into the folder of the saved model; an error here does not lose the model."""
    if options.report == "none":
        return
    from landmark_fer.reports.model_report import report_artifact

    try:
        print(f"wrote {report_artifact(options.out)}")
    except (Exception, KeyboardInterrupt) as error:  # also of drawing: the model is saved
        print(
            f"the report could not be written ({plain_reason(error)}); "
            f"try: python -m landmark_fer.report {options.out}",
            file=sys.stderr,
        )


def _review_labels(dataset, comparison, options):
    """Report suspected label errors; return the positions of the faces to leave out of the final fit."""
    if not (options.label_errors or options.drop_label_errors):
        return ()
    from landmark_fer.core.errors import SinkError
    from landmark_fer.datasets.readers.ferplus import votes_of
    from landmark_fer.fit.label_review import review_labels

    votes = votes_of(dataset, options.data[0]) if len(options.data or ()) == 1 else None
    review = review_labels(dataset, comparison, votes=votes)
    print(f"{review.text}\n")
    if options.label_errors:
        try:
            review.label_errors.to_csv(options.label_errors, index=False, errors="backslashreplace")
        except OSError as error:
            raise SinkError(
                f"{options.label_errors} cannot be written ({error.strerror}); name another file"
            ) from error
    return review.positions if options.drop_label_errors else ()


def _print_data(dataset):
    from landmark_fer.fit.data import data_lines

    print("\n".join(data_lines(dataset)))
    for sentence in dataset.left_out_sentences():
        print(f"  {sentence}", file=sys.stderr)


def _print_comparison(comparison):
    from landmark_fer.evaluation.tables import format_comparison, format_pairs, format_search

    if getattr(comparison, "search", None):
        print(f"\n{comparison.search.text}\n\n{format_search(comparison.search, most=5)}")
    print(f"\n{comparison.folds}\n\n{format_comparison(comparison.rows)}\n\n{comparison.reason}\n")
    if comparison.pairs:
        print(f"{format_pairs(comparison.pairs)}\n")


def _print_scores(facts):
    from landmark_fer.artifact.card import summary_line
    from landmark_fer.evaluation.tables import format_confusion

    best = next(row for row in facts["comparison"] if row["name"] == facts["model_name"])
    faces = "validation" if facts.get("ensemble") else "out-of-fold"
    print(f"{faces} confusion matrix of {best['name']}, in per cent of each label:")
    print(format_confusion(best["confusion"], facts["classes"]))
    for name, scores in facts["scores"].items():
        print(f"\n{summary_line(name, scores)}")


if __name__ == "__main__":
    sys.exit(main())
