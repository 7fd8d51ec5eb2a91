"""`HogOfChip` in ONNX: what OpenCV's HOGDescriptor and resize do, step by step, rounding included."""

import numpy as np

from landmark_fer.features.hog import ORIENTATIONS

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
