"""Training a saved network further: the artifact that it begins from, and whether that fits."""

from dataclasses import dataclass
from pathlib import Path

from landmark_fer.artifact.manifest import read_manifest
from landmark_fer.artifact.network_files import load_keras_network
from landmark_fer.core.errors import InputError
from landmark_fer.models.networks.training import HISTORY, read_history

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
