"""Rows of numbers as series: checked, and each with mean 0 and standard deviation 1."""

from typing import Any

import numpy as np

from embedtune.clustering.series.shape import znormalised
from embedtune.data.sources.problems import Problems
from embedtune.findings import kind_of


def series_of(values: Any, place: str, problems: Problems, channels: int | None) -> np.ndarray | None:
    """A list of numbers, or of lists of as many numbers each: float64 (length, channels); None for a fault, noted.

    Args:
        values: what the row holds.
        place: "file:line", for messages.
        problems: gathers faults.
        channels: of the rows before; None for the first.
    """
    if not isinstance(values, list) or not values:
        problems.add(place, f"'values' must be a list of numbers, got {kind_of(values)}")
        return None
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        problems.add(place, "'values' must hold numbers, or lists of as many numbers for each step")
        return None
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or any(isinstance(value, bool) for value in values):
        problems.add(place, "'values' must hold numbers, or lists of as many numbers for each step")
    elif not np.isfinite(found).all():
        step = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        problems.add(place, f"'values' holds NaN or infinity at step {step}; fill the gap or leave the row out")
    elif channels is not None and found.shape[1] != channels:
        problems.add(place, f"this series has {found.shape[1]} channels, those before have {channels}")
    else:
        return found
    return None


def comparable(series: list[np.ndarray]) -> list[np.ndarray]:
    """Series by their shape: each channel with mean 0 and standard deviation 1; a constant one is all zeros."""
    return [znormalised(one) for one in series]
