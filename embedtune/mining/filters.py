"""What may not be a negative, and why: each filter says for a block of candidates which it drops.

Every candidate gets one reason, the FIRST of `REASONS` that holds, whatever the order in which filters are named; so
counts add up and do not depend on how a command line was written. Comparisons with the positive are made with
`SPARE` to spare, so that last-bit rounding never decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from embedtune.mining.candidates import Candidates

REASONS = (
    "kept",
    "padding",
    "known_positive",
    "duplicate",
    "same_group",
    "range",
    "min_score",
    "max_score",
    "margin",
    "relative_margin",
    "percent_of_positive",
    "guide",
    "cross_encoder",
)
SPARE = 1e-6


class Filter(Protocol):
    """One reason to drop candidates."""

    @property
    def reason(self) -> str:
        """Its name in `REASONS`."""
        ...

    def drops(self, candidates: Candidates) -> np.ndarray:
        """bool (Q, K): which candidates it drops, whatever others say."""
        ...


@dataclass(frozen=True)
class Range:
    """Drops ranks outside [low, high), counted from 0 among the query's non-positive candidates; high None: no end."""

    low: int = 0
    high: int | None = None
    reason: ClassVar[str] = "range"


@dataclass(frozen=True)
class MinScore:
    """Drops what is less similar to the query than this: too easy to teach anything."""

    score: float
    reason: ClassVar[str] = "min_score"


@dataclass(frozen=True)
class MaxScore:
    """Drops what is more similar to the query than this, whatever its positive ("distance-based" mining)."""

    score: float
    reason: ClassVar[str] = "max_score"


@dataclass(frozen=True)
class Margin:
    """Drops what is more similar than the positive less a margin: score > positive - margin."""

    margin: float
    reason: ClassVar[str] = "margin"


@dataclass(frozen=True)
class RelativeMargin:
    """Drops score > positive - margin |positive|: stricter than the positive itself, also where that is negative."""

    margin: float
    reason: ClassVar[str] = "relative_margin"


@dataclass(frozen=True)
class PercentOfPositive:
    """Keeps what reaches at most this percentage of the positive's score.

    Source: Moreira et al. 2024, NV-Retriever, arXiv:2407.15831, TopK-PercPos. For a negative positive the distance
    is taken downwards, where the paper's product would let in candidates above the positive.
    """

    percent: float
    reason: ClassVar[str] = "percent_of_positive"


@dataclass(frozen=True)
class Guided:
    """Drops what the guide finds more similar to the query than its positive, less a margin.

    Source: Solatorio 2024, GISTEmbed, arXiv:2402.16829, applied before training. What it was not asked is kept.
    """

    margin: float = 0.0
    reason: ClassVar[str] = "guide"


@dataclass(frozen=True)
class CrossEncoded:
    """Drops what the cross-encoder finds better than the positive, less a margin in its own units."""

    margin: float = 0.0
    reason: ClassVar[str] = "cross_encoder"


@dataclass(frozen=True)
class Verdict:
    """One reason a candidate.

    Args:
        reasons: (Q, K) uint8, places in `REASONS`; 0 is kept.
    """

    reasons: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """bool (Q, K)."""
        return self.reasons == 0

    @property
    def dropped(self) -> dict[str, int]:
        """Reason -> how many candidates, in the order of `REASONS`, without padding and zeros."""
        raise NotImplementedError


def judge(candidates: Candidates, filters: Sequence[Filter] = ()) -> Verdict:
    """The reason of every candidate; known positives, duplicates and group mates are always dropped.

    A candidate that a person marked negative is kept whatever the filters say, unless it is a known positive.
    """
    raise NotImplementedError


def preset(name: str, threshold: float | None = None) -> tuple[Filter, ...]:
    """Filters by the usual names: hardest (none), semi-hard (below the positive), threshold (a highest score).

    Raises:
        ConfigError: no such name, or a threshold is missing or of no use.
    """
    raise NotImplementedError
