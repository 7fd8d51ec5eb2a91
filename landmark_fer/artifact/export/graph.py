"""Builder of ONNX graphs."""

import numpy as np

from landmark_fer.core.optional_packages import import_optional

OPSET = 18
IR_VERSION = 8  # the oldest for that opset, so that older runtimes read it, too


class Graph:
    """Collects inputs, constants and operators of an ONNX graph; equal constants and operators are stored once.

    Operands are names (of inputs or of an operator's output), or arrays and numbers, which become constants.
    """

    def __init__(self):
        self._onnx = import_optional("onnx", purpose="writing a model as ONNX")
        self._inputs, self._initializers, self._nodes, self._names = {}, [], [], {}

    def input(self, name, dtype, shape):
        """Add an input with one item of a shape for each face and return its name."""
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._inputs[name] = self._onnx.helper.make_tensor_value_info(name, kind, ["n", *shape])
        return name

    def constant(self, values, dtype=None):
        """Return the name of a constant; by default integers become int64 and other numbers float32."""
        values = np.asarray(values)
        if dtype is None:
            dtype = np.int64 if values.dtype.kind in "iu" else np.float32
        values = np.asarray(values, dtype=dtype, order="C")
        key = values.dtype.str, values.shape, values.tobytes()
        if key not in self._names:
            self._names[key] = f"constant_{len(self._initializers)}"
            self._initializers.append(self._onnx.numpy_helper.from_array(values, self._names[key]))
        return self._names[key]

    def packed(self, values, dtype=np.float32):
        """Return the name of a constant that is stored in its own small type and cast when the model runs."""
        return self.cast(self.constant(values, values.dtype), dtype)

    def cast(self, operand, dtype):
        """Return the name of an operand cast to another type."""
        return self.add("Cast", operand, to=int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))))

    def add(self, operator, *operands, **attributes):
        """Append an operator of the standard and return the name of its first output."""
        return self._append(operator, 1, operands, attributes)[0]

    def add_two(self, operator, *operands, **attributes):
        """Append an operator with two outputs and return their names."""
        return self._append(operator, 2, operands, attributes)

    def for_each(self, content, operand):
        """Append an ONNX model of one item, run once for each item, and return the name of its results.

        Parameters
        ----------
        content : bytes
            A model with one input of shape (1, ...), float32, and one output with k values.
        operand : str
            Name of the items, shape (n, ...).

        Returns
        -------
        str
            Shape (n, k), float32.
        """
        helper, index = self._onnx.helper, len(self._nodes)
        inner = self._onnx.compose.add_prefix_graph(self._standard(content), f"item_{index}_")
        (source,), (result,) = inner.input, inner.output
        item, row = f"scanned_{index}", f"row_{index}"
        shape, columns = ([each.dim_value for each in tensor.type.tensor_type.shape.dim] for tensor in (source, result))
        constants = [
            self._onnx.numpy_helper.from_array(np.array(values), f"{name}_{index}")
            for name, values in (("batch", [0]), ("flat", [-1]))
        ]
        nodes = [
            helper.make_node("Unsqueeze", [item, constants[0].name], [source.name]),
            *inner.node,
            helper.make_node("Reshape", [result.name, constants[1].name], [row]),
        ]
        kind = self._onnx.TensorProto.FLOAT
        body = helper.make_graph(
            nodes,
            "item",
            [helper.make_tensor_value_info(item, kind, shape[1:])],
            [helper.make_tensor_value_info(row, kind, columns[-1:])],
            [*inner.initializer, *constants],
        )
        output = f"Scan_{index}"
        self._nodes.append(helper.make_node("Scan", [operand], [output], output, body=body, num_scan_inputs=1))
        return output

    def _standard(self, content):
        """Return the graph of a model with operators of `OPSET` alone."""
        model = self._onnx.load_from_string(content)
        if {each.domain: each.version for each in model.opset_import}.get("") != OPSET:
            model = self._onnx.version_converter.convert_version(model, OPSET)
        if model.functions:
            inliner = import_optional("onnx.inliner", purpose="writing a network into a larger ONNX model")
            model = inliner.inline_local_functions(model)
        return model.graph

    def _append(self, operator, n_outputs, operands, attributes):
        names = [operand if isinstance(operand, str) else self.constant(operand) for operand in operands]
        key = operator, *names, str(sorted(attributes.items()))
        if key not in self._names:
            index = len(self._nodes)
            outputs = [f"{operator}_{index}" + "_second" * second for second in range(n_outputs)]
            self._nodes.append(
                self._onnx.helper.make_node(operator, names, outputs, f"{operator}_{index}", **attributes)
            )
            self._names[key] = outputs
        return self._names[key]

    def content(self, output, name, n_columns, *, description, metadata):
        """Return the checked model as the bytes of an ONNX file.

        Parameters
        ----------
        output : str
            Name of the operand that the model returns, shape (n, n_columns), float32.
        name : str
            Public name of that output.
        n_columns : int
        description : str
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
        model.doc_string = description
        helper.set_model_props(model, metadata)
        self._onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()
