"""Networks in ``fit``: initial weights, training, choice on the validation set, scores."""

import io
import time
from dataclasses import dataclass

from landmark_fer.artifact.facts import base_facts, votes_of_training
from landmark_fer.artifact.manifest import artifact_path, read_manifest
from landmark_fer.artifact.network_files import load_keras_network
from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.comparison import choose, comparison_rows
from landmark_fer.evaluation.cross_validation import CandidateResult
from landmark_fer.evaluation.rejection import rejection_facts
from landmark_fer.evaluation.significance import compare_pairs
from landmark_fer.evaluation.splits import prepare_folds, split_for_networks
from landmark_fer.figures.comparison import write_history
from landmark_fer.fit.options import OPTIONS_OF, RECIPE_OPTIONS
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.networks.architectures import ARCHITECTURES
from landmark_fer.models.networks.classifier import CalibratedNetwork, NetworkClassifier, fit_network_temperature
from landmark_fer.models.networks.training import HISTORY, history_text, read_history
from landmark_fer.perception.extraction import ExtractorSettings

_OTHER_FACES = (
    "The initial weights are of a network that was trained on other data, with another seed or for other classes: its "
    "training may have included faces of this validation set."
)
_FOLDS = (
    "Trained on {n_fitted:,} of {n_training:,} training faces; the other {n_validation:,} are the validation set, "
    "which selects the epoch, the temperature and the model. Near-duplicates and subjects stay together."
)


@dataclass(frozen=True, eq=False)
class InitialWeights:
    """A trained network to fine-tune.

    Attributes
    ----------
    network : keras.Model
    manifest : dict
        Manifest of its artifact.
    history : list of dict
        History of its training, as from `read_history`.
    """

    network: object
    manifest: dict
    history: list

    @property
    def trainings(self):
        """The trainings that led to the network, as the manifest records them, the earliest first."""
        network = self.manifest["network"]
        last = {
            "command": self.manifest.get("command"),
            "epochs": network["epochs"],
            "learning_rate": network["recipe"]["learning_rate"],
            "model_sha256": self.manifest["model"]["sha256"],
        }
        return [*network.get("earlier", []), last]

    def warning(self, dataset, seed):
        """Return a sentence if the network may have been trained on the validation set, else an empty text."""
        before = self.manifest.get("data", {}).get("key"), self.manifest.get("seed")
        return "" if before == (dataset.key, seed) else _OTHER_FACES


def read_initial_weights(path, architecture):
    """Return the network of an artifact, to fine-tune it.

    Parameters
    ----------
    path : path-like
        The artifact.
    architecture : str
        Expected architecture.

    Raises
    ------
    ArtifactError
        If the artifact is missing, damaged, or not of a network that Keras trained.
    InputError
        If the network has another architecture.
    DependencyError
        If Keras is not installed.
    """
    path = artifact_path(path)
    manifest = read_manifest(path)
    actual = manifest.get("network", {}).get("architecture", manifest.get("model_name"))
    if actual != architecture:
        raise InputError(f"--start must be an artifact of {architecture}, got {path} of {actual}; name another")
    return InitialWeights(load_keras_network(path, manifest), manifest, read_history(path / HISTORY))


@dataclass(frozen=True, eq=False)
class TrainedNetworks:
    """Trained networks and their comparison.

    Attributes
    ----------
    rows, pairs : list of dict
        As from `comparison_rows` and `compare_pairs`, on the validation set.
    chosen, reason : str
        Name of the chosen network, and why it was chosen.
    folds : str
        A sentence on the validation set.
    predictor : CalibratedNetwork
        The chosen network.
    facts : dict
        Facts for `save_artifact`.
    extras : dict of str to bytes
        Files for `save_artifact`: history and curves of the chosen network.
    folders : list of Path
        Checkpoints of the trainings, to remove once the network is saved.
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
    """Return the extractor settings for networks, which must agree on the crop of a face.

    Raises
    ------
    InputError
        If the networks need different crops.
    """
    inputs = [ARCHITECTURES[name].input for name in names]
    crops = sorted({(each.side, each.margin) for each in inputs if each.image == "crop"})
    if len(crops) > 1:
        raise InputError(f"{', '.join(names)} need different crops of a face; train them separately")
    return ExtractorSettings(crop_size=crops[0][0], crop_margin=crops[0][1]) if crops else ExtractorSettings()


def recipe_changes(options):
    """Return what the options of ``fit`` change in recipes and in architectures, as two dictionaries.

    Parameters
    ----------
    options : argparse.Namespace
        Has attributes named as in `RECIPE_OPTIONS` and `OPTIONS_OF`; None for an option that is not used.

    Raises
    ------
    InputError
        If a number is less than 1, or a learning rate not between 0 and 1.
    """
    recipe, architecture_options = (
        {name: getattr(options, name) for name in names if getattr(options, name) is not None}
        for names in (RECIPE_OPTIONS, OPTIONS_OF)
    )
    for name, value in (recipe | architecture_options).items():
        if isinstance(value, int) and value < 1:
            raise InputError(f"--{name} must be 1 or more, got {value}")
    if not 0 < recipe.get("learning_rate", 0.5) < 1:
        raise InputError(f"--learning-rate must be between 0 and 1, got {recipe['learning_rate']:g}")
    return recipe, architecture_options


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
    """Train networks on the training faces of a data set, choose one on the validation set, score it on the test faces.

    Parameters
    ----------
    dataset : FaceDataset
        Extracted with `extractor_settings`.
    names : sequence of str
        Names in `ARCHITECTURES`.
    recipe, options : dict, optional
        As for `NetworkClassifier`, for all networks.
    start : InitialWeights, optional
        Fine-tune this network; only for a single name.
    choice : str, optional
        The network to choose; by default the best.
    random_state : int, default=0
    verbose : bool, default=True
        Whether to show progress bars.
    cache : path-like, optional
        As for `cache_folder`; a stopped training resumes from there.

    Returns
    -------
    TrainedNetworks

    Raises
    ------
    DataError
        If an expression has too few subjects or unrelated faces.
    """
    prepared = prepare_folds(dataset, random_state=random_state)
    dataset = prepared.dataset
    split = split_for_networks(dataset, n_folds=prepared.n_folds, random_state=random_state, cache=cache)
    networks, results = {}, {}
    for name in names:
        classifier = NetworkClassifier(
            name,
            recipe=recipe,
            options=options,
            start=None if start is None else start.network,
            random_state=random_state,
            verbose=verbose,
            cache=cache,
        )
        networks[name], results[name] = _train(classifier, dataset, split)
    validation = networks[names[0]].classifier.validation_
    expressions = dataset.expressions[split.training[validation]]
    rows = comparison_rows(results, expressions, dataset.classes)
    groups = split.groups[validation]
    pairs = compare_pairs(results, expressions, dataset.classes, groups, random_state=random_state)
    chosen, reason = choose(rows, choice)
    reason = reason.replace("out of fold", "on the validation set").replace("out-of-fold", "validation")
    n_training, n_validation = len(split.training), len(validation)
    folds = _FOLDS.format(n_fitted=n_training - n_validation, n_training=n_training, n_validation=n_validation)
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
        "rejection": rejection_facts(expressions, results[chosen].probabilities, dataset.classes),
        "network": network.facts() | ({"earlier": start.trainings} if start else {}),
    }
    return TrainedNetworks(
        rows=rows,
        pairs=pairs,
        chosen=chosen,
        reason=reason,
        folds=folds,
        predictor=network,
        facts=facts,
        extras=_extras(network.classifier, start),
        folders=[each.classifier.folder_ for each in networks.values()],
        split=split,
    )


def _train(classifier, dataset, split):
    """Return a trained and calibrated network, and its predictions for the validation set."""
    records, expressions = dataset.records[split.training], dataset.expressions[split.training]
    classifier.fit(
        records,
        expressions,
        votes=votes_of_training(dataset, split),
        groups=split.groups,
        weights=None if dataset.weights is None else dataset.weights[split.training],
    )
    validation = records[classifier.validation_]
    temperature = fit_network_temperature(classifier, validation, expressions[classifier.validation_])
    network = CalibratedNetwork(classifier, temperature)
    start = time.perf_counter()
    predictions = predict_in_order(network, validation, dataset.classes)
    ms_per_face = (time.perf_counter() - start) / len(validation) * 1000
    return network, CandidateResult(predictions, [sum(row["seconds"] for row in classifier.history_)], ms_per_face)


def _extras(classifier, start):
    """Return the files that an artifact keeps of a training: its history since the first epoch, and the curves."""
    earlier = start.history if start else []
    history = earlier + [row | {"epoch": row["epoch"] + len(earlier)} for row in classifier.history_]
    curves = io.BytesIO()
    write_history(history, curves, title=classifier.architecture)
    return {"history.csv": history_text(history).encode(), "curves.png": curves.getvalue()}
