"""Registry of candidates: scikit-learn Pipelines of face records, with the grids of ``--search``.

The first step of a pipeline is named ``features``. Candidates with the same features share them in cross-validation.
``knn``, ``svm`` and ``mlp`` are scikit-learn's classifiers. ``embedding_knn``, ``ls_svm`` and ``dropout_mlp`` are this
project's, on the same features.
"""

from dataclasses import dataclass, field

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from landmark_fer.core.errors import InputError
from landmark_fer.features.projection import FeatureBlocks, MirrorPCA
from landmark_fer.features.transformers import AlignedLandmarks, HogOfChip, Measurements
from landmark_fer.models.classic_methods import CLASSIC_METHODS
from landmark_fer.models.embedding_knn import EmbeddingKNN
from landmark_fer.models.ls_svm import LeastSquaresSVM
from landmark_fer.models.mlp import MLPWithDropout
from landmark_fer.models.networks import NETWORKS
from landmark_fer.models.plain import KNN, SVC
from landmark_fer.models.streamed import PassThrough, StreamedClassifier

# Arguments of `MirrorPCA`: transformer, symmetric and antisymmetric components, weight, whether to standardise.
_BLOCKS = {
    "landmarks": (AlignedLandmarks(), 40, 30, 8.0, False),
    "measurements": (Measurements(), 33, 20, 6.0, True),
    "tight": (HogOfChip(frame=64, side=64, cell=8), 110, 60, 8.0, False),
    "fine": (HogOfChip(frame=48, side=64, cell=8), 100, 60, 8.0, False),
    "coarse": (HogOfChip(frame=64, side=64, cell=16), 50, 30, 8.0, False),
    "wide": (HogOfChip(frame=80, side=64, cell=8), 50, 30, 5.0, False),
}

FEATURES = {
    "geometry": ("landmarks", "measurements"),
    "hog": ("tight", "fine", "coarse", "wide"),
    "both": ("tight", "fine", "coarse", "wide", "landmarks", "measurements"),
}
"""Blocks of each kind of features, as named by ``--features``."""

FIELDS = {"geometry": ("landmarks",), "hog": ("chip",), "both": ("landmarks", "chip")}
"""Fields of the face records that each kind of features reads."""


@dataclass(frozen=True)
class Candidate:
    """A model to compare.

    Attributes
    ----------
    pipeline : Pipeline
        Unfitted; the first step is ``features``.
    grid : dict
        Parameters of the pipeline, each with the list of values that a search tries in addition to the default.
    fold_sample : int or None
        Largest number of faces to fit on within a fold, a stratified sample. The final fit uses all faces.
    in_stacking : bool
        Whether it can be stacked with others, which share its features.
    fields : tuple of str
        Fields of the face records that it reads.
    """

    pipeline: Pipeline
    grid: dict
    fold_sample: int | None = None
    in_stacking: bool = True
    fields: tuple = FIELDS["both"]


@dataclass(frozen=True)
class Classifier:
    """An entry of `CLASSIFIERS`.

    Attributes
    ----------
    make : callable
        Takes mirror signs and a random state, returns the unfitted estimator.
    grid : dict
        As `Candidate.grid`, with names of the estimator's parameters.
    fold_sample : int or None
        As `Candidate.fold_sample`.
    in_stacking : bool
        As `Candidate.in_stacking`.
    """

    make: object
    grid: dict = field(default_factory=dict)
    fold_sample: int | None = None
    in_stacking: bool = True


CLASSIFIERS = {
    "dummy": Classifier(lambda signs, seed: DummyClassifier(strategy="prior"), in_stacking=False),
    "knn": Classifier(
        lambda signs, seed: KNN(30, weights="distance", algorithm="brute"),
        {"n_neighbors": [15, 30, 60]},
    ),
    "svm": Classifier(lambda signs, seed: SVC(C=3.0), {"C": [1.0, 3.0, 10.0], "gamma": ["scale", 0.01]}, 8000),
    "mlp": Classifier(
        lambda signs, seed: MLPClassifier(
            (256,), alpha=0.1, early_stopping=True, n_iter_no_change=20, random_state=seed
        ),
        {"alpha": [0.01, 0.1, 1.0], "hidden_layer_sizes": [(128,), (256,), (512,)]},
    ),
    "embedding_knn": Classifier(
        lambda signs, seed: EmbeddingKNN(mirror_signs=signs, random_state=seed),
        {
            "n_neighbors": [40, 100, 200],
            "hidden": [(256, 16), (256, 32), (512, 64)],
            "dropout": [0.2, 0.3, 0.5],
        },
    ),
    "ls_svm": Classifier(
        lambda signs, seed: LeastSquaresSVM(mirror_signs=signs, random_state=seed),
        {"gamma": [0.5, 0.8, 1.5], "alpha": [0.15, 0.3, 0.6]},
    ),
    "dropout_mlp": Classifier(
        lambda signs, seed: MLPWithDropout(mirror_signs=signs, random_state=seed),
        {
            "dropout": [0.1, 0.25, 0.5],
            "input_dropout": [0.0, 0.1, 0.2],
            "hidden": [(512,), (512, 256), (768, 384)],
            "epochs": [15, 25, 40],
        },
    ),
}
"""Classifiers for any kind of features, by name. One entry adds a candidate."""

STREAMED_CLASSIFIERS = {
    "sgd": ({"alpha": 1e-5}, {"alpha": [1e-6, 1e-5, 1e-4]}),
    "nystroem": (
        {"n_vectors": 2000, "alpha": 1e-5},
        {"alpha": [1e-6, 1e-5, 1e-4], "gamma": [0.5, 0.8, 1.5]},
    ),
}
"""Parameters and grids of the candidates that learn in batches, for more faces than fit in memory."""

CANDIDATES = tuple(CLASSIFIERS)
STREAMED_CANDIDATES = tuple(STREAMED_CLASSIFIERS)
CLASSIC_CANDIDATES = tuple(CLASSIC_METHODS)


def make_features(kind):
    """Return the unfitted ``features`` step for a kind of features, and its mirror signs.

    Returns
    -------
    FeatureBlocks
        Transforms face records of shape (n,) to float32 of shape (n, d).
    list of float
        `MirrorPCA.mirror_signs` of all d columns.
    """
    blocks = [(name, MirrorPCA(*_BLOCKS[name])) for name in FEATURES[kind]]
    return FeatureBlocks(blocks), np.concatenate([block.mirror_signs for _, block in blocks]).tolist()


def make_candidates(names=CANDIDATES, *, features="both", fold_sample=None, random_state=0):
    """Return the named candidates.

    Parameters
    ----------
    names : sequence of str
        Names in `CANDIDATES`, `STREAMED_CANDIDATES` and `CLASSIC_CANDIDATES`.
    features : {"geometry", "hog", "both"}
        Kind of features. The classic methods have features of their own.
    fold_sample : int, optional
        Largest number of faces to fit on within a fold. An entry of `CLASSIFIERS` may lower it.
    random_state : int, default=0

    Returns
    -------
    dict of str to Candidate

    Raises
    ------
    InputError
        If a name or the kind of features is unknown.
    """
    if features not in FEATURES:
        raise InputError(f"features must be one of {', '.join(FEATURES)}, got {features!r}")
    valid = (*CANDIDATES, *STREAMED_CANDIDATES, *CLASSIC_CANDIDATES)
    unknown = [name for name in names if name not in valid]
    if unknown or not names:
        raise InputError(
            f"models must be among {', '.join(valid)}, or networks ({', '.join(NETWORKS)}), got "
            f"{', '.join(unknown) or 'none'}"
        )
    return {name: _candidate(name, features, fold_sample, random_state) for name in names}


def _candidate(name, features, fold_sample, random_state):
    if name in CLASSIC_METHODS:
        method = CLASSIC_METHODS[name]
        return Candidate(method.pipeline(), {}, fold_sample, False, method.fields)
    step, signs = make_features(features)
    if name in STREAMED_CLASSIFIERS:
        options, grid = STREAMED_CLASSIFIERS[name]
        classifier = StreamedClassifier(step, signs, **options, random_state=random_state)
        step, in_stacking, samples = PassThrough(), False, [fold_sample]
    else:
        entry = CLASSIFIERS[name]
        classifier, grid, in_stacking = entry.make(signs, random_state), entry.grid, entry.in_stacking
        samples = [fold_sample, entry.fold_sample]
    return Candidate(
        Pipeline([("features", step), ("classifier", classifier)]),
        {f"classifier__{parameter}": values for parameter, values in grid.items()},
        min((size for size in samples if size), default=None),
        in_stacking,
        FIELDS[features],
    )


def stacking_members(candidates):
    """Return the names of the candidates in a dict that can be stacked."""
    return [name for name, candidate in candidates.items() if candidate.in_stacking]
