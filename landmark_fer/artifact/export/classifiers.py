"""ONNX graph of the classifiers."""

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.neural_network import MLPClassifier

from landmark_fer.core.errors import InputError
from landmark_fer.models.base import MirroredClassifier
from landmark_fer.models.calibration import FLOOR, CalibratedEnsemble
from landmark_fer.models.embedding_knn import EmbeddingKNN
from landmark_fer.models.ls_svm import SHARPNESS, LeastSquaresSVM
from landmark_fer.models.mlp import MLPWithDropout
from landmark_fer.models.streamed import StreamedClassifier

_UNDERFLOW = -103.9
"""A score under which a sigmoid is 0 in single precision. Where all are, scikit-learn gives every class the same."""


def streamed(graph, head, describe):
    """Append the answers of a fitted `StreamedClassifier` and return their name.

    Parameters
    ----------
    graph : Graph
    head : StreamedClassifier
    describe : callable
        Takes a fitted ``features`` step and returns the name of what it makes of faces; as from `append_features` for
        `PassThrough`.

    Returns
    -------
    str
        Shape (n, k), float32.

    Raises
    ------
    InputError
        If the classifier in it is no logistic regression.
    """
    if head.classifier_.loss != "log_loss":
        came = head.classifier_.loss
        raise InputError(f"streamed models of an ONNX export must have the loss log_loss, got {came}; use joblib")
    described = describe(head.features_)
    mapped, spread = (_alike if head.vectors_ is None else _kernels)(graph, head, described)
    weights = head.scale_ * head.classifier_.coef_.T.astype(np.float64)
    offsets = head.classifier_.intercept_ - head.offset_ @ weights
    scores = graph.add("MatMul", mapped, graph.constant(spread @ weights, np.float64))
    scores = graph.cast(graph.add("Add", scores, graph.constant(offsets, np.float64)), np.float32)
    return _one_against_the_others(graph, scores, len(head.classes_))


def _alike(graph, head, described):
    """Append features without the signs that the mirror turns; return their name and what they are multiplied by."""
    kept = graph.constant(np.asarray(head.mirror_signs) > 0, bool)
    alike = graph.add("Where", kept, described, graph.add("Abs", described))
    return graph.cast(alike, np.float64), np.eye(len(head.mirror_signs))


def _kernels(graph, head, described):
    """Append kernels summed over both images, in double precision: what follows makes small differences large."""
    signs, vectors = np.asarray(head.mirror_signs, dtype=np.float64), head.vectors_.astype(np.float64)
    face = graph.cast(described, np.float64)
    lengths = graph.add("ReduceSumSquare", face, [1], keepdims=1)
    fixed = graph.add("Add", lengths, graph.constant((vectors**2).sum(axis=1), np.float64))
    columns = graph.packed(np.ascontiguousarray(head.vectors_.T), np.float64)
    kernels = []
    for image in (face, graph.add("Mul", face, graph.constant(signs, np.float64))):
        products = graph.add("MatMul", image, columns)
        squares = graph.add("Sub", fixed, graph.add("Add", products, products))
        nearness = graph.add("Mul", squares, graph.constant(-head.width_, np.float64))
        kernels.append(graph.add("Exp", nearness))
    return graph.add("Add", *kernels), head.directions_.astype(np.float64)


def _one_against_the_others(graph, scores, n_classes):
    """Append probabilities of logistic regressions of one class each, made to sum to 1; two classes have one.

    By logarithms: of a face unlike all others every sigmoid is nearly 0, and runtimes round those to a ten-millionth.
    """
    if n_classes == 2:
        return graph.add("Softmax", graph.add("Concat", graph.add("Sub", scores, scores), scores, axis=1), axis=1)
    logarithms = graph.add("Neg", graph.add("Softplus", graph.add("Neg", scores)))
    there = graph.add("Greater", graph.add("ReduceMax", scores, [1], keepdims=1), _UNDERFLOW)
    return graph.add("Where", there, graph.add("Softmax", logarithms, axis=1), 1.0 / n_classes)


def append_head(graph, head, features):
    """Append the answers of a fitted classifier and return their name.

    Parameters
    ----------
    graph : Graph
    head : estimator
        One of the candidates' or a `CalibratedEnsemble` of them.
    features : str or callable
        Shape (n, d), float32; as from `append_features`.

    Returns
    -------
    str
        Shape (n, k), float32, columns as in its ``classes_``.

    Raises
    ------
    InputError
        If it is of a kind, or has parameters, without an ONNX form here.
    """
    known = _KINDS.get(type(head))
    if known is None:
        names = ", ".join(kind.__name__ for kind in _KINDS)
        raise InputError(f"classifiers of an ONNX export must be among {names}, got {type(head).__name__}; use joblib")
    return known(graph, head, features)


def _softmax(graph, scores):
    return graph.add("Softmax", scores, axis=-1)


def _ensemble(graph, head, features):
    members = [append_head(graph, member, features) for _, member in head.members_]
    logarithms = graph.add("Log", graph.add("Max", graph.add("Concat", *members, axis=1), FLOOR))
    scores = graph.add("MatMul", logarithms, head.calibration.weights)
    return _softmax(graph, graph.add("Add", scores, head.calibration.offsets))


def _mirrored(graph, head, features):
    mirrored = graph.add("Mul", features, np.asarray(head.mirror_signs, dtype=np.float32))
    return graph.add("Mean", *(append_head(graph, head.classifier_, face) for face in (features, mirrored)))


def _neighbours(graph, head, features):
    nearest = head.neighbors_
    if (nearest.weights, nearest.effective_metric_) != ("uniform", "euclidean"):
        came = f"{nearest.weights} and {nearest.effective_metric_}"
        raise InputError(f"neighbours of an ONNX export must be uniform and euclidean, got {came}; use joblib")
    # In double precision: neighbours that are nearly as far as each other must not change places.
    places = [graph.add("Sum", *values) for _, values in _last_hidden(graph, head.network_, features)]
    place = graph.cast(graph.add("Concat", *places, axis=1), np.float64)
    faces = nearest._fit_X
    products = graph.add("MatMul", place, graph.packed(np.ascontiguousarray(faces.T), np.float64))
    squares = graph.constant((faces.astype(np.float64) ** 2).sum(axis=1), np.float64)
    nearness = graph.add("Sub", graph.add("Add", products, products), squares)  # less what is the same for all faces
    n = nearest.n_neighbors
    _, rows = graph.add_two("TopK", nearness, [n], axis=1, largest=1, sorted=0)
    expressions = graph.packed(np.eye(len(head.classes_), dtype=np.int8)[nearest._y])
    found = graph.add("ReduceSum", graph.add("Gather", expressions, rows, axis=0), [1], keepdims=0)
    return graph.add("Div", graph.add("Add", found, head.priors_), float(n + 1))


def _rectified(graph, values, weights, offsets):
    return graph.add("Relu", _linear(graph, values, weights, offsets))


def _linear(graph, values, weights, offsets):
    return graph.add("Add", graph.add("MatMul", values, weights), offsets)


def _last_hidden(graph, head, features):
    """Append each network's last hidden layer for faces, and for mirrored faces where the mirror is known.

    Returns
    -------
    list of (list of ndarray, list of str)
        The layers of each network, and a name for each image.
    """
    faces = [graph.add("Mul", features, np.float32(head.scale_))]
    if head.mirror_signs is not None:
        faces.append(graph.add("Mul", faces[0], np.asarray(head.mirror_signs, dtype=np.float32)))
    found = []
    for layers in head.networks_:
        packed, values = [graph.packed(layer) for layer in layers], faces
        for weights, offsets in zip(packed[:-2:2], packed[1:-2:2], strict=True):
            values = [_rectified(graph, value, weights, offsets) for value in values]
        found.append((packed, values))
    return found


def _dropout_mlp(graph, head, features):
    predictions = [
        _softmax(graph, _linear(graph, value, *packed[-2:]))
        for packed, values in _last_hidden(graph, head, features)
        for value in values
    ]
    return graph.add("Mean", *predictions)


def _mlp(graph, head, features):
    if head.activation != "relu":
        raise InputError(f"networks of an ONNX export must have the activation relu, got {head.activation}; use joblib")
    values = features
    for weights, offsets in zip(head.coefs_[:-1], head.intercepts_[:-1], strict=True):
        values = _rectified(graph, values, weights, offsets)
    scores = _linear(graph, values, head.coefs_[-1], head.intercepts_[-1])
    if head.out_activation_ == "softmax":
        return _softmax(graph, scores)
    second = graph.add("Sigmoid", scores)  # two classes have one score
    return graph.add("Concat", graph.add("Sub", 1.0, second), second, axis=1)


def _dummy(graph, head, features):
    if head.strategy != "prior":
        raise InputError(f"the dummy of an ONNX export must have the strategy prior, got {head.strategy}; use joblib")
    n_faces = graph.add("Shape", features, start=0, end=1)
    return graph.add("Expand", head.class_prior_[None], graph.add("Concat", n_faces, [1], axis=0))


def _least_squares_svm(graph, head, features):
    signs = np.ones(len(head.steps_)) if head.mirror_signs is None else np.asarray(head.mirror_signs)
    vectors = head.vectors_ * head.steps_
    width = np.float32(head.width_)
    lengths = graph.add("ReduceSumSquare", features, [1], keepdims=1)
    fixed = graph.add("Mul", graph.add("Add", lengths, (vectors**2).sum(axis=1)), -width)
    products = {}
    for alike in (True, False):
        columns = np.flatnonzero((signs > 0) == alike)
        if columns.size:
            # The steps scale the face instead of the vectors: fewer numbers, the same products.
            part = graph.add("Mul", graph.add("Gather", features, columns, axis=1), 2 * width * head.steps_[columns])
            products[alike] = graph.add("MatMul", part, graph.packed(np.ascontiguousarray(head.vectors_[:, columns].T)))
    if True in products:
        fixed = graph.add("Add", fixed, products[True])
    kernel = graph.add("Exp", graph.add("Add", fixed, products[False]) if False in products else fixed)
    if False in products:
        kernel = graph.add("Add", kernel, graph.add("Exp", graph.add("Sub", fixed, products[False])))
    decision = graph.add("Add", graph.add("MatMul", kernel, head.weights_), head.prior_)
    return _softmax(graph, graph.add("Mul", decision, SHARPNESS))


_KINDS = {
    CalibratedEnsemble: _ensemble,
    MirroredClassifier: _mirrored,
    LeastSquaresSVM: _least_squares_svm,
    MLPWithDropout: _dropout_mlp,
    EmbeddingKNN: _neighbours,
    MLPClassifier: _mlp,
    StreamedClassifier: streamed,
    DummyClassifier: _dummy,
}
