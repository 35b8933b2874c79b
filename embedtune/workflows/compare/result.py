"""What a comparison leaves: the object behind `--json`, and the verdicts of its tests taken together."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedtune.evaluation.changes import Change
from embedtune.evaluation.evidence import Evidence
from embedtune.evaluation.seeds import OverSeeds
from embedtune.evaluation.significance import Comparison, adjusted
from embedtune.findings import Finding
from embedtune.workflows.shared.scoring import metric_fields

Test = tuple[Comparison, OverSeeds | None]


@dataclass(frozen=True)
class CompareResult:
    """The outcome of `embedtune compare`; the field names are the `--json` keys and do not change.

    Args:
        metric: what is compared.
        a, b: means over the queries, and over the seeds if there are several.
        difference: b - a.
        interval: 95% interval of the difference.
        p_value: two-sided: paired permutation over queries; with several seeds, over queries and seeds together.
        p_holm: the same, adjusted for every metric and system of this comparison.
        minimum_detectable_effect: the true difference that would be found 4 times in 5.
        verdict: on b, by `p_holm`: better, worse, no difference shown.
        queries: how many were compared.
        items: what these are, in the plural; not every set is made of queries.
        on: "unseen" if queries whose documents a run was trained on are left out, else "all".
        sentence: the verdict in words.
        won, lost, tied: queries on which b is above, below, equal.
        most_won, most_lost: queries with the largest differences: query, text, a, b.
        metrics: every metric of b: metric, a, b, difference, interval, p_value, p_holm, verdict.
        over_seeds: the test of the seeds' means alone; None with one seed per side.
        names: of a, b and further systems.
        seeds: the mean of every seed of each.
        others: the further systems against a, with the fields of b.
        evidence: what the verdicts rest on; a list of one, see `evaluation.evidence`.
        failed: whether the verdict is one of --fail-if.
        report: the HTML page; Markdown and JSON are next to it.
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
    most_won: Sequence[Mapping[str, Any]]
    most_lost: Sequence[Mapping[str, Any]]
    metrics: Sequence[Mapping[str, Any]]
    over_seeds: Mapping[str, Any] | None
    names: Mapping[str, Sequence[str]]
    seeds: Mapping[str, Sequence[float]]
    others: Sequence[Mapping[str, Any]] = ()
    evidence: Sequence[Mapping[str, Any]] = ()
    failed: bool = False
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    items: str = "queries"

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return dataclasses.asdict(self)


def verdicts_of(tests: Sequence[Sequence[Test]], evidence: Evidence) -> list[dict[str, Any]]:
    """The verdict on each system against the first, with p-values adjusted over all systems and metrics."""
    strict = iter(adjusted([found for own in tests for found, _ in own]))
    verdicts = []
    for own, pair in zip(tests, evidence.pairs, strict=True):
        pairs = [(found, next(strict)) for found, _ in own]
        seeds = own[0][1]
        verdicts.append(
            {
                **metric_fields(*pairs[0]),
                "minimum_detectable_effect": pairs[0][0].minimum_detectable_effect,
                "queries": pairs[0][0].queries,
                "items": pairs[0][0].items,
                "on": pair.on,
                "sentence": f"{pairs[0][1].sentence}{f' {seeds.sentence}' if seeds else ''}",
                "won": pair.won,
                "lost": pair.lost,
                "tied": pair.tied,
                "most_won": [_brief(change) for change in pair.helped],
                "most_lost": [_brief(change) for change in pair.hurt],
                "metrics": [metric_fields(*one) for one in pairs],
                "over_seeds": seeds.as_dict() if seeds else None,
            }
        )
    return verdicts


def _brief(change: Change) -> dict[str, Any]:
    return {"query": change.query, "text": change.text, "a": change.a, "b": change.b}
