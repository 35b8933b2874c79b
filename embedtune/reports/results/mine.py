"""What a mining job leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embedtune.findings import Finding
from embedtune.mining.calibrate import MarginProposal
from embedtune.reports.results.base import VerbResult


@dataclass(frozen=True)
class MinedScores:
    """Counts by similarity: of positives, kept and dropped candidates, and of the latter two by how far they lie above
    their query's least similar positive. Each has one count per bin.
    """

    edges: tuple[float, ...]
    positives: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    lead_kept: tuple[int, ...] = ()
    lead_dropped: tuple[int, ...] = ()


@dataclass(frozen=True)
class MinedText:
    """A candidate of an example: its similarity to the query, and why it was kept or dropped."""

    text: str
    score: float
    reason: str


@dataclass(frozen=True)
class MinedExample:
    """A query to read, with its least similar positive, its negatives and what the filters dropped."""

    query: str
    positive: str
    positive_score: float
    negatives: tuple[MinedText, ...]
    dropped: tuple[MinedText, ...]


@dataclass(frozen=True)
class MineResult(VerbResult):
    """The outcome of `embedtune mine`; the field names are the `--json` keys and do not change.

    Args:
        output: the file of rows.
        rows: records in it.
        negatives: in all rows.
        queries_short: queries that got fewer than were asked for.
        dropped: reason -> how many candidates it dropped.
        ledger: the file of suspicious pairs; None when there are none.
        queries: how many negatives were mined for.
        documents: candidates that were searched.
        asked: negatives wanted per query.
        found: how many queries got 0, 1, 2, ... negatives.
        kept: candidates that no filter dropped.
        shares: of all candidates, those kept and those dropped for each reason.
        calibration: the margin chosen on a sample, and why; None where it was given or not wanted.
        histogram: scores of positives and of negatives.
        mapped_memory_bytes: pages of mapped files that were resident at the end: vectors, documents and libraries. They
            count towards the peak, and the system takes them back when memory is short. None where it does not say.
        examples: some queries with what was mined for them.
    """

    output: str
    rows: int
    negatives: int
    queries_short: int
    dropped: Mapping[str, int]
    elapsed_s: float
    peak_memory_bytes: int
    report: str
    ledger: str | None
    queries: int
    documents: int
    asked: int
    found: tuple[int, ...]
    kept: int
    shares: Mapping[str, float]
    calibration: MarginProposal | None
    histogram: MinedScores
    examples: tuple[MinedExample, ...]
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    recipe: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    mapped_memory_bytes: int | None = None
