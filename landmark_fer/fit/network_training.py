"""Training of a network: splits, initial weights, training, predictions."""

import io
import time
from dataclasses import dataclass
from pathlib import Path

from landmark_fer.artifact.facts import base_facts, votes_of_training
from landmark_fer.artifact.manifest import read_manifest
from landmark_fer.artifact.network_files import load_keras_network
from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.comparison import choose, comparison_rows
from landmark_fer.evaluation.rejection import rejection_facts
from landmark_fer.evaluation.significance import compare_pairs
from landmark_fer.evaluation.splits import prepare_folds, split_for_networks
from landmark_fer.evaluation.validation import CandidateResult
from landmark_fer.figures.comparison import write_history
from landmark_fer.fit.options import OPTIONS_OF, RECIPE_OPTIONS
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.networks.architectures import ARCHITECTURES
from landmark_fer.models.networks.classifier import CalibratedNetwork, NetworkClassifier, fit_network_temperature
from landmark_fer.models.networks.training import HISTORY, history_text, read_history
from landmark_fer.perception.extraction import ExtractorSettings

_OTHER_FACES = (
    "It began with a network that was trained on other data, with another seed or for other classes: what is watched "
    "now may have been learnt then."
)


@dataclass(frozen=True, eq=False)
class InitialWeights:
    """A trained network from which a training begins.

    Attributes
    ----------
    network : keras.Model
    manifest : dict
        Of its artifact.
    history : list of dict
        Of its training, as from `read_history`.
    """

    network: object
    manifest: dict
    history: list

    @property
    def trainings(self):
        """The trainings that led to it, as a manifest keeps them, the earliest first."""
        network = self.manifest["network"]
        known = {
            "command": self.manifest.get("command"),
            "epochs": network["epochs"],
            "learning_rate": network["recipe"]["learning_rate"],
            "model_sha256": self.manifest["model"]["sha256"],
        }
        return [*network.get("earlier", []), known]

    def warning(self, dataset, seed):
        """Return a sentence where the watched faces may have been learnt before, or an empty text."""
        was = self.manifest.get("data", {}).get("key"), self.manifest.get("seed")
        return "" if was == (dataset.key, seed) else _OTHER_FACES


def read_initial_weights(path, architecture):
    """Return the network of an artifact, to train it further.

    Parameters
    ----------
    path : path-like
        Of the artifact.
    architecture : str
        That it must have.

    Raises
    ------
    ArtifactError
        If it is missing, damaged, or not of a network that Keras trained.
    InputError
        If it is of another architecture.
    DependencyError
        If Keras is not installed.
    """
    manifest = read_manifest(path)
    came = manifest.get("network", {}).get("architecture", manifest.get("model_name"))
    if came != architecture:
        raise InputError(f"--start must be an artifact of {architecture}, got {path} of {came}; name another")
    return InitialWeights(load_keras_network(path, manifest), manifest, read_history(Path(path) / HISTORY))


_FOLDS = (
    "Trained on {learnt:,} of {all:,} training faces; the other {watched:,} were watched meanwhile: they chose the "
    "epoch, the temperature and the model. Near-duplicates and subjects stay together."
)


@dataclass(frozen=True, eq=False)
class TrainedNetworks:
    """What training showed.

    Attributes
    ----------
    rows, pairs : list of dict
        As from `comparison_rows` and `compare_pairs`, on the watched faces.
    chosen, reason, folds : str
    predictor : CalibratedNetwork
        The chosen one.
    facts : dict
        For `save_artifact`.
    extras : dict of str to bytes
        For `save_artifact`: the chosen one's history and curves.
    folders : list of Path
        Of the trainings; of no use once the network is saved.
    split : SplitFaces
    """

    rows: list
    pairs: list
    chosen: str
    reason: str
    folds: str
    predictor: CalibratedNetwork
    facts: dict
    extras: dict
    folders: list
    split: object = None


def extractor_settings(names):
    """Return the settings with which faces must be extracted for some networks.

    Raises
    ------
    InputError
        If they want different crops.
    """
    inputs = [ARCHITECTURES[name].input for name in names]
    crops = sorted({(each.side, each.margin) for each in inputs if each.image == "crop"})
    if len(crops) > 1:
        raise InputError(f"{', '.join(names)} want different crops of a face; train them one after another")
    return ExtractorSettings(crop_size=crops[0][0], crop_margin=crops[0][1]) if crops else ExtractorSettings()


def recipe_changes(options):
    """Return what a command changes of the recipes and of the builders' options, as two dictionaries.

    Parameters
    ----------
    options : object
        With attributes by the names in `RECIPE_OPTIONS` and `OPTIONS_OF`, each None where not given.

    Raises
    ------
    InputError
        If a number is less than 1, or a learning rate not between 0 and 1.
    """
    recipe, built = (
        {name: getattr(options, name) for name in names if getattr(options, name) is not None}
        for names in (RECIPE_OPTIONS, OPTIONS_OF)
    )
    for name, value in (recipe | built).items():
        if isinstance(value, int) and value < 1:
            raise InputError(f"--{name} must be 1 or more, got {value}")
    if not 0 < recipe.get("learning_rate", 0.5) < 1:
        raise InputError(f"--learning-rate must be between 0 and 1, got {recipe['learning_rate']:g}")
    return recipe, built


def train_networks(
    dataset,
    names,
    *,
    recipe=None,
    options=None,
    start=None,
    choice=None,
    random_state=0,
    verbose=True,
    cache=None,
):
    """Train networks on the training faces of a data set, choose on the watched ones, score on the test faces.

    Parameters
    ----------
    dataset : FaceDataset
        Extracted with `extractor_settings`.
    names : sequence of str
        Of `ARCHITECTURES`.
    recipe, options : dict, optional
        As for `NetworkClassifier`, for all of them.
    start : InitialWeights, optional
        Of the one network; its training goes on.
    choice : str, optional
        The network to choose; by default the best.
    random_state : int, default=0
    verbose : bool, default=True
        Whether to show progress bars.
    cache : path-like, optional
        As for `cache_folder`; a training that was killed goes on from there.

    Returns
    -------
    TrainedNetworks

    Raises
    ------
    DataError
        If there are too few people, or unrelated faces, of an expression.
    """
    prepared = prepare_folds(dataset, random_state=random_state)
    dataset = prepared.dataset
    split = split_for_networks(dataset, n_folds=prepared.n_folds, random_state=random_state, cache=cache)
    networks, results = {}, {}
    for name in names:
        settings = {"random_state": random_state, "verbose": verbose, "cache": cache}
        settings["start"] = None if start is None else start.network
        classifier = NetworkClassifier(name, recipe=recipe, options=options, **settings)
        networks[name], results[name] = _trained(classifier, dataset, split)
    validation = networks[names[0]].classifier.validation_
    labels = dataset.expressions[split.training[validation]], dataset.classes
    rows = comparison_rows(results, *labels)
    pairs = compare_pairs(results, *labels, split.groups[validation], random_state=random_state)
    chosen, reason = choose(rows, choice)
    reason = reason.replace("out of fold", "on the watched faces").replace("out-of-fold", "validation")
    learnt = len(split.training) - len(validation)
    folds = _FOLDS.format(learnt=learnt, all=len(split.training), validation=len(validation))
    folds = " ".join([folds, *prepared.sentences])
    if start is not None:
        folds = f"{folds} {start.warning(dataset, random_state)}".rstrip()
    network = networks[chosen]
    facts = base_facts(dataset, split, network, settings=extractor_settings(names)) | {
        "fields": [network.description.input.image],
        "features": "pixels",
        "model_name": chosen,
        "calibration": {"kind": "temperature", "members": [chosen]},
        "folds": folds,
        "comparison": rows,
        "pairs": pairs,
        "choice": reason,
        "search": None,
        "rejection": rejection_facts(labels[0], results[chosen].probabilities, dataset.classes),
        "network": network.facts() | ({"earlier": start.trainings} if start else {}),
    }
    known = rows, pairs, chosen, reason, folds, network, facts
    folders = [each.classifier.folder_ for each in networks.values()]
    return TrainedNetworks(*known, _extras(network.classifier, start), folders, split)


def _trained(classifier, dataset, split):
    """Return a trained and calibrated network, and what it answers to the watched faces."""
    records, expressions = dataset.records[split.training], dataset.expressions[split.training]
    weights = None if dataset.weights is None else dataset.weights[split.training]
    known = {"votes": votes_of_training(dataset, split), "groups": split.groups, "weights": weights}
    classifier.fit(records, expressions, **known)
    validation = records[classifier.validation_]
    network = CalibratedNetwork(
        classifier, fit_network_temperature(classifier, validation, expressions[classifier.validation_])
    )
    start = time.perf_counter()
    predictions = predict_in_order(network, validation, dataset.classes)
    ms_per_face = (time.perf_counter() - start) / len(validation) * 1000
    return network, CandidateResult(predictions, [sum(row["seconds"] for row in classifier.history_)], ms_per_face)


def _extras(classifier, start):
    """Return the files that go into the artifact beside the network: its history, from the first, and its image."""
    earlier = start.history if start else []
    later = [row | {"epoch": row["epoch"] + len(earlier)} for row in classifier.history_]
    curves = io.BytesIO()
    write_history(earlier + later, curves, title=classifier.architecture)
    return {"history.csv": history_text(earlier + later).encode(), "curves.png": curves.getvalue()}
