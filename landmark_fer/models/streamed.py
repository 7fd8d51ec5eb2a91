"""Models for more faces than fit in memory: features are extracted and learned in batches.

The other candidates hold the features of all faces in memory, 2.5 kB for each face. These write them to a temporary
file and hold one batch in memory. The face records can be memory-mapped or `RecordRows`.
"""

import tempfile

import numpy as np
import scipy.linalg
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets

from landmark_fer.features.projection import check_fitted
from landmark_fer.features.transformers import Stateless
from landmark_fer.models.base import ProbabilisticClassifier

_SAMPLE = 4000  # faces from which the scale of the features and the vectors of the kernel are taken
_LEAST_VARIANCE = 5e-5  # fraction of the kernel's total variance below which a direction is rounding error


class PassThrough(Stateless, auto_wrap_output_keys=None):
    """The ``features`` step of a model that extracts features itself: returns face records unchanged."""

    def transform(self, X):
        """Return X unchanged."""
        return X


class StreamedClassifier(ProbabilisticClassifier):
    """Logistic regression of face records by stochastic gradient descent, linear or in an approximated RBF kernel.

    It treats a face and its mirror image alike: the linear model uses absolute values of the antisymmetric features,
    and the kernel is summed over both.

    Parameters
    ----------
    features : transformer
        Transforms face records of shape (n,) to float32 of shape (n, d), as from `make_features`.
    mirror_signs : array-like of shape (d,)
        From `MirrorPCA`.
    n_vectors : int, default=0
        Number of faces that span the kernel space by Nystroem's method [1]_; 0 for a linear model.
    gamma : float, default=0.8
        Of the kernel ``exp(-gamma * |x - v|^2 / V)`` with V the total variance of the features.
    alpha : float, default=1e-5
        Regularisation: factor of the squared weights.
    epochs : int, default=12
    batch_size : int, default=2048
        Faces whose features are extracted and learned at a time.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    features_ : transformer
    classifier_ : SGDClassifier
        With weights averaged over the steps [2]_.
    vectors_ : ndarray of shape (v, d), float32, or None
        Features of the faces that span the kernel space.
    directions_ : ndarray of shape (v, r), float32
        Map the kernels of a face with these vectors to coordinates in the kernel space.
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
        """Fit to face records X of shape (n,), which may be memory-mapped or `RecordRows`, and expressions y."""
        check_classification_targets(y)
        random = check_random_state(self.random_state)
        self.classes_, columns = np.unique(y, return_inverse=True)
        self.features_ = clone(self.features).fit(X, y)
        self._fit_map(X, random)
        self.classifier_ = SGDClassifier(
            loss="log_loss", alpha=self.alpha, average=True, random_state=random.randint(2**31)
        )
        with FeatureFile(len(X), len(self.mirror_signs)) as file:
            places = random.permutation(len(X))  # the data may be sorted by expression
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
        """Return probabilities of shape (n, k) of face records of shape (n,), computed in batches."""
        check_fitted(self, "classifier_")
        batches = [self._prediction(X[rows]) for rows in self._batches(len(X))]
        return np.vstack(batches) if batches else np.empty((0, len(self.classes_)))

    def _prediction(self, X):
        return self.classifier_.predict_proba(self._mapped(self.features_.transform(X)))

    def _batches(self, n):
        return [slice(start, min(start + self.batch_size, n)) for start in range(0, n, self.batch_size)]

    def _fit_map(self, X, random):
        """Fit the scale of the features and, for a kernel, its vectors."""
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
        # Mean length 1: the first steps of the descent would overshoot with longer vectors.
        self.scale_ = np.float32(1 / max(float(np.sqrt(mapped.var(axis=0).sum())), 1e-12))

    def _mapped(self, features):
        return (self._map(features) - self.offset_) * self.scale_

    def _map(self, features):
        """Return the inputs of the classifier, equal for a face and its mirror image."""
        signs = np.asarray(self.mirror_signs, dtype=np.float32)
        if self.vectors_ is None:
            return np.where(signs > 0, features, np.abs(features))
        kernels = (rbf_kernel(each, self.vectors_, self.width_) for each in (features, features * signs))
        return sum(kernels) @ self.directions_


def _directions(vectors, width):
    """Return the map from kernels with the vectors to coordinates in their span, shape (v, r), float32.

    Near-duplicates among the vectors lead to directions of rounding errors, which are left out; scikit-learn's Nystroem
    would scale them up to the length of the others.
    """
    values, columns = scipy.linalg.eigh(rbf_kernel(vectors.astype(np.float64), gamma=width))
    real = values > _LEAST_VARIANCE * len(vectors)
    return (columns[:, real] / np.sqrt(values[real])).astype(np.float32)


class FeatureFile:
    """Matrix in a temporary file, in half precision; a context manager that deletes the file on exit.

    Plain reads and writes are used because the pages of a memory map would count as memory of this process.

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
        """Write rows of shape (m, d), each at its place in the matrix."""
        for place, row in zip(places.tolist(), rows.astype(np.float16), strict=True):
            self._file.seek(place * self._row.itemsize)
            self._file.write(row.data)

    def read(self, rows):
        """Return a slice of rows as float32 of shape (m, d)."""
        self._file.seek(rows.start * self._row.itemsize)
        content = self._file.read((rows.stop - rows.start) * self._row.itemsize)
        return np.frombuffer(content, dtype=self._row).astype(np.float32)
