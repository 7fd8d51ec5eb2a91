"""What an ONNX file says of itself: inputs, outputs and metadata, read with no package but Python.

ONNX is a protocol buffer: numbered fields, each a number or a stretch of bytes, which may hold fields again. The tables
name the few that are read (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); the rest is stepped over, so a
file of any size takes no memory.
"""

from dataclasses import dataclass

from landmark_fer.errors import InputError

FLOAT = 1  # code of float32 in TensorProto.DataType

_ENTRY = {1: ("key", str), 2: ("value", str)}
_DIMENSION = {1: ("size", int)}
_SHAPE = {1: ("dimensions", _DIMENSION)}
_TENSOR = {1: ("element", int), 2: ("shape", _SHAPE)}
_TYPE = {1: ("tensor", _TENSOR)}
_VALUE = {1: ("name", str), 2: ("type", _TYPE)}
_INITIALIZER = {8: ("name", str)}
_GRAPH = {5: ("initializers", _INITIALIZER), 11: ("inputs", _VALUE), 12: ("outputs", _VALUE)}
_MODEL = {7: ("graph", _GRAPH), 14: ("metadata", _ENTRY)}

_FIXED = {1: 8, 5: 4}  # bytes of the wire types of fixed length


@dataclass(frozen=True)
class GraphInterface:
    """What goes into a graph and comes out of it.

    Attributes
    ----------
    inputs, outputs : dict of str to (int, tuple or None)
        By name: code of the element type, and the sizes of the dimensions, None where one is not fixed; None in place
        of the tuple where nothing is said of them. Weights are no inputs.
    metadata : dict of str to str
    """

    inputs: dict
    outputs: dict
    metadata: dict


def graph_interface(content, *, name="the network"):
    """Return the interface of an ONNX model.

    Parameters
    ----------
    content : bytes
    name : str
        What to call it in a message.

    Returns
    -------
    GraphInterface

    Raises
    ------
    InputError
        If it is no ONNX model, or is cut off.
    """
    try:
        model = _fields(memoryview(content), _MODEL)
        (graph,) = model["graph"]
        weights = {each for initializer in graph["initializers"] for each in initializer["name"]}
        inputs, outputs = ({each["name"][0]: _type(each) for each in graph[side]} for side in ("inputs", "outputs"))
        metadata = {
            entry["key"][0]: entry["value"][0] for entry in model["metadata"] if entry["key"] and entry["value"]
        }
    except (ValueError, IndexError) as error:
        raise InputError(f"{name} must be a whole ONNX model, and is not ({error}); get the file anew") from error
    inputs = {each: kind for each, kind in inputs.items() if each not in weights}
    if not inputs or not outputs:
        raise InputError(f"{name} must be an ONNX model with an input and an output, and is not; get the file anew")
    return GraphInterface(inputs, outputs, metadata)


def _type(value):
    """Return the element type and the shape in a ValueInfoProto; an initializer's or a sequence's may be missing."""
    tensors = [tensor for each in value["type"] for tensor in each["tensor"]]
    element = next((code for tensor in tensors for code in tensor["element"]), None)
    shapes = [shape for tensor in tensors for shape in tensor["shape"]]
    if not shapes:
        return element, None
    sizes = [dimension["size"][0] if dimension["size"] else None for dimension in shapes[0]["dimensions"]]
    return element, tuple(size if size is not None and size > 0 else None for size in sizes)


def _fields(view, table):
    """Return what a message holds of a table's fields: a list of values by name."""
    found, position = {name: [] for name, _ in table.values()}, 0
    while position < len(view):
        key, position = _number(view, position)
        name, kind = table.get(key >> 3, (None, None))
        value, position = _value(view, position, key & 7)
        if name is None:
            continue
        if isinstance(value, int) != (kind is int):
            raise ValueError(f"its {name} has another type")
        if kind is str:
            value = bytes(value).decode("utf-8")
        elif isinstance(kind, dict):
            value = _fields(value, kind)
        found[name].append(value)
    return found


def _value(view, position, wire_type):
    """Return a field's value, an int or a stretch of the view, and the position after it."""
    if wire_type == 0:
        return _number(view, position)
    if wire_type == 2:
        length, position = _number(view, position)
    elif wire_type in _FIXED:
        length = _FIXED[wire_type]
    else:
        raise ValueError(f"unknown wire type {wire_type}")
    if length > len(view) - position:
        raise ValueError("it ends too early")
    return view[position : position + length], position + length


def _number(view, position):
    """Return a number of variable length and the position after it."""
    number = 0
    for step in range(10):
        if position >= len(view):
            raise ValueError("it ends too early")
        byte = view[position]
        number, position = number | (byte & 127) << 7 * step, position + 1
        if byte < 128:
            return number, position
    raise ValueError("a number has no end")
