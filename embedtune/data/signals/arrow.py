"""Lists of numbers in Arrow's memory as arrays: as Python numbers, a window of 2,048 samples would take 70 KB."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow

COLUMNS = ("signal", "waveform")
"""The names of a column of signals."""


def arrow_rows(batch: "pyarrow.RecordBatch") -> Iterator[dict[str, Any]]:
    """The rows of a batch; lists of numbers in a column of signals as arrays, which take a tenth of the memory."""
    from pyarrow import types  # noqa: PLC0415

    lists = (types.is_fixed_size_list, types.is_list, types.is_large_list)
    own = [
        name
        for name in batch.schema.names
        if name in COLUMNS and any(is_(batch.schema.field(name).type) for is_ in lists)
    ]
    if not own:
        yield from batch.to_pylist()
        return
    others = batch.select([name for name in batch.schema.names if name not in own])
    rest = others.to_pylist() if others.num_columns else [{} for _ in range(batch.num_rows)]
    for row, record in enumerate(rest):
        samples = {name: numbers_in(batch.column(name)[row]) for name in own}
        yield {name: samples.get(name, record.get(name)) for name in batch.schema.names}


def numbers_in(cell: Any) -> np.ndarray | None:
    """A list of numbers in Arrow's memory as float32 (samples,), or (channels, samples) of a list of lists."""
    if not cell.is_valid:
        return None
    values = cell.values
    if hasattr(values, "flatten") and str(values.type).startswith(("list", "large_list", "fixed_size_list")):
        return np.asarray(values.to_pylist(), dtype=np.float32)
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float32)
