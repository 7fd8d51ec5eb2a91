"""How each network is trained unless told otherwise: the tutorials' way, and the way of the bundled baseline."""

from dataclasses import dataclass, field

from landmark_fer.models.networks.batches import Augmentation

TARGETS = ("labels", "soft", "drawn")


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
        Of the pictures, in pixels, until the last 25 % of the epochs, which saves time; 0 for the full side always.
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
