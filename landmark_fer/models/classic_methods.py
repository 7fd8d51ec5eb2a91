"""What the field used before, as candidates for comparison: each the textbook's recipe on the same aligned faces.

They take no part in a blend, whose members share their features, and are not searched.

References
----------
.. [1] Turk and Pentland, Eigenfaces for Recognition, Journal of Cognitive Neuroscience 3(1), 1991.
.. [2] Belhumeur, Hespanha and Kriegman, Eigenfaces vs. Fisherfaces, TPAMI 19(7), 1997.
.. [3] Shan, Gong and McOwan, Facial Expression Recognition Based on Local Binary Patterns: A Comprehensive Study,
   Image and Vision Computing 27(6), 2009.
"""

from dataclasses import dataclass

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from landmark_fer.features.projection import LeadingComponents, MirrorPCA
from landmark_fer.features.texture import LbpOfChip, PixelsOfChip
from landmark_fer.features.transformers import HogOfChip, Measurements
from landmark_fer.models.base import MirroredClassifier
from landmark_fer.models.rules import ExpressionRules


@dataclass(frozen=True)
class ClassicMethod:
    """One row of the table.

    Attributes
    ----------
    fields : tuple of str
        Of the face records that it reads.
    meaning : str
    make : callable
        Returns the unfitted features and classifier.
    """

    fields: tuple
    meaning: str
    make: object

    def pipeline(self):
        """Return the unfitted Pipeline of ``features`` and ``classifier``."""
        features, classifier = self.make()
        return Pipeline([("features", features), ("classifier", classifier)])


def _pixels():
    return PixelsOfChip(), LogisticRegression(C=0.003, max_iter=300)


def _eigenfaces():
    faces = [("pixels", PixelsOfChip()), ("components", LeadingComponents(100, whiten=True))]
    return Pipeline(faces), KNeighborsClassifier(7, algorithm="brute")


def _fisherfaces():
    faces = [("pixels", PixelsOfChip()), ("components", LeadingComponents(200))]
    return Pipeline(faces), LinearDiscriminantAnalysis()


def _lbp():
    faces = [("patterns", LbpOfChip()), ("components", LeadingComponents(400))]
    return Pipeline(faces), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _rules():
    return Measurements(), ExpressionRules()


def _hog_lda():
    faces = MirrorPCA(HogOfChip(), 200, 100)
    return faces, MirroredClassifier(LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"), faces.mirror_signs)


CLASSIC_METHODS = {
    "pixels": ClassicMethod(("chip",), "grey values, logistic regression", _pixels),
    "eigenfaces": ClassicMethod(("chip",), "100 whitened components of grey values, 7 neighbours", _eigenfaces),
    "fisherfaces": ClassicMethod(("chip",), "200 components of grey values, linear discriminants", _fisherfaces),
    "lbp": ClassicMethod(("chip",), "local binary patterns, 400 components, linear discriminants", _lbp),
    "rules": ClassicMethod(("landmarks",), "hand-written rules on measurements", _rules),
    "hog_lda": ClassicMethod(("chip",), "our HOG, 300 components, linear discriminants", _hog_lda),
}
"""The older methods by name."""
