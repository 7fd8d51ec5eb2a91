"""skops: a fitted predictor as a file that runs no code when it is read, so that strangers may share it.

A pickle can call anything. A skops file says which types it holds, and only those in a table are made.
"""

import zipfile

from landmark_fer.core.errors import ArtifactError
from landmark_fer.core.optional_packages import import_optional

TRUSTED_TYPES = (
    "landmark_fer.features.components.LeadingComponents",
    "landmark_fer.features.lbp.LbpOfChip",
    "landmark_fer.features.pixels.PixelsOfChip",
    "landmark_fer.features.projection.MirrorPCA",
    "landmark_fer.features.projection.FeatureBlocks",
    "landmark_fer.features.transformers.AlignedLandmarks",
    "landmark_fer.features.transformers.HogOfChip",
    "landmark_fer.features.transformers.Measurements",
    "landmark_fer.models.svm.LeastSquaresSVM",
    "landmark_fer.models.svm.RbfSVC",
    "landmark_fer.models.mirrored.MirroredClassifier",
    "landmark_fer.models.embedding_knn.EmbeddingKNN",
    "landmark_fer.models.mlp.MLPWithDropout",
    "landmark_fer.models.calibration.Calibration",
    "landmark_fer.models.calibration.CalibratedEnsemble",
    "landmark_fer.models.rules.ExpressionRules",
    "landmark_fer.models.rules.Rule",
    "landmark_fer.models.streamed.StreamedClassifier",
    "landmark_fer.models.streamed.UndescribedFaces",
    # What the candidates hold of scikit-learn and skops does not trust by itself.
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
)
"""Types that a saved model may hold besides those that skops trusts: arrays, words, scikit-learn's estimators."""


def skops_content(predictor):
    """Return a fitted predictor as the bytes of a skops file.

    Raises
    ------
    ArtifactError
        If it holds types that could not be loaded again.
    DependencyError
        If skops is not installed.
    """
    skops = _skops("writing a skops file")
    content = skops.dumps(predictor, compression=zipfile.ZIP_DEFLATED, compresslevel=6)
    _check_types(skops, content, "the model")
    return content


def load_skops(content, name):
    """Return the predictor in the bytes of a skops file.

    Parameters
    ----------
    content : bytes
    name : str
        What to call it in a message.

    Raises
    ------
    ArtifactError
        If it holds a type that is not in the table; nothing of it was made then.
    DependencyError
        If skops is not installed.
    """
    skops = _skops(f"loading {name}")
    _check_types(skops, content, name)
    return skops.loads(content, trusted=list(TRUSTED_TYPES))


def _skops(purpose):
    return import_optional("skops.io", purpose=purpose)


def _check_types(skops, content, name):
    unknown = [kind for kind in skops.get_untrusted_types(data=content) if kind not in TRUSTED_TYPES]
    if unknown:
        raise ArtifactError(
            f"{name} must hold types that landmark_fer trusts alone, and holds {', '.join(unknown)}; "
            "ask its maker for one fitted with landmark_fer's own models"
        )
