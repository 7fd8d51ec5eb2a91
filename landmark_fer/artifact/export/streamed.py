"""`StreamedClassifier` in ONNX: it describes faces itself, and is linear in features or in kernels of them."""

import numpy as np

from landmark_fer.core.errors import InputError

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
        `UndescribedFaces`.

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
    described = describe(head.describe_)
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
