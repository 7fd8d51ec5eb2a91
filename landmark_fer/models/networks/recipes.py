"""Training recipes of the architectures: optimizer, schedule, targets and augmentation."""

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images: affine transforms, degradations, erasings.

    Each amount is uniform up to its maximum. Pixels outside of the image repeat its edge. A degradation is applied to
    three in ten images, each independently of the others.

    Attributes
    ----------
    rotation, shear : float
        Degrees in either direction.
    zoom : float
        Share by which an image is enlarged or reduced.
    shift : float
        Share of the side, horizontally and vertically.
    mirror : bool
        Whether an image is mirrored with probability 1/2.
    erasings : int
        Number of rectangles in each image that are replaced by its mean.
    erased : float
        Maximum side of such a rectangle, as a share of the side of the image.
    gamma : float
        Natural logarithm of the power to which grey values from 0 to 1 are raised, in either direction.
    blur : float
        Standard deviation of the Gaussian, as a share of the side.
    compression : int
        How far below 95 the quality of JPEG is.
    noise : float
        Standard deviation of Gaussian noise in grey values.
    """

    rotation: float = 30.0
    shear: float = 10.0
    zoom: float = 0.1
    shift: float = 0.1
    mirror: bool = True
    erasings: int = 0
    erased: float = 0.25
    gamma: float = 0.0
    blur: float = 0.0
    compression: int = 0
    noise: float = 0.0

    def matrices(self, n, side, random):
        """Return affine transforms from pixels of the result to pixels of the image, shape (n, 2, 3).

        Positions are (x, y), with (0, 0) at the centre of the first pixel.

        Parameters
        ----------
        n : int
        side : int
        random : numpy.random.Generator
        """
        turn, slant = (np.radians(random.uniform(-limit, limit, n)) for limit in (self.rotation, self.shear))
        scale = 1 / random.uniform(1 - self.zoom, 1 + self.zoom, n)
        flip = np.where(random.random(n) < 0.5, -1.0, 1.0) if self.mirror else np.ones(n)
        linear = np.empty((n, 2, 2))
        linear[:, 0, 0], linear[:, 0, 1] = flip * scale * np.cos(turn), -scale * np.sin(turn + slant)
        linear[:, 1, 0], linear[:, 1, 1] = flip * scale * np.sin(turn), scale * np.cos(turn + slant)
        centre = np.full(2, (side - 1) / 2)
        shift = centre - linear @ centre + side * random.uniform(-self.shift, self.shift, (n, 2))
        return np.concatenate([linear, shift[..., None]], axis=2)


NO_AUGMENTATION = Augmentation(0.0, 0.0, 0.0, 0.0, False)


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of a training.

    Attributes
    ----------
    epochs : int
        Maximum number of epochs; the schedule "plateau" may stop earlier.
    batch_size : int
    learning_rate : float
        Maximum learning rate.
    schedule : {"plateau", "cosine"}
        "plateau" multiplies the learning rate by 0.2 after three epochs without a lower validation loss. "cosine" warms
        up, then decays along half a cosine.
    patience : int
        Epochs without a lower validation loss after which "plateau" stops.
    weight_decay : float
        Of AdamW; with 0 it is Adam.
    label_smoothing : float
    votes_weight : float
        Weight of the cross-entropy of the votes, relative to that of the labels, if there are votes. They have their
        own output layer, which is discarded after the training.
    targets : {"labels", "soft", "drawn"}
        The labels (with ``--labels ferplus``, the majority of the votes), the shares of the FER+ votes, or one vote
        drawn for each face in each epoch (Barsoum et al. 2016).
    augmentation : Augmentation
    mirrored : bool
        Whether predictions are averaged over the face and the mirrored face.
    balance : float
        Exponent of the class weights: 0 for equal weights of faces, 1 for equal weights of classes.
    averaging : float
        Decay of the exponential moving average of the weights, which is validated and saved; 0 for none.
    pretrained : bool
        Whether the initial weights are of another task, so that batch normalization first takes the statistics of the
        training images.
    """

    epochs: int = 60
    batch_size: int = 64
    learning_rate: float = 1e-3
    schedule: str = "plateau"
    patience: int = 9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    votes_weight: float = 0.0
    targets: str = "labels"
    augmentation: Augmentation = field(default_factory=Augmentation)
    mirrored: bool = False
    balance: float = 0.0
    averaging: float = 0.0
    pretrained: bool = False


_RESIDUAL = Recipe(
    epochs=52,
    batch_size=128,
    schedule="cosine",
    learning_rate=2e-3,
    weight_decay=0.02,
    label_smoothing=0.1,
    votes_weight=1.5,
    augmentation=Augmentation(rotation=12.0, shear=6.0, zoom=0.12, shift=0.12, erasings=2),
    mirrored=True,
    balance=0.25,
    averaging=0.995,
)

RECIPES = {
    "residual": _RESIDUAL,
    "dlib_resnet": replace(
        _RESIDUAL,
        epochs=44,
        learning_rate=7e-4,
        weight_decay=0.05,
        augmentation=replace(_RESIDUAL.augmentation, gamma=0.7, blur=0.02, compression=85, noise=15.0),
        pretrained=True,
    ),
    "aligned_cnn": Recipe(
        epochs=20,
        schedule="cosine",
        learning_rate=2e-3,
        weight_decay=0.02,
        label_smoothing=0.1,
        votes_weight=1.5,
        augmentation=Augmentation(rotation=12.0, shear=6.0, zoom=0.12, shift=0.06),
        mirrored=True,
    ),
    "vgg16_transfer": Recipe(epochs=20),
    "ferplus_vgg13": Recipe(epochs=40, targets="drawn"),
}
"""Recipes by architecture. The others use `Recipe()`."""


def recipe_of(architecture):
    """Return the recipe of an architecture."""
    return RECIPES.get(architecture, Recipe())
