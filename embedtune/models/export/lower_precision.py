"""Makes an exported ONNX graph smaller and faster: half precision, or whole numbers of eight bits."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from embedtune.models.export.engines import INPUTS
from embedtune.models.export.per_token import to_int8_per_token

AT_ONCE = 8
"""Texts per calibration batch: their intermediate values are all kept."""
PRODUCTS = ["MatMul", "Gemm", "Gather"]
"""What is quantised: the weights of products and the table of tokens, which are nearly all of a model."""

Batch = tuple[np.ndarray, np.ndarray]
"""Token ids and mask, int64 (n, L)."""


def to_fp16(source: Path, target: Path) -> None:
    """Weights and products in half precision; ids, mask and vectors keep their types."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _quiet():
        made = convert_float_to_float16(onnx.load(str(source)), keep_io_types=True)
        onnx.save(made, str(target))


def to_int8(source: Path, target: Path, batches: Sequence[Batch] = ()) -> None:
    """Weights in eight bits, a scale per column; activations too, a scale per token or one range for all given batches.

    The eighth bit is used, which needs VNNI (or ARM's dot product): without it, sums of such products can overflow.

    Args:
        source: the graph in single precision.
        target: a new file.
        batches: what the ranges of activations are taken from; empty: each token in use sets its own.
    """
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationMethod
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = target.with_name(f"{target.name}.prepared")
    try:
        with _quiet():
            # Folds constants and fuses layers, after which there is less to quantise.
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            if not batches:
                to_int8_per_token(prepared, target)
                return
            quantize_static(
                str(prepared),
                str(target),
                _Batches(batches),
                per_channel=True,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=PRODUCTS,
                activation_type=QuantType.QUInt8,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
            )
    finally:
        prepared.unlink(missing_ok=True)


class _Batches:
    """Batches in the form in which onnxruntime asks for them."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._rest = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._rest, None)
        return None if batch is None else dict(zip(INPUTS, batch, strict=True))

    def __len__(self) -> int:
        return 0

    def set_range(self, start_index: int, end_index: int) -> None:
        """Asked for by onnxruntime where it splits the batches, which it is not told to."""


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
