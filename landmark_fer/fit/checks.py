"""Checks of the options of ``fit`` before the data are read."""

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.search import check_minutes
from landmark_fer.evaluation.search_study import import_optuna
from landmark_fer.evaluation.splits import has_chips
from landmark_fer.fit.options import OPTIONS_OF, RECIPE_OPTIONS, fit_parser
from landmark_fer.models.calibration import STACKING
from landmark_fer.models.candidates import make_candidates, stacking_members
from landmark_fer.models.networks import NETWORKS

FEWEST_FOLD_SAMPLE = 100
_OF_CLASSICAL_FITS = ("search", "minutes", "label_errors", "drop_label_errors", "fold_sample", "features")
_OF_CLASSICAL = (*_OF_CLASSICAL_FITS, "export", "format")
_OF_NETWORKS = (*RECIPE_OPTIONS, *OPTIONS_OF, "start")


def check_models(options, names):
    """Check that models and options of ``fit`` go together; return the names of classical models and of networks.

    Parameters
    ----------
    options : argparse.Namespace
        Options of ``fit``.
    names : sequence of str
        Names in ``--models``.

    Returns
    -------
    classical, networks : list of str
        One is empty, except with ``--ensemble``.

    Raises
    ------
    InputError
        If a name is unknown, networks and other models are mixed without ``--ensemble``, or an option does not apply
        to the models.
    DependencyError
        If Keras is needed for a network, or Optuna for a search, and is not installed.
    """
    networks = [name for name in names if name in NETWORKS]
    classical = [name for name in names if name not in NETWORKS]
    if options.choose and options.choose not in names:
        raise InputError(f"--choose must be one of --models ({', '.join(names)}), got {options.choose}")
    if options.ensemble:
        _check_ensemble(options, classical, networks)
    elif networks and classical:
        raise InputError(
            f"--models must be all networks ({', '.join(NETWORKS)}) or all other models, got "
            f"{', '.join(networks)} with {', '.join(classical)}; combine them with --ensemble, or fit them separately"
        )
    else:
        _check_unused(options, _OF_CLASSICAL if networks else _OF_NETWORKS, names)
    if classical or not networks:
        _check_classical(options, [name for name in classical if name != STACKING], STACKING in classical)
    if networks:
        _check_networks(options, networks)
    return classical, networks


def check_members(options):
    """Raise InputError for options of ``fit`` that do not apply to ``--members``."""
    unused = ("models", "choose", "ensemble", "folds", "seed", *_OF_CLASSICAL_FITS, *_OF_NETWORKS)
    others = [_option(name) for name in unused if getattr(options, name) != fit_parser().get_default(name)]
    if others:
        raise InputError(f"{others[0]} is not for --members, whose models are fitted already; leave one of them out")


def check_fields(candidates, dataset, features):
    """Raise InputError if a candidate needs images and the data have none."""
    names = [name for name, candidate in candidates.items() if "chip" in candidate.fields and name != "dummy"]
    if names and not has_chips(dataset):
        raise InputError(
            f"{', '.join(names)} needs images with --features {features}, and {dataset.source} has landmarks only; "
            "give --data with images or use --features geometry"
        )


def _check_ensemble(options, classical, networks):
    if not (networks and [name for name in classical if name != "dummy"]):
        got = ", ".join([*classical, *networks])
        raise InputError(f"--ensemble needs a classical model and a network in --models, got {got}; name one of each")
    if options.choose:
        raise InputError(f"--ensemble takes the best model of each kind, got --choose {options.choose}; leave one out")


def _check_unused(options, unused, names):
    """Raise InputError for an option of another kind of models."""
    for name in unused:
        value = getattr(options, name)
        if value is not None and value is not False and value != "joblib":
            purpose = "is for" if unused is _OF_NETWORKS else "is not for"
            raise InputError(f"{_option(name)} {purpose} networks, got {', '.join(names)}; leave it out")


def _check_classical(options, names, stacking):
    candidates = make_candidates(names)
    if options.minutes is not None:
        if not options.search:
            raise InputError(f"--minutes limits --search, got --minutes {options.minutes:g} alone; add --search")
        check_minutes(options.minutes)
    if options.search:
        import_optuna()
    if stacking and options.choose == STACKING and len(stacking_members(candidates)) < 2:
        raise InputError(f"--choose {STACKING} needs two other --models, got {', '.join(names)}; add knn, svm or mlp")
    if options.export:
        _check_export(options, candidates)
    if options.fold_sample is not None and options.fold_sample < FEWEST_FOLD_SAMPLE:
        raise InputError(f"--fold-sample must be {FEWEST_FOLD_SAMPLE} or more, got {options.fold_sample}")


def _check_export(options, candidates):
    """Raise InputError if every model that can be chosen lacks an ONNX form."""
    from landmark_fer.artifact.export.onnx_model import has_onnx_form

    if options.choose == STACKING:
        names = stacking_members(candidates)
    else:
        names = [options.choose] if options.choose else list(candidates)
    without = [name for name in names if not has_onnx_form(candidates[name].pipeline)]
    if without == names or (without and options.choose == STACKING):
        others = [name for name, each in make_candidates().items() if has_onnx_form(each.pipeline)]
        raise InputError(
            f"--export onnx needs a model with an ONNX form, got {', '.join(without)}; choose among "
            f"{', '.join(others)}, or leave --export out"
        )


def _check_networks(options, networks):
    from landmark_fer.fit.network_training import extractor_settings, read_initial_weights, recipe_changes
    from landmark_fer.models.networks.training import import_keras

    extractor_settings(networks)
    recipe_changes(options)
    _check_architecture_options(options, networks)
    import_keras()
    if options.start:
        if len(networks) > 1:
            raise InputError(f"--start needs a single network, got {', '.join(networks)}; name one in --models")
        read_initial_weights(options.start, networks[0])


def _check_architecture_options(options, networks):
    for option, owner in OPTIONS_OF.items():
        if getattr(options, option) is not None and networks != [owner]:
            raise InputError(f"--{option} is for {owner} only, got {', '.join(networks)}; leave it out")


def _option(name):
    return f"--{name.replace('_', '-')}"
