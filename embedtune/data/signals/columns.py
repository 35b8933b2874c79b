"""A column of signals: lists of numbers and references to files become names, record by record.

Only a column with one of these names is looked at, so lists of scores and texts that end in ".wav" stay what they are.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.data.numbers import integer_of, number_of
from embedtune.data.signals.arrow import COLUMNS
from embedtune.data.signals.files import is_reference, read_reference
from embedtune.data.sources.problems import Problems
from embedtune.errors import DataError
from embedtune.signals import KNOWN

RATES = ("rate_hz", "sampling_rate", "rate")
"""Columns that say how many samples a second has."""


def named_signals(
    records: Iterator[tuple[int, dict[str, Any]]], path: Path, problems: Problems
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Records with the name of each signal in place of its samples or of the reference to them.

    A signal that cannot be read, or is not of finite numbers, is a fault, and its row is left out.
    """
    for number, record in records:
        column = next((name for name in COLUMNS if _holds_samples(record.get(name))), None)
        if column is None:
            yield number, record
            continue
        place = f"{path}:{number}"
        try:
            yield number, {**record, column: _named(record, column, path, place)}
        except DataError as error:
            what = f"{column!r}: {error.message}" + (f" ({error.where})" if error.where else "")
            problems.add(place, what, hint=error.next)


def named_input(text: str) -> str:
    """The name of the signal that a reference leads to, read now; any other text as it is.

    Raises:
        DataError: it refers to a file that cannot be read.
    """
    if not is_reference(text):
        return text
    found = read_reference(text, Path())
    return KNOWN.add(_checked(found.values), rate_hz=found.rate_hz, place=text, read=found.read)


def _holds_samples(value: object) -> bool:
    if isinstance(value, np.ndarray) or is_reference(value):
        return True
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, int | float | list) and not isinstance(first, bool)


def _named(record: Mapping[str, Any], column: str, path: Path, place: str) -> str:
    facts = {
        name: str(value) for name, value in record.items() if name != column and isinstance(value, str | int | float)
    }
    rates = (_number(record.get(name)) for name in RATES)
    rate = next((one for one in rates if one is not None), None)
    value: Any = record[column]
    read = None
    if isinstance(value, str):
        found = read_reference(value, path.parent, _place(record, "start") or 0, _place(record, "length"))
        value, read, rate, place = found.values, found.read, rate or found.rate_hz, value
    samples = _checked(value)
    return KNOWN.add(samples, rate_hz=rate, place=place, facts=facts, read=read)


def _number(value: Any) -> float | None:
    """A number, which a CSV has as text; None for anything else."""
    return None if isinstance(value, bool) else number_of(str(value).strip())


def _place(record: Mapping[str, Any], name: str) -> int | None:
    """A number of samples in a column; None where there is none.

    Raises:
        DataError: something else is there.
    """
    value = record.get(name)
    if value is None or value == "":
        return None
    found = integer_of(str(value).strip())
    if found is None:
        raise DataError(
            f"{name!r} must be a whole number of samples, got {str(value)[:40]!r}",
            next="count samples from 0, or leave the cell empty for the whole file",
        )
    return found


def _checked(value: Any) -> np.ndarray:
    """Samples as float32.

    Raises:
        DataError: they are not numbers in one or two axes, or not all of them are finite.
    """
    try:
        samples = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(
            "samples must be numbers, the same number of them in every channel",
            next="write a list of numbers, or one list of the same length per channel",
        ) from error
    if samples.ndim not in (1, 2) or samples.size < 2:
        raise DataError(
            f"samples are two numbers or more in one or two axes, got {samples.shape}",
            next="write a list of numbers, or one list of the same length per channel",
        )
    bad = int((~np.isfinite(samples)).sum())
    if bad:
        raise DataError(
            f"{bad:,} of {samples.size:,} samples are NaN or infinite",
            next="remove the window, or cut it before the gap; a number put in its place would be learned",
        )
    return samples
