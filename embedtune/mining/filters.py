"""What may not be a negative, and why: each filter decides which candidates of a block it drops.

Every candidate gets one reason, the FIRST of `REASONS` that holds, whatever the order in which filters are named; so
counts add up and do not depend on how the command was written. Comparisons with the positive leave a tolerance of
`SPARE`, so that last-bit rounding never decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from embedtune.config.suggest import did_you_mean
from embedtune.errors import ConfigError
from embedtune.mining.candidate_block import CandidateBlock, Opinion

REASONS = (
    "kept",
    "padding",
    "known_positive",
    "duplicate",
    "near_copy",
    "same_group",
    "range",
    "min_score",
    "max_score",
    "margin",
    "relative_margin",
    "percent_of_positive",
    "guide",
    "cross_encoder",
    "teacher",
)
NOT_BY_SCORE = REASONS[1 : REASONS.index("min_score")]
"""Reasons that have nothing to do with a threshold, guide or cross-encoder."""
SPARE = 1e-6


class Filter(Protocol):
    """One reason to drop candidates."""

    @property
    def reason(self) -> str:
        """Its name in `REASONS`."""
        ...

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K): which candidates it drops, whatever other filters do."""
        ...


@dataclass(frozen=True)
class Range:
    """Drops ranks outside [low, high), counted from 0 among candidates that are not positives; high None: no end."""

    low: int = 0
    high: int | None = None
    reason: ClassVar[str] = "range"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        below = candidates.ranks < self.low  # (Q, K)
        return below if self.high is None else below | (candidates.ranks >= self.high)  # (Q, K)


@dataclass(frozen=True)
class MinScore:
    """Drops candidates less similar to the query than this: too easy to teach anything."""

    score: float
    reason: ClassVar[str] = "min_score"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        return candidates.scores < self.score  # (Q, K)


@dataclass(frozen=True)
class MaxScore:
    """Drops candidates more similar to the query than this, whatever its positive ("distance-based" mining)."""

    score: float
    reason: ClassVar[str] = "max_score"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        return candidates.scores > self.score  # (Q, K)


@dataclass(frozen=True)
class Margin:
    """Drops candidates with score > positive - margin."""

    margin: float
    reason: ClassVar[str] = "margin"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        return _above(candidates.scores, candidates.positive_scores - self.margin)  # (Q, K)


@dataclass(frozen=True)
class RelativeMargin:
    """Drops candidates with score > positive - margin |positive|; a negative positive makes it stricter, too."""

    margin: float
    reason: ClassVar[str] = "relative_margin"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        positive = candidates.positive_scores  # (Q,)
        return _above(candidates.scores, positive - np.abs(positive) * self.margin)  # (Q, K)


@dataclass(frozen=True)
class PercentOfPositive:
    """Keeps candidates that score at most this percentage of the positive's score.

    Source: Moreira et al. 2024, NV-Retriever, arXiv:2407.15831, TopK-PercPos. For a negative positive
    score the distance goes downwards; the paper's product would let in candidates above the positive.
    """

    percent: float
    reason: ClassVar[str] = "percent_of_positive"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        return RelativeMargin(1 - self.percent / 100).drops(candidates)  # (Q, K)


@dataclass(frozen=True)
class Guided:
    """Drops candidates that the guide scores above its score of the positive minus a margin.

    Source: Solatorio 2024, GISTEmbed, arXiv:2402.16829, applied before training. Candidates without a score are kept.
    """

    margin: float = 0.0
    reason: ClassVar[str] = "guide"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        return _disliked(candidates, candidates.guide, self.margin)  # (Q, K)


@dataclass(frozen=True)
class CrossEncoded:
    """Drops candidates that the cross-encoder scores above its score of the positive minus a margin, in its units."""

    margin: float = 0.0
    reason: ClassVar[str] = "cross_encoder"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        return _disliked(candidates, candidates.cross_encoder, self.margin)  # (Q, K)


@dataclass(frozen=True)
class Taught:
    """Drops candidates that a teacher's file scores above the positive minus a margin, in its units."""

    margin: float = 0.0
    reason: ClassVar[str] = "teacher"

    def drops(self, candidates: CandidateBlock) -> np.ndarray:
        """bool (Q, K)."""
        return _disliked(candidates, candidates.teacher, self.margin)  # (Q, K)


def _above(scores: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Which scores (Q, K) exceed their query's limit (Q,); NaN never does."""
    return scores > limits[:, None] + SPARE  # (Q, K)


def _disliked(candidates: CandidateBlock, opinion: Opinion | None, margin: float) -> np.ndarray:
    if opinion is None:
        return np.zeros(candidates.documents.shape, dtype=bool)  # (Q, K)
    return _above(opinion.scores, opinion.positive_scores - margin)  # (Q, K)


@dataclass(frozen=True)
class Verdict:
    """One reason per candidate.

    Args:
        reasons: (Q, K) uint8, positions in `REASONS`; 0 is kept.
    """

    reasons: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """bool (Q, K)."""
        return self.reasons == 0

    @property
    def dropped(self) -> dict[str, int]:
        """Reason -> number of candidates, in the order of `REASONS`, without padding and zeros."""
        counts = np.bincount(self.reasons.ravel(), minlength=len(REASONS)).tolist()
        return {reason: count for reason, count in zip(REASONS, counts, strict=True) if count and reason not in _QUIET}


_QUIET = ("kept", "padding")


def judge(candidates: CandidateBlock, filters: Sequence[Filter] = ()) -> Verdict:
    """The reason of every candidate; known positives, their copies and texts of the same group are always dropped.

    A candidate that a person marked negative is kept whatever the filters decide, unless it is a known positive.
    """
    reasons = np.zeros(candidates.documents.shape, dtype=np.uint8)  # (Q, K)
    dropping = [(one.reason, one.drops(candidates)) for one in filters]
    if candidates.same_group is not None:
        dropping.append(("same_group", candidates.same_group))
    if candidates.copies is not None:
        dropping.append(("near_copy", candidates.copies))
    if candidates.duplicates is not None:
        dropping.append(("duplicate", candidates.duplicates))
    # Written last, the first of `REASONS` wins.
    for reason, dropped in sorted(dropping, key=lambda pair: -REASONS.index(pair[0])):
        reasons[dropped] = REASONS.index(reason)
    if candidates.marked is not None:
        reasons[candidates.marked] = 0
    reasons[candidates.known] = REASONS.index("known_positive")
    reasons[~candidates.present] = REASONS.index("padding")
    return Verdict(reasons)


PRESETS = {
    "hardest": "the most similar that are not known positives, whatever their scores",
    "semi-hard": "the most similar that are less similar than the positive",
    "threshold": "the most similar whose score is at most the threshold (distance-based)",
}


def preset(name: str, threshold: float | None = None) -> tuple[Filter, ...]:
    """The filters of a preset, one of `PRESETS`.

    Raises:
        ConfigError: unknown name, or a threshold is missing or not used.

    >>> preset("semi-hard")
    (Margin(margin=0.0),)
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}{did_you_mean(name, PRESETS)}", next=f"use {', '.join(PRESETS)}")
    if (threshold is None) == (name == "threshold"):
        raise ConfigError(f"{name!r} {'needs a' if threshold is None else 'takes no'} threshold, the highest score")
    if threshold is not None:
        return (MaxScore(threshold),)
    return (Margin(0.0),) if name == "semi-hard" else ()
