"""Models for more faces than memory holds: faces are described batch by batch, and learned from batch by batch.

The other candidates need the features of all faces at once, two and a half kilobytes a face. These keep them in a
temporary file and a batch in memory; the records are memory-mapped, or `RecordRows`.
"""

import tempfile

import numpy as np
import scipy.linalg
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import SGDClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.utils import check_random_state

from landmark_fer.features.projection import check_fitted
from landmark_fer.features.transformers import Stateless

_SAMPLE = 4000  # faces that show how wide features spread, and among which landmarks of the kernel are chosen
_FAINTEST = 5e-5  # share of the kernel's whole variance under which a direction is rounding


class PassThrough(Stateless, auto_wrap_output_keys=None):
    """Face records as they come: the ``features`` step before a model that describes faces itself."""

    def transform(self, X):
        """Return X."""
        return X


class StreamedClassifier(ClassifierMixin, BaseEstimator):
    """Logistic regression by stochastic gradient descent on face records, linear or in an approximated RBF kernel.

    A face and its mirrored face are the same to it: a linear model reads the size of the features that the mirror
    turns, and the kernel is summed over both images.

    Parameters
    ----------
    features : transformer
        From face records of shape (n,) to float32 of shape (n, d), fitted on few of them, as from `make_features`.
    mirror_signs : array-like of shape (d,)
        As from `MirrorPCA`.
    n_vectors : int, default=0
        Faces that span the kernel by Nystroem's method [1]_; 0 makes a linear model.
    gamma : float, default=0.8
        Of the kernel, ``exp(-gamma * |x - v|^2 / V)`` with V the total variance of the features.
    alpha : float, default=1e-5
        Regularisation, the factor of the squared weights.
    epochs : int, default=12
    batch_size : int, default=2048
        Faces that are described, and learned from, at a time.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    features_ : transformer
    classifier_ : SGDClassifier
        Averaged over its steps [2]_.
    vectors_ : ndarray of shape (v, d), float32, or None
        The faces that span the kernel.
    directions_ : ndarray of shape (v, r), float32
        Take a face's kernels with them to coordinates in their span.
    classes_ : ndarray of shape (k,)

    References
    ----------
    .. [1] Williams and Seeger, Using the Nystroem Method to Speed Up Kernel Machines, NIPS 2000.
    .. [2] Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, SIAM J. Control 30, 1992.
    """

    def __init__(
        self,
        features,
        mirror_signs,
        n_vectors=0,
        gamma=0.8,
        alpha=1e-5,
        epochs=12,
        batch_size=2048,
        random_state=None,
    ):
        self.features = features
        self.mirror_signs = mirror_signs
        self.n_vectors = n_vectors
        self.gamma = gamma
        self.alpha = alpha
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X, y):
        """Learn from face records X of shape (n,), which may be memory-mapped or `RecordRows`, with expressions y."""
        random = check_random_state(self.random_state)
        self.classes_, columns = np.unique(y, return_inverse=True)
        self.features_ = clone(self.features).fit(X, y)
        self._fit_map(X, random)
        # log_loss: its probabilities are those of logistic regression, which pools calibrate like any other's
        options = {"loss": "log_loss", "alpha": self.alpha, "average": True}
        self.classifier_ = SGDClassifier(**options, random_state=random.randint(2**31))
        with FeatureFile(len(X), len(self.mirror_signs)) as file:
            places = random.permutation(len(X))  # a source may be sorted by expression
            for rows in self._batches(len(X)):
                file.write(places[rows], self.features_.transform(X[rows]))
            shuffled = np.empty_like(columns)
            shuffled[places] = columns
            for _ in range(self.epochs):
                for rows in random.permutation(np.array(self._batches(len(X)), dtype=object)):
                    features = self._mapped(file.read(rows))
                    self.classifier_.partial_fit(features, shuffled[rows], np.arange(len(self.classes_)))
        return self

    def predict_proba(self, X):
        """Return probabilities of shape (n, k) for face records of shape (n,), batch by batch."""
        check_fitted(self, "classifier_")
        batches = [self._prediction(X[rows]) for rows in self._batches(len(X))]
        return np.vstack(batches) if batches else np.empty((0, len(self.classes_)))

    def predict(self, X):
        """Return the most probable class of each face."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _prediction(self, X):
        return self.classifier_.predict_proba(self._mapped(self.features_.transform(X)))

    def _batches(self, n):
        return [slice(start, min(start + self.batch_size, n)) for start in range(0, n, self.batch_size)]

    def _fit_map(self, X, random):
        """Learn the scale of the features, and the vectors of the kernel where there is one."""
        rows = np.sort(random.permutation(len(X))[:_SAMPLE])
        sample = self.features_.transform(X[rows])
        self.spread_ = max(float(sample.var(axis=0).sum()), 1e-12)
        self.vectors_ = None
        if self.n_vectors:
            self.vectors_ = sample[random.permutation(len(sample))[: self.n_vectors]]
            self.width_ = self.gamma / self.spread_
            self.directions_ = _directions(self.vectors_, self.width_)
        mapped = self._map(sample)
        self.offset_ = mapped.mean(axis=0)
        # Unit length in the mean: the first steps of the descent would overshoot with longer ones.
        self.scale_ = np.float32(1 / max(float(np.sqrt(mapped.var(axis=0).sum())), 1e-12))

    def _mapped(self, described):
        return (self._map(described) - self.offset_) * self.scale_

    def _map(self, described):
        """Return what the classifier sees: the same for a face and the mirrored face."""
        signs = np.asarray(self.mirror_signs, dtype=np.float32)
        if self.vectors_ is None:
            return np.where(signs > 0, described, np.abs(described))
        both = (rbf_kernel(faces, self.vectors_, self.width_) for faces in (described, described * signs))
        return sum(both) @ self.directions_


def _directions(vectors, width):
    """Return what takes kernels with some vectors to coordinates in their span, shape (v, r), float32.

    Near-duplicates among the vectors span one direction, and rounding beside it, which would be made as long as the
    others; scikit-learn's Nystroem does.
    """
    values, columns = scipy.linalg.eigh(rbf_kernel(vectors.astype(np.float64), gamma=width))
    kept = values > _FAINTEST * len(vectors)
    return (columns[:, kept] / np.sqrt(values[kept])).astype(np.float32)


class FeatureFile:
    """A matrix in a temporary file, in half precision; a context manager, at whose end it is gone.

    It is read and written with plain calls. A memory map would count what was read as this process's memory.

    Parameters
    ----------
    n, d : int
        Rows and columns.
    """

    def __init__(self, n, d):
        self.n, self._row = n, np.dtype((np.float16, (d,)))

    def __enter__(self):
        self._file = tempfile.TemporaryFile(prefix="landmark_fer-")
        self._file.truncate(self.n * self._row.itemsize)
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, places, rows):
        """Write each of some rows, shape (m, d), at its place."""
        for place, row in zip(places.tolist(), rows.astype(np.float16), strict=True):
            self._file.seek(place * self._row.itemsize)
            self._file.write(row.data)

    def read(self, rows):
        """Return neighbouring rows, given as a slice, as float32 of shape (m, d)."""
        self._file.seek(rows.start * self._row.itemsize)
        content = self._file.read((rows.stop - rows.start) * self._row.itemsize)
        return np.frombuffer(content, dtype=self._row).astype(np.float32)
