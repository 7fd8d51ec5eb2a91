"""`AlignedLandmarks` and `Measurements` in ONNX: one similarity transform, then products with constant matrices."""

import numpy as np

from landmark_fer.core.geometry import EYES_UPRIGHT, eye_centres
from landmark_fer.core.landmarks import N_LANDMARKS
from landmark_fer.core.template import TEMPLATE
from landmark_fer.features.measurements import FORMULAS

_NOSE = 30  # landmarks are taken from here first: float32 has no digits to lose on a place in a large image
_QUARTER_TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])  # (x, y) @ this = (-y, x)


def aligned_landmarks(graph, describe, chip_size):
    """Append the input ``landmarks`` aligned to the template, flat, and return their name; shape (n, 136)."""
    faces = _near_zero(graph)
    return graph.add("Reshape", _aligned(graph, faces, faces, TEMPLATE), [-1, 2 * N_LANDMARKS])


def measurements(graph, describe, chip_size):
    """Append the named measurements of the input ``landmarks`` and return their name; shape (n, m).

    As `FormulaTable`, which holds the matrices, computes them.
    """
    faces = _near_zero(graph)
    averages = _matrix_of(eye_centres)
    upright = _aligned(graph, graph.add("MatMul", averages, faces), faces, EYES_UPRIGHT)
    atoms = _atoms(graph, upright, FORMULAS)
    value = graph.add("MatMul", atoms, FORMULAS.over)
    by = graph.add("Add", graph.add("MatMul", atoms, FORMULAS.under), FORMULAS.whole.astype(np.float32))
    ratio = graph.add("Where", graph.add("Greater", by, 0.0), graph.add("Div", value, by), 0.0)
    return graph.add("MatMul", ratio, FORMULAS.combined)


def _near_zero(graph):
    landmarks = graph.input("landmarks", np.float32, (N_LANDMARKS, 2))
    return graph.add("Sub", landmarks, graph.add("Slice", landmarks, [_NOSE], [_NOSE + 1], [1]))


def _matrix_of(linear):
    """Return the matrix of a linear function of points, (rows, 68)."""
    unit = np.stack([np.eye(N_LANDMARKS), np.zeros((N_LANDMARKS, N_LANDMARKS))], axis=-1)  # one face a point
    return linear(unit)[..., 0].T


def _aligned(graph, source, moved, target):
    """Append `moved` after the similarity transform that takes `source` closest to `target`; see `geometry`."""
    aim = target - target.mean(axis=0)
    mean = graph.add("ReduceMean", source, [1], keepdims=1)
    centred = graph.add("Sub", source, mean)
    spread = graph.add("ReduceSumSquare", centred, [1, 2], keepdims=1)
    along = graph.add("ReduceSum", graph.add("Mul", centred, aim), [1, 2], keepdims=1)
    across = graph.add("ReduceSum", graph.add("Mul", centred, aim @ _QUARTER_TURN.T), [1, 2], keepdims=1)
    there = graph.add("Greater", spread, 0.0)
    turn = [graph.add("Where", there, graph.add("Div", part, spread), 0.0) for part in (along, across)]
    points = graph.add("Sub", moved, mean)
    turned = graph.add("Mul", graph.add("MatMul", points, _QUARTER_TURN), turn[1])
    return graph.add("Add", graph.add("Add", graph.add("Mul", points, turn[0]), turned), target.mean(axis=0))


def _atoms(graph, upright, table):
    """Append a table's distances, widths and coordinates, (n, atoms), in the order of its rows."""
    steps = [
        graph.add("Sub", *(graph.add("Gather", upright, ends, axis=1) for ends in pairs.T))
        for pairs in (table.distances, table.widths)
    ]
    columns = [
        graph.add("ReduceL2", steps[0], [2], keepdims=0),
        graph.add("Abs", graph.add("Gather", steps[1], np.array(0), axis=2)),
    ]
    for points, axis in ((table.xs, 0), (table.ys, 1)):
        columns.append(graph.add("Gather", graph.add("Gather", upright, points, axis=1), np.array(axis), axis=2))
    return graph.add("Concat", *columns, axis=1)
