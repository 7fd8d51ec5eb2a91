"""Earlier methods of the field as baselines: textbook recipes on the same aligned faces.

Each has features of its own, so none can be stacked with others. They have no hyperparameter grids.

References
----------
.. [1] Turk and Pentland, Eigenfaces for Recognition, Journal of Cognitive Neuroscience 3(1), 1991.
.. [2] Belhumeur, Hespanha and Kriegman, Eigenfaces vs. Fisherfaces, TPAMI 19(7), 1997.
.. [3] Shan, Gong and McOwan, Facial Expression Recognition Based on Local Binary Patterns: A Comprehensive Study,
   Image and Vision Computing 27(6), 2009.
"""

from dataclasses import dataclass

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from landmark_fer.features.projection import MirrorPCA
from landmark_fer.features.texture import LbpOfChip, PixelsOfChip
from landmark_fer.features.transformers import HogOfChip, Measurements
from landmark_fer.models.base import MirroredClassifier
from landmark_fer.models.rules import ExpressionRules


class LeadingComponents(TransformerMixin, BaseEstimator):
    """scikit-learn's PCA for any number of faces; from few faces it returns fewer components.

    Parameters
    ----------
    n_components : int
        At most.
    whiten : bool, default=False
        Whether each component is scaled to variance 1.
    max_faces : int, default=8000
        From more faces, this many are taken at even intervals to fit the components.

    Attributes
    ----------
    pca_ : PCA
    """

    def __init__(self, n_components, whiten=False, max_faces=8000):
        self.n_components = n_components
        self.whiten = whiten
        self.max_faces = max_faces

    def fit(self, X, y=None):
        """Fit the components to features X of shape (n, d)."""
        X = X[:: -(-len(X) // self.max_faces)]
        # n centred faces span n - 1 dimensions; whitening would blow up rounding errors in another component.
        n_components = max(1, min(self.n_components, len(X) - 1, X.shape[1]))
        self.pca_ = PCA(n_components, whiten=self.whiten, random_state=0).fit(X)
        return self

    def transform(self, X):
        """Return the components of X, shape (n, k)."""
        check_is_fitted(self)
        return self.pca_.transform(X) if len(X) else X[:, : self.pca_.n_components_]


@dataclass(frozen=True)
class ClassicMethod:
    """An entry of `CLASSIC_METHODS`.

    Attributes
    ----------
    fields : tuple of str
        Fields of the face records that it reads.
    meaning : str
        One-line description.
    make : callable
        Returns the unfitted feature transformer and the unfitted classifier.
    """

    fields: tuple
    meaning: str
    make: object

    def pipeline(self):
        """Return the unfitted Pipeline with the steps ``features`` and ``classifier``."""
        features, classifier = self.make()
        return Pipeline([("features", features), ("classifier", classifier)])


def _pixels():
    return PixelsOfChip(), LogisticRegression(C=0.003, max_iter=300)


def _eigenfaces():
    features = [("pixels", PixelsOfChip()), ("components", LeadingComponents(100, whiten=True))]
    return Pipeline(features), KNeighborsClassifier(7, algorithm="brute")


def _fisherfaces():
    features = [("pixels", PixelsOfChip()), ("components", LeadingComponents(200))]
    return Pipeline(features), LinearDiscriminantAnalysis()


def _lbp():
    features = [("patterns", LbpOfChip()), ("components", LeadingComponents(400))]
    return Pipeline(features), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _rules():
    return Measurements(), ExpressionRules()


def _hog_lda():
    features = MirrorPCA(HogOfChip(), 200, 100)
    classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return features, MirroredClassifier(classifier, features.mirror_signs)


CLASSIC_METHODS = {
    "pixels": ClassicMethod(("chip",), "grey values, logistic regression", _pixels),
    "eigenfaces": ClassicMethod(("chip",), "100 whitened components of grey values, 7 neighbours", _eigenfaces),
    "fisherfaces": ClassicMethod(("chip",), "200 components of grey values, linear discriminants", _fisherfaces),
    "lbp": ClassicMethod(("chip",), "local binary patterns, 400 components, linear discriminants", _lbp),
    "rules": ClassicMethod(("landmarks",), "hand-written rules on measurements", _rules),
    "hog_lda": ClassicMethod(
        ("chip",), "HOG as in `fit --features hog`, 300 components, linear discriminants", _hog_lda
    ),
}
"""Earlier methods by name."""
