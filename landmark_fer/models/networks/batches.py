"""How far training pictures are moved: one transform for rotation, shear, zoom, shift and mirror together."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How far training pictures are moved, each amount drawn evenly up to the one given; edges are repeated.

    Attributes
    ----------
    rotation, shear : float
        Degrees to either side.
    zoom : float
        Share by which a picture grows or shrinks.
    shift : float
        Shares of the side, right and down.
    mirror : bool
        Whether every second picture is mirrored.
    erasings : int
        Rectangles of each picture that are replaced by its mean.
    erased : float
        Largest side of such a rectangle, in sides of the picture.
    """

    rotation: float = 30.0
    shear: float = 10.0
    zoom: float = 0.1
    shift: float = 0.1
    mirror: bool = True
    erasings: int = 0
    erased: float = 0.25

    def matrices(self, n, side, random):
        """Return affine transforms from pixels of the result to pixels of the picture, shape (n, 2, 3).

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
