"""ONNX operators of the features: aligned landmarks, measurements, HOG and the projection."""

from functools import partial

import numpy as np
from sklearn.pipeline import FeatureUnion

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import EYES_UPRIGHT, eye_centres
from landmark_fer.core.landmarks import N_LANDMARKS, TEMPLATE
from landmark_fer.features.hog import ORIENTATIONS
from landmark_fer.features.measurements import formulas_of
from landmark_fer.features.projection import FeatureBlocks, MirrorPCA
from landmark_fer.features.transformers import AlignedLandmarks, HogOfChip, Measurements
from landmark_fer.models.streamed import PassThrough

_NOSE = 30  # subtracted from all landmarks first, because float32 loses digits on large coordinates
_QUARTER_TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])  # (x, y) @ this = (-y, x)


def aligned_landmarks(graph, step, chip_size):
    """Append the input ``landmarks`` aligned to the template and return the flat result's name; shape (n, 136)."""
    faces = _centred_landmarks(graph)
    return graph.add("Reshape", _aligned(graph, faces, faces, TEMPLATE), [-1, 2 * N_LANDMARKS])


def measurements(graph, step, chip_size):
    """Append the measurements of the input ``landmarks`` and return their name; shape (n, m).

    The computation is that of `FormulaTable`, which holds the matrices.
    """
    faces = _centred_landmarks(graph)
    averages = _matrix_of(eye_centres)
    upright = _aligned(graph, graph.add("MatMul", averages, faces), faces, EYES_UPRIGHT)
    formulas = formulas_of(tuple(step.names))
    atoms = _atoms(graph, upright, formulas)
    numerator = graph.add("MatMul", atoms, formulas.numerators)
    divisor = graph.add("MatMul", atoms, formulas.denominators)
    denominator = graph.add("Add", divisor, formulas.constants.astype(np.float32))
    valid = graph.add("Greater", denominator, 0.0)
    ratio = graph.add("Where", valid, graph.add("Div", numerator, denominator), 0.0)
    return graph.add("MatMul", ratio, formulas.combined)


def _centred_landmarks(graph):
    landmarks = graph.input("landmarks", np.float32, (N_LANDMARKS, 2))
    return graph.add("Sub", landmarks, graph.add("Slice", landmarks, [_NOSE], [_NOSE + 1], [1]))


def _matrix_of(linear):
    """Return the matrix of a linear function of points, (rows, 68)."""
    unit = np.stack([np.eye(N_LANDMARKS), np.zeros((N_LANDMARKS, N_LANDMARKS))], axis=-1)  # one face for each point
    return linear(unit)[..., 0].T


def _aligned(graph, source, moved, target):
    """Apply to `moved` the similarity transform that takes `source` closest to `target`; see `geometry`."""
    aim = target - target.mean(axis=0)
    mean = graph.add("ReduceMean", source, [1], keepdims=1)
    centred = graph.add("Sub", source, mean)
    spread = graph.add("ReduceSumSquare", centred, [1, 2], keepdims=1)
    along = graph.add("ReduceSum", graph.add("Mul", centred, aim), [1, 2], keepdims=1)
    across = graph.add("ReduceSum", graph.add("Mul", centred, aim @ _QUARTER_TURN.T), [1, 2], keepdims=1)
    valid = graph.add("Greater", spread, 0.0)
    turn = [graph.add("Where", valid, graph.add("Div", part, spread), 0.0) for part in (along, across)]
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


# Coefficients of OpenCV's arctangent in odd powers, in degrees. It differs from the true one by up to 0.01 degrees.
_ODD_POWERS = np.float32([0.9997878412794807, -0.3258083974640975, 0.1555786518463281, -0.04432655554792128])
_ARCTANGENT = np.float32(180 / np.pi) * _ODD_POWERS
_CLIP = 0.2  # maximum of a normalised value in L2-Hys
_BLOCK_FLOOR, _LAST_FLOOR = 0.1, 1e-3  # terms that keep the two norms of L2-Hys above 0
_UNIT = 2048  # OpenCV resizes bytes in integer arithmetic with weights in units of 1 / 2048


def hog_of_chip(graph, step, chip_size):
    """Append the square roots of the HOG descriptor of the input ``chip``'s middle and return their name.

    Parameters
    ----------
    graph : Graph
    step : HogOfChip
    chip_size : int

    Returns
    -------
    str
        Shape (n, d), float32.
    """
    chip = graph.input("chip", np.uint8, (chip_size, chip_size))
    side, cell = step.side, step.cell
    planes = _orientation_planes(graph, central_pixels(graph, chip, chip_size, step.frame, side), side)
    blocks = side // cell - 1
    gather = _cell_weights(side, cell)
    cells = graph.add("MatMul", graph.add("MatMul", gather, planes), gather.T)
    cells = graph.add("Reshape", cells, [-1, ORIENTATIONS, blocks, 2, blocks, 2])
    cells = graph.add("Transpose", cells, perm=[0, 4, 2, 5, 3, 1])  # block column, block row, cell column, cell row
    histograms = graph.add("Reshape", cells, [-1, blocks * blocks, 4 * ORIENTATIONS])
    histograms = _normalised(graph, histograms, _BLOCK_FLOOR * 4 * ORIENTATIONS)
    histograms = _normalised(graph, graph.add("Min", histograms, _CLIP), _LAST_FLOOR)
    return graph.add("Sqrt", graph.add("Reshape", histograms, [-1, blocks * blocks * 4 * ORIENTATIONS]))


def _normalised(graph, histograms, floor):
    length = graph.add("ReduceL2", histograms, [-1], keepdims=1)
    return graph.add("Div", histograms, graph.add("Add", length, floor))


def central_pixels(graph, chip, size, frame, side):
    """Append the middle of the chips, resized to (n, side, side), float32, rounded as OpenCV rounds bytes."""
    rim = (size - frame) // 2
    pixels = graph.cast(chip, np.float32)
    if rim:
        pixels = graph.add("Slice", pixels, [rim, rim], [rim + frame, rim + frame], [1, 2])
    if side < frame:
        return _shrunk(graph, pixels, frame, side)
    return _enlarged(graph, pixels, frame, side) if side > frame else pixels


def _shrunk(graph, pixels, frame, side):
    weights = _area_weights(frame, side)
    smaller = graph.add("MatMul", graph.add("MatMul", weights, pixels), weights.T)
    if frame == 2 * side:  # only at this ratio OpenCV rounds halves up
        return graph.add("Floor", graph.add("Add", smaller, 0.5))
    return graph.add("Round", smaller)


def _enlarged(graph, pixels, frame, side):
    """Enlarge in integer arithmetic as OpenCV: 11 bits of weight across, 4 dropped, 11 bits down, the rest dropped."""
    first, share = _linear_places(frame, side)
    across = np.zeros((side, frame))
    for row, (start, part) in enumerate(zip(first, share, strict=True)):
        inside = 0 <= start < frame - 1
        across[row, np.clip(start, 0, frame - 1)] = _UNIT * (1 - part if inside else 1)
        if inside:
            across[row, start + 1] = _UNIT * part
    wide = graph.add("Floor", graph.add("Div", graph.add("MatMul", pixels, np.rint(across).T), 16.0))
    halves = []
    for rows, weights in ((first, 1 - share), (first + 1, share)):
        chosen = graph.add("Gather", wide, np.clip(rows, 0, frame - 1), axis=1)
        weights = np.rint(_UNIT * weights)[:, None] / 65536
        halves.append(graph.add("Floor", graph.add("Mul", chosen, weights)))
    total = graph.add("Add", graph.add("Add", *halves), 2.0)
    return graph.add("Floor", graph.add("Div", total, 4.0))


def _orientation_planes(graph, pixels, side):
    """Append gradient lengths, each split between the two nearest orientations; shape (n, 18, side, side)."""
    difference = _difference(side)
    across, down = graph.add("MatMul", pixels, difference.T), graph.add("MatMul", difference, pixels)
    place = graph.add("Mul", _angle(graph, across, down), np.float32(np.pi / 180))
    place = graph.add("Sub", graph.add("Mul", place, np.float32(ORIENTATIONS / (2 * np.pi))), 0.5)
    away = graph.add(
        "Sub", graph.add("Unsqueeze", place, [1]), np.arange(ORIENTATIONS, dtype=np.float32)[:, None, None]
    )
    away = graph.add("Abs", away)
    away = graph.add("Min", away, graph.add("Sub", float(ORIENTATIONS), away))
    share = graph.add("Relu", graph.add("Sub", 1.0, away))
    squares = graph.add("Add", graph.add("Mul", across, across), graph.add("Mul", down, down))
    return graph.add("Mul", share, graph.add("Unsqueeze", graph.add("Sqrt", squares), [1]))


def _angle(graph, across, down):
    """Append the angles of gradients in degrees, 0 to 360, clockwise because y points down."""
    wide, high = graph.add("Abs", across), graph.add("Abs", down)
    longer = graph.add("Max", graph.add("Max", wide, high), 1.0)  # differences of bytes are integers
    ratio = graph.add("Div", graph.add("Min", wide, high), longer)
    square = graph.add("Mul", ratio, ratio)
    angle = _ARCTANGENT[-1]
    for coefficient in _ARCTANGENT[-2::-1]:
        angle = graph.add("Add", graph.add("Mul", angle, square), coefficient)
    angle = graph.add("Mul", angle, ratio)
    for condition, turn in (
        (graph.add("Less", wide, high), 90.0),
        (graph.add("Less", across, 0.0), 180.0),
        (graph.add("Less", down, 0.0), 360.0),
    ):
        angle = graph.add("Where", condition, graph.add("Sub", turn, angle), angle)
    return angle


def _difference(side):
    """Return the matrix of central differences, (side, side); 0 at the border, where the image is mirrored."""
    matrix = np.zeros((side, side), dtype=np.float32)
    inner = np.arange(1, side - 1)
    matrix[inner, inner + 1], matrix[inner, inner - 1] = 1, -1
    return matrix


def _cell_weights(side, cell):
    """Return the weight of each row of pixels in each row of cells of each row of blocks, (2 * blocks, side)."""
    centres = (np.arange(2 * cell) + 0.5) / cell - 0.5
    inside = np.maximum(1 - np.abs(centres - np.arange(2)[:, None]), 0)
    blocks = side // cell - 1
    weights = np.zeros((blocks, 2, side), dtype=np.float32)
    for block in range(blocks):
        weights[block, :, block * cell : (block + 2) * cell] = inside
    return weights.reshape(2 * blocks, side)


def _area_weights(frame, side):
    """Return the share of each of `frame` pixels in each of `side` larger pixels, (side, frame)."""
    edges, pixels = np.linspace(0, frame, side + 1)[:, None], np.arange(frame)
    overlap = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return (np.maximum(overlap, 0) * side / frame).astype(np.float32)


def _linear_places(frame, side):
    """Return the pixel before the centre of each of `side` smaller pixels, and the weight of the pixel after it."""
    places = (np.arange(side) + 0.5) * frame / side - 0.5
    first = np.floor(places).astype(int)
    return first, places - first


def append_features(graph, step, chip_size):
    """Append the features that a fitted ``features`` step computes from face records, and return their name.

    Parameters
    ----------
    graph : Graph
    step : estimator
        Fitted; its type is one of the `FEATURE_TYPES`.
    chip_size : int

    Returns
    -------
    str or callable
        Name of the features, shape (n, d), float32. For `PassThrough` a function that appends another such step, for
        the classifier that holds it.

    Raises
    ------
    InputError
        If a step has no ONNX form.
    """
    if type(step) not in _BUILDERS:
        names = ", ".join(kind.__name__ for kind in FEATURE_TYPES)
        raise InputError(f"features of an ONNX export must be among {names}, got {type(step).__name__}; use joblib")
    return _BUILDERS[type(step)](graph, step, chip_size)


def _blocks(graph, union, chip_size):
    if union.transformer_weights:
        raise InputError("features of an ONNX export must not have transformer_weights, got some; use joblib")
    blocks = [append_features(graph, step, chip_size) for _, step in union.transformer_list]
    return graph.add("Concat", *blocks, axis=1)


def _components(graph, step, chip_size):
    features = append_features(graph, step.transformer, chip_size)
    components = graph.add("MatMul", features, graph.packed(step.components_))
    return graph.add("Mul", graph.add("Sub", components, step.offset_), np.float32(step.factor_))


def _pass_through(graph, step, chip_size):
    return partial(append_features, graph, chip_size=chip_size)


_BUILDERS = {
    FeatureUnion: _blocks,
    FeatureBlocks: _blocks,
    MirrorPCA: _components,
    HogOfChip: hog_of_chip,
    AlignedLandmarks: aligned_landmarks,
    Measurements: measurements,
    PassThrough: _pass_through,
}

FEATURE_TYPES = tuple(_BUILDERS)
"""Types of ``features`` steps that have an ONNX form."""
