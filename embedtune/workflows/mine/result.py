"""Totals over all parts of a mining job, and findings about them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedtune.findings import Finding, counted
from embedtune.mining.calibrate import warn_about
from embedtune.mining.filters import REASONS, Filter

SHORT_SHARE = 0.1
"""Share of queries short of negatives from which a warning is given."""
ABOVE_SHARE = 0.05
"""Share of negatives above their positive from which a warning is given."""


@dataclass
class Totals:
    """The sums over all parts of a job."""

    kept: int = 0
    above: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    found: Counter[int] = field(default_factory=Counter)
    histogram: dict[str, list[int]] = field(default_factory=dict)
    examples: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, part: Mapping[str, Any]) -> None:
        """Add one part."""
        self.kept += part["kept"]
        self.above += part["above"]
        self.dropped.update(part["dropped"])
        self.found.update(dict(enumerate(part["found"])))
        for name, counts in part["histogram"].items():
            before = self.histogram.get(name, [0] * len(counts))
            self.histogram[name] = [a + b for a, b in zip(before, counts, strict=True)]
        self.examples += part["examples"]

    @property
    def negatives(self) -> int:
        """Negatives chosen, over all queries."""
        return sum(found * queries for found, queries in self.found.items())

    @property
    def short(self) -> int:
        """Queries with fewer negatives than were asked for."""
        return sum(queries for found, queries in self.found.items() if found < max(self.found))

    @property
    def in_order(self) -> dict[str, int]:
        """Reason -> dropped candidates, in the order in which reasons are checked."""
        return {reason: self.dropped[reason] for reason in REASONS if self.dropped[reason]}

    @property
    def shares(self) -> dict[str, float]:
        """Of all candidates, those kept and those dropped, by reason."""
        looked_at = max(1, self.kept + self.dropped.total())
        return {name: count / looked_at for name, count in {"kept": self.kept, **self.in_order}.items()}


def findings_of(
    totals: Totals, filters: Sequence[Filter], *, high: int, left_out: int, documents: int | None = None
) -> Iterable[Finding]:
    """Findings about the counts, each with what to change.

    Args:
        totals: of the job.
        filters: those that were used.
        high: the end of the range of ranks.
        left_out: rows that the output format cannot hold.
        documents: of the corpus, where no rank is beyond it; None if unknown.
    """
    queries = totals.found.total()
    if not totals.negatives:
        yield Finding(
            "no-negatives",
            "error",
            queries,
            "no query got a negative: the filters dropped every candidate.",
            _looser(totals, high, documents),
        )
    elif totals.short > SHORT_SHARE * queries:
        message = f"{totals.short:,} of {queries:,} queries got fewer negatives than were asked for."
        yield Finding("short-of-negatives", "warning", totals.short, message, _looser(totals, high, documents))
    if totals.above > ABOVE_SHARE * totals.negatives:
        message = f"{totals.above / totals.negatives:.0%} of the negatives score above their query's positive."
        fix = "Many of them may be correct answers: set --margin 0, add --guide MODEL, or use a better encoder."
        yield Finding("negatives-above-positives", "warning", totals.above, message, fix)
    odd = warn_about(totals.dropped, totals.kept, filters)
    if odd:
        fix = "Look at the scores in the report, and move the thresholds to where they separate candidates."
        yield Finding("thresholds", "note", totals.kept, odd, fix)
    if left_out:
        message = f"{counted(left_out, 'row')} left out, with fewer negatives than this format needs."
        yield Finding("rows-left-out", "warning", left_out, message, "--format rows keeps them.")


def _looser(totals: Totals, high: int, documents: int | None) -> str:
    """How to loosen what dropped the most candidates; never by looking beyond the corpus."""
    further = {times: min(times * high, documents or times * high) for times in (2, 4)}
    look = {times: f"look further with --range 0:{end}" for times, end in further.items() if end > high}
    wider = look.get(4, "use a larger corpus")
    scored = {reason: count for reason, count in totals.dropped.items() if reason not in ("range", "known_positive")}
    most = max(scored, key=lambda reason: scored[reason], default="range")
    advice = {
        "same_group": f"Most candidates are in the query's own group: {wider}.",
        "duplicate": f"Most candidates are duplicates: {wider}.",
        "near_copy": f"Most candidates hold a positive or the query: {wider}.",
        "margin": f"Keep more (--target-kept, or a smaller --margin), or {look.get(2, wider)}.",
        "relative_margin": "Use a smaller --relative-margin.",
        "percent_of_positive": "Use a larger --percent-of-positive.",
        "min_score": "Use a smaller --min-score.",
        "max_score": "Use a larger --max-score.",
        "guide": "Set guide.margin=-0.05, or leave out the guide.",
        "cross_encoder": "Set a negative cross_encoder.margin, or leave out the cross-encoder.",
        "teacher": "Set a negative teacher.margin, or leave out the teacher's file.",
    }
    if 2 in look:
        return advice.get(most, f"Look further with --range 0:{further[2]}, or use a larger corpus.")
    return advice.get(most, "Every document was looked at: use a larger corpus.")
