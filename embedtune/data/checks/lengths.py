"""How long texts are, in words or in tokens, and how many an encoder would cut."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embedtune.findings import Finding

CUT = 0.01
"""Share of a column's texts from which cutting them is more than a note."""
MOST_BARS = 12
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Lengths:
    """The lengths of one column's texts.

    Args:
        column: its role.
        unit: "tokens" or "words".
        texts: how many were measured.
        median: of their lengths.
        p95: 95 of 100 are not longer.
        longest: of all.
        limit: length beyond which a text is cut; None when nothing cuts.
        cut: how many texts are longer.
        edges: of the histogram's bars, one more than bars.
        counts: texts a bar; the last holds all that are longer.
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
        """Share of the texts that are cut."""
        return self.cut / self.texts if self.texts else 0.0

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "cut_share": round(self.cut_share, 4)}

    def finding(self) -> Finding | None:
        """Texts that are cut, or None where none is."""
        if not self.cut or self.limit is None:
            return None
        message = (
            f"{self.cut_share:.1%} of the texts in {self.column} ({self.cut:,} of {self.texts:,}) have more than "
            f"{self.limit:,} {self.unit} (longest {self.longest:,}); the encoder does not read what comes behind."
        )
        fix = "Raise --max-length where the model allows it, or divide them into passages."
        return Finding("truncated-texts", "warning" if self.cut_share >= CUT else "note", self.cut, message, fix)


def lengths_of(column: str, sizes: Sequence[int], unit: str, limit: int | None = None) -> Lengths:
    """Lengths and their histogram, whose last bar begins where 99 of 100 texts end.

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
