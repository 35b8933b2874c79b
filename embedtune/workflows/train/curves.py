"""The curves of a run from its `metrics.jsonl`, thinned to as many points as a chart and a result need."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedtune.reports.results.train import CurveGroup, Curves
from embedtune.training.run.log import read_log

MOST_POINTS = 200
_DEV = "eval_"
_NO_TERMS = ("step", "loss", "grad_norm", "learning_rate", "epoch")
_TIMING = ("runtime", "samples_per_second", "steps_per_second")
_ENDINGS = {
    "masking": (".masked_share", ".empty_share"),
    "similarity": (".positive_similarity", ".negative_similarity"),
    "left out of the backward pass": ("skipped.gradient", "skipped.texts", "skipped.tokens"),
}
_COLLAPSE = {
    "effective_rank": "effective rank",
    "mean_cosine": "mean cosine of random pairs",
    "alignment": "alignment",
    "uniformity": "uniformity",
    "sigreg": "SIGReg statistic",
}

Line = Mapping[str, Any]


def training_curves(metrics: Path) -> Curves | None:
    """The curves in a run's `metrics.jsonl`, for its result; None if it logged no steps."""
    lines = read_log(metrics)
    trained = [line for line in lines if "loss" in line]
    if not trained:
        return None
    stride = -(-len(trained) // MOST_POINTS)
    points = [trained[first : first + stride] for first in range(0, len(trained), stride)]
    groups: list[CurveGroup] = [
        {"name": name, "lines": {shown: _means(points, key) for key, shown in keys.items()}}
        for name, keys in _groups(trained).items()
    ]
    return Curves(tuple(point[-1]["step"] for point in points), stride, (*groups, *_dev(lines)))


def _groups(lines: Iterable[Line]) -> dict[str, dict[str, str]]:
    """Name of each group -> key in the log -> label."""
    keys = list(dict.fromkeys(key for line in lines for key in line))
    terms = [key for key in keys if "." not in key and key not in _NO_TERMS]
    shown = ["loss", *terms] if len(terms) > 1 else terms or ["loss"]
    groups = {"loss": {key: key for key in shown}}
    for name, endings in _ENDINGS.items():
        groups[name] = {key: key.replace(".", ": ").replace("_", " ") for key in keys if key.endswith(endings)}
    for name, words in _COLLAPSE.items():
        key = f"collapse.{name}"
        groups[f"collapse: {words}"] = {key: words} if key in keys else {}
    return {name: lines for name, lines in groups.items() if lines}


def _dev(lines: Sequence[Line]) -> list[CurveGroup]:
    """The scores on dev, thinned if there are many."""
    scored = [line for line in lines if any(key.startswith(_DEV) for key in line)]
    stride = -(-len(scored) // MOST_POINTS) or 1
    shown = scored[::-1][::stride][::-1]
    names = [key.removeprefix(_DEV) for key in (shown[0] if shown else ()) if key.startswith(_DEV)]
    found = {name: [line.get(f"{_DEV}{name}") for line in shown] for name in names if name not in _TIMING}
    return [{"name": "dev", "steps": [line["step"] for line in shown], "lines": found}] if found else []


def _means(points: Iterable[Sequence[Line]], key: str) -> list[float | None]:
    """The mean of each point's finite values."""
    values = ([line[key] for line in point if _finite(line.get(key))] for point in points)
    return [float(f"{sum(own) / len(own):.6g}") if own else None for own in values]


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
