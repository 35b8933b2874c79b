"""What a comparison of two encoders' spaces leaves."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.findings import Finding
from embedtune.reports.results.base import VerbResult


class MovedThreshold(TypedDict):
    """A score of the old encoder, and the one of the new encoder that as many documents reach."""

    old: float
    new: float
    above: float


class ChangedAnswer(TypedDict):
    """A query whose first answer is another document."""

    query: str
    old: str
    new: str


@dataclass(frozen=True)
class DriftResult(VerbResult):
    """The outcome of `embedtune drift`; the field names are the `--json` keys and do not change.

    Args:
        a: the old encoder.
        b: the new one.
        overlap: share of the first ten documents of a that b finds among its first ten.
        interval: 95% interval of `overlap`.
        score_shift: mean score of b's first ten documents minus that of a's.
        changed_first: share of queries whose first answer is another document.
        thresholds: scores to move.
        examples: queries whose first answer changed.
        mixed: full re-encoding by b against b's queries over a's document vectors; None where their dimensions differ.
        verdict: keep (old vectors may be kept), re-index, or not shown (too few judgments to tell).
        sentence: the verdict with its reasons.
        queries: queries that were compared.
        documents: documents that were ranked.
    """

    a: str
    b: str
    overlap: float
    interval: tuple[float, float]
    score_shift: float
    changed_first: float
    thresholds: tuple[MovedThreshold, ...]
    examples: tuple[ChangedAnswer, ...]
    mixed: Comparison | None
    verdict: str
    sentence: str
    queries: int
    documents: int
    elapsed_s: float
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return {**dataclasses.asdict(self), "mixed": self.mixed and self.mixed.as_dict()}
