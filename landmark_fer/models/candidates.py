"""The candidates by name: each a scikit-learn Pipeline over face records, with the grid that ``--search`` tries.

A pipeline's first step is named ``features``; candidates with the same features share them in cross-validation.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from landmark_fer.core.errors import InputError
from landmark_fer.features.projection import FeatureBlocks, MirrorPCA
from landmark_fer.features.transformers import AlignedLandmarks, HogOfChip, Measurements
from landmark_fer.models.base import MirroredClassifier
from landmark_fer.models.classic_methods import OLDER
from landmark_fer.models.embedding_knn import EmbeddingKNN
from landmark_fer.models.mlp import MLPWithDropout
from landmark_fer.models.networks import NETWORKS
from landmark_fer.models.streamed import StreamedClassifier, UndescribedFaces
from landmark_fer.models.svm import LeastSquaresSVM, RbfSVC

# Each block of features: its description, symmetric and antisymmetric components, weight.
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
"""Blocks of each kind of features that ``--features`` names."""

FIELDS = {"geometry": ("landmarks",), "hog": ("chip",), "both": ("landmarks", "chip")}
"""Fields of the face records that each kind of features reads."""


@dataclass(frozen=True)
class Candidate:
    """One model to compare.

    Attributes
    ----------
    pipeline : Pipeline
        Unfitted; the first step is ``features``.
    grid : dict
        Parameters of the pipeline and the list of values that a search tries beside the default.
    fold_sample : int or None
        Most faces to fit on within a fold, drawn by class; the final fit takes all.
    blends : bool
        Whether it may be a member of the blend, whose members share their features.
    fields : tuple of str
        Of the face records that it reads.
    """

    pipeline: Pipeline
    grid: dict
    fold_sample: int | None = None
    in_ensemble: bool = True
    fields: tuple = FIELDS["both"]


def describe_faces(features):
    """Return the unfitted ``features`` step of a kind in `FEATURES`, and its mirror signs.

    Returns
    -------
    FeatureBlocks
        From face records of shape (n,) to float32 of shape (n, d).
    list of float
        As `MirrorPCA.mirror_signs`, for all d columns.
    """
    blocks = [(name, MirrorPCA(*_BLOCKS[name])) for name in FEATURES[features]]
    return FeatureBlocks(blocks), np.concatenate([block.mirror_signs for _, block in blocks]).tolist()


def _dummy(features, signs, random_state):
    return DummyClassifier(strategy="prior"), {}


def _knn(features, signs, random_state):
    grid = {
        "classifier__n_neighbors": [40, 100, 200],
        "classifier__hidden": [(256, 16), (256, 32), (512, 64)],
        "classifier__dropout": [0.2, 0.3, 0.5],
    }
    return EmbeddingKNN(mirror_signs=signs, random_state=random_state), grid


def _svm(features, signs, random_state):
    grid = {"classifier__gamma": [0.5, 0.8, 1.5], "classifier__alpha": [0.15, 0.3, 0.6]}
    machine = LeastSquaresSVM(mirror_signs=signs, random_state=random_state)
    return machine, grid


def _svc(features, signs, random_state):
    return RbfSVC(), {"classifier__C": [1.0, 3.0], "classifier__gamma": [0.8, 1.4]}


def _mlp(features, signs, random_state):
    grid = {
        "classifier__dropout": [0.1, 0.25, 0.5],
        "classifier__input_dropout": [0.0, 0.1, 0.2],
        "classifier__hidden": [(512,), (512, 256), (768, 384)],
        "classifier__epochs": [15, 25, 40],
    }
    return MLPWithDropout(mirror_signs=signs, random_state=random_state), grid


def _plain_mlp(features, signs, random_state):
    stopping = {"early_stopping": True, "n_iter_no_change": 6, "max_iter": 60}
    network = MLPClassifier((512,), alpha=0.1, random_state=random_state, **stopping)
    return MirroredClassifier(network, signs), {"classifier__classifier__alpha": [0.01, 0.1, 1.0]}


_HEADS = {"dummy": _dummy, "knn": _knn, "svm": _svm, "svc": _svc, "mlp": _mlp, "plain_mlp": _plain_mlp}

CANDIDATES = tuple(_HEADS)
"""Names of the candidates on features of any kind."""

# Those that learn from batches: parameters and grids.
_STREAMED = {
    "sgd": ({"alpha": 1e-5}, {"classifier__alpha": [1e-6, 1e-5, 1e-4]}),
    "nystroem": (
        {"n_vectors": 2000, "alpha": 1e-5},
        {"classifier__alpha": [1e-6, 1e-5, 1e-4], "classifier__gamma": [0.5, 0.8, 1.5]},
    ),
}

STREAMED_CANDIDATES = tuple(_STREAMED)
"""Names of those that take more faces than memory holds."""

OLDER_CANDIDATES = tuple(OLDER)
"""Names of those with features of their own: what the field used before."""


def make_candidates(names=CANDIDATES, *, features="both", fold_sample=None, random_state=0):
    """Return the named candidates.

    Parameters
    ----------
    names : sequence of str
        Of `CANDIDATES`, `STREAMED_CANDIDATES` and `OLDER_CANDIDATES`.
    features : {"geometry", "hog", "both"}
        Those of the others; the older ones have their own.
    fold_sample : int, optional
        Most faces that a candidate is fitted on within a fold.
    random_state : int, default=0

    Returns
    -------
    dict of str to Candidate

    Raises
    ------
    InputError
        If a name is unknown.
    """
    if features not in FEATURES:
        raise InputError(f"features must be one of {', '.join(FEATURES)}, got {features!r}")
    known = (*CANDIDATES, *STREAMED_CANDIDATES, *OLDER_CANDIDATES)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise InputError(
            f"models must be among {', '.join(known)}, or networks ({', '.join(NETWORKS)}), got "
            f"{', '.join(unknown) or 'none'}"
        )
    candidates = {}
    for name in names:
        if name in OLDER:
            candidates[name] = Candidate(OLDER[name].pipeline(), {}, fold_sample, False, OLDER[name].fields)
            continue
        described, signs = describe_faces(features)
        if name in _STREAMED:
            options, grid = _STREAMED[name]
            head = StreamedClassifier(described, signs, **options, random_state=random_state)
            pipeline = Pipeline([("features", UndescribedFaces()), ("classifier", head)])
            candidates[name] = Candidate(pipeline, grid, fold_sample, False, FIELDS[features])
            continue
        head, grid = _HEADS[name](features, signs, random_state)
        pipeline = Pipeline([("features", described), ("classifier", head)])
        candidates[name] = Candidate(pipeline, grid, fold_sample, name != "dummy", FIELDS[features])
    return candidates


def ensemble_members(candidates):
    """Return the names of those of a dict of candidates that may be blended."""
    return [name for name, candidate in candidates.items() if candidate.in_ensemble]
