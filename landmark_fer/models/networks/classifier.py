"""A network as a classifier over face records: the contract of every predictor, trained, then calibrated."""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils.validation import check_is_fitted

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.files import cache_folder
from landmark_fer.core.probabilities import softmax
from landmark_fer.datasets.readers.ferplus import soft_labels
from landmark_fer.models.networks import NETWORKS
from landmark_fer.models.networks.architectures import ARCHITECTURES, build_network
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.networks.images import reduced_images
from landmark_fer.models.networks.keras_files import KerasNetwork, predict_images
from landmark_fer.models.networks.recipes import recipe_of
from landmark_fer.models.networks.training import TrainingFaces, import_keras, take_weights, train_network

VALIDATION = 20  # one in as many of the training faces is watched and not learnt from
_LINEAR = ("GlobalAveragePooling2D", "Flatten", "Reshape")  # between the last weights and the softmax
_SMALLEST = 1e-7  # probability, for the logarithm


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A network of the table, trained with a part of the faces watched.

    Parameters
    ----------
    architecture : str, default="aligned_cnn"
        A name in `ARCHITECTURES`.
    recipe : dict, optional
        What differs from the architecture's `Recipe`.
    options : dict, optional
        What differs from the options of its builder.
    random_state : int, default=0
    start : keras.Model, optional
        Of the same architecture and classes; its weights are where the training begins.
    verbose : bool, default=True
        Whether to show a progress bar.
    cache : path-like, optional
        As for `cache_folder`. A training that was killed goes on from there when it is fitted on the same faces.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
    network_ : keras.Model
    history_ : list of dict
        As from `read_history`.
    validation_ : ndarray of shape (m,), int
        Positions of the faces that were not learnt from.
    input_ : NetworkInput
    recipe_ : Recipe
    folder_ : Path
        Where the training's files are; they may be removed once the network is saved.
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
            What people voted for each face; columns named by `FERPLUS_COLUMNS` where the recipe learns them as
            targets.
        groups : ndarray of shape (n,), optional
            Faces with the same group are never both learnt from and watched.
        weights : ndarray of shape (n,), optional
            How many times each face counts in the loss; 2 is as if it were there twice. What is watched is not
            weighted.

        Raises
        ------
        InputError
            If there is no such architecture, the recipe wants votes and there are none, the network to start from is
            another, or the weights are no numbers from 0.
        DataError
            If the faces are too few to watch some.
        DependencyError
            If Keras is not installed.
        """
        if self.architecture not in NETWORKS:
            raise InputError(f"a network must be one of {', '.join(NETWORKS)}, got {self.architecture!r}")
        self.input_ = ARCHITECTURES[self.architecture].input
        self.recipe_ = replace(recipe_of(self.architecture), **(self.recipe or {}))
        self.classes_, columns = np.unique(np.asarray(y), return_inverse=True)
        learnt, self.validation_ = validation_part(columns, groups, random_state=self.random_state)
        images = reduced_images(X, self.input_)
        labels = np.eye(len(self.classes_), dtype=np.float32)[columns]
        faces = TrainingFaces(
            images[learnt],
            self._targets(labels, votes)[learnt],
            None if votes is None else _shares(votes[learnt]),
            images[self.validation_],
            labels[self.validation_],
            _shares_of_loss(weights, len(columns), learnt),
        )
        self.network_ = build_network(
            self.architecture, len(self.classes_), seed=self.random_state, **(self.options or {})
        )
        if self.start is not None:
            take_weights(self.network_, self.start)
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

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _targets(self, labels, votes):
        """Return what is learnt of each face: its label, or the shares of people's votes where there are some."""
        if self.recipe_.targets == "labels":
            return labels
        if votes is None:
            raise InputError(
                f"{self.architecture} learns from FER+'s votes (targets {self.recipe_.targets!r}), and there are none; "
                "put fer2013new.csv beside the csv or use --targets labels"
            )
        shares = soft_labels(votes, self.classes_.tolist()).astype(np.float32)
        return np.where(shares.any(axis=1, keepdims=True), shares, labels)

    def _key(self, faces):
        """Return a word for this training, which changes with all that decides its result."""
        decides = [
            self.architecture,
            self.options or {},
            asdict(self.recipe_),
            self.random_state,
            self.input_.to_dict(),
        ]
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
        begun = self.start.get_weights() if self.start is not None else ()
        decisive = faces.images, faces.labels, faces.votes, faces.validation_images, faces.weights, *begun
        for array in decisive:
            digest.update(b"" if array is None else np.ascontiguousarray(array))
        return digest.hexdigest()[:32]


def validation_part(expressions, groups=None, *, random_state=0):
    """Return positions of the faces to learn from and of the one in `WATCHED` to watch, groups kept together.

    Parameters
    ----------
    expressions : ndarray of shape (n,)
    groups : ndarray of shape (n,), optional
    random_state : int, default=0

    Returns
    -------
    learnt, watched : ndarray of int

    Raises
    ------
    DataError
        If an expression has too few unrelated faces.
    """
    groups = np.arange(len(expressions)) if groups is None else np.asarray(groups)
    fewest = min(len(np.unique(groups[expressions == each])) for each in np.unique(expressions))
    if fewest < 2:
        raise DataError(f"a network needs 2 unrelated faces of each expression or more, got {fewest}; add faces")
    splitter = StratifiedGroupKFold(min(VALIDATION, fewest), shuffle=True, random_state=random_state)
    return next(splitter.split(np.zeros(len(expressions)), expressions, groups))


def _shares_of_loss(weights, n, learnt):
    """Return the weights of the faces that are learnt from with mean 1, float32, or None where all are the same."""
    if weights is None:
        return None
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n,) or not (np.isfinite(weights) & (weights >= 0)).all() or not weights[learnt].any():
        raise InputError(
            f"weights must be one finite number from 0 for each of {n} faces, not all of them 0, got an array of shape "
            f"{weights.shape}; leave them out to count all faces the same"
        )
    own = weights[learnt]
    return None if (own == own[0]).all() else (own / own.mean()).astype(np.float32)


def _shares(votes):
    totals = np.sum(votes, axis=1, keepdims=True, dtype=np.float32)
    return np.divide(votes, totals, out=np.zeros(np.shape(votes), np.float32), where=totals > 0)


class CalibratedNetwork(KerasNetwork):
    """A trained classifier's network with its scores divided by a temperature before the softmax.

    Parameters
    ----------
    classifier : NetworkClassifier
        Fitted.
    temperature : float, default=1
        Over 1 makes answers less sure, under 1 surer.

    Attributes
    ----------
    network_ : keras.Model
        A copy of the classifier's, with the same layers.
    """

    def __init__(self, classifier, temperature=1.0):
        if not 0 < temperature < np.inf:
            raise InputError(f"a temperature must be more than 0, got {temperature!r}; fit it anew")
        self.classifier, self.temperature = classifier, float(temperature)
        description = NetworkDescription(
            classifier.input_,
            tuple(map(str, classifier.classes_)),
            output="probabilities",
            mirrored=classifier.recipe_.mirrored,
        )
        super().__init__(tempered_network(classifier.network_, self.temperature), description)

    @property
    def mirrored(self):
        """Whether the answer is the mean of the face's and the mirrored face's."""
        return self.description.mirrored

    def facts(self):
        """Return what a manifest says of the network, as plain values."""
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
    """Return a copy of a network that ends in a softmax, whose scores are divided by a temperature before it.

    The last weights are divided, so that the copy has the very layers of the original.

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
        If it does not end in a softmax over a layer with weights.
    """
    copy = import_keras().models.clone_model(network)
    copy.set_weights(network.get_weights())
    last = _layer_before_softmax(copy)
    last.set_weights([weights / temperature for weights in last.get_weights()])
    return copy


def _layer_before_softmax(network):
    """Return the layer of weights whose scores the softmax at the end takes."""
    layer = network.layers[-1]
    if getattr(layer, "activation", None) is not None and layer.activation.__name__ == "softmax" and layer.weights:
        return layer
    if type(layer).__name__ == "Softmax":
        for before in network.layers[-2::-1]:
            activation = getattr(before, "activation", None)
            if before.weights and (activation is None or activation.__name__ == "linear"):
                return before
            if type(before).__name__ not in _LINEAR:
                break
    raise InputError(f"a network to calibrate must end in a softmax over a linear layer, got {type(layer).__name__}")


def fit_network_temperature(classifier, records, expressions):
    """Return the temperature with which a trained network is least surprised by faces that it did not learn from.

    It divides the scores of a face and of its mirror image before their probabilities are averaged, as
    `CalibratedNetwork` does.

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
    scores = np.log(np.maximum(predictions, _SMALLEST), dtype=np.float64)
    columns = np.searchsorted(classifier.classes_, expressions)
    from scipy.optimize import minimize_scalar  # live has no use for it, and would wait for it

    def loss(log_temperature):
        probabilities = softmax(scores / np.exp(log_temperature)).mean(axis=0)
        return -np.log(np.maximum(probabilities[np.arange(len(columns)), columns], _SMALLEST)).mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
