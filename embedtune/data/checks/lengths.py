"""The lengths of texts, in words or tokens, and how many of them an encoder would truncate."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embedtune.findings import Finding

CUT = 0.01
"""Share of truncated texts in a column from which that is a warning."""
MOST_BARS = 12
"""Bars of a histogram, without the last one, for all longer texts."""
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Lengths:
    """The lengths of one column's texts.

    Args:
        column: its role.
        unit: "tokens" or "words".
        texts: number of measured texts.
        median: of their lengths.
        p95: 95% are not longer.
        longest: of all lengths.
        limit: length beyond which a text is truncated; None for no limit.
        cut: number of longer texts.
        edges: of the histogram's bars, one more than bars.
        counts: texts per bar; the last includes all longer ones.
    """

    column: str
    unit: str
    texts: int
    median: int
    p95: int
    longest: int
    limit: int | None
    cut: int
    edges: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def cut_share(self) -> float:
        """Share of truncated texts."""
        return self.cut / self.texts if self.texts else 0.0

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "cut_share": round(self.cut_share, 4)}

    def finding(self) -> Finding | None:
        """Truncated texts, or None where there are none."""
        if not self.cut or self.limit is None:
            return None
        message = (
            f"{self.cut_share:.1%} of the texts in {self.column} ({self.cut:,} of {self.texts:,}) have more than "
            f"{self.limit:,} {self.unit} (longest {self.longest:,}); the encoder ignores the rest."
        )
        fix = "Raise --max-length where the model allows it, or split them into passages."
        return Finding("truncated-texts", "warning" if self.cut_share >= CUT else "note", self.cut, message, fix)


def lengths_of(column: str, sizes: Sequence[int], unit: str, limit: int | None = None) -> Lengths:
    """Lengths and their histogram, whose last bar begins at the 99th percentile.

    >>> lengths_of("anchor", [3, 4, 4, 9], "words").counts
    (0, 0, 0, 1, 2, 0, 0, 0, 1)
    """
    values = np.asarray(sizes, dtype=np.int64)  # (n,)
    top = int(np.percentile(values, 99))
    step = next(step * 10**power for power in range(9) for step in _STEPS if top < MOST_BARS * step * 10**power)
    edges = list(range(0, top + step + 1, step))
    counts = np.histogram(np.minimum(values, edges[-1] - 1), bins=edges)[0]
    return Lengths(
        column=column,
        unit=unit,
        texts=len(values),
        median=int(np.median(values)),
        p95=int(np.percentile(values, 95)),
        longest=int(values.max()),
        limit=limit,
        cut=0 if limit is None else int((values > limit).sum()),
        edges=tuple(edges),
        counts=tuple(counts.tolist()),
    )
