"""Options of ``python -m landmark_fer.fit``."""

import argparse
from pathlib import Path

from landmark_fer.artifact.manifest import ARTIFACT, artifact_files
from landmark_fer.core.command_parser import CommandParser
from landmark_fer.core.paths import Input, Output
from landmark_fer.datasets.inputs import DATA_OR_TABLE, add_layout_options
from landmark_fer.perception.predictor_file import PREDICTOR

DEFAULT_OUT = "artifacts/latest"
MODELS = "dummy,knn,svm,mlp,embedding_knn,ls_svm,dropout_mlp"

RECIPE_OPTIONS = ("epochs", "targets", "learning_rate")
"""Options that change the training recipe of a network."""

OPTIONS_OF = {"weights": "vgg16_transfer", "filters": "single_conv"}
"""Options of a single network architecture, and its name."""


MEMBER_FOLDERS = ("classical", "network")
"""Ends of the names of the folders next to --out in which --ensemble saves the members."""


class Artifacts(Input):
    """The type of an option that names several saved models, separated by commas."""

    def __call__(self, text):
        """Return the texts between the commas."""
        return [word.strip() for word in text.split(",")]


def fit_parser():
    """Return the parser of the command."""
    parser = CommandParser(
        "python -m landmark_fer.fit", description="Compare models on a data set and save the best one."
    )
    _add_data(parser.add_argument_group("data"))
    _add_models(parser.add_argument_group("models"))
    _add_comparison(parser.add_argument_group("comparison"))
    _add_networks(parser.add_argument_group("networks"))
    _add_output(parser.add_argument_group("output"))
    return parser


def _add_data(group):
    add = group.add_argument
    add(
        "--data",
        action="append",
        type=DATA_OR_TABLE,
        metavar="PATH",
        help="csv, zip, folder per class, or faces from collect; repeat it to join data sets (default: the bundled "
        "table)",
    )
    add("--data-weights", metavar="N,...", help="weight of the faces of each --data in a fit, such as 1,5")
    add_layout_options(group)
    add("--expressions", metavar="NAMES", help="comma-separated subset, such as angry,happy,sad,surprise,neutral")
    add("--votes", choices=("auto", "none"), default="auto", help="none: ignore FER+ votes next to the csv")
    add("--predictor", type=PREDICTOR, metavar="FILE", help="68-point shape predictor (default: the installed one)")


def _add_models(group):
    add = group.add_argument
    add(
        "--models",
        default=MODELS,
        metavar="NAMES",
        help=f"comma-separated (default: {MODELS}); also stacking, rules, lbp, ...; or networks: "
        "aligned_cnn, elu_vgg, mini_xception, ... (needs requirements-cnn.txt)",
    )
    add("--ensemble", action="store_true", help="combine the best classical model and the best network of --models")
    add(
        "--members",
        type=Artifacts(files=artifact_files, holds=lambda path, file: False),
        metavar="DIR,DIR",
        help="combine a classical model and a network that are already saved, instead of fitting --models",
    )
    add(
        "--features",
        choices=("geometry", "hog", "both"),
        help="features of the models (default: both, or geometry for data without images)",
    )
    add("--choose", metavar="NAME", help="the model to save (default: the best out of fold)")
    add(
        "--search",
        action="store_true",
        help="search hyperparameters first (needs requirements-search.txt); a stopped search resumes",
    )
    add("--minutes", type=float, metavar="N", help="time limit of --search: no fit starts later (default: none)")


def _add_comparison(group):
    add = group.add_argument
    add("--folds", type=int, default=5, metavar="N", help="folds of the cross-validation (default: 5)")
    add(
        "--folds-by",
        choices=("subjects", "faces"),
        default="subjects",
        help="subjects: known people stay in one fold (default); faces: people may be in training and test folds",
    )
    add(
        "--fold-sample",
        type=int,
        metavar="N",
        help="fit on at most N faces within a fold; the final fit uses all",
    )
    add(
        "--label-errors",
        type=Output(),
        metavar="FILE",
        help="write the training faces with suspected label errors to this csv",
    )
    add("--drop-label-errors", action="store_true", help="leave these faces out of the final fit")
    add("--seed", type=_seed, default=0, metavar="N", help="seed of folds, samples and networks (default: 0)")
    add("--jobs", type=int, metavar="N", help="number of processes (default: one per core)")
    add("--cluster", metavar="ADDRESS", help="tcp://HOST:PORT of a Dask scheduler, or local (docs/own_model.md)")


def _add_networks(group):
    add = group.add_argument
    add("--epochs", type=int, metavar="N", help="maximum number of epochs (default: set by the network's recipe)")
    add("--learning-rate", type=float, metavar="R", help="highest learning rate (default: set by the recipe)")
    add("--targets", choices=("labels", "soft", "drawn"), help="the labels, shares of FER+ votes, or drawn votes")
    add("--start", type=ARTIFACT, metavar="DIR", help="fine-tune the network in this artifact")
    add(
        "--weights",
        type=Input(),
        metavar="FILE",
        help="initial weights of vgg16_transfer, if ImageNet's cannot be downloaded",
    )
    add("--filters", type=int, metavar="N", help="number of filters of single_conv")


def _add_output(group):
    add = group.add_argument
    add(
        "--out",
        default=DEFAULT_OUT,
        type=Output("folder", additional=_other_folders),
        metavar="DIR",
        help=f"folder for the model, its manifest and its card (default: {DEFAULT_OUT})",
    )
    add("--format", choices=("joblib", "skops"), default="joblib", help="model file format; skops is safe to share")
    add("--export", choices=("onnx",), help="also write DIR-onnx, which onnxruntime runs in any language")
    add(
        "--report",
        choices=("full", "quick", "none"),
        default="full",
        help="report.html in the folder; quick: without learning curve and importance of regions (default: full)",
    )


def _other_folders(text, options):
    """Return the folders that --export and --ensemble write next to --out."""
    if not (options.export or options.ensemble):
        return []
    from landmark_fer.artifact.artifact import export_path

    folders = [export_path(text)] if options.export else []
    return [("folder", folder) for folder in [*folders, *(member_folders(text) if options.ensemble else ())]]


def member_folders(out):
    """Return the folders in which --ensemble saves the classical model and the network."""
    path = Path(out).absolute() if not Path(out).name else Path(out)
    return [path.with_name(f"{path.name}-{end}") for end in MEMBER_FOLDERS]


def _seed(text):
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {2**32 - 1}, got {text!r}")
    return int(text)
