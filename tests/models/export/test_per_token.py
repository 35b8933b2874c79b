"""Products in eight bits with a scale per token, against the same arithmetic in numpy."""

from pathlib import Path

import numpy as np
import pytest

from embedtune.models.export.per_token import to_int8_per_token

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def graph(path: Path, table: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """ids (n, L) -> rows of a table -> two products of the same input, added."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["x"], axis=0),
        helper.make_node("MatMul", ["x", "first"], ["a"]),
        helper.make_node("MatMul", ["x", "second"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    fixed = {"table": table, "first": first, "second": second}
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", "l"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "l", first.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in fixed.items()],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), str(path))


def by_hand(ids: np.ndarray, table: np.ndarray, *weights: np.ndarray) -> np.ndarray:
    """Whole numbers times whole numbers, in int64, then scaled."""
    steps = np.abs(table).max(axis=1, keepdims=True) / 127
    x = (np.rint(table / steps) * steps)[ids]  # (n, L, K)
    largest = np.abs(x).max(axis=-1, keepdims=True)
    levels = np.rint(x / largest * 127).astype(np.int64)
    total = 0.0
    for weight in weights:
        scale = np.abs(weight).max(axis=0) / 127  # (N,)
        total = total + levels @ np.rint(weight / scale).astype(np.int64) * scale * largest / 127
    return np.asarray(total)


@pytest.fixture
def numbers() -> tuple[np.ndarray, ...]:
    """A table of 20 rows of 16 numbers, one of them a thousand times as large, and two matrices."""
    draw = np.random.default_rng(0)
    table = draw.standard_normal((20, 16)).astype(np.float32)
    table[7] *= 1000
    return table, *(draw.standard_normal((16, 12)).astype(np.float32) for _ in range(2))


def test_it_is_what_whole_numbers_give(tmp_path: Path, numbers: tuple[np.ndarray, ...]) -> None:
    graph(tmp_path / "whole.onnx", *numbers)
    to_int8_per_token(tmp_path / "whole.onnx", tmp_path / "int8.onnx")
    whole, int8 = (onnxruntime.InferenceSession(str(tmp_path / f"{name}.onnx")) for name in ("whole", "int8"))
    ids = np.array([[0, 1, 2, 7], [3, 4, 5, 6]])
    found = int8.run(None, {"ids": ids})[0]
    np.testing.assert_allclose(found, by_hand(ids, *numbers), rtol=1e-4, atol=2e-2 * np.abs(numbers[0][7]).max() / 1000)
    exact = whole.run(None, {"ids": ids})[0]
    cosines = (found * exact).sum(-1) / np.linalg.norm(found, axis=-1) / np.linalg.norm(exact, axis=-1)
    assert cosines.min() > 0.999  # also of the small tokens next to the large one
    np.testing.assert_array_equal(int8.run(None, {"ids": ids[1:]})[0], found[1:])


def test_no_matrix_is_left_in_single_precision(tmp_path: Path, numbers: tuple[np.ndarray, ...]) -> None:
    graph(tmp_path / "whole.onnx", *numbers)
    to_int8_per_token(tmp_path / "whole.onnx", tmp_path / "int8.onnx")
    kept = onnx.load(str(tmp_path / "int8.onnx")).graph
    floats = [one for one in kept.initializer if one.data_type == onnx.TensorProto.FLOAT]
    assert max(int(np.prod(one.dims)) for one in floats) <= 20  # scales only
    assert sum(node.op_type == "QuantizeLinear" for node in kept.node) == 1  # both products share it
