"""ONNX graph of the features: alignment-free measurements, HOG and the projection."""

from functools import partial

import numpy as np
from sklearn.pipeline import FeatureUnion

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import EYES_UPRIGHT, eye_centres
from landmark_fer.core.landmarks import N_LANDMARKS, TEMPLATE
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.features.hog import ORIENTATIONS
from landmark_fer.features.measurements import formulas_of
from landmark_fer.features.projection import FeatureBlocks, MirrorPCA
from landmark_fer.features.transformers import AlignedLandmarks, HogOfChip, Measurements
from landmark_fer.models.streamed import PassThrough

OPSET = 18
IR_VERSION = 8  # the oldest for that opset, so that older runtimes read it, too


class Graph:
    """Collects inputs, constants and operators; what is asked for twice is there once.

    Operands are names (of inputs or of what an operator gave), or arrays and numbers, which become constants.
    """

    def __init__(self):
        self._onnx = import_optional("onnx", purpose="writing a model as ONNX")
        self._inputs, self._initializers, self._nodes, self._known = {}, [], [], {}

    def input(self, name, dtype, shape):
        """Return the name of an input of faces, each of a shape."""
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._inputs[name] = self._onnx.helper.make_tensor_value_info(name, kind, ["n", *shape])
        return name

    def constant(self, values, dtype=None):
        """Return the name of a constant; whole numbers become int64 and others float32 unless `dtype` says else."""
        values = np.asarray(values)
        if dtype is None:
            dtype = np.int64 if values.dtype.kind in "iu" else np.float32
        values = np.asarray(values, dtype=dtype, order="C")
        key = values.dtype.str, values.shape, values.tobytes()
        if key not in self._known:
            self._known[key] = f"constant_{len(self._initializers)}"
            self._initializers.append(self._onnx.numpy_helper.from_array(values, self._known[key]))
        return self._known[key]

    def packed(self, values, dtype=np.float32):
        """Return the name of a constant that is kept in its own small type and widened when the model is loaded."""
        return self.cast(self.constant(values, values.dtype), dtype)

    def cast(self, operand, dtype):
        """Return the name of an operand in another type."""
        return self.add("Cast", operand, to=int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))))

    def add(self, operator, *operands, **attributes):
        """Append an operator of the standard and return the name of its first output."""
        return self._append(operator, 1, operands, attributes)[0]

    def add_two(self, operator, *operands, **attributes):
        """Append an operator with two outputs and return their names."""
        return self._append(operator, 2, operands, attributes)

    def _append(self, operator, n_outputs, operands, attributes):
        names = [operand if isinstance(operand, str) else self.constant(operand) for operand in operands]
        key = operator, *names, str(sorted(attributes.items()))
        if key not in self._known:
            index = len(self._nodes)
            outputs = [f"{operator}_{index}" + "_second" * second for second in range(n_outputs)]
            self._nodes.append(
                self._onnx.helper.make_node(operator, names, outputs, f"{operator}_{index}", **attributes)
            )
            self._known[key] = outputs
        return self._known[key]

    def content(self, output, name, n_columns, *, about, metadata):
        """Return the checked model as the bytes of an ONNX file.

        Parameters
        ----------
        output : str
            What the model answers, shape (n, n_columns), float32.
        name : str
            Of that output, as users see it.
        n_columns : int
        about : str
            For people.
        metadata : dict of str to str
            For programs.
        """
        helper = self._onnx.helper
        nodes = [*self._nodes, helper.make_node("Identity", [output], [name], name)]
        prediction = helper.make_tensor_value_info(name, self._onnx.TensorProto.FLOAT, ["n", n_columns])
        graph = helper.make_graph(nodes, "landmark_fer", list(self._inputs.values()), [prediction], self._initializers)
        imports = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="landmark_fer")
        model.doc_string = about
        helper.set_model_props(model, metadata)
        self._onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()


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
    formulas = formulas_of(tuple(describe.names))
    atoms = _atoms(graph, upright, formulas)
    value = graph.add("MatMul", atoms, formulas.over)
    by = graph.add("Add", graph.add("MatMul", atoms, formulas.under), formulas.whole.astype(np.float32))
    ratio = graph.add("Where", graph.add("Greater", by, 0.0), graph.add("Div", value, by), 0.0)
    return graph.add("MatMul", ratio, formulas.combined)


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


# OpenCV's arctangent: the odd powers' coefficients, in degrees. It differs from the true one by up to 0.01 degrees.
_ODD_POWERS = np.float32([0.9997878412794807, -0.3258083974640975, 0.1555786518463281, -0.04432655554792128])
_ARCTANGENT = np.float32(180 / np.pi) * _ODD_POWERS
_LARGEST, _BLOCK_FLOOR, _LAST_FLOOR = 0.2, 0.1, 1e-3  # L2-Hys: the cap, and what keeps the two norms off 0
_UNIT = 2048  # OpenCV resizes bytes with whole numbers: weights in units of 1 / 2048


def hog_of_chip(graph, describe, chip_size):
    """Append the square roots of HOG of the middle of the input ``chip`` and return their name.

    Parameters
    ----------
    graph : Graph
    describe : HogOfChip
    chip_size : int

    Returns
    -------
    str
        Shape (n, d), float32.
    """
    chip = graph.input("chip", np.uint8, (chip_size, chip_size))
    side, cell = describe.side, describe.cell
    planes = _orientation_planes(graph, _middle(graph, chip, chip_size, describe.frame, side), side)
    blocks = side // cell - 1
    gather = _cell_weights(side, cell)
    cells = graph.add("MatMul", graph.add("MatMul", gather, planes), gather.T)
    cells = graph.add("Reshape", cells, [-1, ORIENTATIONS, blocks, 2, blocks, 2])
    cells = graph.add("Transpose", cells, perm=[0, 4, 2, 5, 3, 1])  # block column, block row, cell column, cell row
    histograms = graph.add("Reshape", cells, [-1, blocks * blocks, 4 * ORIENTATIONS])
    histograms = _normalised(graph, histograms, _BLOCK_FLOOR * 4 * ORIENTATIONS)
    histograms = _normalised(graph, graph.add("Min", histograms, _LARGEST), _LAST_FLOOR)
    return graph.add("Sqrt", graph.add("Reshape", histograms, [-1, blocks * blocks * 4 * ORIENTATIONS]))


def _normalised(graph, histograms, floor):
    length = graph.add("ReduceL2", histograms, [-1], keepdims=1)
    return graph.add("Div", histograms, graph.add("Add", length, floor))


def _middle(graph, chip, size, frame, side):
    """Append the middle of chips as float32 (n, side, side), rounded as OpenCV rounds bytes."""
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
    if frame == 2 * side:  # the one ratio at which OpenCV rounds halves up
        return graph.add("Floor", graph.add("Add", smaller, 0.5))
    return graph.add("Round", smaller)


def _enlarged(graph, pixels, frame, side):
    """Whole-number arithmetic as in OpenCV: 11 bits of weight across, 4 dropped, 11 bits down, the rest dropped."""
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
    """Append the length of each gradient, shared by the two nearest orientations: (n, 18, side, side)."""
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
    """Append the angle of gradients in degrees, 0 to 360, clockwise because y points down."""
    wide, high = graph.add("Abs", across), graph.add("Abs", down)
    longer = graph.add("Max", graph.add("Max", wide, high), 1.0)  # differences of bytes are whole
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
    """Return the matrix of central differences, (side, side); the image is mirrored at its border, so 0 there."""
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
    """Return the share of each of `frame` pixels in each of `side` larger ones, (side, frame)."""
    edges, pixels = np.linspace(0, frame, side + 1)[:, None], np.arange(frame)
    overlap = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return (np.maximum(overlap, 0) * side / frame).astype(np.float32)


def _linear_places(frame, side):
    """Return the pixel before the centre of each of `side` smaller ones, and the share of the pixel after it."""
    places = (np.arange(side) + 0.5) * frame / side - 0.5
    first = np.floor(places).astype(int)
    return first, places - first


def append_features(graph, step, chip_size):
    """Append what a fitted features step makes of face records and return its name.

    Parameters
    ----------
    graph : Graph
    step : FeatureBlocks, FeatureUnion, MirrorPCA, PassThrough or one of the transformers over face records
    chip_size : int

    Returns
    -------
    str or callable
        Shape (n, d), float32. Of `PassThrough` a function from such a step to this, for the model that has one.

    Raises
    ------
    InputError
        If a step is of a kind that has no ONNX form here.
    """
    known = _KINDS.get(type(step))
    if known is None:
        names = ", ".join(kind.__name__ for kind in _KINDS)
        raise InputError(f"features of an ONNX export must be among {names}, got {type(step).__name__}; use joblib")
    return known(graph, step, chip_size)


def _side_by_side(graph, union, chip_size):
    if union.transformer_weights:
        raise InputError("features of an ONNX export must not have transformer_weights, got some; use joblib")
    blocks = [append_features(graph, step, chip_size) for _, step in union.transformer_list]
    return graph.add("Concat", *blocks, axis=1)


def _components(graph, step, chip_size):
    described = append_features(graph, step.transformer, chip_size)
    components = graph.add("MatMul", described, graph.packed(step.components_))
    return graph.add("Mul", graph.add("Sub", components, step.offset_), np.float32(step.factor_))


def _undescribed(graph, step, chip_size):
    return partial(append_features, graph, chip_size=chip_size)


_KINDS = {
    FeatureUnion: _side_by_side,
    FeatureBlocks: _side_by_side,
    MirrorPCA: _components,
    HogOfChip: hog_of_chip,
    AlignedLandmarks: aligned_landmarks,
    Measurements: measurements,
    PassThrough: _undescribed,
}
