"""A trained network whose answers are calibrated by a temperature that is part of its weights."""

from dataclasses import asdict

import numpy as np

from landmark_fer.errors import InputError
from landmark_fer.models.networks.architectures import ARCHITECTURES
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.networks.images import reduced_pictures
from landmark_fer.models.networks.keras_files import KerasNetwork
from landmark_fer.models.networks.training import answers_of, import_keras

_LINEAR = ("GlobalAveragePooling2D", "Flatten", "Reshape")  # between the last weights and the softmax
_SMALLEST = 1e-7  # probability, for the logarithm


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
    pictures = reduced_pictures(records, classifier.input_)
    sides = (pictures, pictures[..., ::-1]) if classifier.recipe_.mirrored else (pictures,)
    answers = [answers_of(classifier.network_, side, classifier.input_, mirrored=False) for side in sides]
    scores = np.log(np.maximum(answers, _SMALLEST), dtype=np.float64)
    columns = np.searchsorted(classifier.classes_, expressions)
    from scipy.optimize import minimize_scalar  # live has no use for it, and would wait for it

    def loss(log_temperature):
        shares = np.exp(scores / np.exp(log_temperature))
        probabilities = (shares / shares.sum(axis=2, keepdims=True)).mean(axis=0)
        return -np.log(np.maximum(probabilities[np.arange(len(columns)), columns], _SMALLEST)).mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
