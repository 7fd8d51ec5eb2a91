"""ONNX operators of the classifiers."""

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
"""Score below which a sigmoid is 0 in float32. Where all are 0, scikit-learn predicts equal probabilities."""


def append_classifier(graph, classifier, features):
    """Append the probabilities of a fitted classifier and return their name.

    Parameters
    ----------
    graph : Graph
    classifier : estimator
        Fitted; its type is one of the `CLASSIFIER_TYPES`.
    features : str or callable
        As from `append_features`.

    Returns
    -------
    str
        Shape (n, k), float32, columns as in ``classes_``.

    Raises
    ------
    InputError
        If the classifier or one of its parameters has no ONNX form.
    """
    if type(classifier) not in _BUILDERS:
        names, got = ", ".join(kind.__name__ for kind in CLASSIFIER_TYPES), type(classifier).__name__
        raise InputError(f"classifiers of an ONNX export must be among {names}, got {got}; use joblib")
    return _BUILDERS[type(classifier)](graph, classifier, features)


def _streamed(graph, streamed, append_step):
    if streamed.classifier_.loss != "log_loss":
        loss = streamed.classifier_.loss
        raise InputError(f"streamed models of an ONNX export must have the loss log_loss, got {loss}; use joblib")
    features = append_step(streamed.features_)
    mapped, projection = (_mirror_invariant if streamed.vectors_ is None else _kernels)(graph, streamed, features)
    weights = streamed.scale_ * streamed.classifier_.coef_.T.astype(np.float64)
    offsets = streamed.classifier_.intercept_ - streamed.offset_ @ weights
    scores = graph.add("MatMul", mapped, graph.constant(projection @ weights, np.float64))
    scores = graph.cast(graph.add("Add", scores, graph.constant(offsets, np.float64)), np.float32)
    return _one_vs_rest(graph, scores, len(streamed.classes_))


def _mirror_invariant(graph, streamed, features):
    """Append absolute values of the antisymmetric features; return their name and the identity as their projection."""
    symmetric = graph.constant(np.asarray(streamed.mirror_signs) > 0, bool)
    invariant = graph.add("Where", symmetric, features, graph.add("Abs", features))
    return graph.cast(invariant, np.float64), np.eye(len(streamed.mirror_signs))


def _kernels(graph, streamed, features):
    """Append kernels summed over the face and its mirror; in float64, since the projection amplifies differences."""
    signs, vectors = np.asarray(streamed.mirror_signs, dtype=np.float64), streamed.vectors_.astype(np.float64)
    face = graph.cast(features, np.float64)
    lengths = graph.add("ReduceSumSquare", face, [1], keepdims=1)
    fixed = graph.add("Add", lengths, graph.constant((vectors**2).sum(axis=1), np.float64))
    columns = graph.packed(np.ascontiguousarray(streamed.vectors_.T), np.float64)
    kernels = []
    for image in (face, graph.add("Mul", face, graph.constant(signs, np.float64))):
        products = graph.add("MatMul", image, columns)
        squares = graph.add("Sub", fixed, graph.add("Add", products, products))
        nearness = graph.add("Mul", squares, graph.constant(-streamed.width_, np.float64))
        kernels.append(graph.add("Exp", nearness))
    return graph.add("Add", *kernels), streamed.directions_.astype(np.float64)


def _one_vs_rest(graph, scores, n_classes):
    """Append normalised probabilities of one logistic regression for each class; two classes share one regression.

    The sum is over logarithms, because all sigmoids may be nearly 0 and runtimes round them to 1e-7.
    """
    if n_classes == 2:
        return graph.add("Softmax", graph.add("Concat", graph.add("Sub", scores, scores), scores, axis=1), axis=1)
    logarithms = graph.add("Neg", graph.add("Softplus", graph.add("Neg", scores)))
    representable = graph.add("Greater", graph.add("ReduceMax", scores, [1], keepdims=1), _UNDERFLOW)
    return graph.add("Where", representable, graph.add("Softmax", logarithms, axis=1), 1.0 / n_classes)


def _softmax(graph, scores):
    return graph.add("Softmax", scores, axis=-1)


def _ensemble(graph, ensemble, features):
    members = [append_classifier(graph, member, features) for _, member in ensemble.members_]
    logarithms = graph.add("Log", graph.add("Max", graph.add("Concat", *members, axis=1), FLOOR))
    scores = graph.add("MatMul", logarithms, ensemble.calibration.weights)
    return _softmax(graph, graph.add("Add", scores, ensemble.calibration.offsets))


def _mirrored(graph, mirrored, features):
    reflected = graph.add("Mul", features, np.asarray(mirrored.mirror_signs, dtype=np.float32))
    return graph.add("Mean", *(append_classifier(graph, mirrored.classifier_, face) for face in (features, reflected)))


def _embedding_knn(graph, knn, features):
    neighbors = knn.neighbors_
    if (neighbors.weights, neighbors.effective_metric_) != ("uniform", "euclidean"):
        got = f"{neighbors.weights} and {neighbors.effective_metric_}"
        raise InputError(f"neighbours of an ONNX export must be uniform and euclidean, got {got}; use joblib")
    # In float64, so that neighbours at nearly equal distances keep their order.
    embeddings = [graph.add("Sum", *values) for _, values in _last_hidden(graph, knn.network_, features)]
    embedding = graph.cast(graph.add("Concat", *embeddings, axis=1), np.float64)
    faces = neighbors._fit_X
    products = graph.add("MatMul", embedding, graph.packed(np.ascontiguousarray(faces.T), np.float64))
    squares = graph.constant((faces.astype(np.float64) ** 2).sum(axis=1), np.float64)
    nearness = graph.add("Sub", graph.add("Add", products, products), squares)  # without the face's own squared norm
    n = neighbors.n_neighbors
    _, rows = graph.add_two("TopK", nearness, [n], axis=1, largest=1, sorted=0)
    labels = graph.packed(np.eye(len(knn.classes_), dtype=np.int8)[neighbors._y])
    counts = graph.add("ReduceSum", graph.add("Gather", labels, rows, axis=0), [1], keepdims=0)
    return graph.add("Div", graph.add("Add", counts, knn.priors_), float(n + 1))


def _linear(graph, values, weights, offsets):
    return graph.add("Add", graph.add("MatMul", values, weights), offsets)


def _relu_layer(graph, values, weights, offsets):
    return graph.add("Relu", _linear(graph, values, weights, offsets))


def _last_hidden(graph, mlp, features):
    """Append each network's last hidden layer for faces and, if mirror signs are known, for mirrored faces.

    Returns
    -------
    list of (list of str, list of str)
        For each network the names of its parameters and, for each image, of the last hidden layer.
    """
    faces = [graph.add("Mul", features, np.float32(mlp.scale_))]
    if mlp.mirror_signs is not None:
        faces.append(graph.add("Mul", faces[0], np.asarray(mlp.mirror_signs, dtype=np.float32)))
    networks = []
    for layers in mlp.networks_:
        packed, values = [graph.packed(layer) for layer in layers], faces
        for weights, offsets in zip(packed[:-2:2], packed[1:-2:2], strict=True):
            values = [_relu_layer(graph, value, weights, offsets) for value in values]
        networks.append((packed, values))
    return networks


def _dropout_mlp(graph, mlp, features):
    predictions = [
        _softmax(graph, _linear(graph, value, *packed[-2:]))
        for packed, values in _last_hidden(graph, mlp, features)
        for value in values
    ]
    return graph.add("Mean", *predictions)


def _mlp(graph, mlp, features):
    if mlp.activation != "relu":
        raise InputError(f"networks of an ONNX export must have the activation relu, got {mlp.activation}; use joblib")
    values = features
    for weights, offsets in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        values = _relu_layer(graph, values, weights, offsets)
    scores = _linear(graph, values, mlp.coefs_[-1], mlp.intercepts_[-1])
    if mlp.out_activation_ == "softmax":
        return _softmax(graph, scores)
    second = graph.add("Sigmoid", scores)  # two classes have one score
    return graph.add("Concat", graph.add("Sub", 1.0, second), second, axis=1)


def _dummy(graph, dummy, features):
    if dummy.strategy != "prior":
        raise InputError(f"the dummy of an ONNX export must have the strategy prior, got {dummy.strategy}; use joblib")
    n_faces = graph.add("Shape", features, start=0, end=1)
    return graph.add("Expand", dummy.class_prior_[None], graph.add("Concat", n_faces, [1], axis=0))


def _least_squares_svm(graph, svm, features):
    """Append the softmax of kernel sums over a face and its mirror.

    The exponents of both images share the products of the symmetric features and differ in the sign of the others.
    """
    signs = np.ones(len(svm.steps_)) if svm.mirror_signs is None else np.asarray(svm.mirror_signs)
    vectors = svm.vectors_ * svm.steps_
    width = np.float32(svm.width_)
    lengths = graph.add("ReduceSumSquare", features, [1], keepdims=1)
    exponent = graph.add("Mul", graph.add("Add", lengths, (vectors**2).sum(axis=1)), -width)
    products = {}
    for symmetric in (True, False):
        columns = np.flatnonzero((signs > 0) == symmetric)
        if columns.size:
            # The steps scale the face instead of the vectors: fewer numbers, the same products.
            part = graph.add("Mul", graph.add("Gather", features, columns, axis=1), 2 * width * svm.steps_[columns])
            products[symmetric] = graph.add(
                "MatMul", part, graph.packed(np.ascontiguousarray(svm.vectors_[:, columns].T))
            )
    if True in products:
        exponent = graph.add("Add", exponent, products[True])
    kernel = graph.add("Exp", graph.add("Add", exponent, products[False]) if False in products else exponent)
    if False in products:
        kernel = graph.add("Add", kernel, graph.add("Exp", graph.add("Sub", exponent, products[False])))
    decision = graph.add("Add", graph.add("MatMul", kernel, svm.weights_), svm.prior_)
    return _softmax(graph, graph.add("Mul", decision, SHARPNESS))


_BUILDERS = {
    CalibratedEnsemble: _ensemble,
    MirroredClassifier: _mirrored,
    LeastSquaresSVM: _least_squares_svm,
    MLPWithDropout: _dropout_mlp,
    EmbeddingKNN: _embedding_knn,
    MLPClassifier: _mlp,
    StreamedClassifier: _streamed,
    DummyClassifier: _dummy,
}

CLASSIFIER_TYPES = tuple(_BUILDERS)
"""Types of classifiers that have an ONNX form."""
