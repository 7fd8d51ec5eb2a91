"""`AlignedLandmarks` and `Measurements` in ONNX: one similarity transform, then products with constant matrices."""

import numpy as np

from landmark_fer.face.geometry import EYES_UPRIGHT, eye_centres
from landmark_fer.face.landmarks import N_LANDMARKS
from landmark_fer.face.template import TEMPLATE
from landmark_fer.features.formulas import Above, Difference, Distance, Mean, Ratio, Sideways, Slope
from landmark_fer.features.measurements import MEASUREMENTS

_NOSE = 30  # landmarks are taken from here first: float32 has no digits to lose on a place in a large picture
_QUARTER_TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])  # (x, y) @ this = (-y, x)


def aligned_landmarks(graph, describe, chip_size):
    """Append the input ``landmarks`` aligned to the template, flat, and return their name; shape (n, 136)."""
    faces = _near_zero(graph)
    return graph.add("Reshape", _aligned(graph, faces, faces, TEMPLATE), [-1, 2 * N_LANDMARKS])


def measurements(graph, describe, chip_size):
    """Append the named measurements of the input ``landmarks`` and return their name; shape (n, m).

    Each is a quotient of sums, or the difference of two: all numerators are one product with a matrix, and so are all
    denominators and all differences.
    """
    faces = _near_zero(graph)
    averages = _matrix_of(eye_centres)
    upright = _aligned(graph, graph.add("MatMul", averages, faces), faces, EYES_UPRIGHT)
    quotients, combined = _quotients()
    over, under = zip(*quotients, strict=True)
    atoms = sorted({atom for side in quotients for atom in {**side[0], **side[1]}}, key=str)
    known = _atoms(graph, upright, atoms)
    value = graph.add("MatMul", known, _coefficients(over, atoms))
    by = graph.add("MatMul", known, _coefficients(under, atoms))
    whole = np.array([not side for side in under], dtype=np.float32)  # has no denominator
    by = graph.add("Add", by, whole)
    ratio = graph.add("Where", graph.add("Greater", by, 0.0), graph.add("Div", value, by), 0.0)
    return graph.add("MatMul", ratio, combined)


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


def _atoms(graph, upright, atoms):
    """Append distances and widths between two points and coordinates of one, (n, atoms), in the order of `atoms`."""
    kinds = {kind: [atom for atom in atoms if atom[0] == kind] for kind in ("distance", "width", "x", "y")}
    columns = []
    for kind, members in kinds.items():
        if not members:
            continue
        ends = [
            graph.add("Gather", upright, np.array(points), axis=1)
            for points in zip(*(m[1:] for m in members), strict=True)
        ]
        step = graph.add("Sub", *ends) if len(ends) == 2 else ends[0]
        if kind == "distance":
            columns.append(graph.add("ReduceL2", step, [2], keepdims=0))
        else:
            column = graph.add("Gather", step, np.array(1 if kind == "y" else 0), axis=2)
            columns.append(graph.add("Abs", column) if kind == "width" else column)
    order = [atoms.index(atom) for members in kinds.values() for atom in members]
    return graph.add("Gather", graph.add("Concat", *columns, axis=1), np.argsort(order), axis=1)


def _quotients():
    """Return all (numerator, denominator) that the measurements are made of, and the matrix that combines them."""
    quotients, parts = [], []
    for measurement in MEASUREMENTS:
        formula = measurement.formula
        pair = (formula.right, formula.left) if isinstance(formula, Difference) else (formula,)
        parts.append([len(quotients) + place for place in range(len(pair))])
        quotients += [_quotient(part) for part in pair]
    combined = np.zeros((len(quotients), len(MEASUREMENTS)))
    for column, places in enumerate(parts):
        combined[places, column] = [1.0, -1.0][: len(places)]
    return quotients, combined


def _quotient(formula):
    """Return a formula as sums over and under a line, each a dictionary from atoms to factors; empty under no line."""
    if isinstance(formula, Ratio):
        return _sum(formula.over), _sum(formula.under)
    if isinstance(formula, Slope):
        return {("y", formula.outer): 1.0, ("y", formula.inner): -1.0}, {("width", formula.inner, formula.outer): 1.0}
    return _sum(formula), {}


def _sum(formula):
    if isinstance(formula, Distance):
        return {("distance", formula.a, formula.b): 1.0}
    if isinstance(formula, Sideways):
        return {("x", formula.point): 1.0}
    if isinstance(formula, Above):
        lower = {("y", point): 1 / len(formula.lower) for point in formula.lower}
        return lower | {("y", point): -1 / len(formula.upper) for point in formula.upper}
    if isinstance(formula, Mean):
        sums = [_sum(part) for part in formula.parts]
        return {atom: factor / len(sums) for each in sums for atom, factor in each.items()}
    raise TypeError(f"measurements' formulas must be of a known kind, got {type(formula).__name__}")


def _coefficients(sums, atoms):
    """Return a matrix (atoms, sums)."""
    return np.array([[each.get(atom, 0.0) for each in sums] for atom in atoms])
