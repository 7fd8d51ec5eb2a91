"""Principal components of features, as they were before any mirror: for the older candidates."""

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted


class LeadingComponents(TransformerMixin, BaseEstimator):
    """scikit-learn's PCA for any number of faces: of fewer faces it keeps fewer components.

    Parameters
    ----------
    n_components : int
        At most.
    whiten : bool, default=False
        Whether each component is given variance 1.
    max_faces : int, default=8000
        With more faces the components are found on this many, spread evenly.

    Attributes
    ----------
    pca_ : PCA
    """

    def __init__(self, n_components, whiten=False, max_faces=8000):
        self.n_components = n_components
        self.whiten = whiten
        self.max_faces = max_faces

    def fit(self, X, y=None):
        """Find the components of features X of shape (n, d)."""
        X = X[:: -(-len(X) // self.max_faces)]
        # The mean takes one direction away: the last component of few faces would be rounding, made large by whitening.
        kept = max(1, min(self.n_components, len(X) - 1, X.shape[1]))
        self.pca_ = PCA(kept, whiten=self.whiten, random_state=0).fit(X)
        return self

    def transform(self, X):
        """Return the components of X, shape (n, k)."""
        check_is_fitted(self)
        return self.pca_.transform(X) if len(X) else X[:, : self.pca_.n_components_]
