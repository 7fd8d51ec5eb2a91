"""What ``python -m landmark_fer.fit`` can be told."""

import argparse

from landmark_fer.artifact.manifest import ARTIFACT
from landmark_fer.core.paths import Input, Output
from landmark_fer.datasets.inputs import DATA_OR_TABLE
from landmark_fer.perception.predictor_file import PREDICTOR

DEFAULT_OUT = "artifacts/latest"
MODELS = "dummy,knn,svm,mlp,embedding_knn,ls_svm,dropout_mlp"

RECIPE_OPTIONS = ("epochs", "targets", "learning_rate")
"""Options that change the recipe of a network."""

OPTIONS_OF = {"weights": "vgg16_transfer", "filters": "single_conv"}
"""Options of the builder of one network, with its name."""


def fit_parser():
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("python -m landmark_fer.fit", description="Compare models, keep the best.")
    add = parser.add_argument
    add(
        "--data",
        action="append",
        type=DATA_OR_TABLE,
        metavar="PATH",
        help="csv, zip, folder per class, or own faces of collect; several are joined (default: the bundled table)",
    )
    add("--data-weights", metavar="N,...", help="how many times faces of each --data count in a fit, such as 1,5")
    add("--features", choices=("geometry", "hog", "both"), help="both; geometry where there are no images")
    add(
        "--models",
        default=MODELS,
        metavar="NAMES",
        help=f"comma-separated (default {MODELS}); also ensemble, rules, lbp, ...; or networks: "
        "aligned_cnn, elu_vgg, mini_xception, ... (needs requirements-cnn.txt)",
    )
    add("--choose", metavar="NAME", help="of the model to save (default: the best out of fold)")
    add("--folds", type=int, default=5, metavar="N", help="of cross-validation (default 5)")
    add(
        "--folds-by",
        choices=("subjects", "faces"),
        default="subjects",
        help="faces: a person may be on both sides (default: subjects, where known)",
    )
    add("--expressions", metavar="NAMES", help="comma-separated subset, such as angry,happy,sad,surprise,neutral")
    add("--labels", choices=("fer2013", "ferplus"), default="auto", help="ferplus: votes of fer2013new.csv beside it")
    add("--dataset", metavar="NAME", default="auto", help="ck+, jaffe, ... (default: recognized); see data/README.md")
    add("--images", choices=("auto", "crops", "scenes"), default="auto", help="one cropped face each, or scenes")
    add("--poses", choices=("frontal", "half", "all"), default="frontal", help="of heads, where there are several")
    add("--votes", choices=("auto", "none"), default="auto", help="learn from FER+ votes beside the csv too, or not")
    add(
        "--fold-sample",
        type=int,
        metavar="N",
        help="faces to fit on within a fold; the last fit has all",
    )
    add(
        "--search",
        action="store_true",
        help="search better parameters first (requirements-search.txt); a stopped search resumes",
    )
    add("--minutes", type=float, metavar="N", help="limit of --search: no fit of it begins later (default: none)")
    add(
        "--label-errors",
        type=Output(),
        metavar="FILE",
        help="write the training faces whose labels deserve a second look to this csv",
    )
    add("--drop-label-errors", action="store_true", help="leave those faces out of the last fit")
    add("--epochs", type=int, metavar="N", help="of a network's training, at most (default: its recipe's)")
    add("--learning-rate", type=float, metavar="R", help="of a network, the highest (default: its recipe's)")
    add(
        "--start",
        type=ARTIFACT,
        metavar="DIR",
        help="of a network's artifact, to train further, here or on other data",
    )
    add("--targets", choices=("labels", "soft", "drawn"), help="of a network: labels, FER+ shares, or a vote drawn")
    add(
        "--weights",
        type=Input(),
        metavar="FILE",
        help="to start vgg16_transfer from, where ImageNet's cannot be fetched",
    )
    add("--filters", type=int, metavar="N", help="of single_conv")
    add("--seed", type=_seed, default=0, metavar="N", help="of folds, samples and networks (default 0)")
    add("--jobs", type=int, metavar="N", help="processes (default: one for each core)")
    add("--cluster", metavar="ADDRESS", help="tcp://HOST:PORT of a Dask scheduler, or local (docs/size.md)")
    add(
        "--out",
        default=DEFAULT_OUT,
        type=Output("folder", beside=_exported),
        metavar="DIR",
        help=f"of the artifact (default {DEFAULT_OUT})",
    )
    add("--format", choices=("joblib", "skops"), default="joblib", help="of the model file; skops is safe to share")
    add("--export", choices=("onnx",), help="also write DIR-onnx, which onnxruntime runs in any language")
    add(
        "--report",
        choices=("full", "quick", "none"),
        default="full",
        help="report.html beside the model; quick: without learning curve and importance of regions (default full)",
    )
    add(
        "--predictor",
        type=PREDICTOR,
        metavar="FILE",
        help="68-point shape predictor to use instead of the installed one",
    )
    return parser


def _exported(text, options):
    """Return the folder that --export writes beside that of --out."""
    if not options.export:
        return []
    from landmark_fer.artifact.artifact import export_path

    return [("folder", export_path(text))]


def _seed(text):
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {2**32 - 1}, got {text!r}")
    return int(text)
