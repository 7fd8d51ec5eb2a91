"""How each network is trained unless told otherwise: the tutorials' ways, and those of the bundled networks.

A recipe says how long and how fast, what is learnt, and how far training images are moved.
"""

from dataclasses import dataclass, field

import numpy as np

TARGETS = ("labels", "soft", "drawn")


@dataclass(frozen=True)
class Augmentation:
    """How far training images are moved, each amount drawn evenly up to the one given; edges are repeated.

    Attributes
    ----------
    rotation, shear : float
        Degrees to either side.
    zoom : float
        Share by which a image grows or shrinks.
    shift : float
        Shares of the side, right and down.
    mirror : bool
        Whether every second image is mirrored.
    erasings : int
        Rectangles of each image that are replaced by its mean.
    erased : float
        Largest side of such a rectangle, in sides of the image.
    """

    rotation: float = 30.0
    shear: float = 10.0
    zoom: float = 0.1
    shift: float = 0.1
    mirror: bool = True
    erasings: int = 0
    erased: float = 0.25

    def matrices(self, n, side, random):
        """Return affine transforms from pixels of the result to pixels of the image, shape (n, 2, 3).

        Positions are (x, y), with (0, 0) in the middle of the first pixel.

        Parameters
        ----------
        n : int
        side : int
        random : numpy.random.Generator
        """
        turn, slant = (np.radians(random.uniform(-most, most, n)) for most in (self.rotation, self.shear))
        scale = 1 / random.uniform(1 - self.zoom, 1 + self.zoom, n)
        flip = np.where(random.random(n) < 0.5, -1.0, 1.0) if self.mirror else np.ones(n)
        linear = np.empty((n, 2, 2))
        linear[:, 0, 0], linear[:, 0, 1] = flip * scale * np.cos(turn), -scale * np.sin(turn + slant)
        linear[:, 1, 0], linear[:, 1, 1] = flip * scale * np.sin(turn), scale * np.cos(turn + slant)
        centre = np.full(2, (side - 1) / 2)
        moved = centre - linear @ centre + side * random.uniform(-self.shift, self.shift, (n, 2))
        return np.concatenate([linear, moved[..., None]], axis=2)


NO_AUGMENTATION = Augmentation(0.0, 0.0, 0.0, 0.0, False)


@dataclass(frozen=True)
class Recipe:
    """A way to train.

    Attributes
    ----------
    epochs : int
        At most; a plateau's patience may end it before.
    batch_size : int
    learning_rate : float
        The highest.
    schedule : {"plateau", "cosine", "cooldown"}
        Multiplied by 0.2 after three epochs without a better loss on the watched faces; let down along half a cosine
        after a short rise; or constant after a short rise, and let down along a line in the last 25 % of the epochs.
    patience : int
        Epochs without a better loss on the watched faces, after which a plateau ends.
    weight_decay : float
        Of AdamW; 0 takes Adam.
    label_smoothing : float
    votes_weight : float
        Of the votes' cross-entropy beside the labels', where votes are given; their head is thrown away afterwards.
    targets : {"labels", "soft", "drawn"}
        What is learnt: the labels (with ``--labels ferplus`` the majority of the votes); FER+'s shares of votes as they
        are; or one vote drawn anew for each face in each epoch (Barsoum et al. 2016).
    augmentation : Augmentation
    mirrored : bool
        Whether an answer is the mean of the face's and the mirrored face's.
    balance : float
        Each face counts in the loss by the number of faces of its class to the power of minus this: 0 for all the same,
        1 for all classes the same.
    averaging : float
        Share that the average of the weights keeps at each step (an exponential moving average); the average is what
        is watched and kept. 0 for none.
    smallest_side : int
        Of the images, in pixels, until the last 25 % of the epochs, which saves time; 0 for the full side always.
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
    smallest_side: int = 0


RECIPES = {
    "residual": Recipe(
        epochs=40,
        batch_size=128,
        schedule="cooldown",
        learning_rate=2e-3,
        weight_decay=0.02,
        label_smoothing=0.1,
        votes_weight=1.5,
        augmentation=Augmentation(rotation=12.0, shear=6.0, zoom=0.12, shift=0.12, erasings=2),
        mirrored=True,
        balance=0.25,
        averaging=0.995,
        smallest_side=32,
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
"""By architecture; `Recipe()` where it is not named."""


def recipe_of(architecture):
    """Return the recipe of an architecture of the table."""
    return RECIPES.get(architecture, Recipe())
