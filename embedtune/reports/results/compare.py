"""What a comparison leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from embedtune.evaluation.verdicts.evidence import Evidence
from embedtune.evaluation.verdicts.seeds import OverSeeds
from embedtune.findings import Finding
from embedtune.reports.results.base import MetricTest, VerbResult


class ChangedQuery(TypedDict):
    """A query with its id, its text where that is known, and what both systems scored."""

    query: str
    text: str | None
    a: float
    b: float


@dataclass(frozen=True, kw_only=True)
class SystemVerdict:
    """One system, b, against a.

    Args:
        metric: what decides, such as "ndcg@10".
        a, b: mean over the queries, and over the seeds where there are several; `difference` is b - a.
        interval: 95% interval of the difference.
        p_value: two-sided: paired permutation over queries; with several seeds, over queries and seeds together.
        p_holm: the same, adjusted for every metric and system of this comparison.
        minimum_detectable_effect: the true difference that would be found 4 times out of 5.
        verdict: on b, by `p_holm`: better, worse, no difference shown.
        queries: how many were compared.
        on: "unseen" where queries whose documents a run was trained on are left out, else "all".
        sentence: the verdict in words.
        won, lost, tied: on how many queries b scores higher, lower, the same.
        most_won, most_lost: queries with the largest gains and losses.
        metrics: every metric that was compared.
        over_seeds: None with one seed per side.
        items: what was compared, in the plural: not all sets have queries.
        groups: in how many groups they are, where chance was drawn by group; None: each counts by itself.
        grouped_by: the column that the groups are from.
    """

    metric: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    p_holm: float
    minimum_detectable_effect: float
    verdict: str
    queries: int
    on: str
    sentence: str
    won: int
    lost: int
    tied: int
    most_won: tuple[ChangedQuery, ...]
    most_lost: tuple[ChangedQuery, ...]
    metrics: tuple[MetricTest, ...]
    over_seeds: OverSeeds | None
    items: str = "queries"
    groups: int | None = None
    grouped_by: str = ""


@dataclass(frozen=True, kw_only=True)
class CompareResult(SystemVerdict, VerbResult):
    """The outcome of `embedtune compare`: the verdict on b, and the rest. The `--json` keys do not change.

    Args:
        names: what a, b and further systems are; several names are seeds.
        seeds: the mean of every seed of each.
        others: the further systems against a.
        evidence: what the verdicts rest on; one item.
        failed: whether --fail-if applies.
        report: the JSON is next to it, too.
    """

    names: Mapping[str, tuple[str, ...]]
    seeds: Mapping[str, tuple[float, ...]]
    others: tuple[SystemVerdict, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    failed: bool = False
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""

    @property
    def verdicts(self) -> tuple[SystemVerdict, ...]:
        """The verdict on each system, b first."""
        return (self, *self.others)

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        plain = super().as_json()
        return plain | {"items": plain.pop("items")}
