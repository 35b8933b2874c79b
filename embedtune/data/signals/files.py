"""Files of samples: .wav, .npy, and one row of a Parquet file, each read by the library that knows the format."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from embedtune.data.signals.arrow import COLUMNS, numbers_in
from embedtune.errors import DataError, reason_of

SUFFIXES = (".npy", ".wav")
ROW_MARK = ".parquet#"


class Samples(NamedTuple):
    """What a file holds.

    Args:
        values: (samples,) or (channels, samples).
        rate_hz: samples per second, where the file says.
        read: reads the values again.
    """

    values: np.ndarray
    rate_hz: float | None
    read: Callable[[], np.ndarray]


def is_reference(text: object) -> bool:
    """Whether a text refers to samples in a file.

    >>> is_reference("runs/7.wav"), is_reference("windows.parquet#12"), is_reference("a ball fault")
    (True, True, False)
    """
    return isinstance(text, str) and (text.lower().endswith(SUFFIXES) or _row_of(text) is not None)


def read_reference(text: str, folder: Path, start: int = 0, length: int | None = None) -> Samples:
    """The samples that a reference names.

    Args:
        text: a path from this folder, `FILE.wav`, `FILE.npy` or `FILE.parquet#ROW`, rows counted from 0.
        folder: of the file that refers to it.
        start: the first sample, of .wav and .npy.
        length: how many; None: all from there.

    Raises:
        DataError: there is no such file, or it does not hold samples.
    """
    row = _row_of(text)
    path = folder / (text if row is None else text.rpartition("#")[0])
    try:
        if row is not None:
            values, rate_hz = _parquet_row(path, row), None
            return Samples(values, rate_hz, partial(_parquet_row, path, row))
        rate_hz = None if path.suffix.lower() == ".npy" else _wav(path)[1]
        read = partial(_part, path, start, length)
        return Samples(read(), rate_hz, read)
    except FileNotFoundError as error:
        raise DataError("there is no such file of samples", where=str(path), next="check the path") from error
    except DataError:
        raise
    except Exception as error:  # NumPy, SciPy and pyarrow each have errors of their own
        raise DataError(
            f"the samples cannot be read: {reason_of(error)}",
            where=str(path),
            next="write them again, as a .npy of numbers or as a .wav of PCM or float samples",
        ) from error


def _part(path: Path, start: int, length: int | None) -> np.ndarray:
    # Mapped, so that a window of a long recording does not read all of it.
    values = np.load(path, mmap_mode="r", allow_pickle=False) if path.suffix.lower() == ".npy" else _wav(path)[0]
    if values.dtype.kind not in "fiu" or values.ndim not in (1, 2):
        raise DataError(
            f"samples are numbers in one or two axes, got {values.dtype} {values.shape}",
            where=str(path),
            next="save an array (samples,) or (channels, samples) of whole numbers or floats",
        )
    end = values.shape[-1] if length is None else start + length
    if start < 0 or end > values.shape[-1] or end <= start:
        raise DataError(
            f"there are no samples {start:,} to {end:,}; it has {values.shape[-1]:,} samples",
            where=str(path),
            next="correct start and length of this row; samples are counted from 0",
        )
    return np.array(values[..., start:end], dtype=np.float32)


def _wav(path: Path) -> tuple[np.ndarray, float]:
    """Samples (channels, samples) and their rate; whole numbers become shares of their largest, as audio has them."""
    from scipy.io import wavfile  # noqa: PLC0415  (few runs read .wav)

    rate, values = wavfile.read(path)  # (samples,) or (samples, channels)
    if values.dtype.kind in "iu":
        middle = 128 if values.dtype.kind == "u" else 0
        values = (values.astype(np.float32) - middle) / (128 if middle else np.iinfo(values.dtype).max + 1)
    return np.asarray(values).T, float(rate)


def _parquet_row(path: Path, row: int) -> np.ndarray:
    from pyarrow import parquet  # noqa: PLC0415

    samples: np.ndarray | None = None
    with parquet.ParquetFile(path) as file:
        column = next((name for name in COLUMNS if name in file.schema_arrow.names), None)
        if column is None or not 0 <= row < file.metadata.num_rows:
            raise DataError(
                f"there is no row {row} with a column {' or '.join(COLUMNS)}",
                where=str(path),
                next="rows are counted from 0 over the whole file; name the column signal",
            )
        before = 0
        for number in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(number).num_rows
            if row < before + rows:
                samples = numbers_in(file.read_row_group(number, columns=[column]).column(0)[row - before])
            before += rows
    if samples is None:
        raise DataError(
            f"row {row} has no samples", where=str(path), next="leave out the rows that refer to it, or fill it"
        )
    return samples


def _row_of(text: str) -> int | None:
    before, mark, row = text.rpartition(ROW_MARK)
    return int(row) if before and mark and row.isascii() and row.isdigit() else None
