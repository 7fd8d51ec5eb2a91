"""Multilayer perceptron with dropout that can also learn from the votes of several people.

scikit-learn's MLPClassifier has neither dropout nor a second target. On FER2013 these two gain more accuracy than any
other choice (docs/decisions/0008).
"""

import itertools

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax
from landmark_fer.features.projection import check_fitted
from landmark_fer.models.base import ProbabilisticClassifier

_FEWEST_STEPS = 500  # small training sets get more epochs
_WARM_UP = 0.1  # fraction of the steps in which the learning rate rises
_DECAY = 0.9, 0.999  # decay of Adam's first and second moments
_EPSILON = 1e-8
_FEW_ROWS = 4  # up to this many rows, one product per row is faster: BLAS copies the weights to multiply matrices


class MLPWithDropout(ProbabilisticClassifier):
    """Multilayer perceptron with rectified linear units and dropout [1]_, trained by AdamW [2]_.

    Parameters
    ----------
    hidden : tuple of int, default=(512, 256)
    n_networks : int, default=3
        Networks with different initial weights, whose probabilities are averaged.
    dropout, input_dropout : float, default=0.25 and 0.1
        Fraction of the hidden units and of the features that are dropped in each batch.
    epochs : int, default=25
    batch_size : int, default=256
    learning_rate : float, default=3e-3
        Maximum of the learning rate.
    weight_decay : float, default=0.01
    votes_weight : float, default=1.5
        Weight of the votes' cross-entropy relative to that of the labels, if `fit` gets votes.
    mirror_signs : array-like of shape (d,), optional
        From `MirrorPCA`. Half of each batch is mirrored, and the probabilities of a face and its mirror image are
        averaged.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    networks_ : list of list of ndarray, float16
        Weights and offsets of each network's layers in turn, input first; the last has a column for each class. Half
        precision changes no probability by more than a few thousandths and halves the saved model.
    classes_ : ndarray of shape (k,)
    n_features_in_ : int

    References
    ----------
    .. [1] Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, JMLR 2014.
    .. [2] Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
    """

    takes_votes = True

    def __init__(
        self,
        hidden=(512, 256),
        n_networks=3,
        dropout=0.25,
        input_dropout=0.1,
        epochs=25,
        batch_size=256,
        learning_rate=3e-3,
        weight_decay=0.01,
        votes_weight=1.5,
        mirror_signs=None,
        random_state=None,
    ):
        self.hidden = hidden
        self.n_networks = n_networks
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.votes_weight = votes_weight
        self.mirror_signs = mirror_signs
        self.random_state = random_state

    def fit(self, X, y, votes=None):
        """Train on features X of shape (n, d) with expressions y of shape (n,).

        Parameters
        ----------
        X : ndarray of shape (n, d)
        y : ndarray of shape (n,)
        votes : ndarray of shape (n, m), optional
            How many people chose each of m labels for each face. A second softmax on the same hidden layers learns
            their distribution and is discarded after training. Rows without votes are ignored.

        Raises
        ------
        InputError
            If votes and faces differ in number.
        """
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, columns = np.unique(y, return_inverse=True)
        targets = [np.eye(len(self.classes_), dtype=np.float32)[columns]]
        if votes is not None:
            if len(votes) != len(X):
                raise InputError(f"votes must have one row for each face ({len(X)}), got {len(votes)}")
            totals = np.sum(votes, axis=1, keepdims=True, dtype=np.float32)
            targets.append(np.divide(votes, totals, out=np.zeros(np.shape(votes), np.float32), where=totals > 0))
        self.scale_ = np.float32(1 / max(float(X.std()), 1e-12))
        seeds = check_random_state(self.random_state).randint(2**31, size=self.n_networks)
        self.networks_ = [self._train(X * self.scale_, targets, np.random.default_rng(seed)) for seed in seeds]
        self.__dict__.pop("_single", None)
        return self

    def predict_proba(self, X):
        """Return probabilities of shape (n, k), equal for a face and its mirror image."""
        X = self._scaled(X)
        predictions = np.add.reduce(softmax(self._networks.scores(X))) / len(self.networks_)
        return self._with_mirrored(predictions) / (1 if self.mirror_signs is None else 2)

    def embed(self, X):
        """Return the last hidden layer of each network, summed over a face and its mirror image, shape (n, units)."""
        X = self._scaled(X)
        return self._with_mirrored(np.concatenate(self._networks.hidden(X), axis=1))

    def _scaled(self, X):
        """Return validated features in single precision, scaled as in training."""
        check_fitted(self, "networks_")
        # scikit-learn's validation takes as long as a network, so arrays that need none skip it.
        valid = type(X) is np.ndarray and X.dtype == np.float32 and X.shape == (len(X), self.n_features_in_)
        if not valid or not np.isfinite(X).all():
            X = validate_data(self, X, dtype=np.float32, reset=False)
        return X * self.scale_

    def _with_mirrored(self, values):
        """Return the sum of the values of faces and mirrored faces."""
        half = len(values) // 2
        return values if self.mirror_signs is None else values[:half] + values[half:]

    @property
    def _networks(self):
        """The networks prepared for prediction, once."""
        if "_single" not in self.__dict__:
            self._single = MirrorPass(self.networks_, self.mirror_signs)
        return self._single

    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name != "_single"}

    def _train(self, X, targets, random):
        """Return the layers of one network."""
        n, k = len(X), targets[0].shape[1]
        layers = _initial_layers([X.shape[1], *self.hidden, sum(part.shape[1] for part in targets)], random)
        batches = -(-n // self.batch_size)
        epochs = max(self.epochs, -(-_FEWEST_STEPS // batches))
        rates = self.learning_rate * _one_cycle(epochs * batches)
        signs = None if self.mirror_signs is None else np.asarray(self.mirror_signs, dtype=np.float32)
        moments = [(np.zeros_like(layer), np.zeros_like(layer)) for layer in layers]
        step = 0
        for _ in range(epochs):
            for rows in np.array_split(random.permutation(n), batches):
                batch = X[rows]
                if signs is not None:
                    mirrored = random.random(len(rows)) < 0.5
                    batch[mirrored] *= signs
                gradients = self._gradients(layers, batch, [part[rows] for part in targets], random)
                step += 1
                _adamw(layers, gradients, moments, step, rates[step - 1], self.weight_decay)
        layers[-2:] = layers[-2][:, :k], layers[-1][:k]  # discard the columns of the votes
        return [layer.astype(np.float16) for layer in layers]

    def _gradients(self, layers, X, targets, random):
        """Return the gradient of the loss on one batch with respect to each layer."""
        rates, values = [self.input_dropout] + [self.dropout] * len(self.hidden), [X]
        for index, rate in enumerate(rates):
            if index:
                values.append(np.maximum(values[-1] @ layers[2 * index - 2] + layers[2 * index - 1], 0))
            if rate:
                values[-1] *= (random.random(values[-1].shape, dtype=np.float32) >= rate) / np.float32(1 - rate)
        error = _output_error(values[-1] @ layers[-2] + layers[-1], targets, self.votes_weight)
        gradients = [None] * len(layers)
        for index in range(len(rates) - 1, -1, -1):
            gradients[2 * index] = values[index].T @ error
            gradients[2 * index + 1] = error.sum(axis=0)
            if index:
                # Units that dropout or the rectifier set to 0 have no gradient; dropout scaled up the others.
                error = (error @ layers[2 * index].T) * (values[index] > 0) / np.float32(1 - self.dropout)
        return gradients


def _initial_layers(sizes, random):
    """Return weights and offsets of each layer in turn; weights are uniform within the root of 1 / inputs."""
    layers = []
    for rows, columns in itertools.pairwise(sizes):
        bound = np.float32(1 / np.sqrt(rows))
        layers.append((2 * random.random((rows, columns), dtype=np.float32) - 1) * bound)
        layers.append(np.zeros(columns, dtype=np.float32))
    return layers


def _output_error(scores, targets, votes_weight):
    """Return the gradient of the mean cross-entropies with respect to the scores of the last layer."""
    error, start = np.empty_like(scores), 0
    for part, weight in zip(targets, (1.0, votes_weight), strict=False):
        columns = slice(start, start + part.shape[1])
        error[:, columns] = np.float32(weight) * (softmax(scores[:, columns]) * part.sum(axis=1, keepdims=True) - part)
        start = columns.stop
    return error / np.float32(len(scores))


def _one_cycle(steps):
    """Return a factor of the learning rate for each step: a half cosine up from 1/25 to 1, then one down to 0."""
    warm = max(1, round(_WARM_UP * steps))
    rise = 0.04 + 0.96 * (1 - np.cos(np.pi * np.arange(warm) / warm)) / 2
    fall = (1 + np.cos(np.pi * np.arange(steps - warm) / max(steps - warm, 1))) / 2
    return np.concatenate([rise, fall])


def _adamw(layers, gradients, moments, step, rate, decay):
    """Update the layers by one step of AdamW, in place."""
    first_bias, second_bias = 1 - _DECAY[0] ** step, 1 - _DECAY[1] ** step
    for layer, gradient, (first, second) in zip(layers, gradients, moments, strict=True):
        first += (1 - _DECAY[0]) * (gradient - first)
        second += (1 - _DECAY[1]) * (gradient**2 - second)
        if layer.ndim == 2:
            layer *= np.float32(1 - rate * decay)
        update = np.sqrt(second / np.float32(second_bias))
        update += np.float32(_EPSILON)
        np.divide(first, update, out=update)
        layer -= np.float32(rate / first_bias) * update


class MirrorPass:
    """Forward pass of several networks for faces and mirrored faces together, in single precision.

    Most of the time for one face is spent reading weights, mainly those of the first layer. A mirrored face has equal
    symmetric features and negated antisymmetric ones. The first layer therefore computes the sums over both parts once,
    adds them for the face and subtracts them for the mirrored face.

    Parameters
    ----------
    networks : list of list of ndarray
        As in `MLPWithDropout.networks_`.
    mirror_signs : array-like of shape (d,) or None
        From `MirrorPCA`; None to predict faces without their mirror images.
    """

    def __init__(self, networks, mirror_signs=None):
        layers = [np.array(layers, dtype=np.float32) for layers in zip(*networks, strict=True)]
        weights = np.concatenate(layers[0], axis=1)
        self._offsets = layers[1].ravel()
        self._mirrored = mirror_signs is not None
        signs = np.asarray(mirror_signs) if self._mirrored else np.ones(len(weights))
        self._symmetric, self._antisymmetric = np.flatnonzero(signs > 0), np.flatnonzero(signs < 0)
        # Transposed, further layers take two thirds of the time for a face and its mirror image.
        further = [each.swapaxes(1, 2) for each in layers[2::2]]
        self._symmetric_weights, self._antisymmetric_weights, *further = _in_one_block(
            [weights[self._symmetric], weights[self._antisymmetric], *further]
        )
        self._rest = [(each, offsets[..., None]) for each, offsets in zip(further, layers[3::2], strict=True)]
        self._n_networks = len(networks)

    def scores(self, X):
        """Return the last layer of each network: rows of the faces, then rows of the mirrored faces.

        Parameters
        ----------
        X : ndarray of shape (n, d), float32

        Returns
        -------
        ndarray of shape (networks, n, k), or (networks, 2 n, k) with mirror signs
        """
        return _apply_layers(self._first(X), self._rest).swapaxes(1, 2)

    def hidden(self, X):
        """Return the last hidden layer of each network; rows as for `scores`."""
        return np.maximum(_apply_layers(self._first(X), self._rest[:-1]), 0).swapaxes(1, 2)

    def _first(self, X):
        """Return the first layer of each network before rectification, shape (networks, units, rows)."""
        sums = multiply_few_rows(X[:, self._symmetric], self._symmetric_weights) + self._offsets
        if self._mirrored:
            change = multiply_few_rows(X[:, self._antisymmetric], self._antisymmetric_weights)
            sums = np.concatenate([sums + change, sums - change])
        return sums.T.reshape(self._n_networks, -1, len(sums))


def _in_one_block(arrays):
    """Return contiguous copies of arrays in one block of memory: from 4 MB on, NumPy asks for huge pages."""
    block = np.empty(sum(array.size for array in arrays), dtype=np.float32)
    parts = np.split(block, np.cumsum([array.size for array in arrays])[:-1])
    copies = [part.reshape(array.shape) for part, array in zip(parts, arrays, strict=True)]
    for copy, array in zip(copies, arrays, strict=True):
        copy[...] = array
    return copies


def multiply_few_rows(X, weights):
    """Return the matrix product, computed faster if X has few rows."""
    if not 1 < len(X) <= _FEW_ROWS:
        return X @ weights
    product = np.empty((len(X), weights.shape[1]), dtype=np.result_type(X, weights))
    for row, result in zip(X, product, strict=True):
        np.dot(row, weights, out=result)
    return product


def _apply_layers(sums, layers):
    """Return the output of further layers, pairs of weights and offsets, from a layer before rectification."""
    for weights, offsets in layers:
        sums = weights @ np.maximum(sums, 0, order="C") + offsets
    return sums
