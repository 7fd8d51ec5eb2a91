"""Networks as scikit-learn classifiers of face records: training, and calibration by a temperature."""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.files import cache_folder
from landmark_fer.core.probabilities import softmax
from landmark_fer.datasets.readers.ferplus import soft_labels
from landmark_fer.models.base import ProbabilisticClassifier
from landmark_fer.models.networks import NETWORKS
from landmark_fer.models.networks.architectures import ARCHITECTURES, build_network
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.networks.images import reduced_images
from landmark_fer.models.networks.keras_network import KerasNetwork, predict_images
from landmark_fer.models.networks.recipes import recipe_of
from landmark_fer.models.networks.training import TrainingFaces, copy_weights, import_keras, train_network

VALIDATION_SHARE = 20
"""One of this many training faces is held out for validation and selects the epoch."""

_LINEAR = ("GlobalAveragePooling2D", "Flatten", "Reshape")  # allowed between the last weights and the softmax
_MIN_PROBABILITY = 1e-7  # for the logarithm


class NetworkClassifier(ProbabilisticClassifier):
    """A network of `ARCHITECTURES`, trained on most of the faces and validated on the others.

    Parameters
    ----------
    architecture : str, default="aligned_cnn"
        A name in `ARCHITECTURES`.
    recipe : dict, optional
        Fields of the architecture's `Recipe` to replace.
    options : dict, optional
        Keyword arguments of the architecture's builder.
    random_state : int, default=0
    start : keras.Model, optional
        Network of the same architecture and classes with the initial weights.
    verbose : bool, default=True
        Whether to show a progress bar.
    cache : path-like, optional
        As for `cache_folder`. A killed training resumes from there when it is fitted on the same faces.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
    network_ : keras.Model
    history_ : list of dict
        As from `read_history`.
    validation_ : ndarray of shape (m,), int
        Positions of the faces of the validation set.
    input_ : NetworkInput
    recipe_ : Recipe
    folder_ : Path
        Checkpoints of the training, which may be removed once the network is saved.
    """

    takes_votes = True
    takes_groups = True

    def __init__(
        self,
        architecture="aligned_cnn",
        recipe=None,
        options=None,
        random_state=0,
        start=None,
        verbose=True,
        cache=None,
    ):
        self.architecture = architecture
        self.recipe = recipe
        self.options = options
        self.random_state = random_state
        self.start = start
        self.verbose = verbose
        self.cache = cache

    def fit(self, X, y, votes=None, groups=None, weights=None):
        """Train on face records X of shape (n,) with expressions y of shape (n,).

        Parameters
        ----------
        X : ndarray of shape (n,)
            Face records with the image that the network reads.
        y : ndarray of shape (n,), str
        votes : ndarray of shape (n, m), optional
            Votes of human raters for each face. The columns are `FERPLUS_COLUMNS` if the recipe uses them as targets.
        groups : ndarray of shape (n,), optional
            Faces of one group are either all in the validation set or all outside of it.
        weights : ndarray of shape (n,), optional
            Sample weights in the loss; 2 has the effect of including a face twice. The validation set is not weighted.

        Raises
        ------
        InputError
            If the architecture is unknown, the recipe needs votes and there are none, the initial network is of another
            architecture, or the weights are not finite numbers of at least 0.
        DataError
            If there are too few faces for a validation set.
        DependencyError
            If Keras is not installed.
        """
        check_classification_targets(y)
        if self.architecture not in NETWORKS:
            raise InputError(f"a network must be one of {', '.join(NETWORKS)}, got {self.architecture!r}")
        self.input_ = ARCHITECTURES[self.architecture].input
        self.recipe_ = replace(recipe_of(self.architecture), **(self.recipe or {}))
        self.classes_, columns = np.unique(np.asarray(y), return_inverse=True)
        training, self.validation_ = validation_split(columns, groups, random_state=self.random_state)
        images = reduced_images(X, self.input_)
        labels = np.eye(len(self.classes_), dtype=np.float32)[columns]
        faces = TrainingFaces(
            images=images[training],
            labels=self._targets(labels, votes)[training],
            votes=None if votes is None else _shares(votes[training]),
            validation_images=images[self.validation_],
            validation_labels=labels[self.validation_],
            weights=_loss_weights(weights, len(columns), training),
        )
        self.network_ = build_network(
            self.architecture, len(self.classes_), seed=self.random_state, **(self.options or {})
        )
        if self.start is not None:
            copy_weights(self.start, self.network_)
        self.folder_ = cache_folder(self.cache) / "networks" / self._key(faces)
        self.history_ = train_network(
            self.network_,
            faces,
            self.input_,
            self.recipe_,
            folder=self.folder_,
            seed=self.random_state,
            verbose=self.verbose,
        )
        return self

    def predict_proba(self, X):
        """Return probabilities of face records of shape (n,), shape (n, k)."""
        check_is_fitted(self)
        if not len(X):
            return np.empty((0, len(self.classes_)), dtype=np.float32)
        return predict_images(
            self.network_, reduced_images(X, self.input_), self.input_, mirrored=self.recipe_.mirrored
        )

    def _targets(self, labels, votes):
        """Return the target of each face: its label, or the shares of its votes where it has some."""
        if self.recipe_.targets == "labels":
            return labels
        if votes is None:
            raise InputError(
                f"{self.architecture} needs the votes of FER+ (targets {self.recipe_.targets!r}), and there are none; "
                "put fer2013new.csv next to the csv or use --targets labels"
            )
        shares = soft_labels(votes, self.classes_.tolist()).astype(np.float32)
        return np.where(shares.any(axis=1, keepdims=True), shares, labels)

    def _key(self, faces):
        """Return a hash of everything that the result of the training depends on."""
        settings = [
            self.architecture,
            self.options or {},
            asdict(self.recipe_),
            self.random_state,
            self.input_.to_dict(),
        ]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        initial = self.start.get_weights() if self.start is not None else ()
        arrays = faces.images, faces.labels, faces.votes, faces.validation_images, faces.weights, *initial
        for array in arrays:
            digest.update(b"" if array is None else np.ascontiguousarray(array))
        return digest.hexdigest()[:32]


def validation_split(expressions, groups=None, *, random_state=0):
    """Split faces into a training set and a stratified validation set, groups kept together.

    Parameters
    ----------
    expressions : ndarray of shape (n,)
    groups : ndarray of shape (n,), optional
    random_state : int, default=0

    Returns
    -------
    training, validation : ndarray of int
        One of `VALIDATION_SHARE` faces is in the validation set.

    Raises
    ------
    DataError
        If an expression has fewer than two unrelated faces.
    """
    groups = np.arange(len(expressions)) if groups is None else np.asarray(groups)
    n_unrelated = min(len(np.unique(groups[expressions == each])) for each in np.unique(expressions))
    if n_unrelated < 2:
        raise DataError(f"a network needs 2 unrelated faces of each expression or more, got {n_unrelated}; add faces")
    splitter = StratifiedGroupKFold(min(VALIDATION_SHARE, n_unrelated), shuffle=True, random_state=random_state)
    return next(splitter.split(np.zeros(len(expressions)), expressions, groups))


def _loss_weights(weights, n, training):
    """Return the weights of the training faces with mean 1, float32, or None if all are equal."""
    if weights is None:
        return None
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n,) or not (np.isfinite(weights) & (weights >= 0)).all() or not weights[training].any():
        raise InputError(
            f"weights must be one finite number from 0 for each of {n} faces, not all of them 0, got an array of shape "
            f"{weights.shape}; leave them out to count all faces the same"
        )
    weights = weights[training]
    return None if (weights == weights[0]).all() else (weights / weights.mean()).astype(np.float32)


def _shares(votes):
    totals = np.sum(votes, axis=1, keepdims=True, dtype=np.float32)
    return np.divide(votes, totals, out=np.zeros(np.shape(votes), np.float32), where=totals > 0)


class CalibratedNetwork(KerasNetwork):
    """A trained network whose scores are divided by a temperature before the softmax.

    Parameters
    ----------
    classifier : NetworkClassifier
        Fitted.
    temperature : float, default=1
        Above 1, predictions become less confident; below 1, more confident.

    Attributes
    ----------
    network_ : keras.Model
        A copy of the network of the classifier, with the same layers.
    """

    def __init__(self, classifier, temperature=1.0):
        if not 0 < temperature < np.inf:
            raise InputError(f"a temperature must be more than 0, got {temperature!r}; fit it again")
        self.classifier, self.temperature = classifier, float(temperature)
        description = NetworkDescription(
            classifier.input_,
            tuple(map(str, classifier.classes_)),
            output="probabilities",
            mirrored=classifier.recipe_.mirrored,
        )
        super().__init__(tempered_network(classifier.network_, self.temperature), description)

    def facts(self):
        """Return the entry ``network`` of a manifest, as plain values."""
        classifier = self.classifier
        return {
            "architecture": classifier.architecture,
            "source": ARCHITECTURES[classifier.architecture].source,
            "parameters": int(self.network_.count_params()),
            "temperature": self.temperature,
            "epochs": len(classifier.history_),
            "recipe": asdict(classifier.recipe_),
            "options": dict(classifier.options or {}),
            **self.description.to_dict(),
        }


def tempered_network(network, temperature):
    """Return a copy of a network whose scores are divided by a temperature before the softmax at its end.

    The last weights are divided, so the copy has the same layers as the original.

    Parameters
    ----------
    network : keras.Model
    temperature : float

    Returns
    -------
    keras.Model

    Raises
    ------
    InputError
        If the network does not end in a softmax over a layer with weights.
    """
    copy = import_keras().models.clone_model(network)
    copy.set_weights(network.get_weights())
    last = _layer_before_softmax(copy)
    last.set_weights([weights / temperature for weights in last.get_weights()])
    return copy


def _layer_before_softmax(network):
    """Return the layer with weights whose output is the input of the final softmax."""
    layer = network.layers[-1]
    if getattr(layer, "activation", None) is not None and layer.activation.__name__ == "softmax" and layer.weights:
        return layer
    if type(layer).__name__ == "Softmax":
        for previous in network.layers[-2::-1]:
            activation = getattr(previous, "activation", None)
            if previous.weights and (activation is None or activation.__name__ == "linear"):
                return previous
            if type(previous).__name__ not in _LINEAR:
                break
    raise InputError(f"a network to calibrate must end in a softmax over a linear layer, got {type(layer).__name__}")


def fit_network_temperature(classifier, records, expressions):
    """Return the temperature with the lowest log loss of a trained network on faces that it was not trained on.

    As in `CalibratedNetwork`, it divides the scores of a face and of its mirror image before their probabilities are
    averaged.

    Parameters
    ----------
    classifier : NetworkClassifier
        Fitted.
    records : ndarray of shape (n,)
        Face records.
    expressions : ndarray of shape (n,), str

    Returns
    -------
    float
    """
    images = reduced_images(records, classifier.input_)
    sides = (images, images[..., ::-1]) if classifier.recipe_.mirrored else (images,)
    predictions = [predict_images(classifier.network_, side, classifier.input_, mirrored=False) for side in sides]
    scores = np.log(np.maximum(predictions, _MIN_PROBABILITY), dtype=np.float64)
    columns = np.searchsorted(classifier.classes_, expressions)
    from scipy.optimize import minimize_scalar  # slow to import, and live does not need it

    def loss(log_temperature):
        probabilities = softmax(scores / np.exp(log_temperature)).mean(axis=0)
        return -np.log(np.maximum(probabilities[np.arange(len(columns)), columns], _MIN_PROBABILITY)).mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
