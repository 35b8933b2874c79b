"""A run's `metrics.jsonl`, read back: one object per logged step."""

import json
import math
from pathlib import Path
from typing import Any


def read_log(path: Path) -> list[dict[str, Any]]:
    """The complete lines, in order, since an interrupted run may leave half a line; empty if there is no file."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    read = (_read(line) for line in lines)
    return [values for values in read if values is not None]


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or not isinstance(values.get("step"), int | float):
        return None
    return values if math.isfinite(values["step"]) else None
