"""An ONNX graph whose products are of eight-bit numbers, with a scale for every token and every column of weights.

onnxruntime's own dynamic quantisation takes one scale for all activations of a batch. A few tokens have activations
many times as large as all others and leave those few of the 256 levels, and the vector of a text depends on the texts
next to it. With a scale per token neither is so. It costs a pass over the activations before and after each product.

Rejected after measuring: blocks of 32 weights (MatMulNBits), which are as exact and as slow as single precision.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

MICROSOFT = "com.microsoft"
"""The domain of onnxruntime's own operators."""
LARGEST = 127
"""Of a signed number of eight bits; symmetric, so -128 is not used."""
_ZERO = 128  # what stands for 0 among unsigned numbers, which products take on their left
_TINY = 1e-12


def to_int8_per_token(source: Path, target: Path) -> None:
    """Rewrite products with fixed weights, and the tables that tokens are looked up in; everything else stays as it is.

    Args:
        source: a graph in single precision, with its constants folded.
        target: a new file.
    """
    import onnx

    model = onnx.load(str(source))
    _Rewriting(model).rewrite()
    onnx.save(model, str(target))


class _Rewriting:
    """One graph in the making."""

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self._model, self._graph = model, model.graph
        self._weights = {one.name: one for one in self._graph.initializer}
        self._array: Any = numpy_helper.to_array
        self._made: dict[str, Any] = {}
        self._scaled: dict[str, tuple[str, str]] = {}

    def rewrite(self) -> None:
        from onnx import helper

        self._constant("int8_axis", np.array([-1], dtype=np.int64))
        self._constant("int8_tiny", np.float32(_TINY))
        self._constant("int8_step", np.float32(1 / LARGEST))
        self._constant("int8_zero", np.uint8(_ZERO))
        nodes = [new for node in self._graph.node for new in self._rewritten(node)]
        used = {name for node in nodes for name in node.input}
        kept = [one for name, one in self._weights.items() if name in used]
        del self._graph.node[:], self._graph.initializer[:]
        self._graph.node.extend(nodes)
        self._graph.initializer.extend([*kept, *self._made.values()])
        if all(one.domain != MICROSOFT for one in self._model.opset_import):
            self._model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))

    def _rewritten(self, node: Any) -> Iterator[Any]:
        """The nodes that stand for one."""
        if node.op_type == "MatMul" and self._is_table(node.input[1]):
            yield from self._product(node)
        elif node.op_type == "Gather" and self._is_table(node.input[0]) and all(one.i == 0 for one in node.attribute):
            yield from self._lookup(node)
        else:
            yield node

    def _is_table(self, name: str) -> bool:
        """Whether a value is fixed, and a matrix of floats."""
        return name in self._weights and len(self._weights[name].dims) == 2 and self._weights[name].data_type == 1

    def _product(self, node: Any) -> Iterator[Any]:
        """x (n, L, K) times weights (K, N): both in eight bits, the sums scaled back by token and by column."""
        from onnx import helper

        source, weight = node.input
        if source not in self._scaled:
            yield from self._scale(source)
        largest, levels = self._scaled[source]
        numbers, steps = self._levels(weight, axis=0)
        sums = f"{node.output[0]}_int8_sums"
        inputs = [levels, numbers, "int8_step", steps, "int8_zero"]
        yield helper.make_node("MatMulIntegerToFloat", inputs, [sums], domain=MICROSOFT)
        yield helper.make_node("Mul", [sums, largest], [node.output[0]])

    def _scale(self, source: str) -> Iterator[Any]:
        """The largest component of each token (n, L, 1), and the token in eight bits (n, L, K); once per input."""
        from onnx import helper

        names = [f"{source}_int8_{part}" for part in ("sizes", "largest", "divisor", "share", "levels")]
        sizes, largest, divisor, share, levels = names
        yield helper.make_node("Abs", [source], [sizes])
        yield helper.make_node("ReduceMax", [sizes, "int8_axis"], [largest], keepdims=1)
        yield helper.make_node("Max", [largest, "int8_tiny"], [divisor])
        yield helper.make_node("Div", [source, divisor], [share])
        yield helper.make_node("QuantizeLinear", [share, "int8_step", "int8_zero"], [levels])
        self._scaled[source] = divisor, levels

    def _lookup(self, node: Any) -> Iterator[Any]:
        """Rows of a table in eight bits, each with a scale of its own."""
        from onnx import TensorProto, helper

        table, places = node.input
        numbers, steps = self._levels(table, axis=1)
        row, wide, step = (f"{node.output[0]}_int8_{part}" for part in ("row", "wide", "step"))
        yield helper.make_node("Gather", [numbers, places], [row])
        yield helper.make_node("Cast", [row], [wide], to=TensorProto.FLOAT)
        yield helper.make_node("Gather", [steps, places], [step])
        yield helper.make_node("Mul", [wide, step], [node.output[0]])

    def _levels(self, weight: str, axis: int) -> tuple[str, str]:
        """Names of a matrix in eight bits and of its scales: of columns, where largest along axis 0, else of rows."""
        numbers, steps = f"{weight}_int8_{axis}", f"{weight}_int8_step_{axis}"
        if numbers not in self._made:
            values = self._array(self._weights[weight])
            step = np.maximum(np.abs(values).max(axis=axis, keepdims=True), _TINY) / LARGEST
            self._constant(numbers, np.rint(values / step).astype(np.int8))
            self._constant(steps, (step if axis else step[0]).astype(np.float32))
        return numbers, steps

    def _constant(self, name: str, value: Any) -> None:
        from onnx import numpy_helper

        self._made[name] = numpy_helper.from_array(np.asarray(value), name)
