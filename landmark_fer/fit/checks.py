"""What ``fit`` can know to be wrong before the data are read, instead of after an hour of work."""

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.search import check_minutes
from landmark_fer.evaluation.search_study import import_optuna
from landmark_fer.evaluation.splits import has_chips
from landmark_fer.fit.options import OPTIONS_OF, RECIPE_OPTIONS
from landmark_fer.models.calibration import ENSEMBLE
from landmark_fer.models.candidates import ensemble_members, make_candidates
from landmark_fer.models.networks import NETWORKS

FEWEST_FOLD_SAMPLE = 100
_OF_CLASSICAL = ("search", "minutes", "label_errors", "drop_label_errors", "fold_sample", "features", "export")
_OF_NETWORKS = (*RECIPE_OPTIONS, *OPTIONS_OF, "start")


def check_models(options, names):
    """Return whether the models asked for are networks; raise if they cannot be fitted as asked.

    Parameters
    ----------
    options : argparse.Namespace
        Of the command ``fit``.
    names : sequence of str
        Its ``--models``, taken apart.

    Raises
    ------
    InputError
        If a name is unknown, networks and other models are mixed, or an option does not go with the others.
    DependencyError
        If a network is asked for and Keras is not installed, or a search and Optuna is not.
    """
    networks = [name for name in names if name in NETWORKS]
    if options.choose and options.choose not in names:
        raise InputError(f"--choose must be one of --models ({', '.join(names)}), got {options.choose}")
    if not networks:
        _check_classical(options, [name for name in names if name != ENSEMBLE], ENSEMBLE in names)
        return False
    if len(networks) < len(names):
        others = ", ".join(name for name in names if name not in networks)
        raise InputError(
            f"--models must be networks ({', '.join(NETWORKS)}) or other models, got {', '.join(networks)} with "
            f"{others}; fit them one after the other, then: python -m benchmarks.baselines"
        )
    _check_networks(options, networks)
    return True


def check_fields(candidates, dataset, features):
    """Raise InputError if a candidate needs images and the data have none."""
    needy = [name for name, candidate in candidates.items() if "chip" in candidate.fields and name != "dummy"]
    if needy and not has_chips(dataset):
        raise InputError(
            f"{', '.join(needy)} needs images with --features {features}, and {dataset.source} has landmarks only; "
            "give --data with images or use --features geometry"
        )


def _check_classical(options, names, ensemble):
    candidates = make_candidates(names)
    if options.minutes is not None:
        if not options.search:
            raise InputError(f"--minutes limits --search, got --minutes {options.minutes:g} alone; add --search")
        check_minutes(options.minutes)
    if options.search:
        import_optuna()
    if ensemble and options.choose == ENSEMBLE and len(ensemble_members(candidates)) < 2:
        raise InputError(
            f"--choose {ENSEMBLE} needs two --models to blend, got {', '.join(names)}; add knn, svm or mlp"
        )
    if options.export:
        _check_export(options, candidates)
    if options.fold_sample is not None and options.fold_sample < FEWEST_FOLD_SAMPLE:
        raise InputError(f"--fold-sample must be {FEWEST_FOLD_SAMPLE} or more, got {options.fold_sample}")
    given = [option for option in _OF_NETWORKS if getattr(options, option) is not None]
    if given:
        raise InputError(f"--{given[0].replace('_', '-')} is of networks, got {', '.join(names)}; leave it out")


def _check_export(options, candidates):
    """Raise InputError if every model that can be chosen lacks an ONNX form."""
    from landmark_fer.artifact.export.onnx_model import has_onnx_form

    if options.choose == ENSEMBLE:
        names = ensemble_members(candidates)
    else:
        names = [options.choose] if options.choose else list(candidates)
    without = [name for name in names if not has_onnx_form(candidates[name].pipeline)]
    if without == names or (without and options.choose == ENSEMBLE):
        others = [name for name, each in make_candidates().items() if has_onnx_form(each.pipeline)]
        raise InputError(
            f"--export onnx needs a model with an ONNX form, got {', '.join(without)}; choose among "
            f"{', '.join(others)}, or leave --export out"
        )


def _check_networks(options, networks):
    given = [name for name in _OF_CLASSICAL if getattr(options, name)]
    if given or options.format != "joblib":
        option = "--" + (given[0] if given else "format").replace("_", "-")
        raise InputError(f"{option} is of the other models, and {', '.join(networks)} must do without; leave it out")
    from landmark_fer.fit.network_training import extractor_settings, read_initial_weights, recipe_changes
    from landmark_fer.models.networks.training import import_keras

    extractor_settings(networks)
    recipe_changes(options)
    _check_builders(options, networks)
    import_keras()
    if options.start:
        if len(networks) > 1:
            raise InputError(f"--start is of one network, got {', '.join(networks)}; name one of --models")
        read_initial_weights(options.start, networks[0])


def _check_builders(options, networks):
    for option, owner in OPTIONS_OF.items():
        if getattr(options, option) is not None and networks != [owner]:
            raise InputError(f"--{option} is of {owner} alone, got {', '.join(networks)}; leave it out")
