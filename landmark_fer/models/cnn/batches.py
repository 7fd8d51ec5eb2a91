"""Batches of augmented pictures for training: one resampling for rotation, shear, zoom, shift and mirror together."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.models.cnn.pictures import scaled_pictures


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
    """

    rotation: float = 30.0
    shear: float = 10.0
    zoom: float = 0.1
    shift: float = 0.1
    mirror: bool = True

    def matrices(self, n, side, random):
        """Return transforms from pixels of the result to pixels of the picture, shape (n, 8), as TensorFlow takes them.

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
        rows = np.concatenate([linear, moved[..., None]], axis=2).reshape(n, 6)
        return np.concatenate([rows, np.zeros((n, 2))], axis=1).astype(np.float32)


NO_AUGMENTATION = Augmentation(0.0, 0.0, 0.0, 0.0, False)


def training_batches(tensorflow, pictures, targets, wanted, *, augmentation, batch_size, random, weights=None):
    """Return a ``tf.data.Dataset`` that goes through the pictures for ever, in another order each time.

    Parameters
    ----------
    tensorflow : module
    pictures : ndarray of shape (n, side, side), uint8
    targets : callable
        Takes rows, an ndarray of shape (b,), and returns a dictionary of float32 targets of shape (b, k) by output.
    wanted : NetworkInput
    augmentation : Augmentation
    batch_size : int
    random : numpy.random.Generator
        Draws order and transforms.
    weights : ndarray of shape (n,), float32, optional
        How much each face counts in the loss.

    Returns
    -------
    tf.data.Dataset
        Of pictures and targets by output, and where there are weights of weights by output.
    int
        Batches of one passage.
    """
    n_batches = -(-len(pictures) // batch_size)
    sizes = {name: value.shape[1] for name, value in targets(np.arange(1)).items()}
    passage = _Passages(len(pictures), n_batches, random)

    def drawn(_):
        rows = next(passage)
        transforms = augmentation.matrices(len(rows), wanted.side, random)
        counted = () if weights is None else (weights[rows],)
        return pictures[rows][..., None], transforms, *targets(rows).values(), *counted

    def augmented(number):
        types = ["uint8", "float32", *["float32"] * (len(sizes) + (weights is not None))]
        batch, transforms, *rest = tensorflow.numpy_function(drawn, [number], types)
        moved = tensorflow.raw_ops.ImageProjectiveTransformV3(
            images=tensorflow.ensure_shape(batch, (None, wanted.side, wanted.side, 1)),
            transforms=tensorflow.ensure_shape(transforms, (None, 8)),
            output_shape=[wanted.side, wanted.side],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="NEAREST",
        )
        scaled = tensorflow.numpy_function(lambda each: scaled_pictures(each[..., 0], wanted), [moved], "float32")
        named = zip(sizes.items(), rest[: len(sizes)], strict=True)
        answers = {name: tensorflow.ensure_shape(answer, (None, size)) for (name, size), answer in named}
        scaled = tensorflow.ensure_shape(scaled, (None, *wanted.shape))
        if weights is None:
            return scaled, answers
        return scaled, answers, dict.fromkeys(sizes, tensorflow.ensure_shape(rest[-1], (None,)))

    # Not Dataset.from_generator: TensorFlow 2.21 then gives freed memory back at once, and a step takes twice as long.
    return tensorflow.data.Dataset.counter().map(augmented).prefetch(4), n_batches


class _Passages:
    """Rows of one batch after another, in a new order after each passage; for ever."""

    def __init__(self, n, n_batches, random):
        self._draw = lambda: iter(np.array_split(random.permutation(n), n_batches))
        self._left = iter(())

    def __next__(self):
        rows = next(self._left, None)
        if rows is None:
            self._left = self._draw()
            rows = next(self._left)
        return rows
